#!/usr/bin/env python3
"""Inverting Gradients (Geiping et al. 2020) on an untrained ResNet: gradleak's preset beside a PyTorch
implementation of the paper's algorithm, on the same weights, images, labels and number of evaluations.

    python Benchmarks/Comparison/inverting_gradients.py [--gradleak PATH] [--model resnet20] [--images 7] [--seeds 1]
        [--iterations 2000] [--variation 0.1] [--threads N] [--attack inverting-gradients]
        needs: torch numpy safetensors, and gradleak built with -c release

Both compute in f32: 1 - cosine over all gradients + variation * TV, Adam with rate 0.1 on the signs,
a tenth of the rate at 3/8, 5/8 and 7/8 of the run, pixels kept in 0...1, start from N(0, 1), batch 1,
evaluation mode, known label, the point with the lowest objective counts. Starts differ: each program
draws its own. Seconds include the compilation of gradleak's graph; PSNR is of the clamped images.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

BLOCKS = {"resnet18": [2, 2, 2, 2], "resnet20": [3, 3, 3], "resnet34": [3, 4, 6, 3]}


def batch_norm(weights, name, x):
    """In evaluation mode before any training: running mean 0, variance 1."""
    channels = x.shape[1]
    return F.batch_norm(
        x, x.new_zeros(channels), x.new_ones(channels), weights[name + ".weight"],
        weights[name + ".bias"])


def logits(weights, blocks, x):
    def shortcut(name, x, channels, stride):
        if stride == 1 and channels == x.shape[1]:
            return x
        if name + ".downsample.0.weight" in weights:
            x = F.conv2d(x, weights[name + ".downsample.0.weight"], stride=stride)
            return batch_norm(weights, name + ".downsample.1", x)
        added = channels - x.shape[1]
        return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, added // 2, added - added // 2))

    x = F.relu(batch_norm(weights, "bn1", F.conv2d(x, weights["conv1.weight"], padding=1)))
    for stage, count in enumerate(blocks):
        for block in range(count):
            name = f"layer{stage + 1}.{block}"
            stride = 2 if stage > 0 and block == 0 else 1
            first = weights[name + ".conv1.weight"]
            y = F.conv2d(x, first, stride=stride, padding=1)
            y = F.relu(batch_norm(weights, name + ".bn1", y))
            y = F.conv2d(y, weights[name + ".conv2.weight"], padding=1)
            y = batch_norm(weights, name + ".bn2", y)
            x = F.relu(y + shortcut(name, x, first.shape[0], stride))
    return F.linear(x.mean((2, 3)), weights["fc.weight"], weights["fc.bias"])


def total_variation(x):
    down = (x[:, :, 1:] - x[:, :, :-1]).abs().mean()
    return down + (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().mean()


def psnr(x, original):
    return -10 * torch.log10(((x.clamp(0, 1) - original) ** 2).mean()).item()


def reference(case, blocks, iterations, variation, seed):
    """Seconds, and PSNR of the point with the lowest objective."""
    tensors = {k: v.float() if v.is_floating_point() else v for k, v in load_file(case).items()}
    original, labels = tensors.pop("images"), tensors.pop("labels")
    weights = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    parameters = list(weights.values())

    def gradients(x, create_graph):
        loss = F.cross_entropy(logits(weights, blocks, x), labels)
        return torch.autograd.grad(loss, parameters, create_graph=create_graph)

    shared = [g.detach() for g in gradients(original, False)]
    shared_norm = sum((g * g).sum() for g in shared).sqrt()
    torch.manual_seed(seed)
    x = torch.randn_like(original).requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(
        optimiser, [int(iterations // share) for share in (2.667, 1.6, 1.142)], gamma=0.1)
    best, best_value = x.detach().clone(), float("inf")
    start = time.perf_counter()
    for _ in range(iterations):
        candidate = gradients(x, True)
        product = sum((c * s).sum() for c, s in zip(candidate, shared))
        norm = sum((c * c).sum() for c in candidate).sqrt()
        value = 1 - product / (norm * shared_norm) + variation * total_variation(x)
        if value.item() < best_value:
            best, best_value = x.detach().clone(), value.item()
        x.grad = torch.autograd.grad(value, x)[0].sign()
        optimiser.step()
        scheduler.step()
        x.data.clamp_(0, 1)
    return time.perf_counter() - start, psnr(best, original)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--model", default="resnet20", choices=BLOCKS)
    parser.add_argument("--attack", default="inverting-gradients")
    parser.add_argument("--images", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=1, help="weights and labels for each image")
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--variation", type=float, default=0.1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", help="write the rows as JSON to this file")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        threads = ["--threads", str(options.threads)] if options.threads else []
        settings = (
            ["--set", f"prior.totalVariation={options.variation}"]
            if options.attack == "inverting-gradients" else [])
        subprocess.run(
            [options.gradleak, "bench", "success", "--model", options.model, "--attack",
             options.attack, *settings, "--iterations", str(options.iterations), "--trials", "1",
             "--runs", str(options.images), "--seeds", str(options.seeds), "--export",
             folder / "cases", "--out", folder / "out", "--quiet", "--json", *threads],
            check=True, stdout=subprocess.DEVNULL)
        records = json.loads((folder / "out/run.json").read_text())
        timings = json.loads((folder / "out/timing.json").read_text())
        for index, (record, timing) in enumerate(zip(records, timings)):
            image = record["images"][0]
            own = timing["attackSeconds"] + timing["compileSeconds"]
            evaluations = sum(trial["evaluations"] for trial in record["trials"])
            other, other_psnr = reference(
                folder / f"cases/run-{index}.safetensors", BLOCKS[options.model],
                options.iterations, options.variation, index)
            rows.append({
                "image": image["name"], "evaluations": evaluations, "gradleak_seconds": own,
                "gradleak_psnr": float(image["psnr"]), "torch_seconds": other,
                "torch_psnr": other_psnr})
            print(
                f"{image['name']:16} {evaluations} evaluations   gradleak {float(image['psnr']):5.1f}"
                f" dB {own:7.1f} s   torch {other_psnr:5.1f} dB {other:7.1f} s", flush=True)

    def mean(key):
        return statistics.mean(row[key] for row in rows)

    print(
        f"mean PSNR: gradleak {mean('gradleak_psnr'):.2f} dB, torch {mean('torch_psnr'):.2f} dB; "
        f"seconds: gradleak {mean('gradleak_seconds'):.1f}, torch {mean('torch_seconds'):.1f}, "
        f"ratio {mean('torch_seconds') / mean('gradleak_seconds'):.2f}")
    differences = [row["gradleak_psnr"] - row["torch_psnr"] for row in rows]
    if len(rows) > 1:
        error = statistics.stdev(differences) / len(rows) ** 0.5
        print(
            f"PSNR of gradleak above torch's, n = {len(rows)}: {statistics.mean(differences):+.2f} dB, "
            f"standard error {error:.2f} dB")
    if options.out:
        pathlib.Path(options.out).write_text(json.dumps(rows, indent=2) + "\n")


main()
