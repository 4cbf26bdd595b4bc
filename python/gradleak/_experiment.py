"""Options of the command line as an experiment's file, which ``gradleak run`` takes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._errors import BadInputError
from ._losses import loss_options

_VERSION = 3

#: Where options stand in the file, but for those of the client.
_PLACES = {
    "weights": ("model", "weights"),
    "before": ("model", "weights"),
    "loss": ("loss", "kind"),
    "reduction": ("loss", "reduction"),
    "label_smoothing": ("loss", "labelSmoothing"),
    "class_weights": ("loss", "classWeights"),
    "loss_scale": ("loss", "scale"),
    "keep_softmax": ("loss", "keepsSoftmax"),
    "attack": ("attack", "attack"),
    "seed": ("attack", "seed"),
    "trials": ("attack", "trials"),
    "iterations": ("attack", "iterations"),
    "precision": ("attack", "precision"),
    "time_limit": ("attack", "timeLimit"),
    "attacker": ("attack", "attacker"),
    "clients": ("client", "count"),
    "shuffle_epochs": ("client", "shufflesEpochs"),
}
_OF_CLIENT = {
    "epochs",
    "mini_batch",
    "learning_rate",
    "optimizer",
    "momentum",
    "nesterov",
    "weight_decay",
    "beta1",
    "beta2",
    "alpha",
    "eps",
    "amsgrad",
    "centered",
    "optimizer_state",
    "schedule",
    "accumulate",
    "clip_norm",
    "clip_value",
    "proximal",
    "weight_precision",
}


def experiment(model: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment that attacks a captured update.

    Args:
        model: the ONNX file.
        options: of ``gradleak reconstruct``, with underscores; those that an experiment does not
            hold are left out.

    Raises:
        BadInputError: no number of epochs makes ``local_steps``.
    """
    is_of_weights = options.get("after") is not None
    sections: dict[str, dict[str, Any]] = {
        "data": {
            "update": {
                "file": os.path.abspath(options["after" if is_of_weights else "update"]),
                "kind": "weights" if is_of_weights else options.get("update_kind", "gradient"),
                "batchSize": options.get("batch_size", 1),
            }
        },
        "model": {"name": os.path.abspath(model)},
        "loss": {},
        "client": {},
        "attack": {},
    }
    spread = {**options, **loss_options(options.get("loss"))}
    for name, value in spread.items():
        if value is None:
            continue
        plain = os.path.abspath(value) if isinstance(value, os.PathLike) else value
        if name in _PLACES:
            section, key = _PLACES[name]
            sections[section][key] = plain
        elif name in _OF_CLIENT:
            sections["client"][_camel(name)] = plain
        elif name == "local_steps":
            sections["client"]["epochs"] = _epochs(plain, options)
    kept = {name: section for name, section in sections.items() if section}
    return {"version": _VERSION, **kept, "mode": options.get("mode", "evaluation")}


def _epochs(steps: int, options: Mapping[str, Any]) -> int:
    """Epochs that come to so many steps, as the program counts them."""
    size = options.get("batch_size") or 1
    batches = -(-size // (options.get("mini_batch") or size))
    an_epoch = max(batches // (options.get("accumulate") or 1), 1)
    if steps % an_epoch != 0:
        raise BadInputError(
            f"local_steps= is {steps}, and an epoch of {size} examples has {an_epoch}; "
            "give a multiple of that, or epochs=."
        )
    return steps // an_epoch


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)
