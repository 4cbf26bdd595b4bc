#!/usr/bin/env python3
"""A trained ResNet-20 and whole batches: gradleak's presets beside those of `breaching` on the same
gradients.

    python Benchmarks/Comparison/trained_networks.py [--gradleak PATH] [--batch-sizes 4,8] [--images 24]
        [--iterations 300] [--threads N] [--seed 7] [--own NAME,...] [--peers NAME,...]
        [--out rows.json]
        needs: torch numpy pillow safetensors breaching (pip install breaching hydra-core), and gradleak
        built with -c release

The network learns to tell of which of seven photographs a 32x32 crop is, so that its batch normalisations
hold real statistics. Clients then hold crops that it has not seen, with their true labels, and share one
gradient of a batch, computed by PyTorch in training mode (by the batch's own statistics, which are not
shared). Both programs get the same file and the true labels. gradleak attacks in training mode. breaching
cannot have the statistics and training mode both, so every preset of it runs twice, in training mode
without statistics and in evaluation mode with the server's, and the better result counts. All have the
same number of iterations and one start. PSNR is of clamped images, matched for the least error; a grey
image's is given beside it. The presets' constants were tuned on other crops (--seed 5).
"""
import argparse
import itertools
import json
import logging
import pathlib
import statistics
import subprocess
import tempfile
import time
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
OWN = ["inverting-gradients", "modern", "multi-scale", "see-through-gradients"]
PEERS = ["invertinggradients", "modern", "seethroughgradients"]


class Block(torch.nn.Module):
    def __init__(self, before, channels, stride):
        super().__init__()
        self.stride, self.added = stride, channels - before
        self.conv1 = torch.nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(channels)
        self.conv2 = torch.nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.added:
            half = self.added // 2
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, self.added - half))
        return F.relu(x + y)


class ResNet20(torch.nn.Module):
    """He et al. 2016, section 4.2, with shortcuts A: gradleak's `resnet20`."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(16)
        channels = 16
        for stage, width in enumerate((16, 32, 64)):
            blocks = []
            for index in range(3):
                blocks.append(Block(channels, width, 2 if stage and not index else 1))
                channels = width
            self.add_module(f"layer{stage + 1}", torch.nn.Sequential(*blocks))
        self.fc = torch.nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


def crops(pictures, count, generator):
    """Random 32x32 crops of the pictures, mirrored at random, with their pictures' numbers."""
    images, labels = [], []
    for _ in range(count):
        label = generator.integers(len(pictures))
        picture = pictures[label]
        size = int(generator.integers(32, min(picture.size) + 1))
        left = int(generator.integers(picture.size[0] - size + 1))
        top = int(generator.integers(picture.size[1] - size + 1))
        crop = picture.crop((left, top, left + size, top + size)).resize((32, 32))
        pixels = np.asarray(crop, np.float32).transpose(2, 0, 1) / 255
        images.append(pixels[:, :, ::-1].copy() if generator.random() < 0.5 else pixels)
        labels.append(int(label))
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def photographs(gradleak, folder):
    """The seven that gradleak brings along, 128x128."""
    subprocess.run(
        [gradleak, "bench", "success", "--size", "128", "--attack", "dlg", "--iterations", "1",
         "--trials", "1", "--quiet", "--export", folder, "--out", folder / "out"],
        check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pictures = []
    for path in sorted(folder.glob("run-*.safetensors")):
        pixels = load_file(path)["images"][0].float().clamp(0, 1).permute(1, 2, 0) * 255
        pictures.append(Image.fromarray(pixels.round().byte().numpy()))
    return pictures


def train(pictures, steps=100):
    """A trained network and its accuracy on fresh crops."""
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    model = ResNet20()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=steps)
    for _ in range(steps):
        images, labels = crops(pictures, 64, generator)
        optimiser.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimiser.step()
        schedule.step()
    model.eval()
    images, labels = crops(pictures, 256, generator)
    with torch.no_grad():
        accuracy = (model(images).argmax(1) == labels).float().mean().item()
    return model, accuracy


def psnrs(found, truth):
    """Of each image, matched for the least mean squared error."""
    errors = ((found.clamp(0, 1)[:, None] - truth[None]) ** 2).mean((2, 3, 4))
    count = len(truth)
    if count <= 8:
        order = min(
            itertools.permutations(range(count)),
            key=lambda p: sum(errors[p[i], i].item() for i in range(count)))
    return [-10 * torch.log10(errors[order[i], i]).item() for i in range(count)]


class DataConfiguration:
    """What breaching calls metadata: pixels as they are."""

    modality, task, size, classes = "vision", "classification", (1000,), 10
    shape, normalize, mean, std = (3, 32, 32), True, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def __getitem__(self, name):
        return getattr(self, name)


