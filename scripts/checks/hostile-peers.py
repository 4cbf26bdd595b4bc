#!/usr/bin/env python3
"""Floods a live federation with messages that no honest party sends, from strangers and from a worker that knows the
token: changed, cut off, repeated, of another round, out of order, of a length that is not allowed. Each is refused with
a word, and nothing else happens: honest workers stay, the training ends, and no party crashes or hangs.

    scripts/checks/hostile-peers.py [--gradleak PROGRAM] [--messages N] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

WORKERS = 4
KINDS = range(1, 12)
HELLO, WELCOME, ROUND = 1, 2, 3
SCENES = {
    "parameter server": [],
    "ring": ["--topology", "ring"],
    "secure aggregation": ["--protection", "secure-aggregation"],
    "ckks": ["--protection", "ckks"],
}
# Seconds that a scene has to end after the last hostile message; a round waits 5 seconds for its workers.
LIMIT = 300


def frame(kind: int, round_: int = 0, attempt: int = 0, step: int = 0, sender: int = 0, body: bytes = b"") -> bytes:
    header = struct.pack(">4sB3sIIII", b"GLK1", kind, step.to_bytes(3, "big"), round_, attempt, sender, len(body))
    return header + body


def words(**values: str) -> bytes:
    header = json.dumps({"__metadata__": values}).encode()
    return struct.pack("<Q", len(header)) + header


def connected(port: int) -> socket.socket | None:
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    except OSError:
        return None
    connection.settimeout(2)
    return connection


def exactly(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionError
        parts += part
    return parts


def received(connection: socket.socket) -> tuple[bytes, bytes]:
    header = exactly(connection, 24)
    return header, exactly(connection, int.from_bytes(header[20:24], "big"))


class Proxy(threading.Thread):
    """Stands between a worker and the server, and keeps what the worker says."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.server = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.said: list[bytes] = []

    def run(self) -> None:
        worker, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.server))
        back = threading.Thread(target=self.pump, args=(server, worker), daemon=True)
        back.start()
        try:
            while True:
                header, body = received(worker)
                if header[4] != HELLO:
                    self.said.append(header + body)
                server.sendall(header + body)
        except (OSError, ConnectionError):
            server.close()

    def pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while part := source.recv(1 << 16):
                sink.sendall(part)
        except OSError:
            pass


class Attack:
    def __init__(self, port: int, token: str, said: list[bytes], source: random.Random) -> None:
        self.ports = [port]
        self.token = token
        self.said = said
        self.source = source
        self.sent = {"strangers": 0, "insider": 0}
        self.turned_away = 0

    def changed(self, message: bytes, round_: int) -> bytes:
        """A message of an honest worker, changed in some way."""
        source = self.source
        data = bytearray(message)
        data[8:12] = struct.pack(">I", max(0, round_ + source.choice([0, 0, 0, 0, -1, 1, 1000])))
        for _ in range(source.choice([0, 1, 1, 2, 8])):
            data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        way = source.randrange(6)
        if way == 0:
            data = data[: source.randrange(len(data) + 1)]
        elif way == 1:
            data[20:24] = struct.pack(">I", source.choice([0xFFFFFFFF, 1 << 30, len(data), 0]))
        elif way == 2:
            data[4] = source.choice(KINDS)
        elif way == 3:
            # The safetensors header announces another length.
            data[24:32] = struct.pack("<Q", source.choice([0, 1, 1 << 62, len(data) * 2]))
        elif way == 4:
            data = data * 2
        return bytes(data)

    def strange(self) -> bytes:
        """What somebody sends who was never let in."""
        source = self.source
        way = source.randrange(5)
        if way == 0:
            return source.randbytes(source.randrange(600))
        if way == 1:
            wrong = self.token[:-1] + ("0" if self.token[-1] != "0" else "1")
            return frame(HELLO, body=words(token=wrong, worker="3", host="127.0.0.1", port="1"))
        if way == 2:
            return frame(
                source.choice(KINDS), source.randrange(9), 0, source.randrange(9), source.randrange(9),
                source.randbytes(source.randrange(300)),
            )  # fmt: skip
        if way == 3:
            return frame(source.choice(KINDS))[:20] + b"\xff\xff\xff\xff" + source.randbytes(90)
        return self.changed(source.choice(self.said), source.randrange(9))

    def strangers(self, count: int) -> None:
        while self.sent["strangers"] < count:
            connection = connected(self.source.choice(self.ports))
            if connection is None:
                if connected(self.ports[0]) is None:
                    return
                continue
            with connection:
                try:
                    for _ in range(self.source.randrange(1, 4)):
                        connection.sendall(self.strange())
                        self.sent["strangers"] += 1
                except OSError:
                    pass

    def insider(self, count: int) -> None:
        misses = 0
        while self.sent["insider"] < count and misses < 5000:
            connection = connected(self.ports[0])
            if connection is None:
                return
            with connection:
                try:
                    connection.sendall(
                        frame(HELLO, body=words(token=self.token, worker="3", host="127.0.0.1", port="9"))
                    )
                    header, body = received(connection)
                    if header[4] != WELCOME:
                        self.turned_away += 1
                        time.sleep(0.002)
                        continue
                    misses = 0
                    connection.settimeout(0.1)
                    while True:
                        round_ = 0
                        if self.source.randrange(3) == 0:
                            header, body = received(connection)
                            round_ = int.from_bytes(header[8:12], "big")
                            self.ports += [int(p) for p in re.findall(rb"127\.0\.0\.1:(\d+)", body)][: max(0, 9 - len(self.ports))]
                        connection.sendall(self.changed(self.source.choice(self.said), round_))
                        self.sent["insider"] += 1
                except (OSError, ConnectionError):
                    misses += 1


