"""What a tap sees of a client's training, and what comes back of it."""

import json

import pytest
import torch
from conftest import SigmoidNet
from torch import nn

import gradleak

FULL = 60.0


@pytest.fixture
def data():
    torch.manual_seed(6)
    return torch.rand(4, 1, 8, 8), torch.tensor([3, 1, 0, 2])


def train(net, optimizer, x, y, loss=nn.functional.cross_entropy):
    optimizer.zero_grad()
    loss(net(x), y).backward()
    optimizer.step()


def test_one_step_of_sgd(net, data, tmp_path):
    x, y = data[0][:1], data[1][:1]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with gradleak.capture(net, optimizer, out=tmp_path / "tap") as tap:
        train(net, optimizer, x, y)
    assert tap.steps == 1
    assert tap.learning_rates == (0.1,)
    assert tap.reconstruct(truth=x).psnr > FULL
    assert tap.reconstruct(truth=x, shared="gradient").psnr > FULL
    audit = tap.audit()
    assert audit.grade == "F"
    assert not audit.passed
    files = {p.name for p in tap.folder.iterdir()}
    assert files == {
        "before.pt",
        "after.pt",
        "gradient.pt",
        "model.onnx",
        "settings.json",
    }
    assert tap.folder.stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in tap.folder.iterdir())


def test_settings_are_an_experiment(net, data):
    loss = nn.CrossEntropyLoss(reduction="sum")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with gradleak.capture(net, optimizer, loss=loss) as tap:
        for i in (0, 1, 0, 1):
            train(net, optimizer, data[0][i : i + 1], data[1][i : i + 1], loss)
    settings = json.loads((tap.folder / "settings.json").read_text())
    assert settings["loss"] == {"kind": "cross-entropy", "reduction": "sum"}
    assert settings["client"] == {"learningRate": 0.1, "epochs": 2, "miniBatch": 1}
    assert settings["data"]["update"]["batchSize"] == 2
    out = tap.folder / "again"
    gradleak.run("run", tap.folder / "settings.json", "--out", out, quiet=True)
    assert gradleak.read(out).recovered == 2


def test_an_optimisers_settings_are_read_off_it(net, data):
    optimizer = torch.optim.SGD(
        net.parameters(), lr=0.2, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    with gradleak.capture(net, optimizer) as tap:
        train(net, optimizer, *data)
    assert tap.options() == {
        "mode": "evaluation",
        "batch_size": 4,
        "learning_rate": 0.2,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 1e-4,
    }


def test_an_optimiser_that_goes_on(net, data):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    train(net, optimizer, data[0][:1], data[1][:1])
    with gradleak.capture(net, optimizer) as tap:
        train(net, optimizer, data[0][1:2], data[1][1:2])
    assert (tap.folder / "optimizer-state.pt").exists()
    assert tap.reconstruct(truth=data[0][1:2]).psnr > FULL


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop])
def test_one_fresh_adaptive_step_in_f32_is_not_called_recovered(net, data, kind):
    optimizer = kind(net.parameters(), lr=1e-3, eps=2e-8)
    with gradleak.capture(net, optimizer) as tap:
        train(net, optimizer, data[0][:1], data[1][:1])
    options = tap.options()
    assert options["optimizer"] == kind.__name__.lower()
    assert options["eps"] == 2e-8
    result = tap.reconstruct(truth=data[0][:1], time_limit=5)
    assert result.diagnosis != "recovered" or result.psnr > FULL
    assert any("signs" in note for note in result.notes)


def test_one_fresh_step_of_adam_in_f64_is_undone(data):
    torch.manual_seed(3)
    net = SigmoidNet().double()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = data[0][:1].double()
    with gradleak.capture(net, optimizer) as tap:
        train(net, optimizer, x, data[1][:1])
    assert tap.reconstruct(truth=x).psnr > FULL


def test_frozen_parameters_are_not_taken_for_zero_gradients(net, data):
    optimizer = torch.optim.SGD(net.fc.parameters(), lr=0.1)
    with gradleak.capture(net, optimizer) as tap:
        train(net, optimizer, data[0][:1], data[1][:1])
    assert sorted(tap.after) == ["fc.bias", "fc.weight"]
    assert tap.reconstruct(time_limit=5).runs[0].misfit is None


