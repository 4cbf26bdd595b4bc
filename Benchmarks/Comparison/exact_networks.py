#!/usr/bin/env python3
"""An untrained ResNet-18 in evaluation mode: residual peeling beside the presets of gradleak and of `breaching` on
the same gradients.

    python Benchmarks/Comparison/exact_networks.py [--gradleak PATH] [--batch-sizes 1,2] [--clients 7]
        [--iterations 1000] [--threads N] [--seed 11] [--own NAME,...] [--peers NAME,...] [--out rows.json]
        needs: torch torchvision numpy pillow safetensors breaching (pip install breaching hydra-core), and
        gradleak built with -c release

Each client has weights of its own (torchvision's initialisers, the stem for small images) and 32x32 crops of
photographs with random labels; PyTorch computes its gradient in f64. Both programs get the same file, the
labels and the weights; searches have the same number of iterations and one start. breaching computes in f32,
from the gradient rounded to it. PSNR is of clamped images, matched for the least error.
"""
import argparse
import pathlib
import tempfile

import numpy as np
import torch
import torchvision
from safetensors.torch import save_file

from trained_networks import Case, Table, attack, breach, crops, parsed, photographs, psnrs

OWN = ["residual-peeling", "inverting-gradients", "modern"]
PEERS = ["invertinggradients", "modern"]


def network(seed):
    torch.manual_seed(seed)
    model = torchvision.models.resnet18(num_classes=10)
    model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    torch.nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    model.maxpool = torch.nn.Identity()
    return model.double().eval()


def clients(folder, pictures, options, batch_size):
    """Cases with the files of their weights."""
    generator = np.random.default_rng(options.seed)
    for index in range(options.clients):
        model = network(options.seed + index)
        images, _ = crops(pictures, batch_size, generator)
        images = (images.double() * 255).round() / 255
        labels = torch.tensor(generator.integers(10, size=batch_size))
        weights = folder / f"weights-{batch_size}-{index}.safetensors"
        save_file(
            {k: v.contiguous() for k, v in model.state_dict().items() if "num_batches" not in k},
            weights)
        yield Case(folder, index, model, images, labels, in_training=False), model, weights


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=7)
    options = parsed(
        parser, batch_sizes="1,2", iterations=1000, seed=11, own=",".join(OWN), peers=",".join(PEERS))
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        pictures = photographs(options.gradleak, folder / "photographs")
        for batch_size in map(int, options.batch_sizes.split(",")):
            cases = list(clients(folder, pictures, options, batch_size))
            grey = [(psnrs(torch.full_like(c.images, 0.5), c.images), 0.0) for c, _, _ in cases]
            table.add(batch_size, "-", "mid-grey", grey)
            for preset in options.own.split(","):
                out = folder / f"out-{batch_size}-{preset}"
                table.add(
                    batch_size, "gradleak", preset,
                    [attack(preset, case, weights, options, out, "resnet18", "evaluation")
                     for case, _, weights in cases])
            for preset in filter(None, options.peers.split(",")):
                table.add(
                    batch_size, "breaching", preset,
                    [breach(preset, model.float(), case, options.iterations, in_training=False)
                     for case, model, _ in cases])
    table.write(options.out)


main()