def played(name: str, options: list[str], arguments: argparse.Namespace, folder: pathlib.Path) -> list[str]:
    """What went wrong in a scene."""
    out = folder / name.replace(" ", "-")
    command = [
        arguments.gradleak, "federation", "--by-hand", "--data", "photographs", "--workers", str(WORKERS), "--rounds",
        str(arguments.rounds), "--batch-size", "2", "--taps", "0", "--timeout", "5", "--json", *options, "--out", str(out),
    ]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told = ""
    while "--connect" not in told:
        line = server.stderr.readline()
        if not line:
            return [f"the server did not start: {told}"]
        told += line
    token = re.search(r"TOKEN=(\w+)", told).group(1)
    port = int(re.search(r"--connect 127\.0\.0\.1:(\d+)", told).group(1))
    errors: list[str] = []
    printed: list[str] = []
    readers = [
        threading.Thread(target=lambda: errors.extend(server.stderr), daemon=True),
        threading.Thread(target=lambda: printed.append(server.stdout.read()), daemon=True),
    ]
    for reader in readers:
        reader.start()

    proxy = Proxy(port)
    proxy.start()
    environment = os.environ | {"GRADLEAK_FEDERATION_TOKEN": token}

    def worker(to: int) -> subprocess.Popen:
        return subprocess.Popen(
            [arguments.gradleak, "federation", "worker", "--connect", f"127.0.0.1:{to}", "-q"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    honest = [worker(port) for _ in range(WORKERS - 1)]
    time.sleep(0.5)
    watched = worker(proxy.port)
    deadline = time.monotonic() + 30
    while len(proxy.said) < 12 and time.monotonic() < deadline and server.poll() is None:
        time.sleep(0.01)
    watched.kill()
    said = list(proxy.said)
    if not said:
        server.kill()
        return ["no honest message was seen"]
    attack = Attack(port, token, said, random.Random(arguments.seed))
    each = arguments.messages // len(SCENES) // 2
    threads = [threading.Thread(target=attack.strangers, args=(each,)) for _ in range(2)]
    threads.append(threading.Thread(target=attack.insider, args=(each,)))
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    was_running = server.poll() is None
    problems = []
    try:
        server.wait(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        server.kill()
        return [f"hangs {LIMIT} s after the last message"]
    if server.returncode != 0:
        problems.append(f"the server ended with status {server.returncode}: {''.join(errors + printed)[-400:]}")
    for place, process in enumerate(honest):
        try:
            _, complaint = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            problems.append(f"honest worker {place + 1} hangs")
            continue
        if process.returncode != 0:
            problems.append(f"honest worker {place + 1} ended with status {process.returncode}: {complaint[-300:]}")
    for reader in readers:
        reader.join()
    sent = attack.sent
    notes = 0
    if server.returncode == 0:
        record = json.loads("".join(printed))
        notes = len(record["notes"])
        if len(record["rounds"]) != arguments.rounds:
            problems.append(f"{len(record['rounds'])} of {arguments.rounds} rounds")
        if any(not set(range(1, WORKERS)) <= set(r["members"]) for r in record["rounds"]):
            few = sum(not set(range(1, WORKERS)) <= set(r["members"]) for r in record["rounds"])
            problems.append(f"an honest worker is missing in {few} rounds")
        if not notes:
            problems.append("no refusal was noted")
    print(
        f"{name}: {sent['strangers']} messages of strangers, {sent['insider']} of a worker, in {seconds:.0f} s "
        f"({'training went on' if was_running else 'training was over'}); {notes} notes; "
        + ("; ".join(problems) or "honest workers in all rounds"),
        flush=True,
    )
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--messages", type=int, default=100_000, help="in all scenes together")
    parser.add_argument("--rounds", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scene", choices=list(SCENES), help="this one alone")
    arguments = parser.parse_args()
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, options in SCENES.items():
            if arguments.scene in (None, name):
                problems += played(name, options, arguments, pathlib.Path(folder))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
