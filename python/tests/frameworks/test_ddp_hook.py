"""The hook of DistributedDataParallel in one process: what may go wrong, and must not."""

from __future__ import annotations

import logging

import pytest

import gradleak
import gradleak.rounds

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")
dist = torch.distributed
nn = torch.nn

import gradleak.ddp


@pytest.fixture(autouse=True)
def group():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.fixture
def hooked(tmp_path):
    def make(net, **settings):
        how = {"input_shape": (1, 8, 8), "batch_size": 1, "loss": "cross-entropy"}
        model = nn.parallel.DistributedDataParallel(net, bucket_cap_mb=0.001)
        state = gradleak.ddp.State(model, out=tmp_path / "audit", **{**how, **settings})
        model.register_comm_hook(state, gradleak.ddp.hook)
        return model, state

    return make


def step(model, batch):
    model.zero_grad()
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()


def psnr(audit, batch):
    error = ((audit.result.images[0].array - batch[0][0].numpy()) ** 2).mean()
    return -10 * numpy.log10(error)


def test_chosen_steps(hooked, net, batch):
    model, state = hooked(net, every=2, steps=2)
    for _ in range(7):
        step(model, batch)
    audits = state.results()
    assert [a.round for a in audits] == [0, 2]
    assert all(psnr(a, batch) > 90 for a in audits)


def test_gradients_are_those_of_autograd(hooked, net, batch):
    model, state = hooked(net)
    step(model, batch)
    capture = gradleak.rounds.RoundsFolder(state.out).captures()[0]
    shared = torch.load(capture.after)
    assert list(shared) and all(
        torch.equal(shared[name], parameter.grad) for name, parameter in net.named_parameters()
    )
    weights = torch.load(capture.before)
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())


def test_gathered_gradients(hooked, net, batch):
    model, state = hooked(net, batch_size=2, reduction="sum")
    with model.no_sync():
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    captures = gradleak.rounds.RoundsFolder(state.out).captures()
    assert [c.examples for c in captures] == [2]


def test_a_step_that_an_error_ended(hooked, net, batch):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            y = self.net(x)
            if y.requires_grad:
                y.register_hook(self.fail)
            return y

        def fail(self, gradient):
            raise ValueError("mine")

    model, state = hooked(Twice())
    with pytest.raises(ValueError, match="mine"):
        step(model, batch)
    assert not gradleak.rounds.RoundsFolder(state.out).captures()


def test_a_disk_that_is_gone_stops_nothing(hooked, net, batch, caplog):
    model, state = hooked(net)
    for path in sorted(state.out.rglob("*"), reverse=True):
        path.unlink()
    state.out.rmdir()
    state.out.write_text("a file is in the way")
    with caplog.at_level(logging.WARNING, "gradleak"):
        step(model, batch)
    assert "Step 0 was not captured" in caplog.text
    assert all(p.grad is not None for p in net.parameters())


def test_gradients_in_bfloat16(hooked, net, batch):
    model, state = hooked(net.to(torch.bfloat16))
    step(model, (batch[0].to(torch.bfloat16), batch[1]))
    capture = gradleak.rounds.RoundsFolder(state.out).captures()[0]
    assert torch.load(capture.after)["fc.weight"].dtype == torch.bfloat16
    audits = state.results()
    print(audits, audits[0].result and psnr(audits[0], batch))
    assert len(audits) == 1


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"every": 0}, "every= is 0"),
        ({"batch_size": 0}, "batch_size= 0"),
        ({"bugdet": 1}, "did you mean budget="),
        ({"loss": "hinge"}, "hinge"),
    ],
)
def test_wrong_settings_are_refused(hooked, net, batch, settings, sentence):
    try:
        model, state = hooked(net, **settings)
    except gradleak.BadInputError as error:
        assert sentence in str(error)
    else:
        # Values are the program's to judge.
        step(model, batch)
        assert sentence in state.results().errors[0]
