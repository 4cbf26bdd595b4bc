#!/usr/bin/env python3
"""Kills demo, audit, report and sweep with SIGKILL at random moments while they write, and looks at what is
there: the old results or the new ones, whole, and nothing mixed. Ends with 1 when anything differs.

A folder is written as a private neighbour (.NAME.gradleak-...tmp), whose files this script counts to choose its
moments, so that the load of the machine does not matter.

Usage: scripts/checks/killed-results.py [--tool .build/release/gradleak] [--kills 200] [--seed 16]"""
import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

options = argparse.ArgumentParser()
options.add_argument("--tool", default=".build/release/gradleak")
options.add_argument("--kills", type=int, default=200)
options.add_argument("--seed", type=int, default=16)
options = options.parse_args()
tool = os.path.abspath(options.tool)
if not os.access(tool, os.X_OK):
    sys.exit(f"killed-results.py: there is no {tool}; run 'make build' first")
work = tempfile.mkdtemp(prefix="gradleak-killed-")
moments = random.Random(options.seed)
few = ["--attack", "peeling", "--size", "8", "--threads", "1", "--quiet"]
failures = 0


def say(name, isRight, detail=""):
    global failures
    failures += not isRight
    print(f"{'ok    ' if isRight else 'WRONG '} {name}{': ' + detail if detail else ''}", flush=True)


def start(arguments):
    return subprocess.Popen([tool] + arguments, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def content(path):
    """What a folder or file holds, as one value; measured times are left out, and the report that shows them."""
    path = os.path.join(work, path)
    if not os.path.exists(path):
        return None
    files = [path] if os.path.isfile(path) else [os.path.join(path, n) for n in sorted(os.listdir(path))]
    digest = hashlib.sha256()
    for file in files:
        name = os.path.basename(file)
        digest.update(name.encode() + b"\0")
        if name not in ("timing.json", "report.html") or file == path:
            digest.update(open(file, "rb").read())
    return digest.hexdigest()


def written():
    """Number of files in the folder that is being written; -1 where there is none."""
    for name in os.listdir(work):
        if name.startswith(".") and name.endswith(".tmp"):
            with contextlib.suppress(OSError):
                return len(os.listdir(os.path.join(work, name)))
    return -1


def kill(process, target, seconds):
    """Kills a run when it has written a random number of its files, or a moment after it has taken the old
    results' place. A single file is written in a moment that cannot be seen; then around the run's end.
    Returns whether the run had ended before."""
    path = os.path.join(work, target)
    if os.path.isfile(path):
        time.sleep(moments.uniform(0.3, 1.0) * seconds)
    else:
        count, before = len(os.listdir(path)), os.stat(path).st_ino
        wanted = moments.randrange(round(1.6 * count))
        while process.poll() is None and os.stat(path).st_ino == before and written() < min(wanted, count):
            pass
        if wanted >= count:
            while process.poll() is None and os.stat(path).st_ino == before:
                pass
            time.sleep(moments.uniform(0, 0.003))
    isOver = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return isOver


def measure(arguments):
    """Seconds of a run."""
    began = time.monotonic()
    start(arguments).wait()
    return time.monotonic() - began


def check(name, target, versions, kills):
    """Kills runs of two versions, which write to one target, and looks at it after each."""
    times, whole = [], []
    for arguments in versions:
        times.append(measure(arguments))
        whole.append(content(target))
    before, old, new, late, wrong = whole[-1], 0, 0, 0, 0
    for _ in range(kills):
        # What would be told from what is there.
        chosen = 1 - whole.index(before) if before in whole else 0
        late += kill(start(versions[chosen]), target, min(times))
        after = content(target)
        old += after == before
        new += after == whole[chosen]
        wrong += after not in (before, whole[chosen])
        before = after
    # A run that ends in peace leaves nothing of the killed ones.
    start(versions[0]).wait()
    left = [n for n in os.listdir(work) if n.startswith(".")]
    say(name, wrong == 0 and content(target) == whole[0] != whole[1],
        f"{kills} kills: {old} old, {new} new, {wrong} neither; {late} had ended; "
        f"{len(left)} files left over")
    return left


share = max(options.kills // 4, 1)
left = check("demo", "out", [["demo", "--seed", str(seed), "--out", "out"] + few for seed in (0, 1)], share)
say("nothing is left beside the folder", left == [], ", ".join(left))
# Two clients' results; whole audits would depend on how far they came in time.
update = ["--model", "lenet", "--size", "8", "--seed", "1"]
for name in ("chelsea", "coffee"):
    subprocess.run([tool, "gradient", "--input", f"out/{name}-original.png", "--labels", "1", "--out",
                    f"{name}.safetensors"] + update, cwd=work, check=True, stdout=subprocess.DEVNULL)
audits = [["audit", "--update", f"{name}.safetensors", "--attack", "peeling", "--threads", "1", "--quiet", "--out",
           "audit"] + update for name in ("chelsea", "coffee")]
left = check("audit", "audit", audits, share)
say("nothing is left beside the folder", left == [], ", ".join(left))
for seed in (2, 3):
    subprocess.run([tool, "demo", "--seed", str(seed), "--out", f"runs-{seed}"] + few, cwd=work, check=True,
                   stdout=subprocess.DEVNULL)
left = check("report", "page.html", [["report", f"runs-{seed}", "--out", "page.html"] for seed in (2, 3)], share)
for name in left:
    os.unlink(os.path.join(work, name))

# A sweep writes its results one by one, all the time: runs may be missing, none lost or altered.
sweep = ["sweep", "--quiet", "--size", "8", "--iterations", "20", "--seeds", "4", "--threads", "2", "--defence", "none",
         "--defence", "fp16", "--attack", "dlg"]


def runs(name):
    if not os.path.exists(os.path.join(work, name)):
        return set()
    with contextlib.closing(sqlite3.connect(os.path.join(work, name))) as database:
        return set(database.execute("SELECT task, record FROM run"))


began = time.monotonic()
start(sweep + ["--results", "whole.sqlite"]).wait()
seconds, whole = time.monotonic() - began, runs("whole.sqlite")
kept, lost = set(), 0
for _ in range(share):
    if kept == whole:
        os.unlink(os.path.join(work, "killed.sqlite"))
        kept = set()
    process = start(sweep + ["--results", "killed.sqlite"])
    time.sleep(moments.uniform(0.2, 0.9) * seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    now = runs("killed.sqlite")
    lost += not kept <= now or not now <= whole
    kept = now
start(sweep + ["--results", "killed.sqlite"]).wait()
say("sweep", lost == 0 and runs("killed.sqlite") == whole,
    f"{share} kills in {seconds:.1f} s of {len(whole)} runs: {lost} with runs lost or altered")
shutil.rmtree(work)
print(f"{failures} wrong." if failures else "All right.")
sys.exit(1 if failures else 0)