def test_gradients_without_an_optimiser(net, data):
    with gradleak.capture(net) as tap:
        nn.functional.cross_entropy(net(data[0][:1]), data[1][:1]).backward()
    assert tap.reconstruct(truth=data[0][:1]).psnr > FULL
    with pytest.raises(gradleak.CaptureError, match="no step in the block"):
        tap.reconstruct(shared="weights")


def test_a_closure_and_the_first_gradient_of_several(net, data):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with gradleak.capture(net, optimizer) as tap:
        for i in range(2):

            def closure(i=i):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(net(data[0][i : i + 1]), data[1][i : i + 1])
                loss.backward()
                return loss

            optimizer.step(closure)
            optimizer.param_groups[0]["lr"] /= 2
    assert tap.options(shared="gradient") == {"mode": "evaluation", "batch_size": 1}
    assert tap.reconstruct(truth=data[0][:1], shared="gradient").psnr > FULL


def test_what_cannot_be_seen_is_asked_for(net, data):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loss = nn.functional.cross_entropy(net(data[0][:1]), data[1][:1])
    with gradleak.capture(net, optimizer) as tap:
        loss.backward()
        optimizer.step()
    with pytest.raises(gradleak.CaptureError, match="batch_size="):
        tap.reconstruct()
    with pytest.raises(gradleak.CaptureError, match="input_shape="):
        tap.reconstruct(batch_size=1)
    assert tap.reconstruct(batch_size=1, input_shape=(1, 8, 8), truth=data[0][:1]).psnr > FULL


def test_a_schedule_is_noticed(net, data):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    with gradleak.capture(net, optimizer) as tap:
        for _ in range(2):
            train(net, optimizer, data[0][:1], data[1][:1])
            schedule.step()
    with pytest.raises(gradleak.CaptureError, match="went from 0.1 to 0.05 in 2 steps"):
        tap.reconstruct()
    assert tap.reconstruct(schedule="step:1:0.5", truth=data[0][:1]).psnr > FULL


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: torch.optim.Adagrad(p, lr=0.1), "Adagrad"),
        (
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
            "dampening",
        ),
        (lambda p: torch.optim.Adam(p, lr=0.1, maximize=True), "maximize"),
        (
            lambda p: torch.optim.SGD([{"params": [q], "lr": 0.1 + i} for i, q in enumerate(p)]),
            "different lr",
        ),
    ],
)
def test_what_is_not_modelled_is_said_and_its_gradient_attacked(net, data, make, words):
    optimizer = make(list(net.parameters()))
    with gradleak.capture(net, optimizer) as tap:
        train(net, optimizer, data[0][:1], data[1][:1])
    with pytest.raises(gradleak.CaptureError, match=words):
        tap.reconstruct()
    assert tap.reconstruct(truth=data[0][:1], shared="gradient").psnr > FULL


def test_batches_in_no_order_are_asked_about(net, data):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with gradleak.capture(net, optimizer) as tap:
        for i in (0, 1, 1, 0):
            train(net, optimizer, data[0][i : i + 1], data[1][i : i + 1])
    with pytest.raises(gradleak.CaptureError, match="shuffle_epochs=True"):
        tap.options()


def test_a_folder_with_files_is_refused_before_the_training(net, tmp_path):
    (tmp_path / "notes").touch()
    tap = gradleak.capture(net, out=tmp_path)
    with pytest.raises(gradleak.CaptureError, match="new folder"), tap:
        raise AssertionError
    assert not net._forward_pre_hooks


def test_an_empty_block_is_said(net):
    tap = gradleak.capture(net, torch.optim.SGD(net.parameters(), lr=0.1))
    with pytest.raises(gradleak.CaptureError, match="Nothing was shared"), tap:
        pass
    with pytest.raises(gradleak.CaptureError, match="torch.nn.Module"):
        gradleak.capture("lenet")


def test_the_block_leaves_no_hooks_and_passes_errors_on(net, data):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(ZeroDivisionError), gradleak.capture(net, optimizer):
        train(net, optimizer, data[0][:1], data[1][:1])
        raise ZeroDivisionError
    assert not net._forward_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


def test_dropout_is_warned_of(data):
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(8, 5)
    )
    tap = gradleak.capture(net)
    with pytest.warns(gradleak.GradleakWarning, match="dropout"), tap:
        nn.functional.cross_entropy(net(data[0][:1]), data[1][:1]).backward()
    assert tap.options()["mode"] == "evaluation"
