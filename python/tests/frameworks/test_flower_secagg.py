"""Flower's secure aggregation: its strategy gets a mean, which is captured as no client's."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import pytest

import gradleak
import gradleak.flower
import gradleak.rounds

pytest.importorskip("flwr")
torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")

from flwr.common import Code, FitIns, FitRes, Status, ndarrays_to_parameters
from flwr.server.strategy import FedAvg

from .conftest import EXAMPLES


def weights(net):
    return [value.numpy().copy() for value in net.state_dict().values()]


@pytest.fixture
def data():
    torch.manual_seed(5)
    return torch.rand(3, 1, 8, 8), torch.tensor([0, 3, 1])


def trained(net, x, y):
    """A client's weights after one step, from the network's own, which stay."""
    state = {name: value.clone() for name, value in net.state_dict().items()}
    net.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    after = weights(net)
    net.load_state_dict(state)
    return after


def mean(updates, counts):
    """As SecAgg+ makes it: in f64, weighted by examples; here without its rounding."""
    total = sum(counts)
    return [
        sum(part.astype("f8") * count for part, count in zip(parts, counts)) / total
        for parts in zip(*updates)
    ]


class Inconsistent(FedAvg):
    """Sends different weights to different clients, as a server that looks for one of them may."""

    def configure_fit(self, server_round, parameters, client_manager):
        pairs = super().configure_fit(server_round, parameters, client_manager)
        other = ndarrays_to_parameters([numpy.zeros(3)])
        return [
            (client, FitIns(other if i else parameters, {})) for i, (client, _) in enumerate(pairs)
        ]


@pytest.fixture
def run_round(net, tmp_path):
    """A round as SecAggPlusWorkflow ends it: each client's result is the same object."""

    def play(after, counts, strategy=None, **settings):
        nodes = [SimpleNamespace(cid=str(7 + i)) for i in range(len(counts))]
        manager = SimpleNamespace(
            num_available=lambda: len(nodes), sample=lambda num_clients, min_num_clients: nodes
        )
        how = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "mini_batch": None}
        audited = gradleak.flower.Auditing(
            strategy or FedAvg(fraction_evaluate=0.0),
            model=net,
            input_shape=(1, 8, 8),
            out=tmp_path / "audit",
            **{**how, "loss": "cross-entropy", "budget": 20, **settings},
        )
        audited.configure_fit(1, ndarrays_to_parameters(weights(net)), manager)
        parameters = ndarrays_to_parameters(after)
        results = [
            (node, FitRes(Status(Code.OK, ""), parameters, count, {}))
            for node, count in zip(nodes, counts)
        ]
        aggregated, _ = audited.aggregate_fit(1, results, [])
        assert len(aggregated.tensors) == len(after)
        return audited

    return play


def nearest(audit, x):
    """Of each example the PSNR of the nearest picture that came back."""
    return [
        -10 * numpy.log10(min(((i.array - one.numpy()) ** 2).mean() for i in audit.result.images))
        for one in x
    ]


def test_the_mean_is_of_no_client_and_gives_all_away(net, data, run_round):
    x, y = data
    updates = [trained(net, x[i : i + 1], y[i : i + 1]) for i in range(3)]
    strategy = run_round(mean(updates, (1, 1, 1)), (1, 1, 1))
    capture = gradleak.rounds.RoundsFolder(strategy.out).captures()[0]
    assert [(m.client, m.examples) for m in capture.members] == [("7", 1), ("8", 1), ("9", 1)]
    (audit,) = strategy.results()
    assert (audit.client, audit.clients, audit.examples) == ("mean-of-3", 3, 3)
    assert audit.result.threat_model.clients == 3
    assert min(nearest(audit, x)) > 60
    experiment = capture.folder.with_name("client-mean-of-3.experiment.json")
    assert json.loads(experiment.read_text())["client"]["count"] == 3
    gradleak.run("run", experiment, "--out", strategy.out.parent / "again", quiet=True)


def test_unequal_clients_that_take_one_step(net, data, run_round):
    x, y = data
    updates = [trained(net, x[:1], y[:1]), trained(net, x[1:], y[1:])]
    (audit,) = run_round(mean(updates, (1, 2)), (1, 2)).results()
    assert (audit.clients, audit.examples) == (2, 3)
    assert min(nearest(audit, x)) > 60


def test_unequal_clients_that_take_more_are_refused(net, data, run_round):
    after = trained(net, *data)
    strategy = run_round(after, (1, 2), epochs=2)
    (sentence,) = strategy.results().errors
    assert sentence == (
        "The clients of mean-of-2 trained on 1, 2 examples, by which their mean weighs them; only a "
        "single step of SGD can be read from such a mean."
    )


def test_clients_that_got_different_weights(net, data, run_round, caplog):
    with caplog.at_level(logging.WARNING, "gradleak"):
        strategy = run_round(trained(net, *data), (1, 1), Inconsistent(fraction_evaluate=0.0))
    assert "its clients got different weights" in caplog.text
    assert len(strategy.results()) == 0


@pytest.mark.parametrize("clients, count", [([8], 1), ([99], 0), (1, 1)])
def test_chosen_clients_are_those_of_a_mean(net, data, run_round, clients, count):
    strategy = run_round(trained(net, *data), (1, 1), clients=clients)
    captures = gradleak.rounds.RoundsFolder(strategy.out).captures()
    assert len(captures) == count
    assert all(c.before is not None and len(c.members) == 2 for c in captures)


def test_a_mean_that_was_rounded_is_no_comfort(net, data, run_round):
    after = [
        part + numpy.random.default_rng(0).normal(0, 1e-3, part.shape) for part in weights(net)
    ]
    (sentence,) = run_round(after, (1, 1)).results().errors
    assert "shows nothing either way" in sentence


def run_example(python, tmp_path, mode):
    """What is captured, and the PSNR of each photograph."""
    printed = python("-m", "flower_secagg", mode, "--rounds", 1, "--out", tmp_path / "out")
    print(printed)
    captures = gradleak.rounds.RoundsFolder(tmp_path / "out" / "audit").captures()
    levels = [float(line.split()[-2]) for line in printed.splitlines() if line.endswith(" dB")]
    assert len(levels) == 5
    return printed, captures, levels


def test_the_example_in_sight(python, tmp_path):
    printed, captures, levels = run_example(python, tmp_path, "plain")
    assert printed.count("F: 1 of 1 in full (recovered)") == 5
    assert len(captures) == 5 and not any(c.members for c in captures)
    assert min(levels) > 100


def test_the_example_behind_secagg(python, tmp_path, monkeypatch):
    _, captures, levels = run_example(python, tmp_path, "secagg")
    (capture,) = captures
    assert capture.client == "mean-of-5"
    assert [m.examples for m in capture.members] == [1] * 5
    # It is the mean of what the clients' trainings come to, rounded: of their photographs nothing is hidden.
    monkeypatch.syspath_prepend(EXAMPLES)
    from flower_secagg.task import Net, pixels

    updates = []
    for label, file in enumerate(sorted((tmp_path / "out/photographs").glob("*-original.png"))[:5]):
        x = torch.from_numpy(pixels(file).copy())[None]
        updates.append(trained(Net(), x, torch.tensor([label])))
    seen = numpy.load(capture.after)
    for one, other in zip(seen.values(), mean(updates, [1] * 5)):
        assert abs(one - other).max() < 16 / 2**22
    assert min(levels) > 45
