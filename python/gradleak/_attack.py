"""The functions of the package: a model and data of Python's in, the program's results out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

from ._call import Call, PathName
from ._errors import BadInputError
from ._models import Tensors
from ._results import AuditResult, Result

if TYPE_CHECKING:
    import torch

Model = Union[PathName, "torch.nn.Module"]


def audit(
    model: Model,
    batch: Any = None,
    *,
    labels: Any = None,
    loss: Any = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    defences: str | Sequence[str] | None = None,
    budget: float | None = None,
    fail_above: str = "C",
    out: PathName | None = None,
    quiet: bool = False,
    **options: Any,
) -> AuditResult:
    """Judges a model: what leaks from its gradients, how surely, and what stops it.

    The program plays a client that shares the gradient of the batch, attacks that with the strongest
    attacks that apply, and looks for defences that are enough. Nothing of the batch but the results
    stays on disk.

    Args:
        model: a ``torch.nn.Module``, which is written as ONNX; an ONNX file; or a built-in model.
        batch: one client's batch, whose examples share one gradient (``batch_size=1``: each its
            own): ``(x, y)`` as the client's loader gives it, x [N, C, H, W]; arrays; or paths of
            pictures. Bundled photographs where it is left out.
        labels: y where it is not in ``batch``; ``"random"`` to draw them.
        loss: ``cross-entropy`` (usual), ``mse``, ``bce``, or a loss of ``torch.nn``.
        mean: what the loader subtracts from pixels in 0...1, for each channel. It is undone, so that
            results are pictures; without it they are measured in units of x's range.
        std: what the loader then divides them by.
        defences: which to look for the strength of, such as ``["gaussian", "prune"]``; ``"none"``.
        budget: seconds for everything; 180 where it is left out.
        fail_above: what passes at most: a grade, or a PSNR such as ``"20dB"``.
        out: a folder for the results.
        quiet: whether no progress is shown.
        options: all others of ``gradleak audit``, with underscores: ``attack="dlg"``, ``seed=1``.

    Returns:
        The verdict; ``.passed``, ``.grade``, ``.images``.

    Raises:
        BadInputError: the program, the exporter or this package cannot use what was given.
        Interrupted: Ctrl-C; ``.result`` is what was found by then.
    """
    call = Call("audit", model, options, out=out, quiet=quiet)
    call.use_loss(loss)
    call.options.update(budget=budget, defences=defences, fail_above=fail_above)
    with call:
        if batch is not None:
            given = call.batch(batch, labels, mean, std)
            call.options.setdefault("batch_size", len(given.files))
            call.files += given.files
        elif labels is not None:
            raise BadInputError("There are labels and no batch; give (x, y).")
        call.options.update(mean=mean, std=std)
        return call.run(AuditResult, accepts=(0, 1, 3), fail_above=fail_above)


def audit_update(
    model: Model,
    update: Tensors | None = None,
    *,
    before: Tensors | None = None,
    after: Tensors | None = None,
    learning_rate: float | None = None,
    loss: Any = None,
    fail_above: str = "C",
    out: PathName | None = None,
    quiet: bool = False,
    **options: Any,
) -> AuditResult:
    """Judges an update that a client shared; nobody knows the originals, and the diagnosis decides.

    Args:
        model: as the client got it: a ``torch.nn.Module``, an ONNX file, or a built-in model.
        update: the gradient: a file; tensors by name or in order; a module, for its ``.grad``. With
            ``update_kind="difference"`` weights after training minus weights before.
        before: the weights that the client got; a module's own where only ``after`` is given.
        after: the weights that it sent back: a file, a ``state_dict``, a list of arrays (Flower).
        learning_rate: of the client, which differences of weights need.
        loss: as of :func:`audit`.
        fail_above: as of :func:`audit`.
        out: a folder for the results.
        quiet: whether no progress is shown.
        options: all others of ``gradleak audit``: ``batch_size=4``, ``optimizer="adam"``,
            ``epochs=2``, ``input_shape=(3, 32, 32)`` (which a module needs), ``budget=60``.

    Raises:
        BadInputError: as of :func:`audit`; also an update that does not fit the model.
        Interrupted: Ctrl-C; ``.result`` is what was found by then.
    """
    call = Call("audit", model, options, out=out, quiet=quiet)
    call.use_loss(loss)
    call.options.update(learning_rate=learning_rate, fail_above=fail_above)
    with call:
        call.update(update, before, after)
        return call.run(AuditResult, accepts=(0, 1, 3), fail_above=fail_above)


def reconstruct(
    model: Model,
    batch: Any = None,
    *,
    update: Tensors | None = None,
    before: Tensors | None = None,
    after: Tensors | None = None,
    truth: Any = None,
    labels: Any = None,
    loss: Any = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    out: PathName | None = None,
    quiet: bool = False,
    **options: Any,
) -> Result:
    """Reads pictures back from a client's update, or from the gradient of a batch.

    Args:
        model: as of :func:`audit_update`; with ``batch`` as of :func:`audit`.
        batch: a simulated client's batch, as of :func:`audit`; instead of an update.
        update: as of :func:`audit_update`.
        before: as of :func:`audit_update`.
        after: as of :func:`audit_update`.
        truth: beside an update the inputs that it was computed on, to measure by: x [N, C, H, W] as
            the loader gives them, or paths of pictures. The attack never sees them; of ``(x, y)`` it
            does not see y either.
        labels: beside an update those that the attacker knows; else as of :func:`audit`.
        loss: as of :func:`audit`.
        mean: as of :func:`audit`.
        std: as of :func:`audit`.
        out: a folder for the results.
        quiet: whether no progress is shown.
        options: all others of ``gradleak reconstruct``, with underscores.

    Raises:
        BadInputError: as of :func:`audit`.
        Interrupted: Ctrl-C; ``.result`` is what was found by then.
    """
    call = Call("reconstruct", model, options, out=out, quiet=quiet)
    call.use_loss(loss)
    call.options.update(mean=mean, std=std)
    has_update = not (update is None and before is None and after is None)
    with call:
        if batch is not None and has_update:
            raise BadInputError(
                "There are a batch and an update; give the update, and its inputs as truth=."
            )
        if batch is not None:
            given = call.batch(batch, labels, mean, std)
            call.options.setdefault("batch_size", len(given.files))
            call.files += given.files
        else:
            if truth is not None:
                call.truth(truth, mean, std)
            if labels is not None:
                call.label(labels)
            call.update(update, before, after)
        return call.run(Result, accepts=(0,))
