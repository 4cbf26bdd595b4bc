#!/usr/bin/env python3
"""Kills a sweep with SIGKILL at random moments, lets it go on, and compares its results with those of an
undisturbed one; then gives it a full disk and files that it must refuse. Ends with 1 when anything differs.

Usage: scripts/checks/killed-sweep.py [--tool .build/release/gradleak] [--kills 20] [--seed 20]"""
import argparse
import contextlib
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

options = argparse.ArgumentParser()
options.add_argument("--tool", default=".build/release/gradleak")
options.add_argument("--kills", type=int, default=20)
options.add_argument("--seed", type=int, default=20)
options = options.parse_args()
tool = os.path.abspath(options.tool)
if not os.access(tool, os.X_OK):
    sys.exit(f"killed-sweep.py: there is no {tool}; run 'make build' first")
folder = tempfile.mkdtemp(prefix="gradleak-killed-")
sweep = [tool, "sweep", "--quiet", "--size", "10", "--iterations", "60", "--seeds", "3",
         "--defence", "none", "--defence", "prune:0.2", "--defence", "gaussian:1e-3",
         "--defence", "terngrad"]
failures = 0


def path(name):
    return os.path.join(folder, name)


def say(name, isRight, detail=""):
    global failures
    failures += not isRight
    print(f"{'ok    ' if isRight else 'WRONG '} {name}{': ' + detail if detail else ''}", flush=True)


def run(name, arguments=sweep, **more):
    done = subprocess.run(arguments + ["--results", path(name)], capture_output=True, text=True, **more)
    return done.returncode, done.stderr.strip()


def results(name):
    """Each run's configuration and record; its seconds are in other columns."""
    if not os.path.exists(path(name)):
        return []
    with contextlib.closing(sqlite3.connect(path(name))) as database:
        return sorted(database.execute("SELECT task, record FROM run"))


started = time.monotonic()
status, errors = run("whole.sqlite")
seconds = time.monotonic() - started
whole = results("whole.sqlite")
say("an undisturbed sweep", status == 0, f"{len(whole)} runs in {seconds:.1f} s")

moments = random.Random(options.seed)
kept = []
for kill in range(options.kills):
    process = subprocess.Popen(sweep + ["--results", path("killed.sqlite")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    delay = moments.uniform(0.005, max(1.8 * seconds / options.kills, 0.05))
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    now = results("killed.sqlite")
    lost = not set(kept) <= set(now) or not set(now) <= set(whole)
    say(f"killed after {delay:.3f} s", not lost, f"{len(now)} of {len(whole)} runs are there")
    kept = now
status, errors = run("killed.sqlite")
say("the resumed sweep equals the undisturbed one",
    status == 0 and results("killed.sqlite") == whole, f"{len(results('killed.sqlite'))} runs")
say("nothing but results is left in the folder",
    sorted(os.listdir(folder)) == ["killed.sqlite", "whole.sqlite"], ", ".join(sorted(os.listdir(folder))))

few = sweep[:sweep.index("prune:0.2") - 1]


def refused(name, message, arguments=sweep, **more):
    """A clear sentence and status 2, and the file as it was."""
    before = open(path(name), "rb").read()
    status, errors = run(name, arguments, **more)
    say(message, status == 2 and len(errors.splitlines()) == 1
        and open(path(name), "rb").read() == before, f"status {status}: {errors}")


def limited():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = os.path.getsize(path("disk.sqlite"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


run("disk.sqlite", few)
before = results("disk.sqlite")
disk = path("tmpfs")
os.mkdir(disk)
size = os.path.getsize(path("disk.sqlite")) + 24 * 1024
isMounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk],
                           capture_output=True).returncode == 0
try:
    if isMounted:
        shutil.copy(path("disk.sqlite"), disk)
        status, errors = run("tmpfs/disk.sqlite")
        after = results("tmpfs/disk.sqlite")
    else:
        status, errors = run("disk.sqlite", preexec_fn=limited)
        after = results("disk.sqlite")
    kind = "a full disk" if isMounted else "a limit on the file's size (no tmpfs can be mounted here)"
    say(kind, status == 2 and len(errors.splitlines()) == 1 and set(before) <= set(after)
        and set(after) <= set(whole), f"status {status}, {len(before)} runs before, {len(after)} after: {errors}")
finally:
    if isMounted:
        subprocess.run(["umount", disk])

content = open(path("whole.sqlite"), "rb").read()
for name, bytes in [("empty", b""), ("truncated", content[:len(content) // 2]), ("cut", content[:-100]),
                    ("foreign", b"task,psnr\nnone,20\n")]:
    open(path(f"{name}.sqlite"), "wb").write(bytes)
    refused(f"{name}.sqlite", f"results file: {name}")
with contextlib.closing(sqlite3.connect(path("other.sqlite"))) as database:
    database.execute("CREATE TABLE run (task TEXT, record TEXT)")
refused("other.sqlite", "another program's database")
shutil.copy(path("whole.sqlite"), path("readonly.sqlite"))
os.chmod(path("readonly.sqlite"), 0o444)
if os.geteuid() == 0:
    # Root writes to anything; nobody does not.
    os.chmod(folder, 0o755)
    refused("readonly.sqlite", "a read-only results file", user=65534)
else:
    refused("readonly.sqlite", "a read-only results file")
refused("whole.sqlite", "a folder of images that is not there", sweep + ["--images", path("nothing")])
shutil.rmtree(folder)
print(f"{failures} wrong." if failures else "All right.")
sys.exit(1 if failures else 0)
