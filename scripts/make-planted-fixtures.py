#!/usr/bin/env python3
"""Writes Tests/Fixtures/planted: a small perceptron in ONNX, and the same with bins planted in 16 of its 40
units, 5 % of noise on their weights.

    python scripts/make-planted-fixtures.py        needs: torch onnx numpy
"""
import pathlib
import warnings

import numpy as np
import torch
import torch.nn as nn

warnings.filterwarnings("ignore")
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "planted"
SHAPE = (3, 8, 8)

torch.manual_seed(0)
rng = np.random.default_rng(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(192, 40), nn.ReLU(), nn.Linear(40, 24), nn.ReLU(), nn.Linear(24, 5))
FOLDER.mkdir(exist_ok=True)


def export(name):
    torch.onnx.export(
        model, (torch.zeros(1, *SHAPE),), FOLDER / name, dynamo=False, verbose=False,
        input_names=["images"], output_names=["logits"],
        dynamic_axes={"images": {0: "n"}, "logits": {0: "n"}})


export("honest.onnx")
units = rng.permutation(40)[:16]
# Photographs' brightness: mean 0.45, standard deviation 0.15.
thresholds = 0.45 + 0.15 * np.sort(rng.normal(size=1600)).reshape(16, 100)[:, 50]
with torch.no_grad():
    weights = (1 + 0.05 * rng.normal(size=(16, 192))) / 192
    model[1].weight[units] = torch.tensor(weights, dtype=torch.float32)
    model[1].bias[units] = torch.tensor(-thresholds, dtype=torch.float32)
    model[3].weight[:, units] = model[3].weight[:, units[:1]]
export("planted.onnx")
