"""A strategy of Flower that captures what clients share, and does what another strategy does."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from .._errors import BadInputError
from .._extras import needed
from ..rounds._audits import Audits
from ..rounds._folder import Member
from ..rounds._recorder import Recorder, Reply, Sent
from ._records import examples_of, record_of, tensors_of, tensors_of_parameters


class Auditing:
    """Wraps a strategy: trains as it does, and audits what its clients send.

    It captures, in every chosen round, the weights that each client gets and those that it sends
    back, and audits them when :meth:`results` is called, or beside the training. Whatever goes wrong
    with a capture is logged in a sentence, an audit that fails is among the ``errors`` of the
    results, and the training goes on.

    Strategies of the current API (``flwr.serverapp.strategy``) and of the older one
    (``flwr.server.strategy``) are wrapped alike. Wrapped around
    ``DifferentialPrivacyServerSideFixedClipping`` it sees what clients sent; inside of it, what the
    server has clipped. Behind secure aggregation (``SecAggPlusWorkflow``) it sees the mean of a
    round's clients, which is captured and audited as that: of no client, and of all of them.

    Args:
        strategy: what the server runs, such as ``FedAvg()``.
        every: captures rounds 1, 1 + every, and so on.
        out: a new folder for captures and audits, which only its owner can read.
        model: what is trained: a ``torch.nn.Module`` (with ``input_shape=(C, H, W)``), an ONNX file,
            or the name of a built-in model.
        clients: which clients are captured: a number for so many in each round, or their node ids;
            all where it is left out.
        background: whether audits run beside the training, in a process of the least priority.
        settings: how clients train, which Flower does not send, under the names of the program's
            options: ``optimizer``, ``learning_rate``, ``epochs`` or ``local_steps``, ``mini_batch``
            (None for all examples at once), ``loss``, and where they matter ``momentum``,
            ``weight_decay`` and so on; and options of audits, such as ``budget=60``.

    Raises:
        ImportError: Flower is not installed.
        BadInputError: something has to be told, an option is unknown, the model cannot be written,
            or the folder is in use.
    """

    def __init__(
        self,
        strategy: Any,
        every: int = 1,
        out: str | os.PathLike[str] = "audit/",
        *,
        model: Any,
        clients: None | int | Collection[Any] = None,
        background: bool = False,
        **settings: Any,
    ) -> None:
        is_current = hasattr(strategy, "configure_train")
        if not is_current and not hasattr(strategy, "configure_fit"):
            raise BadInputError(
                f"strategy= is a {type(strategy).__name__}; give a strategy of Flower, such as FedAvg()."
            )
        module = "flwr.serverapp.strategy" if is_current else "flwr.server.strategy"
        # For who asks by isinstance; with a base class this module could not be loaded without Flower.
        needed(module, "gradleak.flower").Strategy.register(Auditing)
        self.strategy = strategy
        names = (
            ("configure_train", "aggregate_train")
            if is_current
            else ("configure_fit", "aggregate_fit")
        )
        self._own = {name: getattr(strategy, name) for name in names}
        self._recorder = Recorder(
            "Flower",
            out,
            model=model,
            every=every,
            clients=clients,
            background=background,
            options=settings,
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "strategy":
            # Not set yet, as while it is copied.
            raise AttributeError(name)
        return getattr(self.strategy, name)

    @property
    def out(self) -> Path:
        """The folder of captures and audits."""
        return self._recorder.folder.path

    def results(self) -> Audits:
        """Audits what was captured and has no audit yet, and gives all audits.

        Raises:
            Interrupted: Ctrl-C; what was audited is kept.
        """
        return self._recorder.results()

    @property
    def report(self) -> Path:
        """One page over all audits, ``report.html`` in :attr:`out`.

        Raises:
            BadInputError: nothing could be audited.
        """
        return self.results().report

    def start(self, *arguments: Any, **named: Any) -> Any:
        """Trains as the strategy does, in a loop of its own where it has one."""
        for name in self._own:
            setattr(self.strategy, name, getattr(self, name))
        try:
            return self.strategy.start(*arguments, **named)
        finally:
            for name, own in self._own.items():
                setattr(self.strategy, name, own)

    def configure_train(self, server_round: int, arrays: Any, config: Any, grid: Any) -> list[Any]:
        """The strategy's messages to clients, which are captured."""
        messages = list(self._own["configure_train"](server_round, arrays, config, grid))
        self._recorder.sent(server_round, lambda: (self._sent(message) for message in messages))
        return messages

    def aggregate_train(self, server_round: int, replies: Iterable[Any]) -> Any:
        """What the strategy makes of the clients' replies, which are captured before."""
        messages = list(replies)
        self._recorder.received(
            server_round,
            lambda: (self._reply(message) for message in messages if message.has_content()),
        )
        return self._own["aggregate_train"](server_round, messages)

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> list[Any]:
        """As :meth:`configure_train`, of the older API."""
        pairs = list(self._own["configure_fit"](server_round, parameters, client_manager))
        self._recorder.sent(
            server_round,
            lambda: (
                Sent(
                    str(client.cid),
                    ins.parameters,
                    partial(tensors_of_parameters, ins.parameters),
                )
                for client, ins in pairs
            ),
        )
        return pairs

    def aggregate_fit(self, server_round: int, results: list[Any], failures: list[Any]) -> Any:
        """As :meth:`aggregate_train`, of the older API."""
        self._recorder.received(
            server_round,
            partial(_replies, results),
        )
        return self._own["aggregate_fit"](server_round, results, failures)

    def _sent(self, message: Any) -> Sent:
        key = getattr(self.strategy, "arrayrecord_key", None)
        record = record_of(message.content, key)
        return Sent(str(message.metadata.dst_node_id), record, partial(tensors_of, record))

    def _reply(self, message: Any) -> Reply:
        key = getattr(self.strategy, "arrayrecord_key", None)
        weight = getattr(self.strategy, "weighted_by_key", None)
        return Reply(
            str(message.metadata.src_node_id),
            lambda: tensors_of(record_of(message.content, key)),
            lambda: examples_of(message.content, weight),
        )


def _replies(results: Iterable[tuple[Any, Any]]) -> Iterator[Reply]:
    """What clients of the older API sent back, or the mean of it.

    A workflow of secure aggregation gives one object of ``Parameters``, the mean of all clients
    weighted by their examples, to each client's result; what comes from clients are objects of their
    own, even where they are equal.
    """
    groups: dict[int, list[tuple[Any, Any]]] = {}
    for client, fit in results:
        groups.setdefault(id(fit.parameters), []).append((client, fit))
    means = 0
    for group in groups.values():
        client, fit = group[0]
        tensors = partial(tensors_of_parameters, fit.parameters)
        if len(group) == 1:
            yield Reply(str(client.cid), tensors, partial(_count, fit))
            continue
        means += 1
        name = f"mean-of-{len(group)}" + (f"-{means}" if means > 1 else "")
        members = tuple(Member(str(client.cid), _count(fit)) for client, fit in group)
        yield Reply(name, tensors, lambda: None, members)


def _count(fit: Any) -> int | None:
    return int(fit.num_examples) if fit.num_examples >= 1 else None
