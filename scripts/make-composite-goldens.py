#!/usr/bin/env python3
"""Writes Tests/Fixtures/composites/pytorch.json: what PyTorch computes for the composite
operators, in float64. For each case: the inputs, the output, and the gradients of
sum(output * wave(shape of output, 9)) with respect to the inputs.

Needs torch and numpy; deterministic. Run from the repository root:
    python3 scripts/make-composite-goldens.py
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(shape, phase, scale=1.0, offset=0.0):
    """Distinct values without a random generator, so that the file never changes."""
    index = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.tensor(offset + scale * np.sin(1.7 * index + 0.9 * phase + 0.3)).reshape(shape)


def row(values):
    return torch.tensor(values, dtype=torch.float64)


# The kinks, both tails, and values where naive formulas overflow or lose all digits.
LINE = row([-800.0, -40.0, -3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0, 40.0, 800.0])
MILD = row([-6.0, -3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0, 6.0])
IMAGE = wave((2, 4, 4, 5), 1)
WIDE = torch.cat([wave((2, 5), 2, 3.0), row([[900.0, 899.0, -900.0, 0.5, 901.0]])])
LABELS = torch.tensor([3, 0, 4])
SOFT = torch.softmax(wave((3, 5), 7, 2.0), dim=1)

CASES = {
    "relu": (F.relu, [LINE]),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), [LINE]),
    "gelu": (F.gelu, [LINE]),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), [MILD]),
    # threshold: PyTorch switches to the identity there, which changes no digit in float64.
    "softplus": (lambda x: F.softplus(x, threshold=50), [LINE]),
    "elu": (lambda x: F.elu(x, 1.5), [LINE]),
    "silu": (F.silu, [LINE]),
    "softmax": (lambda x: torch.softmax(x, 1), [WIDE]),
    "log_softmax": (lambda x: torch.log_softmax(x, 1), [WIDE]),
    "softmax_axis_0": (lambda x: torch.softmax(x, 0), [WIDE]),
    "log_sum_exp": (lambda x: torch.logsumexp(x, 1), [WIDE]),
    "layer_norm": (
        lambda x, w, b: F.layer_norm(x, (4, 5), w, b),
        [IMAGE, wave((4, 5), 2, 0.3, 1), wave((4, 5), 3)],
    ),
    "batch_norm_evaluation": (
        lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b, eps=1e-3),
        [IMAGE, wave((4,), 2, 0.5), wave((4,), 3, 0.5, 1), wave((4,), 4), wave((4,), 5)],
        [0, 3, 4],
    ),
    "batch_norm_training": (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
        [IMAGE, wave((4,), 4), wave((4,), 5)],
    ),
    "group_norm": (
        lambda x, w, b: F.group_norm(x, 2, w, b),
        [IMAGE, wave((4,), 4), wave((4,), 5)],
    ),
    "instance_norm": (
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
        [IMAGE, wave((4,), 4), wave((4,), 5)],
    ),
    "linear": (F.linear, [wave((2, 3, 4), 1), wave((5, 4), 2), wave((5,), 3)]),
    "convolution_2d": (
        lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
        [IMAGE, wave((6, 2, 3, 2), 2), wave((6,), 3)],
    ),
    "convolution_1d": (
        lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=3, dilation=2, groups=2),
        [wave((2, 4, 7), 1), wave((6, 2, 3), 2), wave((6,), 3)],
    ),
    "transposed_convolution_2d": (
        lambda x, w, b: F.conv_transpose2d(
            x, w, b, stride=(2, 3), padding=(1, 0), output_padding=(1, 2), groups=2,
            dilation=(2, 1),
        ),
        [wave((2, 4, 3, 4), 1), wave((4, 3, 3, 2), 2), wave((6,), 3)],
    ),
    "max_pool": (lambda x: F.max_pool2d(x, (2, 3), (1, 2), (1, 1)), [IMAGE]),
    "average_pool": (lambda x: F.avg_pool2d(x, (2, 3), (1, 2), (1, 1)), [IMAGE]),
    "average_pool_inside": (
        lambda x: F.avg_pool2d(x, (2, 3), (1, 2), (1, 1), count_include_pad=False),
        [IMAGE],
    ),
    "average_pool_tiles": (lambda x: F.avg_pool2d(x, (2, 5)), [IMAGE]),
    "average_pool_cut_off": (lambda x: F.avg_pool2d(x, 3), [IMAGE]),
    "global_average_pool": (lambda x: x.mean((2, 3)), [IMAGE]),
    "adaptive_average_pool": (lambda x: F.adaptive_avg_pool2d(x, (3, 4)), [IMAGE]),
    "adaptive_average_pool_larger": (lambda x: F.adaptive_avg_pool2d(x, (7, 4)), [IMAGE]),
    "cross_entropy_indices": (lambda x: F.cross_entropy(x, LABELS), [WIDE]),
    "cross_entropy_indices_sum": (lambda x: F.cross_entropy(x, LABELS, reduction="sum"), [WIDE]),
    "cross_entropy_probabilities": (lambda x: F.cross_entropy(x, SOFT), [WIDE]),
    "cross_entropy_probabilities_sum": (
        lambda x, p: F.cross_entropy(x, p, reduction="sum"),
        [WIDE, SOFT],
    ),
}


def describe(tensor, digits=17):
    values = [float(f"{x:.{digits}g}") for x in tensor.detach().flatten().tolist()]
    return {"shape": list(tensor.shape), "values": values}


def main():
    goldens = {}
    for name, (function, inputs, *rest) in CASES.items():
        # The last item names the differentiable inputs where PyTorch refuses some (running
        # statistics).
        differentiable = rest[0] if rest else range(len(inputs))
        variables = [
            x.detach().clone().requires_grad_(i in differentiable) for i, x in enumerate(inputs)
        ]
        output = function(*variables)
        projection = wave(tuple(output.shape), 9)
        gradients = torch.autograd.grad(
            (output * projection).sum(), [variables[i] for i in differentiable]
        )
        goldens[name] = {
            "inputs": [describe(x) for x in inputs],
            "output": describe(output, 14),
            "differentiable": list(differentiable),
            "gradients": [describe(g, 14) for g in gradients],
        }
    path = pathlib.Path("Tests/Fixtures/composites/pytorch.json")
    path.write_text(json.dumps(goldens, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    print(f"{path}: {len(goldens)} cases, {path.stat().st_size} bytes")


main()