def client_gradient(model, images, labels, in_training=True):
    """One gradient, by parameter; running statistics stay as they were."""
    statistics_before = [buffer.clone() for buffer in model.buffers()]
    model.train(in_training)
    loss = F.cross_entropy(model(images), labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    model.eval()
    for buffer, before in zip(model.buffers(), statistics_before):
        buffer.copy_(before)
    return {name: g.contiguous() for (name, _), g in zip(model.named_parameters(), gradients)}


class Case:
    """What one client shares, and the truth."""

    def __init__(self, folder, index, model, images, labels, in_training=True):
        self.index, self.images, self.labels = index, images, labels
        self.gradient = client_gradient(model, images, labels, in_training)
        self.path = folder / f"client-{index}.safetensors"
        save_file(self.gradient, self.path)
        self.pictures = [folder / f"client-{index}-{i}.png" for i in range(len(images))]
        for image, path in zip(images, self.pictures):
            pixels = (image.permute(1, 2, 0) * 255).round().byte().numpy()
            Image.fromarray(pixels).save(path)


def attack(preset, case, weights, options, out, model="resnet20", mode="training"):
    """PSNRs of gradleak's images, and seconds."""
    command = [
        options.gradleak, "reconstruct", "--model", model, "--weights", weights,
        "--update", case.path, "--mode", mode, "--batch-size", str(len(case.images)),
        "--labels", ",".join(map(str, case.labels.tolist())), "--attack", preset,
        "--iterations", str(options.iterations), "--trials", "1",
        "--seed", str(case.index), "--quiet", "--json", "--out", out]
    if preset in OWN:
        command += ["--set", "labels=known"]
    for picture in case.pictures:
        command += ["--truth", picture]
    if options.threads:
        command += ["--threads", str(options.threads)]
    # Status 1 says that not every image was recovered.
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode > 1:
        raise SystemExit(f"gradleak failed on {preset}")
    [record] = json.loads((out / "run.json").read_text())
    [timing] = json.loads((out / "timing.json").read_text())
    return (
        [float(image["psnr"]) for image in record["images"]],
        timing["attackSeconds"] + timing["compileSeconds"])


def breach(preset, model, case, iterations, in_training):
    """PSNRs of breaching's images, and seconds."""
    import breaching

    configuration = breaching.get_attack_config(preset)
    configuration.optim.max_iterations = iterations
    configuration.optim.callback = 10**9
    configuration.restarts.num_trials = 1
    setup = {"device": torch.device("cpu"), "dtype": torch.float32}
    torch.manual_seed(case.index)
    attacker = breaching.attacks.prepare_attack(
        model, torch.nn.CrossEntropyLoss(), configuration, setup)
    payload = {
        "parameters": list(model.parameters()),
        "buffers": None if in_training else list(model.buffers()),
        "metadata": DataConfiguration(),
    }
    shared = {
        "gradients": [g.float() for g in case.gradient.values()], "buffers": None,
        "metadata": {
            "num_data_points": len(case.images), "labels": case.labels,
            "local_hyperparams": None},
    }
    start = time.perf_counter()
    found, _ = attacker.reconstruct([payload], [shared], {}, dryrun=False)
    return psnrs(found["data"].detach(), case.images), time.perf_counter() - start


class Table:
    def __init__(self):
        self.rows = []

    def write(self, path):
        """The rows as JSON, where a path is given."""
        if path:
            pathlib.Path(path).write_text(json.dumps(self.rows, indent=2) + "\n")

    def add(self, batch_size, program, preset, results):
        """`results`: PSNRs and seconds of each client."""
        values = [value for found, _ in results for value in found]
        row = {
            "batch_size": batch_size, "program": program, "preset": preset, "images": len(values),
            "median_psnr": statistics.median(values), "mean_psnr": statistics.mean(values),
            "best_psnr": max(values), "above_20_dB": sum(value >= 20 for value in values),
            "seconds_per_client": statistics.mean(seconds for _, seconds in results)}
        self.rows.append(row)
        print(
            f"batch {batch_size}  {program:9} {preset:37} median {row['median_psnr']:5.2f} dB  mean "
            f"{row['mean_psnr']:5.2f} dB  best {row['best_psnr']:5.2f} dB  at 20 dB: "
            f"{row['above_20_dB']} of {len(values)}  {row['seconds_per_client']:6.1f} s a client",
            flush=True)


def add_peer(table, batch_size, preset, model, cases, iterations):
    """breaching's preset in the better of its modes."""
    results = {
        mode: [breach(preset, model, case, iterations, mode) for case in cases]
        for mode in (True, False)}

    def median(mode):
        return statistics.median(value for found, _ in results[mode] for value in found)

    mode = max(results, key=median)
    table.add(
        batch_size, "breaching", f"{preset} ({'training' if mode else 'evaluation'} mode)",
        results[mode])


def parsed(parser, **defaults):
    """The options of a comparison, besides those that the parser has already."""
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--batch-sizes")
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--own", help="gradleak's attacks")
    parser.add_argument("--peers", help="breaching's presets; may be empty")
    parser.add_argument("--out", help="write the rows as JSON to this file")
    parser.set_defaults(**defaults)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    return options


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=24)
    options = parsed(
        parser, batch_sizes="4,8", iterations=300, seed=7, own=",".join(OWN), peers=",".join(PEERS))
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        pictures = photographs(options.gradleak, folder / "photographs")
        model, accuracy = train(pictures)
        print(f"ResNet-20 trained on crops of {len(pictures)} photographs: accuracy "
              f"{100 * accuracy:.0f} % on fresh crops (a guess: {100 / len(pictures):.0f} %)")
        weights = folder / "weights.safetensors"
        save_file(
            {k: v.contiguous() for k, v in model.state_dict().items() if "num_batches" not in k},
            weights)
        images, labels = crops(pictures, options.images, np.random.default_rng(options.seed))
        images = (images * 255).round() / 255
        for batch_size in map(int, options.batch_sizes.split(",")):
            batches = zip(images.split(batch_size), labels.split(batch_size))
            cases = [Case(folder, i, model, *batch) for i, batch in enumerate(batches)]
            grey = [(psnrs(torch.full_like(c.images, 0.5), c.images), 0.0) for c in cases]
            table.add(batch_size, "-", "mid-grey", grey)
            for preset in options.own.split(","):
                out = folder / f"out-{batch_size}-{preset}"
                table.add(
                    batch_size, "gradleak", preset,
                    [attack(preset, case, weights, options, out) for case in cases])
            for preset in filter(None, options.peers.split(",")):
                add_peer(table, batch_size, preset, model, cases, options.iterations)
    table.write(options.out)


if __name__ == "__main__":
    main()
