"""`Dossier`: all a reader of a proposal gets to see, before it is a page or a post."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.snapshot import Snapshot
from risk.proposal.check import Check, Verdict
from risk.proposal.config_diff import Row
from risk.proposal.evidence import Evidence


@dataclass(frozen=True, slots=True)
class SentCall:
    """One call an executor sends.

    Parameters
    ----------
    by : str
        Which contract takes it.
    text : str
        As people read it.  Untrusted text.
    calldata : str
        Hex.
    """

    by: str
    text: str
    calldata: str


@dataclass(frozen=True, eq=False)
class Dossier:
    """A proposal with its evidence.

    Parameters
    ----------
    market, proposed : Snapshot
        As it is, and as `risk.proposal.apply.applied` leaves it.
    evidence : Evidence
    checks : tuple of Check
        Rules of the configurator and of the steward.
    calls : tuple of SentCall
        Empty where the market's calls are not known.
    others : tuple of Row
        What is set too and only shown: nothing is compared for it.
    payload_sha256 : str
        Of somebody else's payload under review; empty for one's own proposal.
    title, author, discussion : str
        As the author gives them.
    motivation : str
        The author's own words, plain text; paragraphs are parted by blank lines.
    """

    market: Snapshot
    proposed: Snapshot
    evidence: Evidence
    checks: tuple[Check, ...]
    calls: tuple[SentCall, ...]
    others: tuple[Row, ...] = ()
    payload_sha256: str = ""
    title: str = field(default="")
    author: str = field(default="")
    discussion: str = field(default="")
    motivation: str = field(default="")

    @property
    def reviewed(self) -> bool:
        """Return whether it is about somebody else's payload."""
        return bool(self.payload_sha256)

    def failed(self, by: str) -> tuple[Check, ...]:
        """Return the rules of ``configurator`` or ``steward`` that fail."""
        return tuple(c for c in self.checks if c.by == by and c.verdict is Verdict.FAIL)
