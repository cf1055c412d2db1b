"""Caps on the menu: whole tokens around the cap in force, never below what is in use.

A cap below what is supplied or borrowed is legal: it closes a reserve to what is new and takes nothing
back.  What is in use already closes it, so nothing below that is on the menu, except what is in force.  A
reserve without a cap (0 on the chain) keeps none: what it lacks is not a number but a decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from protocols.snapshot import Reserve, Snapshot
from risk.solver.limits import Limits
from risk.solver.recommendation import largest_step

MOST_TOKENS = 2**36 - 1  # what 36 bits hold, as the chain stores it


class Kind(StrEnum):
    """What a row of the menu sets."""

    COLLATERAL = "collateral"  # LTV, threshold and bonus
    SUPPLY_CAP = "supply_cap"
    BORROW_CAP = "borrow_cap"


CAPS = (Kind.SUPPLY_CAP, Kind.BORROW_CAP)


def cap_places(snapshot: Snapshot, limits: Limits) -> Iterator[tuple[Kind, int, tuple[int, ...]]]:
    """Yield each cap that may move: its kind, its reserve and its options, the one in force first.

    Left out are caps of 0, of reserves that are closed, that nobody could use, and those whose stated
    bound on one step allows none.
    """
    for i, reserve in enumerate(snapshot.reserves):
        for kind in CAPS:
            if _may_move(snapshot, i, kind):
                options = cap_options(reserve, kind, limits)
                if len(options) > 1:
                    yield kind, i, options


def cap_options(reserve: Reserve, kind: Kind, limits: Limits) -> tuple[int, ...]:
    """Return the caps on the grid of the limits' box, whole tokens, the one in force first.

    Parameters
    ----------
    reserve : Reserve
    kind : Kind
        `SUPPLY_CAP` or `BORROW_CAP`.
    limits : Limits
        ``box.supply_cap_pct`` and so on: reach and distance in percent of the cap in force.
    """
    now, used = cap_tokens(reserve, kind), used_tokens(reserve, kind)
    reach, step = limits[f"box.{kind}_pct"], limits[f"box.{kind}_step_pct"]
    low = max(int(now * (100 - reach) // 100), used, 1)
    high = min(int(now * (100 + reach) // 100), MOST_TOKENS)
    ranks = range(-int(reach / step), int(reach / step) + 1)
    found = [int(now * (100 + k * step) // 100) for k in ranks]
    # Closing it to what is new is on the menu wherever the box reaches so far.
    found.append(used)
    return tuple(dict.fromkeys([now, *sorted(c for c in found if low <= c <= high)]))


def cap_tokens(reserve: Reserve, kind: Kind) -> int:
    """Return the cap in force, whole tokens; 0 is no cap."""
    return reserve.supply_cap_tokens if kind is Kind.SUPPLY_CAP else reserve.borrow_cap_tokens


def used_tokens(reserve: Reserve, kind: Kind) -> int:
    """Return what is supplied or borrowed, whole tokens, rounded up."""
    raw = reserve.total_supply_raw if kind is Kind.SUPPLY_CAP else reserve.total_debt_raw
    return -int(-raw // 10**reserve.decimals)


def _may_move(snapshot: Snapshot, place: int, kind: Kind) -> bool:
    reserve = snapshot.reserves[place]
    now = cap_tokens(reserve, kind)
    if not now or not reserve.active or reserve.frozen or reserve.paused:
        return False
    lends = any(m.ltv_bps and place in m.collateral for m in snapshot.emodes) or reserve.ltv_bps > 0
    if not (lends if kind is Kind.SUPPLY_CAP else reserve.borrowing_enabled):
        return False
    rule = snapshot.change_rules.of(f"{kind}_tokens", reserve.asset)
    return rule is None or largest_step(now, rule) > 0
