"""Changes that are one number or one contract: a stable cap, and a new source for an asset.

A stable cap is ``min(feed, cap)`` (PriceCapAdapterStable.sol of aave-price-feeds): setting it asks
for 0 <= cap <= 2 USD and cap >= the feed's answer, a steward for a small step besides.  The lowest
permitted cap under-prices most, so it decides for all.
"""

from __future__ import annotations

from dataclasses import dataclass

from abis.errors import FeedError
from abis.units import BPS
from oracles.update_safety_predicates import Predicate, State

MAX_STABLE_CAP_RAW = 2 * 10**8
_SANE_FACTOR = 2  # a new source this far off the old one has lost a leg or a decimal


@dataclass(frozen=True, slots=True)
class StableReport:
    """What a change of a stable cap does.

    Parameters
    ----------
    predicates : tuple of Predicate
    price_raw : int
        Price right after it.
    lowest_raw, highest_raw : int
        Caps that may be set; lowest above highest if none may.
    worst_below_bps : float
        How far the lowest permitted cap is below ``expected_raw``.
    refused, rules_refuted : bool
    """

    predicates: tuple[Predicate, ...]
    price_raw: int
    lowest_raw: int
    highest_raw: int
    worst_below_bps: float
    refused: bool
    rules_refuted: bool


def check_stable_cap(
    stored_raw: int, new_raw: int, feed_raw: int, expected_raw: int, step_bps: int, below_bps: int
) -> StableReport:
    """Return whether a stable cap, and any permitted one, keeps the price near what is expected.

    Parameters
    ----------
    stored_raw, new_raw : int
        Cap now and proposed, 8 decimals.
    feed_raw : int
        What the capped feed answers.
    expected_raw : int
        Highest market price expected as far ahead as matters; at least ``feed_raw``.
    step_bps : int
        Largest relative change, rounded down.
    below_bps : int
        How far below ``expected_raw`` is tolerated.

    Raises
    ------
    FeedError
        If a number is impossible.
    """
    for name, value in (("stored cap", stored_raw), ("feed", feed_raw), ("expected price", expected_raw)):
        if value <= 0:
            raise FeedError(f"{name} {value}.", remedy="Give a positive integer with 8 decimals.")
    if expected_raw < feed_raw or not 0 <= below_bps < BPS or not 0 <= step_bps <= BPS:
        raise FeedError(
            f"expected price {expected_raw}, feed {feed_raw}, limit {below_bps} bps, step {step_bps} bps.",
            remedy="Expect at least what the feed answers; give 0 to 9999 bps.",
        )
    step = stored_raw * step_bps // BPS
    low, high = max(stored_raw - step, feed_raw, 1), min(stored_raw + step, MAX_STABLE_CAP_RAW)
    checks = (
        _check("cap is at most 2 USD", 0 <= new_raw <= MAX_STABLE_CAP_RAW, f"{new_raw}"),
        _check("cap is at least the feed's answer", new_raw >= feed_raw, f"{new_raw} against {feed_raw}"),
        _check(
            f"cap moves by at most {step_bps} bps",
            abs(new_raw - stored_raw) <= step,
            f"{new_raw - stored_raw:+} against {step}",
        ),
        _check(
            f"price can reach the expected one within {below_bps} bps",
            not _short(new_raw, expected_raw, below_bps),
            f"cap {new_raw}, expected {expected_raw}",
        ),
    )
    worst = max((1 - min(low, expected_raw) / expected_raw) * BPS, 0.0)
    return StableReport(
        checks,
        min(feed_raw, new_raw),
        low,
        high,
        worst,
        refused=any(c.state is State.FAIL for c in checks),
        rules_refuted=low <= high and _short(low, expected_raw, below_bps),
    )


@dataclass(frozen=True, slots=True)
class NewSource:
    """What a new price source says; None where it is not known.

    Parameters
    ----------
    answer_raw : int
    decimals : int
    updated_at_s, heartbeat_s : int or None
    min_answer_raw, max_answer_raw : int or None
    """

    answer_raw: int
    decimals: int
    updated_at_s: int | None = None
    heartbeat_s: int | None = None
    min_answer_raw: int | None = None
    max_answer_raw: int | None = None


def check_source(
    new: NewSource, *, decimals: int, old_raw: int, market_raw: int, below_bps: int, now_s: int
) -> tuple[Predicate, ...]:
    """Return whether an asset's price may be read from a new source.

    Parameters
    ----------
    new : NewSource
    decimals : int
        Decimals the market reads prices with.
    old_raw, market_raw : int
        Old source's answer and the market's price, with those decimals.
    below_bps : int
        How far below the market is tolerated; above it, twice as far.
    now_s : int
    """
    if old_raw <= 0 or market_raw <= 0:
        raise FeedError(
            f"old answer {old_raw} and market price {market_raw}.", remedy="Give positive integers."
        )
    gap = (new.answer_raw / market_raw - 1) * BPS
    checks = [
        _check(f"it has {decimals} decimals", new.decimals == decimals, f"{new.decimals}"),
        _check("it answers a positive price", new.answer_raw > 0, f"{new.answer_raw}"),
        _check(
            f"it is within {below_bps} bps below the market and {2 * below_bps} above",
            -below_bps <= gap <= 2 * below_bps,
            f"{new.answer_raw} against {market_raw}: {gap:+.1f} bps",
        ),
        _check(
            "it is near the old source (no leg or decimal lost)",
            old_raw < _SANE_FACTOR * new.answer_raw < _SANE_FACTOR**2 * old_raw,
            f"{new.answer_raw} against {old_raw}: {new.answer_raw / old_raw:.6g} times",
        ),
        _fresh(new, now_s),
        _bounds(new),
    ]
    return tuple(checks)


def _fresh(new: NewSource, now_s: int) -> Predicate:
    name = "it was updated within its heartbeat"
    if new.updated_at_s is None or new.heartbeat_s is None:
        return Predicate(name, State.NOT_KNOWN, "its last update or its heartbeat was not given")
    age = now_s - new.updated_at_s
    return _check(name, 0 <= age <= new.heartbeat_s, f"{age} s, heartbeat {new.heartbeat_s} s")


def _bounds(new: NewSource) -> Predicate:
    name = "a tenth and ten times the price lie within its bounds"
    if new.min_answer_raw is None or new.max_answer_raw is None:
        return Predicate(name, State.NOT_KNOWN, "its smallest and largest answer were not given")
    fits = new.min_answer_raw * 10 <= new.answer_raw and new.answer_raw * 10 <= new.max_answer_raw
    return _check(name, fits, f"{new.min_answer_raw} to {new.max_answer_raw}")


def _short(cap_raw: int, expected_raw: int, below_bps: int) -> bool:
    return cap_raw * BPS < expected_raw * (BPS - below_bps)


def _check(name: str, holds: bool, evidence: str) -> Predicate:
    return Predicate(name, State.PASS if holds else State.FAIL, evidence)
