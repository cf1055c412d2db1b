"""A `Finding`: something a reader must know that does not stop the work.

A bad row in a batch becomes a finding and is carried through every output; it is
never dropped, clipped or turned into NaN.  Kinds are a closed list, so that
reports and checks can count on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from typing import Any


class FindingKind(StrEnum):
    """What sort of thing was found."""

    MISSING = "missing"  # data that should be there is not
    STALE = "stale"  # data older than it should be
    OUT_OF_RANGE = "out_of_range"  # a value outside its possible or sane range
    INCONSISTENT = "inconsistent"  # two sources or two fields disagree
    UNSUPPORTED = "unsupported"  # a feature whose rules are not modelled
    UNVERIFIED = "unverified"  # assumed or taken from an unconfirmed source
    EXPOSURE = "exposure"  # concentration, crowding or size of a position
    TOXIC = "toxic"  # liquidation that worsens what it should mend
    BUFFER = "buffer"  # a buffer smaller than what it has to cover
    LIQUIDITY = "liquidity"  # depth or withdrawable liquidity too small
    CAP = "cap"  # headroom under a cap that can be filled harmfully
    ORACLE = "oracle"  # how a price is made is itself a risk


class Severity(IntEnum):
    """How much a reader should care; higher is worse."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about one subject.

    Parameters
    ----------
    kind : FindingKind
        What sort of thing it is.
    severity : Severity
        How much it matters.
    subject : str
        What it is about: a reserve's symbol, an account, a feed, a file row.
        Untrusted text: escape it wherever it is shown.
    message : str
        One sentence with the figures in it.
    value_usd : float, optional
        The amount it touches, if an amount makes sense.
    remedy : str, optional
        What could be done.
    """

    kind: FindingKind
    severity: Severity
    subject: str
    message: str
    value_usd: float | None = None
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON-ready values (severity by its name)."""
        return {**asdict(self), "kind": self.kind.value, "severity": self.severity.name.lower()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        """Return the finding `to_json` wrote."""
        return cls(
            kind=FindingKind(data["kind"]),
            severity=Severity[str(data["severity"]).upper()],
            subject=str(data["subject"]),
            message=str(data["message"]),
            value_usd=data.get("value_usd"),
            remedy=str(data.get("remedy", "")),
        )


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, worst first; ties by value, then by their texts."""
    return sorted(findings, key=_rank)


def _rank(f: Finding) -> tuple[int, float, bool, str, str, str, str]:
    return -f.severity, -(f.value_usd or 0.0), f.value_usd is None, f.kind, f.subject, f.message, f.remedy
