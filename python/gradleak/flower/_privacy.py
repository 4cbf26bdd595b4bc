"""What Flower's own differential privacy guarantees, read off its strategies and mods."""

from __future__ import annotations

from typing import Any

from .._errors import BadInputError
from .._privacy import PrivacyCheck
from .._privacy import check_privacy as check

_FIXED = (
    "DifferentialPrivacyServerSideFixedClipping",
    "DifferentialPrivacyClientSideFixedClipping",
)


def check_privacy(
    configured: Any,
    *,
    rounds: int,
    clients: int | None = None,
    largest_weight: float | None = None,
    **options: Any,
) -> PrivacyCheck:
    """Checks Flower's central or local differential privacy: :func:`gradleak.check_privacy` of what is
    configured. A record is all of one client's data.

    Args:
        configured: a strategy ``DifferentialPrivacyServerSideFixedClipping`` or
            ``...ClientSideFixedClipping``, or a mod ``LocalDpMod``.
        rounds: of training.
        clients: of the federation, from which each round's are sampled; None counts on no sampling.
        largest_weight: the largest share of the mean that one client has. Flower adds the noise of
            equal weights, and its FedAvg weighs clients by their number of examples: say so where these
            differ. None supposes equal weights.
        options: over what is configured, such as ``claimed_epsilon``, ``delta``, ``adjacency``.

    Raises:
        BadInputError: it is none of these, or a number is out of range.
    """
    kind = type(configured).__name__
    if kind == "LocalDpMod":
        if clients is not None or largest_weight is not None:
            raise BadInputError(
                "a LocalDpMod's noise is on one client's update; leave clients= and largest_weight= out."
            )
        settings: dict[str, Any] = {
            "defence": "flower-local-dp:"
            + ",".join(
                repr(float(value))
                for value in (
                    configured.clipping_norm,
                    configured.sensitivity,
                    configured.epsilon,
                    configured.delta,
                )
            )
        }
    elif kind in _FIXED:
        settings = _central(configured, clients, largest_weight)
    else:
        raise BadInputError(
            f"{kind} is no strategy with fixed clipping and no LocalDpMod; give check_privacy of gradleak "
            "the numbers themselves."
        )
    return check(**{**settings, "rounds": rounds, **options})


def _central(strategy: Any, clients: int | None, largest_weight: float | None) -> dict[str, Any]:
    sampled = int(strategy.num_sampled_clients)
    if clients is not None and clients < sampled:
        raise BadInputError(
            f"clients= is {clients}, and {sampled} are sampled in each round; give the federation's number."
        )
    share = 1 / sampled if largest_weight is None else largest_weight
    if not 1 / sampled <= share <= 1:
        raise BadInputError(
            f"largest_weight= is {largest_weight}; of {sampled} clients one has between {1 / sampled:.3g} "
            "and 1."
        )
    clip = float(strategy.clipping_norm)
    settings: dict[str, Any] = {
        # Of the sum that the mean of equal weights is a share of.
        "clip": clip * share * sampled,
        "sensitivity": clip,
        "noise_multiplier": float(strategy.noise_multiplier),
    }
    if clients is not None and clients > sampled:
        settings |= {"batch_size": sampled, "records": clients, "sampling": "fixed"}
    return settings
