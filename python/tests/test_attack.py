"""From a module and its gradients to the picture, through the package alone."""

import collections

import numpy
import pytest
import torch
from torch import nn

import gradleak

FULL = 60.0  # dB; gradients in f32 give more than 100.


def test_a_modules_gradient_gives_its_picture(net, batch, gradients):
    result = gradleak.reconstruct(net, update=net, truth=batch[0])
    assert result.psnr > FULL
    assert result.recovered == 1
    assert result.grade == "F"
    assert result.diagnosis == "recovered"
    assert result.images[0].recovered_label == 3
    assert numpy.abs(result.images[0].array - batch[0][0].numpy()).max() < 1e-3
    assert result.images[0].picture.size == (8, 8)
    assert result.threat_model.category == "A"
    assert "PSNR" in str(result)
    assert "Wrote" not in str(result)


@pytest.mark.parametrize(
    "form", ["tensors", "arrays", "list", "array list", "autograd", "named", "file"]
)
def test_gradients_in_every_form(net, batch, gradients, form, tmp_path):
    arrays = {name: g.numpy() for name, g in gradients.items()}
    torch.save(gradients, tmp_path / "g.pt")
    update = {
        "tensors": gradients,
        "arrays": arrays,
        "list": list(gradients.values()),
        "array list": list(arrays.values()),
        "autograd": torch.autograd.grad(
            nn.functional.cross_entropy(net(batch[0]), batch[1]), list(net.parameters())
        ),
        "named": ((n, p.grad) for n, p in net.named_parameters()),
        "file": tmp_path / "g.pt",
    }[form]
    result = gradleak.reconstruct(net, update=update, input_shape=(1, 8, 8))
    assert result.diagnosis == "recovered"
    assert result.psnr is None
    assert result.recovered == 1
    assert numpy.abs(result.images[0].array - batch[0][0].numpy()).max() < 1e-3


@pytest.mark.parametrize("form", ["state", "list"])
def test_weights_before_and_after(net, batch, gradients, form):
    before = collections.OrderedDict((k, v.clone()) for k, v in net.state_dict().items())
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    after = net.state_dict()
    if form == "list":
        before, after = ([v.numpy() for v in w.values()] for w in (before, after))
    result = gradleak.reconstruct(net, before=before, after=after, learning_rate=0.1, truth=batch)
    assert result.psnr > FULL


def test_weights_after_alone_are_compared_with_the_modules(net, batch, gradients):
    after = {name: p.detach() - 0.1 * gradients[name] for name, p in net.named_parameters()}
    result = gradleak.audit_update(net, after=after, learning_rate=0.1, input_shape=(1, 8, 8))
    assert not result.passed
    assert result.status == 1
    assert result.grade == "F"
    assert result.evidence == "proved"


def test_a_simulated_client_with_the_loaders_batch(net, batch):
    result = gradleak.audit(net, batch, defences="none", budget=30)
    assert result.images[0].true_label == 3
    assert result.psnr > FULL
    assert not result.passed
    assert result.untested
    assert result.report.read_text().startswith("<!")
    assert gradleak.audit(net, batch, defences="none", budget=30, fail_above="F").passed


def test_what_the_loader_normalised_comes_back_as_a_picture(net):
    torch.manual_seed(5)
    pixels = torch.rand(1, 1, 8, 8)
    x = (pixels - 0.13) / 0.31
    result = gradleak.reconstruct(net, (x, [2]), mean=[0.13], std=[0.31])
    assert result.psnr > FULL
    assert numpy.abs(result.images[0].array - pixels[0].numpy()).max() < 1e-3
    nn.functional.cross_entropy(net(x), torch.tensor([2])).backward()
    result = gradleak.reconstruct(net, update=net, truth=x, mean=[0.13], std=[0.31])
    assert result.psnr > FULL


def test_a_loss_of_pytorch_is_understood(net, batch):
    loss = nn.CrossEntropyLoss(label_smoothing=0.1, reduction="sum", weight=torch.rand(5) + 0.5)
    loss(net(batch[0]), batch[1]).backward()
    assert gradleak.reconstruct(net, update=net, truth=batch[0], loss=loss).psnr > FULL
    net.zero_grad()
    sets = torch.tensor([[1.0, 0, 0, 1, 0]])
    loss = nn.BCEWithLogitsLoss()
    loss(net(batch[0]), sets).backward()
    result = gradleak.reconstruct(net, update=net, truth=(batch[0], sets), loss=loss)
    assert result.psnr > FULL


def test_the_truths_labels_are_not_told_to_the_attack(net, batch, gradients):
    result = gradleak.reconstruct(net, update=gradients, truth=batch)
    assert "labels" not in result.threat_model.known
    assert result.images[0].is_label_given is None
    result = gradleak.reconstruct(net, update=gradients, truth=batch, labels=[3])
    assert result.images[0].is_label_given is True


def test_the_model_is_left_as_it_is(net, batch):
    net.train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    gradleak.reconstruct(net, batch)
    assert net.training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
