"""Compares gradleak with PyTorch on torchvision's classifiers, exported to ONNX with random weights.

For every architecture: the logits and all parameter gradients of one random image, in f32 and f64,
relative to the largest logit and to each gradient's norm. Needs torch, torchvision, onnx, onnxscript
and safetensors, and a built gradleak.

  python scripts/compare-onnx-zoo.py --gradleak .build/release/gradleak --out zoo.csv
  python scripts/compare-onnx-zoo.py --only resnet18 vit_b_16 --exporters torchscript dynamo
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
import warnings

import torch
import torchvision
from safetensors.torch import load_file, save_file

warnings.filterwarnings("ignore")
LABEL = 3
LIMITS = {"f32": (1e-4, 1e-3), "f64": (1e-9, 1e-9)}


def image_size(name):
    if name.startswith(("vit", "maxvit")):
        return 518 if name == "vit_h_14_518" else 224
    if name.startswith(("swin", "inception")):
        return 96
    return 64


def make(name, size):
    torch.manual_seed(0)
    options = {"num_classes": 10}
    if name.startswith(("googlenet", "inception")):
        options.update(init_weights=True, aux_logits=False)
    if name.startswith("vit"):
        options["image_size"] = size
    model = torchvision.models.get_model(name, weights=None, **options).eval()
    # The exporter makes one initialiser of equal tensors, as fresh biases and scales are.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def export(model, image, exporter, path):
    if exporter == "torchscript":
        torch.onnx.export(
            model, (image,), path, dynamo=False, input_names=["input"],
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    else:
        torch.onnx.export(model, (image,), path, dynamo=True, verbose=False)


class ExactHardsigmoid(torch.nn.Module):
    """PyTorch's own has 1/6 in single precision in its derivative, in f64 too: off by 3e-8."""

    def forward(self, x):
        return torch.clamp(x + 3, 0, 6) / 6


def replace_hardsigmoid(module):
    for name, child in module.named_children():
        if isinstance(child, torch.nn.Hardsigmoid):
            setattr(module, name, ExactHardsigmoid())
        else:
            replace_hardsigmoid(child)


def expected(model, image):
    model.zero_grad()
    logits = model(image)
    torch.nn.functional.cross_entropy(logits, torch.tensor([LABEL])).backward()
    return logits.detach(), {
        n: p.grad.detach() for n, p in model.named_parameters() if p.grad is not None}


def compare(folder, gradleak, precision, logits, gradients, timeout):
    out, values = f"{folder}/g.safetensors", f"{folder}/z.safetensors"
    command = [
        gradleak, "gradient", "--model", f"{folder}/m.onnx", "--input", f"{folder}/x.safetensors",
        "--label", str(LABEL), "--precision", precision, "--out", out, "--save-logits", values]
    run = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip().splitlines()[-1][:300] if run.stderr else "crash")
    found = {k: v.double() for k, v in load_file(out).items()}
    z = load_file(values)["logits"].double()
    forward = ((z - logits).abs().max() / logits.abs().max()).item()
    missing = [n for n in gradients if n not in found]
    if missing:
        raise RuntimeError(f"{len(missing)} parameters lack a gradient, such as {missing[0]}")
    # Tensors whose true gradient is zero but for rounding are measured by the others' norm.
    largest = max(g.norm().item() for g in gradients.values())
    errors = {
        n: ((found[n].reshape(g.shape) - g).norm() / max(g.norm().item(), 1e-6 * largest)).item()
        for n, g in gradients.items()}
    worst = max(errors, key=errors.get)
    return forward, errors[worst], worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gradleak", default=".build/release/gradleak")
    parser.add_argument("--exporters", nargs="+", default=["torchscript"])
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--largest", type=float, default=1e9, help="parameters at most")
    parser.add_argument("--budget", type=float, default=1e9, help="seconds at most")
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("--precisions", nargs="+", default=["f32", "f64"])
    parser.add_argument("--out")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    names = arguments.only or torchvision.models.list_models(module=torchvision.models)
    counts = {name: published_parameter_count(name) for name in names}
    start, rows = time.time(), []
    for name in sorted(names, key=counts.get):
        if counts[name] > arguments.largest or time.time() - start > arguments.budget:
            print(f"{name:22} not run ({counts[name] / 1e6:.1f} M parameters)", flush=True)
            continue
        for exporter in arguments.exporters:
            rows += check(name, exporter, counts[name], arguments)
    if arguments.out:
        with open(arguments.out, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                ["name", "exporter", "parameters", "precision", "forward", "gradient", "verdict"])
            writer.writerows(rows)
    passed = {}
    for name, exporter, *_, verdict in rows:
        passed[name, exporter] = passed.get((name, exporter), True) and verdict == "pass"
    print(f"{sum(passed.values())} of {len(passed)} exports pass")
    sys.exit(0 if all(passed.values()) else 1)


def published_parameter_count(name):
    return next(iter(torchvision.models.get_model_weights(name))).meta["num_params"]


def check(name, exporter, count, arguments):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        size = image_size(name)
        try:
            model = make(name, size)
            image = torch.randn(1, 3, size, size)
            with open(os.devnull, "w") as null:
                stdout, sys.stdout = sys.stdout, null
                try:
                    export(model, image, exporter, f"{folder}/m.onnx")
                finally:
                    sys.stdout = stdout
            save_file({"x": image}, f"{folder}/x.safetensors")
        except Exception as error:  # an exporter that cannot export says nothing of gradleak
            print(f"{name:22} {exporter:11} no export: {str(error)[:120]}", flush=True)
            return []
        model = model.double()
        replace_hardsigmoid(model)
        logits, gradients = expected(model, image.double())
        del model
        for precision in arguments.precisions:
            began = time.time()
            try:
                forward, gradient, worst = compare(
                    folder, arguments.gradleak, precision, logits, gradients, arguments.timeout)
                limits = LIMITS[precision]
                good = forward <= limits[0] and gradient <= limits[1]
                verdict = "pass" if good else f"FAIL at {worst}"
                text = f"forward {forward:.1e}  gradient {gradient:.1e}  {verdict}"
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                forward = gradient = float("nan")
                verdict = f"FAIL {str(error)[:200]}"
                text = verdict
            print(
                f"{name:22} {exporter:11} {count / 1e6:6.1f} M  {precision}  {text}  "
                f"({time.time() - began:.0f} s)", flush=True)
            rows.append([name, exporter, count, precision, forward, gradient, verdict])
    return rows


if __name__ == "__main__":
    main()
