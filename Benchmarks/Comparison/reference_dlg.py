#!/usr/bin/env python3
"""Time to 40 dB: the paper's algorithm in PyTorch, with restarts, against gradleak's automatic attack,
on the same images, labels and weights, in one run on one machine.

    python Benchmarks/Comparison/reference_dlg.py [--gradleak PATH] [--runs 7] [--seeds 1] [--restarts 10]
        needs: torch numpy safetensors, and gradleak built with -c release

The reference is Algorithm 1 of Zhu, Liu and Han 2019 as its authors run it: dummy data and label from
N(0, 1), torch.optim.LBFGS with its defaults, 300 outer iterations; the sum of squared differences is
computed in f64 as gradleak's is. A start that diverges, or ends below 40 dB, is followed by the next;
all starts count. gradleak's time is that of the whole attack, which ends far above 40 dB.
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


def gradients(weights, x, target):
    h = x
    for index, stride in ((0, 2), (2, 2), (4, 1)):
        h = torch.sigmoid(F.conv2d(
            h, weights[f"body.{index}.weight"], weights[f"body.{index}.bias"], stride, 2))
    logits = F.linear(h.flatten(1), weights["fc.0.weight"], weights["fc.0.bias"])
    loss = -(target * F.log_softmax(logits, 1)).sum(1).mean()
    return torch.autograd.grad(loss, list(weights.values()), create_graph=True)


def psnr(x, original):
    return -10 * torch.log10(((x.clamp(0, 1) - original) ** 2).mean()).item()


def reference(case, restarts, iterations, seed):
    """Seconds until 40 dB, restarts used, evaluations, and whether it was reached."""
    tensors = load_file(case)
    original, labels = tensors.pop("images"), tensors.pop("labels")
    weights = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    classes = weights["fc.0.bias"].numel()
    shared = [g.detach() for g in gradients(
        weights, original, F.one_hot(labels, classes).to(original.dtype))]
    torch.manual_seed(seed)
    elapsed, evaluations = 0.0, 0
    for restart in range(restarts):
        dummy = torch.randn_like(original).requires_grad_()
        dummy_label = torch.randn(len(labels), classes, dtype=original.dtype).requires_grad_()
        optimiser = torch.optim.LBFGS([dummy, dummy_label])

        def closure():
            nonlocal evaluations
            evaluations += 1
            optimiser.zero_grad()
            candidate = gradients(weights, dummy, dummy_label.softmax(1))
            distance = sum(((a - b) ** 2).sum() for a, b in zip(candidate, shared))
            distance.backward(inputs=[dummy, dummy_label])
            return distance

        for _ in range(iterations):
            start = time.perf_counter()
            distance = optimiser.step(closure)
            elapsed += time.perf_counter() - start
            if psnr(dummy.detach(), original) >= 40:
                return elapsed, restart + 1, evaluations, True
            if not torch.isfinite(distance) or distance > 1e6:
                break
    return elapsed, restarts, evaluations, False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--attack", default="auto")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        threads = ["--threads", str(options.threads)] if options.threads else []
        subprocess.run(
            [options.gradleak, "bench", "success", "--attack", options.attack, "--runs",
             str(options.runs), "--seeds", str(options.seeds), "--export", folder / "cases",
             "--out", folder / "out", "--quiet", "--json", *threads],
            check=True, stdout=subprocess.DEVNULL)
        records = json.loads((folder / "out/run.json").read_text())
        timings = json.loads((folder / "out/timing.json").read_text())
        rows = []
        for index, (record, timing) in enumerate(zip(records, timings)):
            own = timing["attackSeconds"] + timing["compileSeconds"]
            image = record["images"][0]
            other, starts, evaluations, reached = reference(
                folder / f"cases/run-{index}.safetensors", options.restarts, options.iterations,
                index)
            rows.append((own, other, reached))
            print(
                f"{image['name']:16} gradleak {own:8.4f} s ({float(image['psnr']):.0f} dB)   "
                f"reference {other:8.2f} s, {starts} starts, {evaluations} evaluations, "
                f"{'40 dB' if reached else 'never 40 dB'}", flush=True)
    own = statistics.median(row[0] for row in rows)
    other = statistics.median(row[1] for row in rows)
    print(
        f"median of {len(rows)}: gradleak {own:.4f} s, reference {other:.2f} s "
        f"({sum(row[2] for row in rows)} reached 40 dB); ratio {other / own:.0f}")


main()
