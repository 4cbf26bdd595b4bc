"""The strategy of Flower in a federation that is only played: what may go wrong, and must not."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

import gradleak
import gradleak.flower
import gradleak.rounds

pytest.importorskip("flwr")
torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")

from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.common import Code, FitIns, FitRes, Status, ndarrays_to_parameters
from flwr.server.strategy import FedAvg as OlderFedAvg
from flwr.serverapp.strategy import (
    DifferentialPrivacyServerSideFixedClipping,
    FedAvg,
    Strategy,
)

HOW = {
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "epochs": 1,
    "mini_batch": None,
    "loss": "cross-entropy",
    "budget": 20,
}


def message(node, content, error=False):
    """As the parts of Flower's Message that strategies use; a real one needs a running server."""
    return SimpleNamespace(
        metadata=SimpleNamespace(dst_node_id=node, src_node_id=node),
        content=content,
        has_content=lambda: not error,
        has_error=lambda: error,
        error=SimpleNamespace(reason="lost") if error else None,
    )


class Played(FedAvg):
    """FedAvg whose messages need no server."""

    def _construct_messages(self, record, node_ids, message_type):
        return (message(node, record) for node in node_ids)


class Grid:
    """Clients that take one step of SGD on an example each."""

    def __init__(self, net, batch, nodes=(7, 8)):
        self.net, self.batch, self.nodes = net, batch, nodes

    def get_node_ids(self):
        return list(self.nodes)

    def send_and_receive(self, messages, *, timeout=None):
        return [self.reply(m) for m in messages]

    def reply(self, sent, **metrics):
        self.net.load_state_dict(sent.content["arrays"].to_torch_state_dict())
        train(self.net, self.batch)
        content = {
            "arrays": ArrayRecord(self.net.state_dict()),
            "metrics": MetricRecord({"num-examples": 1, **metrics}),
        }
        return message(sent.metadata.dst_node_id, RecordDict(content))


def train(net, batch):
    net.zero_grad()
    torch.nn.functional.cross_entropy(net(batch[0]), batch[1]).backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()


def start(strategy, net, batch, rounds=1, grid=None):
    return strategy.start(
        grid=grid or Grid(net, batch),
        initial_arrays=ArrayRecord(net.state_dict()),
        num_rounds=rounds,
    )


@pytest.fixture
def fedavg():
    return Played(fraction_evaluate=0.0)


@pytest.fixture
def auditing(net, fedavg, tmp_path):
    def make(strategy=fedavg, **settings):
        return gradleak.flower.Auditing(
            strategy,
            **{
                "out": tmp_path / "audit",
                "model": net,
                "input_shape": (1, 8, 8),
                **HOW,
                **settings,
            },
        )

    return make


def psnr(audit, batch):
    error = ((audit.result.images[0].array - batch[0][0].numpy()) ** 2).mean()
    return -10 * numpy.log10(error)


def test_trains_as_the_strategy_does_and_audits(auditing, net, batch):
    strategy = auditing()
    assert isinstance(strategy, Strategy)
    assert strategy.weighted_by_key == "num-examples"
    state = {name: value.clone() for name, value in net.state_dict().items()}
    result = start(strategy, net, batch)
    net.load_state_dict(state)
    alone = start(Played(fraction_evaluate=0.0), net, batch)
    for name in state:
        assert (result.arrays[name].numpy() == alone.arrays[name].numpy()).all()
    audits = strategy.results()
    assert [a.client for a in audits] == ["7", "8"]
    assert all(psnr(a, batch) > 90 for a in audits)
    assert strategy.report.exists()
    # The strategy is as it was.
    assert not {"configure_train", "aggregate_train"} & set(vars(strategy.strategy)) - {
        "configure_train",
        "aggregate_train",
    }


def test_what_is_not_told_is_asked_for_in_one_sentence(fedavg, net, tmp_path):
    with pytest.raises(gradleak.BadInputError) as error:
        gradleak.flower.Auditing(fedavg, model=net, out=tmp_path / "audit", optimizer="sgd")
    assert str(error.value) == (
        "Flower does not send how clients train; say it as the clients have it, such as "
        'learning_rate=0.01, epochs=1, mini_batch=32, loss="cross-entropy".'
    )
    assert not (tmp_path / "audit").exists()


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"lerning_rate": 0.1}, "did you mean learning_rate="),
        ({"input_shape": None}, "input_shape=(C, H, W)"),
        ({"every": 0}, "every= is 0"),
        ({"local_steps": 2}, "exclude each other"),
        ({"mini_batch": 0}, "mini_batch= is 0"),
        ({"strategy": object()}, "strategy= is a object"),
    ],
)
def test_wrong_settings_are_refused_at_once(auditing, settings, sentence):
    with pytest.raises(gradleak.BadInputError, match=".*") as error:
        auditing(**settings)
    assert sentence in str(error.value)


