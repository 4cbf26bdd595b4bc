"""What a client's forward passes and steps tell of its batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ._errors import CaptureError
from ._extras import needed


@dataclass(frozen=True)
class Pass:
    """One forward pass.

    Attributes:
        size: examples.
        shape: of one of them.
        digest: tells whether two passes had the same batch; nothing else is kept of it.
    """

    size: int
    shape: tuple[int, ...]
    digest: bytes

    @staticmethod
    def of(x: Any) -> Pass:
        """That of a batch [N, ...], a tensor."""
        numbers = x.detach().cpu().contiguous()
        torch = needed("torch", "Capturing")
        data = numbers.flatten().view(torch.uint8).numpy().tobytes()
        return Pass(
            size=int(x.shape[0]),
            shape=tuple(x.shape[1:]),
            digest=hashlib.sha256(data).digest(),
        )


@dataclass
class Course:
    """The passes of a client's training, and its steps.

    Attributes:
        passes: those before each step.
        rates: the learning rate of each step.
    """

    passes: list[list[Pass]] = field(default_factory=lambda: [[]])
    rates: list[float] = field(default_factory=list)

    def forward(self, x: Any) -> None:
        """A forward pass."""
        self.passes[-1].append(Pass.of(x))

    def step(self, rate: float) -> None:
        """A step of the optimiser."""
        self.rates.append(rate)
        self.passes.append([])

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of one input; None where no pass was seen."""
        return next((p.shape for step in self.passes for p in step), None)

    def options(self, given: Sequence[str]) -> dict[str, Any]:
        """What the program must know of the batches and the learning rate.

        Args:
            given: names of options that the user says.

        Raises:
            CaptureError: something cannot be told, and is not given; it is named.
        """
        found: dict[str, Any] = {}
        if self.rates:
            found["learning_rate"] = self.rates[0]
            if len(set(self.rates)) > 1 and "schedule" not in given:
                raise CaptureError(
                    f"The learning rate went from {self.rates[0]} to {self.rates[-1]} in "
                    f"{len(self.rates)} steps; give schedule=, such as "
                    '"step:10:0.1", "cosine:100" or "linear:100:10".'
                )
        steps = max(len(self.rates), 1)
        seen = self.passes[:steps]
        if "batch_size" in given:
            if steps > 1 and not {"epochs", "local_steps"} & set(given):
                found["local_steps"] = steps
            return found
        if not all(seen):
            raise CaptureError(
                "The forward pass was not inside the block, so that the size of the batch is not "
                "known; give batch_size=."
            )
        if any(len(step) > 1 for step in seen):
            raise CaptureError(
                f"There were {max(len(step) for step in seen)} forward passes before a step; give "
                "batch_size=, and accumulate= where gradients of several mini-batches make a step."
            )
        return {**found, **_batches([step[0] for step in seen])}


def _batches(passes: Sequence[Pass]) -> dict[str, Any]:
    if len(passes) == 1:
        return {"batch_size": passes[0].size}
    digests = [p.digest for p in passes]
    count = len(set(digests))
    is_periodic = len(passes) % count == 0 and digests == digests[:count] * (len(passes) // count)
    if not is_periodic:
        raise CaptureError(
            f"The {len(passes)} steps saw {count} batches in no order that repeats; give batch_size= "
            "(examples in all), mini_batch= and epochs=, and shuffle_epochs=True where each epoch "
            "drew its batches anew."
        )
    first = passes[:count]
    found: dict[str, Any] = {
        "batch_size": sum(p.size for p in first),
        "epochs": len(passes) // count,
    }
    if count > 1:
        found["mini_batch"] = first[0].size
        if any(p.size != first[0].size for p in first[:-1]):
            raise CaptureError(
                f"The steps' batches have sizes {[p.size for p in first]}, and all but the last must "
                'be equal; attack the first gradient: shared="gradient".'
            )
    return found
