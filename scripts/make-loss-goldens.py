"""Writes Tests/Fixtures/losses.safetensors: losses of PyTorch and their derivatives for the logits.

Run: python scripts/make-loss-goldens.py
"""

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
N, K, T = 3, 5, 4
weights = torch.tensor([1.0, 2.5, 0.5, 1.5, 3.0])
logits = torch.randn(N, K)
labels = torch.tensor([4, 0, 1])
tokens = torch.randn(N, T, K)
token_labels = torch.randint(0, K, (N, T))
tensors = {"logits": logits, "labels": labels, "tokens": tokens, "token_labels": token_labels}


def one_hot(indices):
    return F.one_hot(indices, K).double()


def golden(name, loss, values):
    values = values.clone().requires_grad_(True)
    result = loss(values)
    result.backward()
    tensors[name + ".loss"] = result.detach().reshape(1)
    tensors[name + ".gradient"] = values.grad.clone()


for reduction in ["mean", "sum"]:

    def ce(z, **options):
        return F.cross_entropy(z, labels, reduction=reduction, **options)

    golden(f"cross-entropy.{reduction}", ce, logits)
    golden(f"smooth.{reduction}", lambda z: ce(z, label_smoothing=0.1), logits)
    golden(f"weighted.{reduction}", lambda z: ce(z, weight=weights), logits)
    golden(f"both.{reduction}", lambda z: ce(z, weight=weights, label_smoothing=0.1), logits)
    golden(f"half.{reduction}", lambda z: 0.5 * ce(z), logits)
    golden(f"mse.{reduction}", lambda z: F.mse_loss(z, one_hot(labels), reduction=reduction), logits)
    golden(
        f"bce.{reduction}",
        lambda z: F.binary_cross_entropy_with_logits(z, one_hot(labels), reduction=reduction),
        logits,
    )
    golden(
        f"tokens.{reduction}",
        lambda z: F.cross_entropy(z.transpose(1, 2), token_labels, reduction=reduction),
        tokens,
    )

# Targets that are no classes, and losses of what a model ends in.
single, single_labels = torch.randn(N, 1), torch.tensor([1, 0, 1])
sets = torch.tensor([[1.0, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 1, 1, 1, 0]])
numbers = torch.tensor([[0.5, -1, 2, 0, 0.25], [0, 0, 0, 0, 3], [1, 1, 1, 1, 1]])
tensors |= {"single": single, "single_labels": single_labels, "sets": sets, "numbers": numbers}
binary, square = F.binary_cross_entropy_with_logits, F.mse_loss
for reduction in ["mean", "sum"]:
    r = {"reduction": reduction}
    golden(f"single-bce.{reduction}", lambda z: binary(z, single_labels[:, None].double(), **r), single)
    golden(f"single-mse.{reduction}", lambda z: square(z, single_labels[:, None].double(), **r), single)
    golden(f"sets.{reduction}", lambda z: binary(z, sets, **r), logits)
    golden(f"numbers.{reduction}", lambda z: square(z, numbers, **r), logits)
    for name, function in [
        ("softmax", lambda z: z.softmax(1)), ("sigmoid", torch.sigmoid), ("log-softmax", lambda z: z.log_softmax(1)),
    ]:
        golden(f"cross-entropy-{name}.{reduction}", lambda z: F.cross_entropy(function(z), labels, **r), logits)
        golden(f"mse-{name}.{reduction}", lambda z: square(function(z), one_hot(labels), **r), logits)
        golden(f"bce-{name}.{reduction}", lambda z: binary(function(z), one_hot(labels), **r), logits)

save_file({k: v.contiguous() for k, v in tensors.items()}, "Tests/Fixtures/losses.safetensors")