def test_a_folder_in_use_is_refused(auditing, tmp_path):
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "notes.txt").write_text("mine")
    with pytest.raises(gradleak.BadInputError, match="is not empty"):
        auditing()
    assert (tmp_path / "audit" / "notes.txt").read_text() == "mine"


def test_every_other_round_of_one_client(auditing, net, batch):
    strategy = auditing(every=2, clients=1)
    start(strategy, net, batch, rounds=3)
    assert [a.round for a in strategy.results()] == [1, 3]


def test_chosen_clients(auditing, net, batch):
    strategy = auditing(clients=[8])
    start(strategy, net, batch)
    assert [a.client for a in strategy.results()] == ["8"]


def test_in_the_background(auditing, net, batch):
    strategy = auditing(background=True)
    start(strategy, net, batch)
    audits = strategy.results()
    assert len(audits) == 2 and len(audits.leaked) == 2


class Faulty(Grid):
    """Clients that send nonsense."""

    def __init__(self, *arguments, replies):
        super().__init__(*arguments, nodes=range(len(replies)))
        self.replies = replies

    def reply(self, sent, **metrics):
        change = self.replies[sent.metadata.dst_node_id]
        return change(super().reply(sent, **metrics))


class Tolerant(Played):
    """Takes what the first client sent."""

    def aggregate_train(self, server_round, replies):
        assert isinstance(replies, list)
        replies.sort(key=lambda reply: reply.metadata.src_node_id)
        return replies[0].content["arrays"] if replies else None, None


def with_arrays(record):
    def change(reply):
        content = RecordDict({"metrics": reply.content["metrics"]})
        if record is not None:
            content["arrays"] = record(reply.content["arrays"])
        return message(reply.metadata.src_node_id, content)

    return change


def same(reply):
    return reply


def as_bfloat16(arrays):
    return ArrayRecord(
        {
            name: Array(
                "bfloat16",
                tuple(value.shape),
                "numpy.ndarray",
                Array((value.numpy().view(numpy.uint32) >> 16).astype(numpy.uint16)).data.replace(
                    b"'<u2'", b"'<V2'"
                ),
            )
            for name, value in arrays.items()
        }
    )


def test_clients_that_fail_or_send_nonsense(auditing, net, batch, caplog):
    other = {"a": Array("float32", (1,), "mystery", b"?")}
    broken = {"a": Array("float32", (1,), "numpy.ndarray", b"?")}
    text = {"a": Array(numpy.array(["words"]))}
    faults = [
        same,
        lambda reply: message(reply.metadata.src_node_id, None, error=True),
        with_arrays(None),
        with_arrays(lambda arrays: ArrayRecord()),
        with_arrays(lambda arrays: ArrayRecord(other)),
        with_arrays(lambda arrays: ArrayRecord(broken)),
        with_arrays(lambda arrays: ArrayRecord(text)),
        with_arrays(lambda arrays: ArrayRecord({"else": Array(numpy.zeros(3))})),
        with_arrays(lambda arrays: ArrayRecord(arrays.to_numpy_ndarrays())),
        with_arrays(as_bfloat16),
    ]
    strategy = auditing(Tolerant(fraction_evaluate=0.0, fraction_train=1.0))
    with caplog.at_level(logging.WARNING, "gradleak"):
        result = start(strategy, net, batch, grid=Faulty(net, batch, replies=faults))
    assert len(result.arrays) == 4
    said = [r.getMessage() for r in caplog.records if r.name == "gradleak"]
    assert len(said) == 5 and all("\n" not in sentence for sentence in said)
    assert all("was not captured: " in sentence for sentence in said)
    audits = {a.client: a for a in strategy.results()}
    assert set(audits) == {"0", "7", "8", "9"}
    # Without names, in order.
    assert psnr(audits["0"], batch) > 90 and psnr(audits["8"], batch) > 90
    assert audits["7"].result is None and audits["7"].error
    # Weights in bfloat16 hide a step of this size nearly wholly; that is said, and no error.
    assert audits["9"].result is not None or audits["9"].error
    assert str(audits["7"]).startswith("not audited: ")


def test_a_round_without_replies(auditing, net, batch):
    strategy = auditing(Tolerant(fraction_evaluate=0.0))
    assert strategy.aggregate_train(1, []) == (None, None)
    assert strategy.aggregate_train(2, iter([])) == (None, None)
    assert len(strategy.results()) == 0
    assert str(strategy.results()) == "No update was captured."
    with pytest.raises(gradleak.BadInputError, match="no audit to report on"):
        print(strategy.report)


