"""The client's loss as the program names it."""

from __future__ import annotations

from typing import Any

from ._arrays import array
from ._errors import BadInputError

_NAMES = {
    "CrossEntropyLoss": "cross-entropy",
    "cross_entropy": "cross-entropy",
    "MSELoss": "mse",
    "mse_loss": "mse",
    "BCEWithLogitsLoss": "bce",
    "binary_cross_entropy_with_logits": "bce",
    # Of the sigmoid that the model ends in, which the program takes out.
    "BCELoss": "bce",
    "binary_cross_entropy": "bce",
}


def loss_options(loss: Any) -> dict[str, Any]:
    """The options of a loss.

    Args:
        loss: a name of the program's, or a loss of PyTorch: a module such as
            ``torch.nn.CrossEntropyLoss(label_smoothing=0.1)``, whose settings are read off it, or
            a function such as ``torch.nn.functional.cross_entropy``.

    Raises:
        BadInputError: the program does not know the loss.
    """
    if loss is None or isinstance(loss, str):
        return {"loss": loss}
    kind = type(loss).__name__
    name = _NAMES.get(kind) or _NAMES.get(getattr(loss, "__name__", ""))
    if name is None:
        raise BadInputError(
            f"loss= is a {getattr(loss, '__name__', kind)}; give CrossEntropyLoss, MSELoss or "
            "BCEWithLogitsLoss of torch.nn, or cross-entropy, mse or bce."
        )
    options: dict[str, Any] = {"loss": name}
    reduction = getattr(loss, "reduction", "mean")
    if reduction == "none":
        raise BadInputError("loss= has reduction='none'; give the reduction that makes one number.")
    if reduction != "mean":
        options["reduction"] = reduction
    if getattr(loss, "label_smoothing", 0.0):
        options["label_smoothing"] = loss.label_smoothing
    if getattr(loss, "pos_weight", None) is not None:
        raise BadInputError("loss= has a pos_weight, which is not modelled; leave it out.")
    if getattr(loss, "ignore_index", -100) >= 0:
        raise BadInputError("loss= has an ignore_index, which is not modelled; leave it out.")
    weight = getattr(loss, "weight", None)
    if weight is not None:
        if name != "cross-entropy":
            raise BadInputError(
                f"loss= has weights, which are not modelled for {name}; leave them out."
            )
        options["class_weights"] = [float(w) for w in array(weight, "The loss's weight")]
    return options
