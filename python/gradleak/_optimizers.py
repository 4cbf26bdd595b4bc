"""Optimisers of PyTorch as options of the program."""

from __future__ import annotations

import copy
from typing import Any

from ._errors import CaptureError

#: For each optimiser the program's name, and its options by the keys of PyTorch's groups.
_KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "AdamW": (
        "adamw",
        {"weight_decay": "weight_decay", "eps": "eps", "amsgrad": "amsgrad"},
    ),
    "Adam": (
        "adam",
        {"weight_decay": "weight_decay", "eps": "eps", "amsgrad": "amsgrad"},
    ),
    "RMSprop": (
        "rmsprop",
        {
            "weight_decay": "weight_decay",
            "eps": "eps",
            "alpha": "alpha",
            "momentum": "momentum",
            "centered": "centered",
        },
    ),
    "SGD": (
        "sgd",
        {
            "weight_decay": "weight_decay",
            "momentum": "momentum",
            "nesterov": "nesterov",
        },
    ),
}


def inner(optimizer: Any) -> Any:
    """The optimiser that Opacus and others wrap."""
    wrapped = getattr(optimizer, "original_optimizer", None)
    return optimizer if wrapped is None else inner(wrapped)


def learning_rate(optimizer: Any) -> float:
    """The rate of all groups.

    Raises:
        CaptureError: they differ.
    """
    return float(_common(optimizer, "lr"))


def optimizer_options(optimizer: Any) -> dict[str, Any]:
    """What the program must know of an optimiser, but for its learning rate and its state.

    Raises:
        CaptureError: the program does not know it, or groups differ.
    """
    optimizer = inner(optimizer)
    names = [base.__name__ for base in type(optimizer).__mro__]
    kind = next((name for name in names if name in _KINDS), None)
    if kind is None:
        raise CaptureError(
            f"The optimiser is a {names[0]}, and SGD, Adam, AdamW and RMSprop are modelled; "
            'attack what it was given: shared="gradient".'
        )
    name, keys = _KINDS[kind]
    if kind == "Adam" and optimizer.param_groups[0].get("decoupled_weight_decay"):
        name = "adamw"
    for key in ("maximize", "dampening"):
        if _common(optimizer, key, default=0):
            raise CaptureError(
                f'The optimiser has {key}, which is not modelled; attack shared="gradient".'
            )
    options: dict[str, Any] = {} if name == "sgd" else {"optimizer": name}
    for key, option in keys.items():
        value = _common(optimizer, key)
        if value is not False and (name != "sgd" or value):
            options[option] = value
    if kind in ("Adam", "AdamW"):
        options["beta1"], options["beta2"] = _common(optimizer, "betas")
    return options


def kept_state(optimizer: Any) -> Any:
    """A copy of what an optimiser kept from earlier steps; None for nothing."""
    state = inner(optimizer).state_dict()
    holds = any(value is not None for kept in state["state"].values() for value in kept.values())
    return copy.deepcopy(state) if holds else None


def _common(optimizer: Any, key: str, default: Any = None) -> Any:
    values = [group.get(key, default) for group in inner(optimizer).param_groups]
    if any(value != values[0] for value in values):
        raise CaptureError(
            f"The optimiser's groups have different {key} ({values[0]} and others), which is not "
            'modelled; attack shared="gradient".'
        )
    return values[0]