def test_num_examples_may_be_missing(auditing, net, batch):
    class Silent(Grid):
        def reply(self, sent, **metrics):
            reply = super().reply(sent)
            del reply.content["metrics"]["num-examples"]
            return reply

    strategy = auditing(Tolerant(fraction_evaluate=0.0))
    start(strategy, net, batch, grid=Silent(net, batch))
    audits = strategy.results()
    assert "say it with batch_size=" in audits.errors[0]
    # What was not told can be told later.
    told = gradleak.rounds.audits(strategy.out, again=True, batch_size=1)
    assert not told.errors and psnr(told[0], batch) > 90


def test_errors_of_the_strategy_are_its_own(auditing, net, batch):
    class Failing(Played):
        def aggregate_train(self, server_round, replies):
            raise ValueError("mine")

    strategy = auditing(Failing(fraction_evaluate=0.0))
    with pytest.raises(ValueError, match="mine"):
        start(strategy, net, batch)
    assert len(strategy.results()) == 2


def test_a_disk_that_is_gone_stops_nothing(auditing, net, batch, caplog, tmp_path):
    strategy = auditing()
    for path in sorted((tmp_path / "audit").rglob("*"), reverse=True):
        path.unlink()
    (tmp_path / "audit").rmdir()
    (tmp_path / "audit").write_text("a file is in the way")
    assert len(start(strategy, net, batch).arrays) == 4
    assert "was not captured" in caplog.text


def test_an_audit_that_crashes_is_said(auditing, net, batch, monkeypatch):
    strategy = auditing()
    start(strategy, net, batch)
    monkeypatch.setenv("GRADLEAK", "/no/such/program")
    audits = strategy.results()
    assert len(audits.errors) == 2 and "GRADLEAK is '/no/such/program'" in audits.errors[0]
    monkeypatch.undo()
    assert not gradleak.rounds.audits(strategy.out, again=True).errors


def test_a_strategy_with_a_loop_of_its_own(auditing, net, batch):
    class Looping(Played):
        def start(self, grid, initial_arrays, num_rounds):
            messages = self.configure_train(1, initial_arrays, ConfigRecord(), grid)
            replies = grid.send_and_receive(messages)
            return self.aggregate_train(1, replies)

    strategy = auditing(Looping(fraction_evaluate=0.0))
    start(strategy, net, batch)
    assert len(strategy.results().leaked) == 2


def test_around_and_inside_of_differential_privacy(auditing, net, batch, tmp_path):
    def private(strategy):
        return DifferentialPrivacyServerSideFixedClipping(
            strategy, noise_multiplier=0.1, clipping_norm=1e-3, num_sampled_clients=2
        )

    state = {name: value.clone() for name, value in net.state_dict().items()}
    around = auditing(private(Played(fraction_evaluate=0.0)))
    start(around, net, batch)
    assert len(around.results().leaked) == 2
    net.load_state_dict(state)
    how = {"find_scale": True, "learning_rate": None, "out": tmp_path / "inside"}
    inside = auditing(Played(fraction_evaluate=0.0), **how)
    start(private(inside), net, batch)
    # Clipped by the server: the direction is left, and the scale is found.
    assert len(inside.results()) == 2 and not inside.results().errors


def test_a_strategy_of_the_older_api(net, batch, tmp_path):
    weights = [value.numpy().copy() for value in net.state_dict().values()]
    clients = [SimpleNamespace(cid=cid) for cid in ("a/b", "c")]
    manager = SimpleNamespace(
        num_available=lambda: 2, sample=lambda num_clients, min_num_clients: clients
    )
    strategy = gradleak.flower.Auditing(
        OlderFedAvg(fraction_evaluate=0.0),
        model=net,
        out=tmp_path / "audit",
        input_shape=(1, 8, 8),
        **HOW,
    )
    sent = strategy.configure_fit(1, ndarrays_to_parameters(weights), manager)
    assert all(isinstance(instructions, FitIns) for _, instructions in sent)
    train(net, batch)
    after = [value.numpy() for value in net.state_dict().values()]
    replies = [
        (client, FitRes(Status(Code.OK, ""), ndarrays_to_parameters(after), 1, {}))
        for client in clients
    ]
    aggregated, _ = strategy.aggregate_fit(1, replies, [BaseException("lost")])
    assert len(aggregated.tensors) == 4
    audits = strategy.results()
    assert [a.client for a in audits] == ["a/b", "c"]
    assert all(psnr(a, batch) > 90 for a in audits)


def test_the_module_needs_no_flower_and_says_so_when_used():
    code = (
        "import sys; sys.modules['flwr'] = None\n"
        "import gradleak.flower\n"
        "class FedAvg:\n  configure_train = aggregate_train = None\n"
        "try: gradleak.flower.Auditing(FedAvg(), model='lenet')\n"
        "except ImportError as error: print(error)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert 'pip install "gradleak[flower]"' in printed.stdout
