"""A filter of NVFlare that captures what clients share, and passes it on unchanged::

audit = gradleak.nvflare.AuditFilter(
    model="model.onnx", optimizer="sgd", learning_rate=0.1, mini_batch=32, loss="cross-entropy",
    batch_size=32)
recipe.add_server_output_filter(audit, tasks=["train"])
recipe.add_server_input_filter(audit, tasks=["train"])
...  # run the job
print(gradleak.rounds.audits("WORKSPACE/server/simulate_job/audit"))
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ._errors import BadInputError
from ._extras import needed
from .rounds._captures import add_capture
from .rounds._folder import RoundsFolder
from .rounds._safely import safely
from .rounds._training import told

_dxo = needed("nvflare.apis.dxo", "gradleak.nvflare")
_filter = needed("nvflare.apis.filter", "gradleak.nvflare")
_constant = needed("nvflare.apis.fl_constant", "gradleak.nvflare")
_DXOFilter: Any = needed("nvflare.apis.dxo_filter", "gradleak.nvflare").DXOFilter

_WEIGHTS = _dxo.DataKind.WEIGHTS
_DIFFERENCE = _dxo.DataKind.WEIGHT_DIFF


class AuditFilter(_DXOFilter):  # type: ignore[misc]
    """Captures weights, or their differences, on their way between a server and its clients.

    The same filter goes to tasks' data, where it sees the weights that are sent, and to their
    results. On the server it sees all clients, on a client that client alone. After other filters of
    the same chain it sees what they left. Whatever goes wrong is logged in a sentence, and the job
    goes on. Captures are audited after the job, by :func:`gradleak.rounds.audits`.

    NVFlare writes a filter's arguments into the job, so that all of them are plain values.

    Args:
        optimizer: of the clients: ``sgd``, ``adam``, ``adamw`` or ``rmsprop``.
        learning_rate: of the clients.
        mini_batch: examples in each of a client's steps; None for all at once.
        loss: of the clients: ``cross-entropy``, ``mse`` or ``bce``.
        batch_size: examples that each client trains on; by client, such as ``{"site-1": 8}``, where
            they differ.
        epochs: of each round; where it is left out, the steps that clients report
            (``NUM_STEPS_CURRENT_ROUND``) are taken.
        model: an ONNX file, where it is when audits are made, or the name of a built-in model;
            ``model=`` of :func:`gradleak.rounds.audits` says it later.
        out: a folder for captures; one that is no absolute path is in the job's own folder, an
            absolute one is for a single job.
        every: captures rounds 0, every, and so on.
        options: others of audits, such as ``{"momentum": 0.9, "budget": 60}``.
    """

    def __init__(
        self,
        *,
        optimizer: str,
        learning_rate: float,
        mini_batch: int | None,
        loss: str,
        batch_size: int | dict[str, int],
        epochs: int | None = None,
        model: str | None = None,
        out: str = "audit",
        every: int = 1,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(supported_data_kinds=[_WEIGHTS, _DIFFERENCE], data_kinds_to_filter=None)
        if every < 1:
            raise BadInputError(
                f"every= is {every!r}; give 1 to capture each round, 2 for every other."
            )
        # NVFlare finds arguments by these names when it writes the job.
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.mini_batch = mini_batch
        self.loss = loss
        self.batch_size = batch_size
        self.epochs = epochs
        self.model = model
        self.out = out
        self.every = every
        self.options = options

    def process_dxo(self, dxo: Any, shareable: Any, fl_ctx: Any) -> None:
        """Captures what passes; NVFlare takes None for "unchanged"."""
        safely(
            "NVFlare's task was not captured",
            partial(self._capture, dxo, shareable, fl_ctx),
        )

    def _capture(self, dxo: Any, shareable: Any, context: Any) -> None:
        round = shareable.get_header("current_round")
        if round is None:
            raise BadInputError("it has no current_round.")
        if round % self.every:
            return
        _check_numbers(dxo)
        is_result = self.get_prop(_filter.FilterContextKey.CHAIN_TYPE) == (
            _filter.FilterChainType.TASK_RESULT_CHAIN
        )
        client = _client(is_result, context)
        folder = self._folder(context)
        if not is_result:
            folder.link(round, client, folder.write_once(round, "global", dxo.data))
            return
        add_capture(
            folder,
            round,
            client,
            "weights" if dxo.data_kind == _WEIGHTS else "difference",
            dxo.data,
            before=folder.linked(round, client),
            steps=dxo.get_meta_prop(_dxo.MetaKey.NUM_STEPS_CURRENT_ROUND),
        )

    def _folder(self, context: Any) -> RoundsFolder:
        """The job's, which its filters share."""
        path = Path(self.out)
        if not path.is_absolute():
            path = Path(context.get_workspace().get_run_dir(context.get_job_id())) / path
        folder = RoundsFolder(path)
        if not folder.exists:
            folder.write_settings(
                {
                    "framework": "NVFlare",
                    "model": self.model,
                    "options": self._training(),
                }
            )
        return folder

    def _training(self) -> dict[str, Any]:
        stated = {
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "mini_batch": self.mini_batch,
            "loss": self.loss,
            "batch_size": self.batch_size,
            **({} if self.epochs is None else {"epochs": self.epochs}),
        }
        return told({**stated, **(self.options or {})}, "NVFlare", sent=["epochs"])


def _check_numbers(dxo: Any) -> None:
    """Refuses what ``HEModelEncryptor`` has encrypted or ``ModelQuantizer`` has packed.

    Raises:
        BadInputError: the tensors are no numbers of the model's.
    """
    algorithm = dxo.get_meta_prop(_dxo.MetaKey.PROCESSED_ALGORITHM)
    if algorithm is None or str(algorithm).upper() == "FLOAT16":
        return
    are_processed = dxo.get_meta_prop(_dxo.MetaKey.PROCESSED_KEYS) or {}
    plain = [str(name) for name, is_processed in are_processed.items() if not is_processed]
    but = f", but for {', '.join(plain)}, which anybody can read" if plain else ""
    raise BadInputError(
        f"its tensors are encrypted or packed ({algorithm}){but}; put this filter where they are "
        "plain numbers."
    )


def _client(is_result: bool, context: Any) -> str:
    """Whose task it is: the peer's where this is the server, else one's own."""
    direction = context.get_prop(_constant.FLContextKey.FILTER_DIRECTION)
    is_server = (direction == _constant.FilterKey.IN) == is_result
    peer = context.get_peer_context() if is_server else None
    return str((context if peer is None else peer).get_identity_name())
