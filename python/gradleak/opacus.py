"""Audits of DP-SGD as Opacus runs it: how much of a batch its clipped and noisy gradient gives away::

model, optimizer, loader = engine.make_private(module=model, optimizer=optimizer, ...)
privacy = gradleak.opacus.GradLeakAuditor(engine, optimizer)
print(privacy.audit(model, (x, y), loss="cross-entropy"))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._attack import reconstruct
from ._errors import BadInputError
from ._extras import needed
from ._privacy import PrivacyCheck, check_privacy
from ._results import Result

_FLAT = ("DPOptimizer", "DPOptimizerFastGradientClipping", "AdaClipDPOptimizer")


@dataclass(frozen=True)
class PrivacySpent:
    """What an engine promises for its training so far.

    Attributes:
        epsilon: of (epsilon, delta)-differential privacy, by the engine's own accountant.
        steps: of the optimiser, all of them.
        sample_rate: share of the data in each batch, of the latest steps.
    """

    epsilon: float
    delta: float
    steps: int
    sample_rate: float

    def __str__(self) -> str:
        steps = "1 step" if self.steps == 1 else f"{self.steps} steps"
        return f"epsilon {self.epsilon:.3g} at delta {self.delta:g} after {steps}"


@dataclass(frozen=True)
class PrivateAudit:
    """What came back of a batch through DP-SGD; ``str()`` says all of it.

    Attributes:
        result: the attack's, which knows of clipping and noise.
        max_grad_norm: the norm that each example's gradient is clipped to.
        noise_multiplier: standard deviation of the noise on their sum, in clipping norms.
        spent: what the engine promises so far; None before its first step.
    """

    result: Result
    max_grad_norm: float
    noise_multiplier: float
    spent: PrivacySpent | None

    @property
    def defence(self) -> str:
        """DP-SGD as the program writes it, such as ``dp-sgd:1.0,1.1``."""
        return f"dp-sgd:{self.max_grad_norm!r},{self.noise_multiplier!r}"

    @property
    def recovered(self) -> int:
        """How many private examples came back in full; 0 is false."""
        return self.result.recovered

    def __str__(self) -> str:
        promise = "no step yet" if self.spent is None else str(self.spent)
        return (
            f"DP-SGD with clipping at {self.max_grad_norm:g} and noise multiplier "
            f"{self.noise_multiplier:g}; {promise}.\n{self.result}"
        )


class GradLeakAuditor:
    """Attacks batches under the very clipping and noise of an Opacus training.

    Each example's gradient is clipped to ``max_grad_norm`` C, normal noise of standard deviation
    ``noise_multiplier`` C is added to their sum, and that is divided by the batch's size: the
    program's ``dp-sgd``. Opacus clips to C / (norm + 1e-6) and divides by the expected size of a
    batch; neither changes what the attack knows.

    Args:
        privacy_engine: ``opacus.PrivacyEngine``, whose accountant says what was spent.
        optimizer: what its ``make_private`` returned, which holds clipping and noise.
        delta: of the promise.

    Raises:
        ImportError: Opacus is not installed.
        BadInputError: the optimiser is not of Opacus, or clips or adds noise in another way.
    """

    def __init__(self, privacy_engine: Any, optimizer: Any, *, delta: float = 1e-5) -> None:
        needed("opacus", "gradleak.opacus")
        kind = type(optimizer).__name__
        if not hasattr(optimizer, "noise_multiplier") or not hasattr(optimizer, "max_grad_norm"):
            raise BadInputError(
                f"optimizer= is a {kind}; give the one that make_private of the engine returned."
            )
        if kind not in _FLAT:
            raise BadInputError(
                f"{kind} clips each layer by itself, or shares the noise among processes; "
                "only flat clipping in one process is modelled."
            )
        if not 0 < delta < 1:
            raise BadInputError(f"delta= is {delta}; give a number between 0 and 1, such as 1e-5.")
        self._engine = privacy_engine
        self._optimizer = optimizer
        self._delta = delta

    @property
    def noise_multiplier(self) -> float:
        """As the optimiser has it now: schedulers change it."""
        return float(self._optimizer.noise_multiplier)

    @property
    def max_grad_norm(self) -> float:
        """As the optimiser has it now: adaptive clipping changes it."""
        return float(self._optimizer.max_grad_norm)

    @property
    def spent(self) -> PrivacySpent | None:
        """What the engine promises so far; None before the first step."""
        history = getattr(self._engine.accountant, "history", [])
        if not history:
            return None
        return PrivacySpent(
            epsilon=float(self._engine.get_epsilon(self._delta)),
            delta=self._delta,
            steps=sum(int(entry[2]) for entry in history),
            sample_rate=float(history[-1][1]),
        )

    def check(self, claimed_epsilon: float | None = None, **options: Any) -> PrivacyCheck:
        """What the training so far guarantees, by :func:`gradleak.check_privacy`; by default beside the
        engine's own epsilon.

        Args:
            claimed_epsilon: what is said of it.
            options: over what the engine and its optimiser say, such as ``sampling="shuffled"`` where the
                loader is not the engine's.

        Raises:
            BadInputError: no step was made yet, or noise or sampling changed between steps.
        """
        history = getattr(self._engine.accountant, "history", [])
        if len(history) != 1:
            problem = (
                "no step was made yet" if not history else "noise or sampling changed between steps"
            )
            raise BadInputError(f"{problem}; give check_privacy what it should check.")
        noise, rate, steps = history[0]
        spent = self.spent
        claimed = claimed_epsilon if claimed_epsilon is not None else spent and spent.epsilon
        return check_privacy(
            **{
                "clip": self.max_grad_norm,
                "noise_multiplier": float(noise),
                "sample_rate": float(rate),
                "rounds": int(steps),
                "delta": self._delta,
                "claimed_epsilon": claimed,
                **options,
            }
        )

    def audit(self, model: Any, batch: Any, **options: Any) -> PrivateAudit:
        """Plays a client that shares one gradient of a batch through DP-SGD, and attacks it.

        Args:
            model: what is trained, wrapped by Opacus or not; or an ONNX file.
            batch: private examples, as of :func:`gradleak.reconstruct`; few of them tell most, since
                noise hides one example as well as many.
            options: as of :func:`gradleak.reconstruct`: ``labels``, ``loss``, ``mean``, ``out``,
                ``seed``, ``time_limit``.

        Raises:
            BadInputError: as of :func:`gradleak.reconstruct`.
        """
        if self._optimizer.loss_reduction == "sum":
            options.setdefault("reduction", "sum")
        clip, noise = self.max_grad_norm, self.noise_multiplier
        result = reconstruct(model, batch, defence=f"dp-sgd:{clip!r},{noise!r}", **options)
        return PrivateAudit(result, clip, noise, self.spent)
