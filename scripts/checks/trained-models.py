#!/usr/bin/env python3
"""Trained networks against `gradleak check-model`: how often honest ones are accused, and whether bins that
were planted into trained ones are found.

    python scripts/checks/trained-models.py [--gradleak PATH] [--seeds 2] [--quick] [FILE ...]
        needs: torch numpy pillow safetensors scikit-learn onnx, and gradleak

Perceptrons of 64 to 1024 units and small convolutional networks learn to tell digits (scikit-learn's), or of
which of gradleak's seven photographs a window is, by four optimisers and from three scales of initial
weights (0.01 is far below what anybody uses: units then grow alike). Every network is checked as a
safetensors file and as an ONNX file; then bins are planted in 16 or 24 of the perceptrons' units, with noise
on their weights, and they are checked again. FILEs (safetensors, .pth state_dicts) count as honest.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import warnings

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits

warnings.filterwarnings("ignore")


def wilson(hits, n, z=1.959963984540054):
    if n == 0:
        return "0 of 0"
    p = hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return f"{hits} of {n} ({100 * p:.0f} %, 95 % interval {100 * max(0, centre - half):.0f}-{100 * min(1, centre + half):.0f} %)"


def photographs(gradleak, folder):
    subprocess.run(
        [gradleak, "demo", "--attack", "peeling", "--size", "64", "--quiet", "--out", folder / "photos"],
        check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    files = sorted((folder / "photos").glob("*original*.png"))
    return [np.asarray(Image.open(f).convert("RGB")) for f in files]


def windows(photos, count, size, rng):
    images, labels = [], []
    for _ in range(count):
        label = rng.integers(len(photos))
        side = rng.integers(24, 65)
        top, left = rng.integers(65 - side, size=2)
        window = photos[label][top:top + side, left:left + side]
        images.append(np.asarray(Image.fromarray(window).resize((size, size)), dtype=np.float32) / 255)
        labels.append(label)
    return torch.tensor(np.stack(images).transpose(0, 3, 1, 2)), torch.tensor(labels)


class Perceptron(nn.Module):
    def __init__(self, inputs, width, classes):
        super().__init__()
        self.linear0 = nn.Linear(inputs, width)
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, classes)

    def forward(self, x):
        return self.linear2(F.relu(self.linear1(F.relu(self.linear0(x.flatten(1))))))


class Convolutional(nn.Module):
    def __init__(self, shape, width, classes):
        super().__init__()
        self.conv0 = nn.Conv2d(shape[0], width, 5, padding=2, stride=2)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(width)
        self.linear0 = nn.Linear(width * (shape[1] // 4) ** 2, 128)
        self.linear1 = nn.Linear(128, classes)

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(F.relu(self.conv0(x)))))
        return self.linear1(F.relu(self.linear0(x.flatten(1))))


OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    "adam 1e-3": lambda p: torch.optim.Adam(p, 1e-3),
    "adam 1e-2": lambda p: torch.optim.Adam(p, 1e-2),
    "adamw, decay 0.3": lambda p: torch.optim.AdamW(p, 3e-3, weight_decay=0.3),
}


def train(model, data, optimiser, scale, steps=300):
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim > 1 or scale != 1:
                p *= scale
    optimiser = optimiser(model.parameters())
    images, labels = data
    for _ in range(steps):
        batch = torch.randint(len(images), (64,))
        loss = F.cross_entropy(model(images[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def plant(model, data, rows, noise, rng):
    """Bins of brightness in some of the first layer's units; the second treats these alike."""
    width, inputs = model.linear0.weight.shape
    units = rng.permutation(width)[:rows]
    brightness = data[0].flatten(1).mean(1).numpy()
    thresholds = np.quantile(brightness, (np.arange(rows) + 0.5) / rows)
    with torch.no_grad():
        weights = (1 + noise * rng.normal(size=(rows, inputs))) / inputs
        model.linear0.weight[units] = torch.tensor(weights, dtype=torch.float32)
        model.linear0.bias[units] = torch.tensor(-thresholds, dtype=torch.float32)
        model.linear1.weight[:, units] = model.linear1.weight[:, units[:1]]
    return units[np.argsort(thresholds)]


