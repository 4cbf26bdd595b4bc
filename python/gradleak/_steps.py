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

    def first(self, given: Sequence[str]) -> dict[str, Any]:
        """What the program must know of the batch of the first step, or of the only gradient.

        Args:
            given: names of options that the user says.

        Raises:
            CaptureError: something cannot be told, and is not given; it is named.
        """
        return {} if "batch_size" in given else _batches(_single(self.passes[:1]))

    def options(self, given: Sequence[str]) -> dict[str, Any]:
        """What the program must know of all batches, and of the learning rate.

        Args:
            given: names of options that the user says.

        Raises:
            CaptureError: something cannot be told, and is not given; it is named.
        """
        if len(set(self.rates)) > 1 and "schedule" not in given:
            raise CaptureError(
                f"The learning rate went from {self.rates[0]} to {self.rates[-1]} in "
                f"{len(self.rates)} steps; give schedule=, such as "
                '"step:10:0.1", "cosine:100" or "linear:100:10".'
            )
        found: dict[str, Any] = {"learning_rate": self.rates[0]}
        if "batch_size" not in given:
            return {**found, **_batches(_single(self.passes[: len(self.rates)]))}
        if len(self.rates) > 1 and not {"epochs", "local_steps"} & set(given):
            found["local_steps"] = len(self.rates)
        return found


def _single(steps: Sequence[Sequence[Pass]]) -> list[Pass]:
    """The pass of each step, where there is one."""
    if not all(steps):
        raise CaptureError(
            "The forward pass was not inside the block, so that the size of the batch is not "
            "known; give batch_size=."
        )
    most = max(len(step) for step in steps)
    if most > 1:
        raise CaptureError(
            f"There were {most} forward passes before a step; give batch_size=, and accumulate= "
            "where gradients of several mini-batches make a step."
        )
    return [step[0] for step in steps]


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
