#!/usr/bin/env python3
"""Kills a worker of a federation (SIGKILL) at random moments: the training goes on without it or says why not, within a
time limit, leaves no process behind, and every file of its results is whole.

    scripts/checks/killed-workers.py [--gradleak PROGRAM] [--kills N] [--seed N] [--rounds N] [--replace]

With --replace the workers are started by this script, and another one takes the killed one's place at once: no training may end
before its last round then, as there are always enough workers.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

LIMIT = 90.0


def children(pid: int) -> list[int]:
    """The processes that a process started and that are no zombies."""
    result = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            result.append(int(entry.name))
    return result


def is_alive(pid: int) -> bool:
    try:
        return (pathlib.Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class ByHand:
    """Workers of a federation that this script started, by their numbers."""

    def __init__(self, gradleak: str, process: subprocess.Popen) -> None:
        self.processes: dict[int, subprocess.Popen] = {}
        self.gradleak = gradleak
        line = ""
        while "GRADLEAK_FEDERATION_TOKEN=" not in line:
            line = process.stderr.readline()
            if not line:
                raise SystemExit("the server says no token")
        token, self.address = re.search(r"TOKEN=(\w+) .*--connect (\S+)", line).groups()
        self.environment = os.environ | {"GRADLEAK_FEDERATION_TOKEN": token}

    def start(self, number: int) -> None:
        command = [self.gradleak, "federation", "worker", "--connect", self.address, "--number", str(number), "-q"]
        self.processes[number] = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def replace(self, number: int) -> None:
        self.processes[number].kill()
        self.start(number)

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--replace", action="store_true")
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.kills):
            scene = [["--topology", "ring"], [], ["--protection", "secure-aggregation"]][number % 3]
            out = pathlib.Path(folder) / f"scene-{number}"
            command = [
                arguments.gradleak, "federation", "--data", "photographs", "--workers", "5", "--rounds", str(arguments.rounds),
                "--batch-size", "4", "--taps", "0" if arguments.replace else "2", "--time-limit", "1", "--timeout", "10", "-q", "--json", *scene,
                "--out", str(out),
            ]  # fmt: skip
            command += ["--by-hand"] if arguments.replace else []
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            workers: list[int] = []
            by_hand = ByHand(arguments.gradleak, process) if arguments.replace else None
            if by_hand:
                for worker in range(1, 6):
                    by_hand.start(worker)
            deadline = time.monotonic() + 30
            while not by_hand and len(workers) < 5 and time.monotonic() < deadline and process.poll() is None:
                workers = children(process.pid)
                time.sleep(0.005)
            time.sleep(source.uniform(0, 4))
            victim = source.choice(workers) if workers else None
            if victim is not None:
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if by_hand:
                by_hand.replace(source.randint(1, 5))
            started = time.monotonic()
            try:
                output, errors = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                if by_hand:
                    by_hand.end()
                print(f"{number + 1}: HANGS after {LIMIT} s ({' '.join(scene) or 'parameter server'})")
                failures += 1
                continue
            seconds = time.monotonic() - started
            time.sleep(0.2)
            if by_hand:
                by_hand.end()
            orphans = [pid for pid in workers if is_alive(pid)]
            problem = ""
            if by_hand and process.returncode != 0:
                problem = f"ends with status {process.returncode} though it had enough workers: {errors[-300:]}"
            elif orphans:
                problem = f"leaves processes {orphans}"
            elif process.returncode not in (0, 2, 3):
                problem = f"ends with status {process.returncode}: {errors[-300:]}"
            elif process.returncode == 2:
                # A worker that died before the training began: one sentence, and no results.
                if out.exists() or errors.count("\n") > 12:
                    problem = f"status 2: {errors[-300:]}"
            else:
                record = json.loads(output)
                written = json.loads((out / "federation.json").read_text())
                rounds = record["rounds"]
                if [r["number"] for r in rounds] != list(range(1, len(rounds) + 1)) or written != record:
                    problem = "has rounds out of order, or other ones in its file"
                elif process.returncode == 0 and len(rounds) != arguments.rounds:
                    problem = f"ended after {len(rounds)} rounds without a word"
                elif not (out / "report.html").read_text().rstrip().endswith("</html>"):
                    problem = "has a page that is cut off"
            failures += bool(problem)
            print(
                f"{number + 1}: {' '.join(scene) or 'parameter server'}: worker killed, status {process.returncode} "
                f"{seconds:.1f} s later{', BUT ' + problem if problem else ''}",
                flush=True,
            )
    print(f"{arguments.kills} kills, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
