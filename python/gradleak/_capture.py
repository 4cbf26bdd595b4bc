"""Captures what a client shares, while it trains."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._arrays import is_tensor, write_tensors
from ._attack import audit_update, reconstruct
from ._call import PathName, extents, usual_mode
from ._errors import CaptureError, GradleakError
from ._experiment import experiment
from ._extras import needed
from ._models import is_module, unwrapped
from ._onnx import export
from ._optimizers import inner, kept_state, learning_rate, optimizer_options
from ._results import AuditResult, Result
from ._steps import Course
from ._workspace import Workspace

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self


def capture(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    loss: Any = None,
    input_shape: Any = None,
    out: PathName | None = None,
) -> Tap:
    """Listens to a client's training, to attack what it would share::

        with gradleak.capture(model, optimizer) as tap:
            loss_function(model(x), y).backward()
            optimizer.step()
        print(tap.reconstruct(truth=x))

    Weights before and after, the gradients of the first step, and what the optimiser is and kept
    are written when the block ends: ``before.pt``, ``after.pt``, ``gradient.pt``,
    ``optimizer-state.pt``, ``model.onnx`` and ``settings.json``, which ``gradleak run`` takes.
    Of batches only their sizes and whether they repeat are kept.

    Args:
        model: what the client trains; it may be wrapped by DistributedDataParallel.
        optimizer: what takes its steps, one or many; None where gradients are shared.
        loss: as of :func:`gradleak.audit`.
        input_shape: of one input, where the forward pass is not inside the block.
        out: a new folder for the files; where it is left out they live as long as the tap.

    Raises:
        CaptureError: ``out`` holds files; when the block ends: nothing was shared in it.
    """
    if not is_module(model):
        raise CaptureError(f"model= is a {type(model).__name__}; give a torch.nn.Module.")
    if optimizer is not None and not hasattr(inner(optimizer), "register_step_post_hook"):
        raise CaptureError(
            f"optimizer= is a {type(optimizer).__name__} without step hooks; give an optimiser of "
            "PyTorch 2.0 or later."
        )
    return Tap(model, optimizer, loss=loss, input_shape=input_shape, out=out)


class Tap:
    """What was captured; see :func:`capture`.

    Attributes:
        folder: where the files are.
        before: weights by name, as the client got them.
        after: weights by name, as it shares them: those that its optimiser trains, and buffers.
        gradients: of the first step, by name.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        *,
        loss: Any,
        input_shape: Any,
        out: PathName | None,
    ) -> None:
        self._model, self._module, self._optimizer = model, unwrapped(model), optimizer
        self._loss = loss
        self._shape = None if input_shape is None else extents(input_shape)
        self._workspace = Workspace() if out is None else None
        self.folder = Path(out) if out is not None else Path(self._workspace_path())
        self._course = Course()
        self._hooks: list[Any] = []
        self._mode = "evaluation"
        self._settings: dict[str, Any] = {}
        self._problem: CaptureError | None = None
        self._state: Any = None
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}
        self.gradients: dict[str, Any] = {}

    def _workspace_path(self) -> str:
        return "" if self._workspace is None else os.fspath(self._workspace.path)

    @property
    def steps(self) -> int:
        """The optimiser's steps in the block."""
        return len(self._course.rates)

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """One for each step."""
        return tuple(self._course.rates)

    # Listening

    def __enter__(self) -> Self:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._workspace is None and any(self.folder.iterdir()):
            raise CaptureError(
                f"{str(self.folder)!r} holds files; give out= the name of a new folder."
            )
        self.before = self._weights()
        self._mode = usual_mode(self._module)
        self._hooks.append(
            self._model.register_forward_pre_hook(self._on_forward, with_kwargs=True)
        )
        if self._optimizer is not None:
            optimizer = inner(self._optimizer)
            self._state = kept_state(optimizer)
            self._hooks.append(optimizer.register_step_post_hook(self._on_step))
        return self

    def _on_forward(self, module: Any, args: Any, kwargs: Any) -> None:
        torch = needed("torch", "Capturing")
        if not torch.is_grad_enabled():
            return
        x = next((a for a in (*args, *kwargs.values()) if is_tensor(a) and a.dim() > 0), None)
        if x is not None:
            self._course.forward(x)

    def _on_step(self, optimizer: Any, *_: Any) -> None:
        if not self.gradients:
            self.gradients = self._current_gradients()
        if not self._settings:
            try:
                self._settings = optimizer_options(optimizer)
            except CaptureError as problem:
                self._problem = problem
        try:
            rate = learning_rate(optimizer)
        except CaptureError as problem:
            self._problem, rate = problem, float("nan")
        self._course.step(rate)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
        if kind is not None:
            return
        if not self.gradients:
            self.gradients = self._current_gradients()
        self.after = self._weights(only_trained=True)
        if not self.steps and not self.gradients:
            raise CaptureError(
                "Nothing was shared in the block: there was neither loss.backward() nor "
                "optimizer.step(); put them inside."
            )
        self._write()

    def _weights(self, *, only_trained: bool = False) -> dict[str, Any]:
        frozen = self._frozen() if only_trained else set()
        return {
            name: value.detach().cpu().clone()
            for name, value in self._module.state_dict().items()
            if name not in frozen and is_tensor(value)
        }

    def _frozen(self) -> set[str]:
        """Parameters that the optimiser does not have, and that therefore do not move."""
        named = dict(self._module.named_parameters())
        if self._optimizer is None:
            return {name for name, p in named.items() if not p.requires_grad}
        groups = inner(self._optimizer).param_groups
        trained = {id(p) for group in groups for p in group["params"] if p.requires_grad}
        return {name for name, p in named.items() if id(p) not in trained}

    def _current_gradients(self) -> dict[str, Any]:
        return {
            name: p.grad.detach().cpu().clone()
            for name, p in self._module.named_parameters()
            if p.grad is not None
        }

    # Files

    def _write(self) -> None:
        torch = needed("torch", "Capturing")
        write_tensors(self.before, self.folder / "before", None)
        if self.steps:
            write_tensors(self.after, self.folder / "after", None)
        if self.gradients:
            write_tensors(self.gradients, self.folder / "gradient", None)
        if self.steps and self._state is not None:
            torch.save(self._state, self.folder / "optimizer-state.pt")
        for path in self.folder.iterdir():
            path.chmod(0o600)
        try:
            self._prepare({})
        except GradleakError:
            # Training goes on; reconstruct and audit say it again, and ask for what is missing.
            return

    def options(self, *, shared: str | None = None, **given: Any) -> dict[str, Any]:
        """What the attack is told: options of ``gradleak reconstruct``, with underscores.

        Args:
            shared: ``weights`` (usual after a step of the optimiser) or ``gradient``.
            given: what is known besides, and takes precedence.

        Raises:
            CaptureError: something could not be seen, and is not given; it is named.
        """
        is_of_weights = self._is_of_weights(shared)
        found: dict[str, Any] = {"mode": self._mode}
        if not is_of_weights:
            return {**found, **self._course.first(list(given)), **given}
        if self._problem is not None:
            raise self._problem
        found.update(self._course.options(list(given)))
        found.update(self._settings)
        if self._state is not None:
            found["optimizer_state"] = self.folder / "optimizer-state.pt"
        return {**found, **given}

    def _is_of_weights(self, shared: str | None) -> bool:
        if shared is None:
            return self.steps > 0
        if shared not in ("weights", "gradient"):
            raise CaptureError(f"shared= is {shared!r}; give weights or gradient.")
        if shared == "weights" and not self.steps:
            raise CaptureError(
                "The optimiser took no step in the block; give it to capture(), or attack "
                'shared="gradient".'
            )
        if shared == "gradient" and not self.gradients:
            raise CaptureError(
                "There were no gradients when the block ended; keep them until then."
            )
        return shared == "weights"

    def _prepare(self, options: Mapping[str, Any], shared: str | None = None) -> dict[str, Any]:
        """The attack's options, the model's file among them; settings.json is written where it can be."""
        given = dict(options)
        shape = given.pop("input_shape", None) or self._shape or self._course.shape
        found = self.options(shared=shared, **given)
        if shape is None:
            raise CaptureError(
                "The forward pass was not inside the block, so that the shape of inputs is not "
                "known; give input_shape=(C, H, W)."
            )
        path = self.folder / "model.onnx"
        if not path.exists():
            exported = export(
                self._module,
                extents(shape),
                path,
                training=found["mode"] == "training",
                batch_size=int(found.get("batch_size") or 1),
                weights=self.before,
            )
            exported.path.replace(path)
            path.chmod(0o600)
        found.setdefault("loss", self._loss)
        if self._is_of_weights(shared):
            found.update(before=self.folder / "before.pt", after=self.folder / "after.pt")
        else:
            found.update(update=self.folder / "gradient.pt", weights=self.folder / "before.pt")
        file = self.folder / "settings.json"
        text = json.dumps(experiment(path, found), indent=2)
        file.write_text(text + "\n", encoding="utf-8")
        file.chmod(0o600)
        return found

    # Attacks

    def reconstruct(self, *, shared: str | None = None, **options: Any) -> Result:
        """Reads the batch back from what was captured.

        Args:
            shared: ``weights`` (usual after a step of the optimiser) or ``gradient``.
            options: of :func:`gradleak.reconstruct`: ``truth=x``, ``labels=y``, ``out=...``; also what
                could not be seen: ``batch_size``, ``input_shape``, ``loss``, ``reduction``.

        Raises:
            CaptureError: something could not be seen, and is not given; it is named.
            GradleakError: as of :func:`gradleak.reconstruct`.
        """
        data = {k: options.pop(k) for k in _OF_RECONSTRUCT if k in options}
        found = self._prepare(options, shared)
        return reconstruct(self.folder / "model.onnx", **found, **data)

    def audit(self, *, shared: str | None = None, **options: Any) -> AuditResult:
        """Judges what was captured; see :meth:`reconstruct` and :func:`gradleak.audit_update`."""
        data = {k: options.pop(k) for k in _OF_AUDIT if k in options}
        found = self._prepare(options, shared)
        return audit_update(self.folder / "model.onnx", **found, **data)


_OF_RECONSTRUCT = ("truth", "labels", "out", "quiet", "mean", "std")
_OF_AUDIT = ("out", "quiet", "fail_above", "budget")
