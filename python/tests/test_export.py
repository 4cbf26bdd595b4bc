"""Modules as ONNX files that the program takes for the same models."""

import sys

import pytest
import torch
from conftest import SigmoidNet
from torch import nn

import gradleak
from gradleak import _onnx

torchvision = pytest.importorskip("torchvision")


def gradient(model, x, y):
    """The model's .grad is that of the batch."""
    model.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    return model


def distance(model, x, y, **options):
    """How far the program's update of the batch is from PyTorch's, relative to its norm, squared."""
    gradient(model, x, y)
    result = gradleak.reconstruct(model, update=model, truth=x, labels=y, time_limit=0.5, **options)
    check = result.runs[0].record["truthCheck"]
    assert "misfit" not in check
    return check["relativeDistance"]


def vit():
    model = torchvision.models.VisionTransformer(
        image_size=16,
        patch_size=8,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
        num_classes=5,
    )
    # torchvision starts with a head of zeros, through which no gradient passes.
    nn.init.normal_(model.heads.head.weight)
    return model


def bottleneck():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.BatchNorm2d(4),
        nn.Softplus(),
        nn.Flatten(),
        nn.Linear(4 * 64, 5),
    )


MODELS = {
    "resnet18": lambda: torchvision.models.resnet18(num_classes=5),
    "vit": vit,
    "small cnn": lambda: SigmoidNet(3, 16),
    "batch norm": bottleneck,
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 10), nn.Tanh(), nn.Linear(10, 5)),
}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_pytorchs(name):
    torch.manual_seed(1)
    model = MODELS[name]().double().eval()
    x, y = torch.rand(1, 3, 16, 16).double(), torch.tensor([3])
    assert distance(model, x, y) < 1e-12


def test_batch_statistics_are_the_modules_mode():
    torch.manual_seed(1)
    model, x, y = (
        bottleneck().double(),
        torch.rand(4, 3, 16, 16).double(),
        torch.tensor([3, 1, 0, 2]),
    )
    assert distance(model.train(), x, y) < 1e-12
    assert distance(model.eval(), x, y) < 1e-12
    assert distance(model.train(), x, y, mode="training") < 1e-12


def test_batch_statistics_of_one_value_are_none():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 5))
    x = torch.rand(1, 1, 8, 8)
    with pytest.raises(gradleak.BadInputError, match=r'in training mode: .*mode="evaluation"'):
        gradleak.reconstruct(model, (x, [1]))
    gradleak.reconstruct(model.eval(), (x, [1]))


@pytest.mark.parametrize("name", ["batch norm", "vit"])
def test_the_newer_exporter_does_as_well(name, monkeypatch):
    pytest.importorskip("onnxscript")

    def fails(*_):
        raise RuntimeError("not this one")

    monkeypatch.setattr(_onnx, "_write_torchscript", fails)
    torch.manual_seed(1)
    model, x = MODELS[name]().double().eval(), torch.rand(2, 3, 16, 16).double()
    # It writes some numbers of the training code in f32.
    assert distance(model, x, torch.tensor([3, 1])) < 1e-10


def test_a_half_model_is_written_in_f32(batch):
    torch.manual_seed(1)
    result = gradleak.reconstruct(SigmoidNet().half(), (batch[0].half(), batch[1]))
    assert result.psnr > 60


def test_tensors_that_deepcopy_refuses(batch):
    """Old weight norms keep a computed tensor on the module."""
    torch.manual_seed(1)
    net = SigmoidNet()
    net.cached = net.fc.weight * 2
    assert gradleak.reconstruct(net, batch).psnr > 60


def test_wrapped_modules(net, batch):
    assert gradleak.reconstruct(nn.DataParallel(net), batch).psnr > 60
    averaged = torch.optim.swa_utils.AveragedModel(net)
    assert gradleak.reconstruct(averaged, batch).psnr > 60
    gradient(net, *batch)
    prefixed = {f"module.{name}": p.grad for name, p in net.named_parameters()}
    assert gradleak.reconstruct(net, update=prefixed, truth=batch[0]).psnr > 60


def test_a_model_that_returns_a_dictionary(batch):
    class Dictionary(SigmoidNet):
        def forward(self, x):
            return {"logits": super().forward(x), "mean": x.mean()}

    torch.manual_seed(1)
    result = gradleak.reconstruct(Dictionary(), batch)
    assert result.psnr > 60
    assert any("2 outputs" in note for note in result.notes)


def test_rows_of_a_table():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(20, 16), nn.Sigmoid(), nn.Linear(16, 3))
    result = gradleak.audit(model, (torch.randn(2, 20), [0, 2]), batch_size=1, defences="none")
    assert result.recovered == 2
    assert result.images[0].array.shape == (1, 1, 20)


def test_what_cannot_be_written_is_said_once(batch, capfd):
    class Odd(SigmoidNet):
        def forward(self, x):
            return super().forward(torch.special.i0(x))

    with pytest.raises(gradleak.ExportError) as caught:
        gradleak.reconstruct(Odd(), batch)
    assert "aten::i0" in str(caught.value)
    assert "\n" not in str(caught.value)
    # Exporters print graphs.
    assert capfd.readouterr() == ("", "")


def test_a_missing_exporter_is_named(net, batch, monkeypatch):
    def fails(*_):
        raise RuntimeError("not this one")

    monkeypatch.setattr(_onnx, "_write_torchscript", fails)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(gradleak.ExportError, match=r"gradleak\[torch\]"):
        gradleak.reconstruct(net, batch)


def test_lost_names_are_warned_of(net, batch, monkeypatch):
    monkeypatch.setattr(_onnx, "_lost", lambda *_: ["conv.weight"])
    with pytest.warns(gradleak.GradleakWarning, match="conv.weight"):
        gradleak.reconstruct(net, batch)
