"""Writes a module of PyTorch as ONNX, so that its parameters keep their names."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._arrays import first_line, is_tensor
from ._errors import BadInputError, ExportError, GradleakWarning
from ._extras import needed
from ._models import unwrapped
from ._run import run


@dataclass(frozen=True)
class Exported:
    """A module's file.

    Attributes:
        path: of the ONNX file.
        lost: names of parameters that the file does not hold.
    """

    path: Path
    lost: Sequence[str]


def export(
    module: Any,
    shape: Sequence[int],
    path: Path,
    *,
    training: bool,
    batch_size: int | None = None,
    weights: Mapping[str, Any] | None = None,
) -> Exported:
    """Writes a copy of a module, in f32 or f64 and in memory of the processor.

    The TorchScript exporter is tried first, since it is the quicker one; then the newer one, which
    needs the package onnxscript. Both leave batch normalisation apart from convolutions.

    Args:
        module: what the client trains; left as it is.
        shape: of one input, without the batch: [C, H, W].
        path: of the file.
        training: whether batch normalisation uses the batch's own statistics.
        batch_size: of the client, with which the module must be able to compute; None where that
            is not known.
        weights: a ``state_dict`` in place of the module's own; None for those.

    Raises:
        ExportError: neither exporter can, with the reason.
    """
    torch = needed("torch", "Writing a module as ONNX")
    copied = _copy(module, training)
    if weights is not None:
        copied.load_state_dict(weights, strict=False)
    dtype = next((p.dtype for p in copied.parameters()), torch.float32)
    example = torch.zeros((2 if training else 1, *shape), dtype=dtype)
    _check(copied, torch.zeros((batch_size or len(example), *shape), dtype=dtype))
    reasons: list[str] = []
    best: Exported | None = None
    for write in (_write_torchscript, _write_dynamo):
        file = path.with_name(f"{path.stem}-{len(reasons)}.onnx") if best else path
        reason = _attempt(write, copied, example, file)
        if reason is not None:
            reasons.append(reason)
            continue
        exported = Exported(file, _lost(copied, file))
        if best is None or len(exported.lost) < len(best.lost):
            best = exported
        if not best.lost:
            return best
        reasons.append("parameters were lost")
    if best is None:
        raise ExportError(
            f"PyTorch cannot write this {type(module).__name__} as ONNX: {reasons[0]}"
            + (f"; its newer exporter: {reasons[1]}" if reasons[1] != reasons[0] else "")
            + ". Export it yourself and give the file."
        )
    warnings.warn(
        f"The ONNX file does not hold {_listed(best.lost)} under "
        f"{'its name' if len(best.lost) == 1 else 'their names'}; updates are matched by shape.",
        GradleakWarning,
        stacklevel=4,
    )
    return best


def _copy(module: Any, training: bool) -> Any:
    torch = needed("torch", "Writing a module as ONNX")
    inner = unwrapped(module)
    # Tensors are copied to the processor's memory, and not within that of a GPU first.
    copies: dict[int, Any] = {}
    for parameter in inner.parameters():
        numbers = parameter.detach().cpu().clone()
        copies[id(parameter)] = torch.nn.Parameter(numbers, parameter.requires_grad)
    for part in inner.modules():
        for tensor in (*part.buffers(recurse=False), *vars(part).values()):
            if is_tensor(tensor):
                copies.setdefault(id(tensor), tensor.detach().cpu().clone())
    try:
        copied = copy.deepcopy(inner, copies)
    except Exception as error:
        raise ExportError(
            f"The {type(inner).__name__} cannot be copied: {first_line(error)}. "
            "Export it to ONNX yourself and give the file."
        ) from error
    kinds = {str(p.dtype) for p in copied.parameters()}
    if not kinds:
        raise ExportError(
            f"The {type(inner).__name__} has no parameters; there is nothing to share."
        )
    if kinds != {"torch.float64"}:
        copied = copied.to(torch.float32)
    return copied.cpu().train(training)


def _check(module: Any, example: Any) -> None:
    torch = needed("torch", "Writing a module as ONNX")
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module(example)
    except Exception as error:
        mode = "training" if module.training else "evaluation"
        hint = ' Give batch_size=, or mode="evaluation".' if "when training" in str(error) else ""
        raise BadInputError(
            f"The module cannot compute inputs of shape {list(example.shape)} in {mode} mode: "
            f"{first_line(error)}.{hint}"
        ) from error


def _attempt(
    write: Callable[[Any, Any, Path], None], module: Any, example: Any, path: Path
) -> str | None:
    """Why an exporter cannot; None when it could."""
    try:
        with _silence():
            write(module, example, path)
        return None
    except ImportError as error:
        return f"{error}"
    except Exception as error:  # noqa: BLE001 (exporters raise whatever they like)
        # The newer exporter wraps the reason in advice.
        return first_line(error.__cause__ or error)


def _write_torchscript(module: Any, example: Any, path: Path) -> None:
    torch = needed("torch", "Writing a module as ONNX")
    torch.onnx.export(
        module,
        (example,),
        str(path),
        dynamo=False,
        input_names=["images"],
        dynamic_axes={"images": {0: "batch"}},
        # Folding would put batch normalisation into convolutions, and with it their gradients.
        do_constant_folding=False,
        training=torch.onnx.TrainingMode.PRESERVE,
    )


def _write_dynamo(module: Any, example: Any, path: Path) -> None:
    torch = needed("torch", "Writing a module as ONNX")
    needed("onnxscript", "PyTorch's newer exporter")
    settings = {
        "dynamo": True,
        "optimize": False,
        "external_data": False,
        "verbose": False,
        "input_names": ["images"],
    }
    # Of a single example the exporter takes the batch for fixed.
    examples = torch.cat([example, example])[:2]
    try:
        shapes = ({0: "batch"},)
        torch.onnx.export(module, (examples,), str(path), dynamic_shapes=shapes, **settings)
    except torch.onnx.OnnxExporterError:
        # A model that is written for one batch size alone.
        torch.onnx.export(module, (example,), str(path), **settings)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Exporters warn of themselves, log, and print graphs, from C++ too."""
    torch = needed("torch", "Writing a module as ONNX")
    disabled = logging.root.manager.disable
    # Its fast path has no operators in ONNX.
    attention = getattr(torch.backends, "mha", None)
    fast = attention.get_fastpath_enabled() if attention else False
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        for descriptor in (1, 2):
            stack.enter_context(_diverted(descriptor))
        stack.callback(logging.disable, disabled)
        logging.disable(logging.CRITICAL)
        if attention:
            stack.callback(attention.set_fastpath_enabled, fast)
            attention.set_fastpath_enabled(False)
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _diverted(descriptor: int) -> Iterator[None]:
    """Sends what is written to a descriptor nowhere."""
    try:
        kept = os.dup(descriptor)
    except OSError:
        # It is closed, as that of a service may be.
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
        os.close(null)


def _lost(module: Any, path: Path) -> Sequence[str]:
    """Names of parameters that a file does not hold, as the program reads it."""
    held = {
        p["name"]
        for p in json.loads(run("inspect", path, "--json", quiet=True).stdout)["parameters"]
    }
    return [name for name, _ in module.named_parameters() if name not in held]


def _listed(names: Sequence[str], limit: int = 3) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} others"
