"""The checks a careful reviewer makes on a change of a ratio cap, each PASS, FAIL or NOT KNOWN.

Seven accompany changes of Aave's caps in public reviews (aave-dao/aave-proposals-v3 pull request
1089 and its siblings print "7/7"); the rest ask whether the one who proposes may set it at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from abis.units import BPS
from oracles.update_safety_history import RatioHistory, around
from oracles.update_safety_rules import DAY_S, Adapter, CapValues, Setter
from oracles.update_safety_search import Market, line_of


class State(StrEnum):
    """Outcome of one check."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_KNOWN = "NOT KNOWN"


@dataclass(frozen=True, slots=True)
class Predicate:
    """One check: what should hold, whether it does, and the numbers."""

    name: str
    state: State
    evidence: str


def predicates(
    adapter: Adapter, setter: Setter, new: CapValues, market: Market, history: RatioHistory | None = None
) -> tuple[Predicate, ...]:
    """Return the seven checks of a change.

    Parameters
    ----------
    adapter : Adapter
    setter : Setter
        Whose bounds on the growth count.
    new : CapValues
        What is proposed.
    market : Market
    history : RatioHistory, optional
        Readings around the snapshot's time; without them nobody can say whether it is true.
    """
    return (
        _true_snapshot(new, history),
        _of(
            "snapshot ratio is at most today's",
            new.ratio_raw <= market.ratio_raw,
            f"{new.ratio_raw} against {market.ratio_raw}",
        ),
        _not_capped(adapter, new, market),
        _growth(adapter, setter, new),
        *_ages(adapter, new, market),
        _of(
            "snapshot is later than the stored one",
            new.at_s > adapter.stored.at_s,
            f"{new.at_s} against {adapter.stored.at_s}",
        ),
    )


def setter_checks(
    adapter: Adapter, setter: Setter, new: CapValues, market: Market, last_set_s: int | None
) -> tuple[Predicate, ...]:
    """Return whether the one who proposes may set it: step of the ratio, pause, zero growth."""
    return tuple(_setter_checks(adapter, setter, new, market, last_set_s))


def _setter_checks(
    adapter: Adapter, setter: Setter, new: CapValues, market: Market, last_set_s: int | None
) -> Iterator[Predicate]:
    if setter.ratio_step_bps is not None:
        stored = adapter.stored.ratio_raw
        step = stored * setter.ratio_step_bps // BPS
        yield _of(
            f"ratio moves by at most {setter.ratio_step_bps} bps",
            abs(new.ratio_raw - stored) <= step,
            f"{new.ratio_raw - stored:+} against {step}",
        )
    if setter.growth_not_zero:
        yield _of("growth is not zero", new.growth_bps > 0, f"{new.growth_bps} bps")
    if setter.pause_s:
        name = f"last change is {setter.pause_s // 3_600} h ago or more"
        if last_set_s is None:
            yield Predicate(name, State.NOT_KNOWN, "the time of the last change was not given")
        else:
            ago = market.now_s - last_set_s
            yield _of(name, ago >= setter.pause_s, f"{ago} s")


def _of(name: str, holds: bool, evidence: str) -> Predicate:
    return Predicate(name, State.PASS if holds else State.FAIL, evidence)


def _true_snapshot(new: CapValues, history: RatioHistory | None) -> Predicate:
    name = "snapshot ratio is what the ratio was at its time"
    if history is None:
        return Predicate(name, State.NOT_KNOWN, "no history of the ratio was given")
    readings = around(history, new.at_s)
    if readings is None:
        return Predicate(name, State.NOT_KNOWN, f"the history does not reach {new.at_s}")
    low, high = sorted(readings)
    was = f"was {low}" if low == high else f"was between {low} and {high}"
    return _of(name, low <= new.ratio_raw <= high, f"{new.ratio_raw}, {was}")


def _not_capped(adapter: Adapter, new: CapValues, market: Market) -> Predicate:
    if new.at_s > market.now_s:
        return Predicate(
            "cap after it is at least today's ratio", State.FAIL, "the snapshot is in the future"
        )
    cap = line_of(new, adapter.scale).at(market.now_s)
    share = (cap / market.ratio_raw - 1) * 100
    return _of(
        "cap after it is at least today's ratio",
        cap >= market.ratio_raw,
        f"cap {cap}, {share:+.3f} % of today's {market.ratio_raw}",
    )


def _growth(adapter: Adapter, setter: Setter, new: CapValues) -> Predicate:
    name = "growth is within the bounds"
    if setter.growth_step_bps is None:
        return Predicate(name, State.NOT_KNOWN, f"{setter.name} has no bounds on it")
    stored = adapter.stored.growth_bps
    step = stored * setter.growth_step_bps // BPS
    return _of(
        name,
        abs(new.growth_bps - stored) <= step,
        f"{new.growth_bps} bps, allowed {stored - step} to {stored + step}",
    )


def _ages(adapter: Adapter, new: CapValues, market: Market) -> tuple[Predicate, Predicate]:
    age = market.now_s - new.at_s
    least, most = adapter.min_delay_s, adapter.max_term_s
    old = _of(
        "snapshot is old enough",
        age >= least,
        f"{age / DAY_S:.2f} days, at least {least / DAY_S:g}",
    )
    name = "snapshot is young enough"
    if most is None:
        return old, Predicate(name, State.NOT_KNOWN, f"{age / DAY_S:.2f} days; no largest age is known")
    return old, _of(name, age <= most, f"{age / DAY_S:.2f} days, at most {most / DAY_S:g}")
