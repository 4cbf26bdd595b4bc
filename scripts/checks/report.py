#!/usr/bin/env python3
"""Opens reports in headless Chromium and checks them.

    scripts/checks/report.py report.html [--screenshots FOLDER [--clip HEIGHT]] [--widths 375 1440]

Every report is opened 375 and 1440 pixels wide, in light and in dark, and as on A4 paper. Checked are: no
message on the console, no request for anything but the file, no horizontal overflow, a contrast of 4.5 to 1
of all text, pictures with alternative texts, headings in order, tables that can be scrolled by keyboard,
labels within their charts, no absolute path, and on paper that no heading, table head or picture is cut off
from what follows it. Ends with status 1 when something is wrong, and 77 without a browser.

Needs Python alone: Chromium is driven through its debugging pipe.
"""

import argparse
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
NO_BROWSER = 77
WIDTHS = [375, 1440]
SCHEMES = ["light", "dark"]
# Pixels between the margins of A4.
PAPER_WIDTH = 688

CHECKS = r"""
(() => {
  const problems = [];
  const root = document.documentElement;
  if (root.scrollWidth > window.innerWidth) {
    const wide = [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, svg')
      && e.getBoundingClientRect().right > window.innerWidth + 1).slice(0, 3)
      .map(e => e.tagName + '.' + (e.className.baseVal ?? e.className));
    problems.push(`overflow: ${root.scrollWidth} px in ${window.innerWidth} (${wide.join(', ')})`);
  }
  const numbers = text => (text.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v =>
      v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = element => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const seen = new Set();
  let textCount = 0;
  const folders = document.body.textContent.match(/(^|[\s'"=(,:])\/(home|root|tmp|usr|var|Users|work)\/\S*/g);
  if (folders) problems.push(`tells a folder: ${folders[0].trim().slice(0, 60)}`);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    textCount += 1;
    const style = getComputedStyle(element);
    const color = numbers(element.closest('svg') ? style.fill : style.color).slice(0, 3);
    const [a, b] = [luminance(color), luminance(background(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const key = color + '/' + background(element);
    if (ratio < 4.5 && !seen.has(key)) {
      seen.add(key);
      problems.push(`contrast ${ratio.toFixed(2)} of "${walker.currentNode.data.trim().slice(0, 30)}"`);
    }
  }
  if (textCount === 0) problems.push('there is no text');
  for (const image of document.images) {
    if (!image.alt.trim()) problems.push('a picture without alternative text');
    if (!image.naturalWidth) problems.push(`the picture "${image.alt}" cannot be shown`);
  }
  for (const svg of document.querySelectorAll('svg')) {
    if (!svg.getAttribute('aria-label')?.trim()) problems.push('a chart without a description');
    const box = svg.viewBox.baseVal;
    for (const text of svg.querySelectorAll('text')) {
      const place = text.getBBox();
      if (place.x < -1 || place.x + place.width > box.width + 1
        || place.y + place.height > box.height + 3)
        problems.push(`"${text.textContent}" leaves its chart`);
    }
  }
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) problems.push(`heading "${heading.textContent}" skips a level`);
    level = next;
  }
  if (document.querySelectorAll('h1').length !== 1) problems.push('not one h1');
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) problems.push('an id is there twice');
  for (const link of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(link.getAttribute('href').slice(1)))
      problems.push(`the link ${link.getAttribute('href')} leads nowhere`);
  for (const element of document.querySelectorAll('body *')) {
    const scrolls = ['auto', 'scroll'].includes(getComputedStyle(element).overflowX)
      && element.scrollWidth > element.clientWidth;
    if (scrolls && element.tabIndex < 0) problems.push('a scrolled part without keyboard focus');
  }
  if (document.querySelectorAll('script, iframe, object, embed, form').length)
    problems.push('a part that a report has no use for');
  return problems;
})()
"""


class Browser:
    """Chromium, driven through file descriptors 3 and 4."""

    def __init__(self, path):
        self.profile = tempfile.TemporaryDirectory(prefix="gradleak-report-")
        command_read, command_write = os.pipe()
        reply_read, reply_write = os.pipe()

        def descriptors():
            # Moved away first: one of the four may be 3 or 4 itself.
            read, write = os.dup(command_read), os.dup(reply_write)
            high_read, high_write = os.dup(read), os.dup(write)
            os.dup2(high_read, 3)
            os.dup2(high_write, 4)

        self.process = subprocess.Popen(
            [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--disable-extensions", "--no-first-run",
             "--disable-background-networking", f"--user-data-dir={self.profile.name}",
             "--remote-debugging-pipe"],
            close_fds=False, preexec_fn=descriptors, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(command_read)
        os.close(reply_write)
        self.output, self.input = command_write, reply_read
        self.buffer = b""
        self.count = 0
        self.events = []

    def receive(self, timeout=120):
        end = time.monotonic() + timeout
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.input], [], [], max(end - time.monotonic(), 0))
            block = os.read(self.input, 1 << 20) if ready else b""
            if not block:
                raise RuntimeError("the browser does not answer")
            self.buffer += block
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data):]
        while True:
            reply = self.receive()
            if reply.get("id") == self.count:
                if "error" in reply:
                    raise RuntimeError(f"{method}: {reply['error']['message']}")
                return reply["result"]
            self.events.append(reply)

    def wait(self, event):
        while True:
            for index, known in enumerate(self.events):
                if known.get("method") == event:
                    return self.events.pop(index)
            self.events.append(self.receive())

    def close(self):
        try:
            self.call("Browser.close")
        except (RuntimeError, OSError):
            pass
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.profile.cleanup()


