"""Evaluate a traced tree with the exact rules and compare with what the contracts answered.

Every adapter's answer must follow, to the unit, from what its legs answered at the same
block.  One that does not is not what its getters say: it becomes an opaque step.
"""

from __future__ import annotations

from dataclasses import replace

from abis.findings import Finding, FindingKind, Severity
from oracles.caps import capped_price, max_ratio
from oracles.pendle import discount_wad, discounted_price
from oracles.stable_caps import eur_price, stable_price
from oracles.synchronicity import base_to_peg, peg_to_base
from oracles.traced import (
    DiscountSettings,
    EurCapSettings,
    Kind,
    RatioCapSettings,
    Role,
    StableCapSettings,
    TracedFeed,
)


def follows(feed: TracedFeed, time_s: int) -> int | None:
    """Return the answer that a source's rule makes of its legs' answers.

    Parameters
    ----------
    feed : TracedFeed
    time_s : int
        Block time.

    Returns
    -------
    int or None
        None where there is no rule, or a leg does not answer (the contract reverts then).
    """
    legs = {role: leg.answer_raw for role, leg in feed.legs}
    answers = {role: answer for role, answer in legs.items() if answer is not None}
    return _answer(feed, answers, time_s) if legs and len(answers) == len(legs) else None


def _answer(feed: TracedFeed, answers: dict[Role, int], time_s: int) -> int | None:
    match feed.settings:
        case RatioCapSettings() as ratio_cap:
            highest = max_ratio(ratio_cap.cap, time_s, ratio_cap.scale)
            return capped_price(answers[Role.BASE], answers[Role.RATIO], highest, ratio_cap.ratio_decimals)
        case StableCapSettings(cap_raw):
            return stable_price(answers[Role.ASSET], cap_raw)
        case EurCapSettings(cap_ratio_raw, decimals):
            return eur_price(answers[Role.ASSET], answers[Role.BASE], cap_ratio_raw, decimals)
        case DiscountSettings(maturity_at_s, rate_wad):
            discount = discount_wad(maturity_at_s, time_s, rate_wad)
            return discounted_price(answers[Role.ASSET], discount)
    return _cross_rate(feed, answers)


def _cross_rate(feed: TracedFeed, answers: dict[Role, int]) -> int | None:
    decimals = feed.decimals or 0
    if feed.kind is Kind.PEG_TO_BASE:
        digits = sum(leg.decimals or 0 for _, leg in feed.legs)
        return peg_to_base(answers[Role.ASSET], answers[Role.PEG], decimals, digits)
    if feed.kind is Kind.BASE_TO_PEG:
        return base_to_peg(answers[Role.ASSET], answers[Role.BASE], decimals)
    return None


def hold_against_rules(feed: TracedFeed, time_s: int, findings: list[Finding]) -> TracedFeed:
    """Return the tree with every source opaque whose answer does not follow from its legs.

    Parameters
    ----------
    feed : TracedFeed
    time_s : int
        Block time.
    findings : list
        Receives one finding for each such source.
    """
    if not feed.legs:
        return feed
    legs = tuple((role, hold_against_rules(leg, time_s, findings)) for role, leg in feed.legs)
    feed = replace(feed, legs=legs)
    expected = follows(feed, time_s)
    if expected == feed.answer_raw:
        return feed
    findings.append(_mismatch(feed, expected))
    return replace(feed, kind=Kind.OPAQUE, settings=None, legs=())


def _mismatch(feed: TracedFeed, expected: int | None) -> Finding:
    given = "nothing, as a leg does not answer" if expected is None else str(expected)
    return Finding(
        FindingKind.INCONSISTENT,
        Severity.HIGH,
        feed.address,
        f"It has the getters of a {feed.kind.value} and answers {feed.answer_raw}, where that rule "
        f"gives {given}; it is treated as not recognised.",
        remedy="Read its source code; what it does to a price is not modelled.",
    )


def check_oracle(subject: str, answer_raw: int | None, feed: TracedFeed) -> list[Finding]:
    """Return a finding where an oracle does not pass on what an asset's source answers.

    AaveOracle.sol ``getAssetPrice`` answers what the source does if that is above 0, and
    asks its fallback otherwise.
    """
    if feed.answer_raw is not None and 0 < feed.answer_raw == answer_raw:
        return []
    return [
        Finding(
            FindingKind.INCONSISTENT,
            Severity.HIGH,
            subject,
            f"The oracle answers {answer_raw} where the source {feed.address} answers {feed.answer_raw}.",
            remedy="Check the oracle's fallback; the tree below does not explain this price.",
        )
    ]
