"""What the clients train: a small network, on photographs that gradleak brings along."""

from __future__ import annotations

from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import nn

import gradleak

#: How every client trains; the server's audit is told the same.
LEARNING_RATE = 0.1
INPUT_SHAPE = (3, 16, 16)


class Net(nn.Module):
    """A convolution with sigmoids and a fully connected layer, for [N, 3, 16, 16] and 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 12, 5, stride=2, padding=2)
        self.fc = nn.Linear(12 * 8 * 8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.sigmoid(self.conv(x)).flatten(1))


def write_photographs(folder: Path) -> list[Path]:
    """Writes the bundled photographs as PNGs of 16 by 16 pixels and gives them in order."""
    demo = ("demo", "--attack", "peeling", "--size", str(INPUT_SHAPE[-1]))
    gradleak.run(*demo, "--out", folder, quiet=True)
    return sorted(folder.glob("*-original.png"))


def pixels(file: Path) -> numpy.ndarray:
    """A photograph [3, 16, 16] in 0...1."""
    image = numpy.asarray(Image.open(file).convert("RGB"), dtype="float32") / 255
    return image.transpose(2, 0, 1)


def weights(net: nn.Module) -> list[numpy.ndarray]:
    """The network's weights in order, as Flower sends them."""
    return [value.numpy().copy() for value in net.state_dict().values()]


def train(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    """One step of SGD on all of a client's examples."""
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