def read(model, units, images, labels):
    """How many of the images are among the quotients of neighbouring bins' differences."""
    loss = F.cross_entropy(model(images), labels)
    gradients = torch.autograd.grad(loss, [model.linear0.weight, model.linear0.bias])
    rows, sums = gradients[0].double()[units], gradients[1].double()[units]
    rows = rows - torch.cat([rows[1:], torch.zeros_like(rows[:1])])
    sums = sums - torch.cat([sums[1:], torch.zeros_like(sums[:1])])
    found = (rows / sums[:, None])[sums != 0]
    distances = torch.cdist(images.flatten(1).double(), found)
    return int((distances.min(1).values ** 2 / images[0].numel() < 1e-4).sum()) if len(found) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="two widths, two optimisers")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trained-models-"))
    photos = photographs(arguments.gradleak, folder)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    rng = np.random.default_rng(0)
    data = {
        "digits": ((images, torch.tensor(digits.target)), (1, 8, 8), 10),
        "photographs": (windows(photos, 1500, 16, rng), (3, 16, 16), 7),
    }

    def accused(path):
        run = subprocess.run(
            [arguments.gradleak, "check-model", str(path), "--json"], capture_output=True, text=True)
        if run.returncode not in (0, 1):
            raise SystemExit(f"{path}: {run.stderr}")
        return [finding["explanation"] for finding in json.loads(run.stdout)["findings"]]

    def check(model, shape):
        save_file(model.state_dict(), folder / "model.safetensors")
        torch.onnx.export(model, (torch.zeros(8, *shape),), folder / "model.onnx", dynamo=False, verbose=False)
        return accused(folder / "model.safetensors"), accused(folder / "model.onnx")

    honest, planted = {}, {}
    widths = (64, 256) if arguments.quick else (64, 256, 1024)
    optimisers = list(OPTIMISERS)[1:3] if arguments.quick else list(OPTIMISERS)
    for name, (examples, shape, classes) in data.items():
        for width in (*widths, "convolutional"):
            for scale in (1, 0.1, 0.01):
                for optimiser in optimisers:
                    for seed in range(arguments.seeds):
                        torch.manual_seed(seed)
                        model = (
                            Convolutional(shape, 16, classes) if width == "convolutional"
                            else Perceptron(int(np.prod(shape)), width, classes))
                        train(model, examples, OPTIMISERS[optimiser], scale)
                        key = (name, width, scale)
                        for place, found in enumerate(check(model, shape)):
                            honest.setdefault(key, ([], []))[place].append(bool(found))
                            for line in found:
                                print("accused:", key, optimiser, seed, line, flush=True)
                        if width == "convolutional" or width < 256 or optimiser != "adam 1e-3":
                            continue
                        state = {k: v.clone() for k, v in model.state_dict().items()}
                        for rows in (16, 24):
                            for noise in (0, 0.01, 0.03, 0.1):
                                model.load_state_dict(state)
                                units = plant(model, examples, rows, noise, rng)
                                chosen = rng.permutation(len(examples[0]))[:7]
                                count = read(model, units, examples[0][chosen], examples[1][chosen])
                                found = [bool(f) for f in check(model, shape)]
                                planted.setdefault((name, rows, noise), []).append((count, *found))
    for path in arguments.files:
        if path.endswith((".pth", ".pt")):
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = {k: v.contiguous() for k, v in state.items() if v.is_floating_point() and v.ndim > 0}
            save_file(state, folder / "file.safetensors")
            found = accused(folder / "file.safetensors")
        else:
            found = accused(path)
        honest.setdefault(("file", pathlib.Path(path).name, ""), ([], []))[0].append(bool(found))
        for line in found:
            print("accused:", path, line)
    print("\nHonest: accused as safetensors, as ONNX")
    for key, (tensors, models) in honest.items():
        print(f"  {' '.join(map(str, key)):40} {sum(tensors)}/{len(tensors)} {sum(models)}/{len(models)}")
    flat = [sum((honest[k][i] for k in honest), []) for i in (0, 1)]
    print("  all:", wilson(sum(flat[0]), len(flat[0])), "as safetensors;", wilson(sum(flat[1]), len(flat[1])), "as ONNX")
    usual = [sum((honest[k][i] for k in honest if k[2] != 0.01), []) for i in (0, 1)]
    print("  without the scale 0.01:", wilson(sum(usual[0]), len(usual[0])), "as safetensors;",
          wilson(sum(usual[1]), len(usual[1])), "as ONNX")
    print("\nPlanted in trained networks: units, noise, images read of 7, found as safetensors, as ONNX")
    for (name, rows, noise), runs in planted.items():
        n = len(runs)
        print(f"  {name:12} {rows} {100 * noise:3.0f} %  {sum(r[0] for r in runs) / n:.1f}  "
              f"{sum(r[1] for r in runs)}/{n} {sum(r[2] for r in runs)}/{n}")
    harmful = [r for runs in planted.values() for r in runs if r[0] >= 2]
    print("  2 or more read:", wilson(sum(r[1] for r in harmful), len(harmful)), "as safetensors;",
          wilson(sum(r[2] for r in harmful), len(harmful)), "as ONNX")


if __name__ == "__main__":
    main()