def complaints(events, address):
    """What the browser reported, besides the page's own checks."""
    for event in events:
        parameters = event.get("params", {})
        method = event.get("method")
        if method == "Log.entryAdded":
            yield "console: " + parameters["entry"]["text"]
        elif method == "Runtime.exceptionThrown":
            yield "exception: " + parameters["exceptionDetails"]["text"]
        elif method == "Runtime.consoleAPICalled":
            yield "console: " + parameters["type"]
        elif method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if url != address and not url.startswith("data:"):
                yield "loads " + url[:100]


PAPER_CHECKS = r"""
(() => {
  const problems = [];
  const avoids = (element, property) =>
    ['avoid', 'avoid-page'].includes(getComputedStyle(element)[property]);
  for (const heading of document.querySelectorAll('h1, h2, h3'))
    if (!avoids(heading, 'breakAfter')) problems.push(`"${heading.textContent}" may end a page`);
  for (const part of document.querySelectorAll('tr, figure, svg, img, .verdict, .warning'))
    if (part.getClientRects().length && !avoids(part, 'breakInside'))
      problems.push(`a ${part.tagName} may be cut`);
  for (const head of document.querySelectorAll('thead'))
    if (getComputedStyle(head).display !== 'table-header-group' && head.getClientRects().length)
      problems.push('the heads of a table are not repeated');
  return problems;
})()
"""


def check(browser, path, width, scheme, screenshot, clip):
    address = pathlib.Path(path).resolve().as_uri()
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ["Page", "Runtime", "Log", "Network"]:
        browser.call(domain + ".enable", session)
    browser.call("Emulation.setDeviceMetricsOverride", session, width=width, height=900,
                 deviceScaleFactor=1, mobile=False)
    media = "print" if scheme == "paper" else "screen"
    browser.call("Emulation.setEmulatedMedia", session, media=media,
                 features=[{"name": "prefers-color-scheme", "value": "dark" if scheme == "dark" else "light"}])
    browser.events.clear()
    browser.call("Page.navigate", session, url=address)
    browser.wait("Page.loadEventFired")
    # What is folded is checked as well.
    browser.call("Runtime.evaluate", session,
                 expression="document.querySelectorAll('details').forEach(d => d.open = true)")
    problems = []
    for checks in [CHECKS] + ([PAPER_CHECKS] if scheme == "paper" else []):
        result = browser.call("Runtime.evaluate", session, expression=checks, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:500])
        problems += result["result"]["value"]
    problems += complaints(browser.events, address)
    if screenshot:
        browser.call("Runtime.evaluate", session,
                     expression="document.querySelectorAll('details').forEach(d => d.open = false)")
        area = {"clip": {"x": 0, "y": 0, "width": width, "height": clip, "scale": 1}} if clip else {}
        picture = browser.call("Page.captureScreenshot", session, captureBeyondViewport=True, **area)
        pathlib.Path(screenshot).write_bytes(base64.b64decode(picture["data"]))
    browser.call("Target.closeTarget", targetId=target)
    browser.events.clear()
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("reports", nargs="+")
    parser.add_argument("--screenshots", metavar="FOLDER")
    parser.add_argument("--clip", metavar="HEIGHT", type=int, help="pixels of a screenshot, from the top")
    parser.add_argument("--widths", metavar="PIXELS", type=int, nargs="+", default=WIDTHS)
    options = parser.parse_args()
    path = os.environ.get("GRADLEAK_BROWSER") or next(
        (found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        print("report.py: no Chromium or Chrome is installed, so no report was checked",
              file=sys.stderr)
        return NO_BROWSER
    if options.screenshots:
        os.makedirs(options.screenshots, exist_ok=True)
    browser = Browser(path)
    failed = False
    try:
        for report in options.reports:
            for width, schemes in [(width, SCHEMES) for width in options.widths] + [(PAPER_WIDTH, ["paper"])]:
                for scheme in schemes:
                    stem = f"{pathlib.Path(report).stem}-{width}-{scheme}.png"
                    picture = options.screenshots and os.path.join(options.screenshots, stem)
                    problems = check(browser, report, width, scheme, picture, options.clip)
                    for problem in problems:
                        print(f"{report}, {width} px, {scheme}: {problem}")
                    failed = failed or bool(problems)
    finally:
        browser.close()
    if not failed:
        print(f"report.py: {len(options.reports)} report(s) at {options.widths} px, light and dark, and on paper: good")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
