#!/usr/bin/env python3
"""Attacks on a device of XLA's beside the same on gradleak's own engine: what comes back must be the same to rounding, the
record must say what computed, and a second run must give the same bytes.

    scripts/checks/devices.py GRADLEAK [DEVICE]      # xla-cpu by default

Ends with status 1 when something differs, 77 when there is no such device.
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

# Name, command, how far logarithms of the first matching losses may be apart: far for what is solved, whose loss is rounding.
# Later ones are printed: searches amplify rounding.
FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures"
RUNS = [
    ("a closed form", "reconstruct chelsea --size 16", 0.5),
    ("the paper's search", "reconstruct chelsea --size 16 --attack dlg --iterations 40 --trials 1", 1e-10),
    ("the same in f32", "reconstruct chelsea --size 16 --attack dlg --iterations 20 --trials 1 --precision f32", 1e-4),
    ("a batch with ReLU", "reconstruct chelsea coffee --batch-size 2 --model mlp --size 8 --attack modern --iterations 10", 1e-4),
    ("a ResNet", "reconstruct rocket --model resnet20 --attack modern --iterations 3 --trials 1", 1e-4),
    ("second order", "reconstruct chelsea --size 8 --attack lm", 1e-6),
    ("local steps", "reconstruct chelsea --size 8 --attack lm --epochs 2 --learning-rate 0.1", 1e-6),
    ("a first layer", "reconstruct chelsea --size 8 --model mlp --attack linear", 60),
    ("layer peeling", "reconstruct chelsea --size 16 --attack peeling", 60),
    ("R-GAP", "reconstruct chelsea --size 16 --model cnn6 --loss bce --labels 1 --attack r-gap", 60),
    ("APRIL", "reconstruct chelsea --size 8 --model vit-april --attack april", 60),
    ("SPEAR", "reconstruct chelsea coffee --batch-size 2 --model mlp --size 8 --attack spear", 60),
    ("spans", "demo table --batch-size 8 --attack span", 60),
    ("residual peeling", "reconstruct rocket --model resnet18 --size 16 --width 16 --attack residual-peeling", 60),
    ("signs", "reconstruct chelsea --size 8 --optimizer adam --learning-rate 0.001 --attack sign-matching --iterations 20", 1e-4),
    ("a binarised image", "reconstruct chelsea --size 8 --model mlp --optimizer adam --learning-rate 0.001 --attack sign-image", 60),
    ("a segmentation", "reconstruct coffee --model unet --size 8 --width 6 --activation silu --pooling average", 1e-6),
    ("a row", "demo table", 60),
    ("rows by TabLeak", "demo table --batch-size 4 --attack tableak --iterations 20", 1e-4),
    ("a signal", "demo signal --length 64", 60),
    (
        "an LSTM",
        f"signal {FIXTURES}/recurrent-models/signal.safetensors --update {FIXTURES}/recurrent-models/lstm.safetensors "
        f"--model {FIXTURES}/recurrent-models/lstm.onnx --range -4,4",
        60,
    ),
    ("a text", "text --model tiny-bert --text=lunch --attack dlg --iterations 3", 1e-2),
    ("a text by TAG", "text --model tiny-bert --text=lunch --attack tag --iterations 3", 1e-2),
    ("a text by LAMP", "text --model tiny-bert --text=lunch --attack lamp --iterations 3", 1e-2),
    ("a text by DAGER", "demo text --attack dager", 60),
]


class Check:
    def __init__(self, gradleak: str, device: str) -> None:
        self.gradleak, self.device = gradleak, device
        self.faults: list[str] = []
        self.cache = tempfile.TemporaryDirectory()

    def run(self, command: str, device: str) -> tuple[str, float]:
        began = time.monotonic()
        environment = {**os.environ, "XDG_CACHE_HOME": self.cache.name}
        result = subprocess.run(
            [self.gradleak, *command.split(), "--device", device, "--json", "--quiet"],
            capture_output=True,
            text=True,
            env=environment,
        )
        if result.returncode != 0:
            self.faults.append(f"{command} --device {device}: status {result.returncode}: {result.stderr.strip()}")
        return result.stdout, time.monotonic() - began

    def compare(self, name: str, command: str, limit: float) -> None:
        (own, own_time), (first, first_time) = self.run(command, "cpu"), self.run(command, self.device)
        second, second_time = self.run(command, self.device)
        if not own or not first:
            return
        if first != second:
            self.faults.append(f"{name}: a second run on {self.device} gives other bytes")
        apart: list[float] = []
        for mine, other in zip(json.loads(own), json.loads(first)):
            if "device" in mine or not other.get("device", "").startswith(self.device):
                self.faults.append(f"{name}: the record does not say what computed: {other.get('device')}")
            losses = [
                (float(a["matchingLoss"]), float(b["matchingLoss"]))
                for a, b in zip(mine["trace"][:5], other["trace"][:5])
            ]
            for a, b in losses:
                # Below that both are rounding.
                if a > 1e-12 or b > 1e-12:
                    apart.append(abs(math.log(a) - math.log(b)) if min(a, b) > 0 else math.inf)
            for kind in ("rows", "signals", "texts"):
                for a, b in zip(mine.get(kind, []), other.get(kind, [])):
                    if a.get("level") != b.get("level"):
                        self.faults.append(f"{name}: {a['name']} is {a.get('level')} here and {b.get('level')} there")
            for a, b in zip(mine.get("images", []), other.get("images", [])):
                if (float(a["psnr"]) >= 40) != (float(b["psnr"]) >= 40):
                    self.faults.append(f"{name}: {a['name']} has {a['psnr']} dB here and {b['psnr']} dB there")
        first_loss = apart[0] if apart else 0.0
        if first_loss > limit:
            self.faults.append(f"{name}: the first losses differ by a factor of e^{first_loss:.2g}, above e^{limit:.2g}")
        print(
            f"{name}: the first loss within {first_loss:.1g}, the first five {max(apart, default=0.0):.1g}; "
            f"cpu {own_time:.1f} s, {self.device} {first_time:.1f} s, again {second_time:.1f} s"
        )


def main() -> int:
    gradleak = str(pathlib.Path(sys.argv[1]).resolve())
    device = sys.argv[2] if len(sys.argv) > 2 else "xla-cpu"
    listed = json.loads(subprocess.run([gradleak, "devices", "--json"], capture_output=True, text=True, check=True).stdout)
    entry = next((entry for entry in listed if entry["name"] == device), {})
    print(entry)
    if not entry.get("isUsable"):
        print(f"there is no {device}: {entry.get('problem', entry.get('installation'))}")
        return 77
    check = Check(gradleak, device)
    for name, command, limit in RUNS:
        check.compare(name, command, limit)
    for fault in check.faults:
        print(f"WRONG: {fault}")
    return 1 if check.faults else 0


if __name__ == "__main__":
    sys.exit(main())
