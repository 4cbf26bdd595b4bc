"""Small models, the same in every run."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
nn = torch.nn


class SigmoidNet(nn.Module):
    """A convolution and a fully connected layer, as LeNet of DLG but smaller."""

    def __init__(self, channels: int = 1, size: int = 8, classes: int = 5) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 8, 5, stride=2, padding=2)
        self.fc = nn.Linear(8 * (size // 2) ** 2, classes)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.5, 0.5)

    def forward(self, x):
        return self.fc(torch.sigmoid(self.conv(x)).flatten(1))


@pytest.fixture
def net():
    torch.manual_seed(3)
    return SigmoidNet()


@pytest.fixture
def batch():
    """One example: x [1, 1, 8, 8] in 0...1, y [1]."""
    torch.manual_seed(4)
    return torch.rand(1, 1, 8, 8), torch.tensor([3])


@pytest.fixture
def gradients(net, batch):
    """The batch's gradients by name, which are the net's .grad too."""
    torch.nn.functional.cross_entropy(net(batch[0]), batch[1]).backward()
    return {name: p.grad for name, p in net.named_parameters()}
