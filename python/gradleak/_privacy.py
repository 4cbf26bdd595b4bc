"""Whether a privacy setting is what is claimed of it, and whether a filter of updates does what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._call import PathName
from ._errors import BadInputError
from ._options import flags, in_python
from ._run import run


@dataclass(frozen=True)
class Pitfall:
    """A mistake that makes a claimed epsilon wrong.

    Attributes:
        name: such as ``sensitivity``, ``composition`` or ``batch-norm``.
        sentence: it in words.
        epsilon_without: epsilon if it were none; None where no number tells.
    """

    name: str
    sentence: str
    epsilon_without: float | None = None


@dataclass(frozen=True)
class PrivacyCheck:
    """What a setting really guarantees; ``str()`` says all of it.

    Attributes:
        verdict: ``holds``, ``fails``, ``not shown`` or ``no claim``.
        epsilon: the guarantee; infinite where there is none.
        least_epsilon: no guarantee is better than this.
        pitfalls: mistakes, the gravest first.
        success: for each number of candidates the largest chance to pick the right one.
        record: all that the program says, as of ``gradleak schema check-dp``.
    """

    verdict: str
    epsilon: float
    least_epsilon: float
    pitfalls: tuple[Pitfall, ...]
    success: Mapping[int, float]
    record: Mapping[str, Any]
    text: str

    @property
    def passed(self) -> bool:
        """Whether a claim was made and holds."""
        return self.verdict == "holds"

    def __str__(self) -> str:
        return self.text


def check_privacy(**options: Any) -> PrivacyCheck:
    """Checks a setting of differential privacy: ``gradleak check-dp`` with its options as keywords.

    Args:
        options: ``clip``, ``noise_multiplier`` or ``noise``, ``rounds``, ``batch_size`` and ``records`` or
            ``sample_rate``, ``delta``, ``claimed_epsilon``, ``adjacency``, ``sampling``, ``flaw``...

    Raises:
        BadInputError: an option is missing, out of range or unknown.
    """
    words = ["check-dp", *flags(options)]
    try:
        text = run(*words, quiet=True, accepts=(0, 1, 3)).stdout
        record = json.loads(run(*words, "--json", quiet=True, accepts=(0, 1, 3)).stdout)
    except BadInputError as error:
        raise BadInputError(in_python(str(error)), status=error.status) from None
    return PrivacyCheck(
        verdict=record["verdict"],
        epsilon=float(record["epsilon"]),
        least_epsilon=float(record["leastEpsilon"]),
        pitfalls=tuple(
            Pitfall(
                found["pitfall"],
                found["sentence"],
                None if "epsilonWithout" not in found else float(found["epsilonWithout"]),
            )
            for found in record["findings"]
        ),
        success={row["count"]: row["success"] for row in record["candidates"]},
        record=record,
        text=text,
    )


@dataclass(frozen=True)
class MechanismAudit:
    """What an audit of a filter found; ``str()`` says all of it.

    Attributes:
        verdict: ``refuted``, ``doubtful``, ``not refuted`` or ``no claim``.
        faults: names of what no finite epsilon survives, such as ``repeated-noise``.
        least_epsilon: the best lower bound of one round's epsilon, at 95 %; infinite with a fault.
        record: all that the program says, as of ``gradleak schema audit-mechanism``.
    """

    verdict: str
    faults: tuple[str, ...]
    least_epsilon: float
    record: Mapping[str, Any]

    def __str__(self) -> str:
        faults = f": {', '.join(self.faults)}" if self.faults else ""
        return f"{self.verdict}{faults}; epsilon of one round is at least {self.least_epsilon:.3g}"


def audit_mechanism(
    filter_command: str, *, out: PathName | None = None, **options: Any
) -> MechanismAudit:
    """Audits a program that filters updates: ``gradleak audit-mechanism`` with its options as keywords.

    A function of Python is such a program by ``gradleak.filter_main``.

    Args:
        filter_command: for the shell; paths of the file to read and of the file to write follow it.
        out: a file for the record; none by default.
        options: ``clip``, ``claimed_epsilon``, ``delta``, ``rounds``, ``runs``, ``stacked``, ``model``, ``like``...

    Raises:
        BadInputError: the filter fails, or an option is out of range.
    """
    words = ["audit-mechanism", *flags({"filter_command": filter_command, **options})]
    try:
        printed = run(*words, "--json", quiet=True, accepts=(0, 1)).stdout
    except BadInputError as error:
        raise BadInputError(in_python(str(error)), status=error.status) from None
    if out is not None:
        with open(out, "w", encoding="utf-8") as file:
            file.write(printed)
    record = json.loads(printed)
    faults = tuple(found["fault"] for found in record["faults"])
    bounds = [bound["epsilon"] for bound in record["bounds"]]
    least = float("inf") if faults else max(bounds, default=0.0)
    return MechanismAudit(record["verdict"], faults, least, record)
