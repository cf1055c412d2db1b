"""Facts about one asset's price, and what is wrong with it as far as they tell.

A check never guesses: a fact nobody stated makes it NOT KNOWN.  What needs the market as well
(buffers, exposure) is joined in `risk.audit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abis.findings import FindingKind, Severity
from oracles.update_safety_rules import Adapter

NEAR_CAP_S = 30 * 86_400  # less than this until the cap binds is worth a finding
REACHABLE = 10.0  # a bound within this factor of the answer can be reached


class Result(StrEnum):
    """Outcome of a check."""

    FINE = "fine"
    FOUND = "finding"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one asset's price.

    Parameters
    ----------
    name, asset : str
    result : Result
    evidence : str
        The numbers; for NOT KNOWN what is missing.
    severity : Severity
        Of a finding.
    kind : FindingKind
    remedy : str
    """

    name: str
    asset: str
    result: Result
    evidence: str
    severity: Severity = Severity.INFO
    kind: FindingKind = FindingKind.ORACLE
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """One feed a price is made of; None where a fact is not known.

    Parameters
    ----------
    description : str
        Untrusted text.
    decimals, answer_raw, updated_at_s : int or None
    heartbeat_s, deviation_bps : float or None
    settings_from : str
        ``configured``, ``fitted`` or ``assumed``: the weaker of the two.
    min_answer_raw, max_answer_raw : int or None
        Bounds outside which the feed stops answering.
    sources : int or None
        Independent venues or publishers behind it.
    """

    description: str
    decimals: int | None = None
    answer_raw: int | None = None
    updated_at_s: int | None = None
    heartbeat_s: float | None = None
    deviation_bps: float | None = None
    settings_from: str = "assumed"
    min_answer_raw: int | None = None
    max_answer_raw: int | None = None
    sources: int | None = None


@dataclass(frozen=True, slots=True)
class RatioCap:
    """A ratio cap with the ratio under it; ``ratio_growth_bps`` is how fast the ratio grows, if known."""

    adapter: Adapter
    ratio_raw: int
    ratio_growth_bps: int | None = None


@dataclass(frozen=True, slots=True)
class StableCap:
    """A stable cap and what the feed under it answers, same decimals."""

    cap_raw: int
    feed_raw: int


class Making(StrEnum):
    """How a price is made from its legs."""

    FEED = "feed"  # read straight from one feed
    COMPOSED = "composed"  # two feeds or a feed and a ratio, no cap
    RATIO_CAP = "ratio_cap"
    STABLE_CAP = "stable_cap"
    DISCOUNT = "discount"  # a principal token's linear discount
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class PriceRecord:
    """What is known about how an asset's price is made.

    Parameters
    ----------
    asset : str
    now_s : int
        Time the facts are for.
    price_usd : float
        What the protocol reads; 0 if unreadable.
    price_decimals : int
        Of the number the protocol reads.
    legs : tuple of Leg
        Empty if nothing is known.
    making : Making or None
    market_usd : float or None
        What the market pays.
    ratio_cap : RatioCap or None
    stable_cap : StableCap or None
    """

    asset: str
    now_s: int
    price_usd: float
    price_decimals: int
    legs: tuple[Leg, ...] = ()
    making: Making | None = None
    market_usd: float | None = None
    ratio_cap: RatioCap | None = None
    stable_cap: StableCap | None = None

    @property
    def deviation_bps(self) -> float | None:
        """Return the deviations of all legs together; None if one is not known."""
        values = [leg.deviation_bps for leg in self.legs]
        known = [v for v in values if v is not None]
        return sum(known) if known and len(known) == len(values) else None

    @property
    def heartbeat_s(self) -> float | None:
        """Return the longest heartbeat of the legs; None if one is not known."""
        values = [leg.heartbeat_s for leg in self.legs]
        known = [v for v in values if v is not None]
        return max(known) if known and len(known) == len(values) else None


def stale(record: PriceRecord) -> Check:
    """Return whether every leg was updated within its heartbeat."""
    name, asset = "stale", record.asset
    if record.making is Making.FIXED:
        return Check(name, asset, Result.FINE, "a constant has no age")
    unknown = [leg for leg in record.legs if leg.updated_at_s is None or leg.heartbeat_s is None]
    for leg in record.legs:
        if leg.updated_at_s is None or leg.heartbeat_s is None:
            continue
        age = record.now_s - leg.updated_at_s
        if age < 0 or age > leg.heartbeat_s:
            sure = leg.settings_from != "assumed"
            why = "it is updated in the future" if age < 0 else "older than its heartbeat"
            return Check(
                name,
                asset,
                Result.FOUND,
                f"{leg.description}: {why}: age {age} s, heartbeat {leg.heartbeat_s:g} s "
                f"({leg.settings_from}).",
                Severity.HIGH if sure or age < 0 else Severity.MEDIUM,
                FindingKind.STALE,
                "Check the feed's nodes before relying on this price.",
            )
    if unknown or not record.legs:
        return Check(name, asset, Result.NOT_KNOWN, "time of the last update or heartbeat")
    ages = max(record.now_s - (leg.updated_at_s or 0) for leg in record.legs)
    return Check(name, asset, Result.FINE, f"age {ages} s")


def bounds(record: PriceRecord) -> Check:
    """Return whether a feed's smallest or largest answer can be reached: it freezes there."""
    name, asset = "min/max answer", record.asset
    if record.making is Making.FIXED:
        return Check(name, asset, Result.FINE, "a constant has no bounds")
    remedy = "Read a feed without narrow bounds, or refuse prices that are stale or at a bound."
    complete = bool(record.legs)
    for leg in record.legs:
        low, high, answer = leg.min_answer_raw, leg.max_answer_raw, leg.answer_raw
        if low is None or high is None or answer is None:
            complete = False
            continue
        evidence = f"{leg.description}: answer {answer}, bounds {low} to {high}."
        if answer <= low or answer >= high:
            return Check(name, asset, Result.FOUND, evidence, Severity.CRITICAL, remedy=remedy)
        near = answer / low < REACHABLE if low > 0 else False
        if near or high / max(answer, 1) < REACHABLE:
            severity = Severity.HIGH if near else Severity.MEDIUM
            return Check(name, asset, Result.FOUND, evidence, severity, remedy=remedy)
    if not complete:
        return Check(name, asset, Result.NOT_KNOWN, "smallest and largest answer of the aggregator")
    return Check(name, asset, Result.FINE, f"out of reach by a factor of {REACHABLE:g}")


def sources(record: PriceRecord) -> Check:
    """Return whether one venue or publisher alone makes the price."""
    name, asset = "single source", record.asset
    known = [leg.sources for leg in record.legs if leg.sources is not None]
    if known and min(known) <= 2:
        fewest = min(known)
        return Check(
            name,
            asset,
            Result.FOUND,
            f"{fewest} independent source{'s' if fewest > 1 else ''}: one wrong print becomes the price."
            if fewest == 1
            else "2 independent sources: the median of two is one of them.",
            Severity.HIGH if fewest == 1 else Severity.MEDIUM,
            remedy="Read a feed that takes the median of at least three venues.",
        )
    if not known or len(known) < len(record.legs):
        return Check(name, asset, Result.NOT_KNOWN, "how many venues or publishers are behind it")
    return Check(name, asset, Result.FINE, f"{min(known)} independent sources")
