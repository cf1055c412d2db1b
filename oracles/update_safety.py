"""Answers whether a change of a ratio cap is safe, and whether the rules that permit changes are.

*This change*: do the reviewers' checks pass, and does the price stay near the market, now and as
far ahead as asked?  *The rules*: could any change they permit put the price too far below the
market (`oracles.update_safety_search`)?  The change to the wstETH cap of 10 March 2026 failed
the first, and passed every check on chain, because the rules fail the second.
"""

from __future__ import annotations

from dataclasses import dataclass

from abis.errors import FeedError
from oracles.update_safety_history import RatioHistory
from oracles.update_safety_line import Held, holds
from oracles.update_safety_predicates import Predicate, State, predicates, setter_checks
from oracles.update_safety_rules import Adapter, CapValues, Setter, check_values
from oracles.update_safety_search import (
    Found,
    Limit,
    Market,
    below_market_bps,
    check_uncapped,
    least_of,
    line_of,
    search,
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a proposed change does.

    Parameters
    ----------
    values : CapValues
    predicates, setter_checks : tuple of Predicate
    cap_raw, cap_before_raw : int
        Largest ratio right after it and right before.
    effective_raw : int
        The ratio the price is made with right after it.
    below_now_bps, below_later_bps : float
        How far the price is below the market then and at the end of the look ahead.
    breaks_limit_at_s : int or None
        First found time at which the limit is broken.
    reasons : tuple of str
        Why it is refused; empty if it is not.
    """

    values: CapValues
    predicates: tuple[Predicate, ...]
    setter_checks: tuple[Predicate, ...]
    cap_raw: int
    cap_before_raw: int
    effective_raw: int
    below_now_bps: float
    below_later_bps: float
    breaks_limit_at_s: int | None
    reasons: tuple[str, ...]

    @property
    def refused(self) -> bool:
        """Return whether the change should not be made."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class Worst:
    """The permitted change that shows the rules are not enough, and what it does."""

    values: CapValues
    at_s: int
    cap_raw: int
    below_bps: float


@dataclass(frozen=True, slots=True)
class SafetyReport:
    """Answers to both questions; ``change`` is None if none was proposed, ``worst`` if none was found."""

    change: Change | None
    found: Found
    worst: Worst | None


def check_update(
    adapter: Adapter,
    setter: Setter,
    market: Market,
    limit: Limit,
    *,
    proposed: CapValues | None = None,
    history: RatioHistory | None = None,
    last_set_s: int | None = None,
) -> SafetyReport:
    """Return whether a proposed change, and any permitted one, keeps the price near the market.

    Parameters
    ----------
    adapter : Adapter
    setter : Setter
    market : Market
    limit : Limit
    proposed : CapValues, optional
        Without it only the rules are looked at.
    history : RatioHistory, optional
        Readings of the ratio around the snapshot's time.
    last_set_s : int, optional
        When the cap was changed last.

    Raises
    ------
    FeedError
        If a number is impossible, or the ratio breaks the limit without any cap.
    """
    check_uncapped(market, limit)
    if adapter.stored.at_s > market.now_s:
        raise FeedError(
            f"the stored snapshot of {adapter.stored.at_s} lies after now, {market.now_s}.",
            remedy="Give the time the check is made for.",
        )
    found = search(adapter, setter, market, limit)
    worst = None
    if found.witness is not None and found.witness_at_s is not None:
        line = line_of(found.witness, adapter.scale)
        below = below_market_bps(found.witness, adapter.scale, market, found.witness_at_s)
        worst = Worst(found.witness, found.witness_at_s, line.at(found.witness_at_s), below)
    if proposed is None:
        return SafetyReport(None, found, worst)
    check_values(proposed)
    checks = (
        predicates(adapter, setter, proposed, market, history),
        setter_checks(adapter, setter, proposed, market, last_set_s),
    )
    return SafetyReport(_change(adapter, market, limit, proposed, *checks), found, worst)


def _change(
    adapter: Adapter,
    market: Market,
    limit: Limit,
    new: CapValues,
    checks: tuple[Predicate, ...],
    own: tuple[Predicate, ...],
) -> Change:
    # A snapshot in the future would make the adapter revert; nothing can be said about its price.
    now_s, last_s = max(market.now_s, new.at_s), max(market.now_s, new.at_s) + limit.for_s
    held, when = holds(line_of(new, adapter.scale), least_of(market, limit), now_s, last_s)
    cap = line_of(new, adapter.scale).at(now_s)
    below = below_market_bps(new, adapter.scale, market, now_s)
    reasons = [p.name for p in (*checks, *own) if p.state is State.FAIL]
    if held is Held.NO:
        reasons.append(f"price stays within {limit.below_bps} bps of the market")
    elif held is Held.UNDECIDED:
        reasons.append("the limit is met or missed by less than one smallest unit")
    return Change(
        values=new,
        predicates=checks,
        setter_checks=own,
        cap_raw=cap,
        cap_before_raw=line_of(adapter.stored, adapter.scale).at(market.now_s),
        effective_raw=min(cap, market.ratio_raw),
        below_now_bps=below,
        below_later_bps=below_market_bps(new, adapter.scale, market, last_s),
        breaks_limit_at_s=when,
        reasons=tuple(reasons),
    )
