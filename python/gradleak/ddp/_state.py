"""What a process of DistributedDataParallel is about to share, bucket by bucket."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from .._errors import BadInputError
from .._losses import loss_options
from .._models import unwrapped
from ..rounds._audits import Audits, audits
from ..rounds._captures import add_capture
from ..rounds._folder import RoundsFolder
from ..rounds._recorder import set_up
from ..rounds._safely import safely
from ..rounds._training import check_names


class State:
    """What :func:`gradleak.ddp.hook` keeps of one process between the buckets of a step.

    The gradient is the process's own, before any average: that of its batch, or of all batches
    since the last exchange where ``no_sync()`` gathered them. Weights are those that it was computed
    with. Every process writes to a folder of its own in ``out``, ``rank-0`` and so on.

    Args:
        model: the ``DistributedDataParallel``.
        out: a new folder, which only its owner can read.
        input_shape: [C, H, W] of one input.
        batch_size: examples of this process in each step.
        loss: ``cross-entropy``, ``mse``, ``bce``, or a loss of ``torch.nn``.
        every: captures steps 0, every, and so on.
        steps: captures so many at most; no limit where it is left out.
        process_group: of the exchange; the default group where it is left out.
        options: of audits, such as ``budget=60``.

    Raises:
        BadInputError: an option is unknown, the model cannot be written, or the folder is in use.
    """

    def __init__(
        self,
        model: Any,
        *,
        out: str | os.PathLike[str] = "audit/",
        input_shape: Sequence[int],
        batch_size: int,
        loss: Any,
        every: int = 1,
        steps: int | None = None,
        process_group: dist.ProcessGroup | None = None,
        **options: Any,
    ) -> None:
        if every < 1 or batch_size < 1:
            raise BadInputError(
                f"every= is {every} and batch_size= {batch_size}; give numbers from 1 on."
            )
        check_names(options)
        self.process_group = process_group
        self.rank = dist.get_rank(process_group)
        self._model = unwrapped(model)
        self._names = {parameter: name for name, parameter in self._model.named_parameters()}
        self._every = every
        self._left = steps
        self._batch_size = batch_size
        self._step = 0
        self._gradients: dict[str, torch.Tensor] = {}
        self._folder = RoundsFolder(Path(out) / f"rank-{self.rank}")
        chosen = {
            **options,
            **loss_options(loss),
            "input_shape": input_shape,
            "attacker": "neighbour",
        }
        set_up(self._folder, "DistributedDataParallel", self._model, chosen)

    @property
    def out(self) -> Path:
        """This process's folder of captures and audits."""
        return self._folder.path

    def results(self) -> Audits:
        """Audits this process's steps that have no audit yet, and gives all of its audits."""
        return audits(self._folder.path)

    def see(self, bucket: Any) -> None:
        """Captures a bucket; the step's last one writes it. Failures are logged, and none is raised."""
        if self._left == 0:
            return
        if self._step % self._every == 0:
            safely(f"Step {self._step} was not captured", partial(self._see, bucket))
        if bucket.is_last():
            self._step += 1

    def _see(self, bucket: Any) -> None:
        if bucket.index() == 0:
            # What a step left that an error ended.
            self._gradients = {}
        # Buckets are put together anew after the first step; parameters are known by themselves.
        for parameter, gradient in zip(bucket.parameters(), bucket.gradients()):
            self._gradients[self._names[parameter]] = gradient.detach().clone()
        if not bucket.is_last():
            return
        gradients, self._gradients = self._gradients, {}
        before = self._folder.write_tensors(self._step, "weights", self._model.state_dict())
        add_capture(
            self._folder,
            self._step,
            f"rank-{self.rank}",
            "gradient",
            gradients,
            before=before,
            examples=self._batch_size,
        )
        if self._left is not None:
            self._left -= 1
