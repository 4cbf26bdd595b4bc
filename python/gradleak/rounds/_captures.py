"""Writes an update of one client, and beside it what the program is to be told of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._errors import BadInputError
from .._experiment import experiment
from ._folder import Capture, Member, RoundsFolder, Tensors
from ._training import options_of


def add_capture(
    folder: RoundsFolder,
    round: int,
    client: str,
    kind: str,
    tensors: Tensors,
    *,
    before: Path | None,
    examples: int | None = None,
    steps: int | None = None,
    members: Sequence[Member] = (),
) -> None:
    """Writes what one client shared in a round, or the mean of several, and ``client-7.experiment.json`` for ``gradleak run``.

    Args:
        folder: of the training.
        round: of training.
        client: its name or number, or a name of the mean.
        kind: ``weights``, ``difference`` or ``gradient``.
        tensors: by name or in order.
        before: the file of the weights that it got; None where they were not seen.
        examples: that it says it trained on.
        steps: that it says it took.
        members: the clients of a mean.

    Raises:
        BadInputError: there are no tensors, or they hold no numbers.
    """
    capture = folder.add(
        round,
        client,
        kind,
        tensors,
        before=before,
        examples=examples,
        steps=steps,
        members=members,
    )
    settings = folder.settings
    try:
        model = model_of(folder, settings.get("model"))
        chosen = {
            **options_of(capture, settings.get("options", {})),
            **files_of(capture),
        }
        written = experiment(Path(model), chosen)
    except BadInputError:
        # The audit says what is missing, which may be told by then.
        return
    if not Path(model).is_absolute():
        written["model"]["name"] = model
    folder.write_json(capture.folder.with_name(capture.folder.name + ".experiment.json"), written)


def model_of(folder: RoundsFolder, model: Any) -> str:
    """The model's file, or the name of a built-in model.

    Args:
        model: as the settings have it; a module is none.

    Raises:
        BadInputError: there is none.
    """
    if model is None:
        raise BadInputError("Nobody said which model is trained; say it with model=.")
    for path in (folder.path / str(model), Path(str(model))):
        if path.exists():
            return str(path.resolve())
    return str(model)


def files_of(capture: Capture) -> dict[str, Any]:
    """The options that name a capture's files.

    Raises:
        BadInputError: what the client got was not captured, and is needed.
    """
    if capture.before is None:
        raise BadInputError(
            f"What client {capture.client} got in round {capture.round} was not captured, "
            "and without those weights what it sent back tells nothing."
        )
    if capture.kind == "weights":
        return {"before": capture.before, "after": capture.after}
    return {"weights": capture.before, "update": capture.after}
