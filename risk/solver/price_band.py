"""How far prices may move before the advice has to be made again.

The choice is judged on the same book at other prices: those of some assets multiplied by a factor, in
the snapshot and along every path alike.  Factors are tried outwards from one, on the grid `GRID`; between
the last at which the advice stands and the first at which it does not the edge is bisected.  The advice
stands where the sweep keeps every limit and doing nothing is not both within the limits and better.
What lies between two points of the grid is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.families import stables, tree_of
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.solver.evaluate import Setting, amounts, broken
from risk.solver.objectives import value

GRID = (1.02, 1.05, 1.1, 1.2, 1.35, 1.5, 2.0)  # upwards; downwards their inverses
RESOLUTION = 0.005  # relative, of an edge
NOTHING = "doing nothing would be better"


@dataclass(frozen=True, slots=True)
class Edge:
    """Where the advice ends.

    Parameters
    ----------
    factor : float
        The farthest price, as a multiple of today's, at which the advice was seen to stand.
    ends : tuple of str
        Limits broken just beyond, or `NOTHING`; empty where the end of the grid was reached.
    """

    factor: float
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """The prices within which the advice stands.

    Parameters
    ----------
    what : str
        Which prices move: an asset's name, an e-mode, or `ALL`.
    low, high : Edge
    """

    what: str
    low: Edge
    high: Edge


ALL = "all collateral but stablecoins"


def volatile(snapshot: Snapshot) -> IntArray:
    """Return the reserves that follow no currency, (K,)."""
    pegged = [chain[-1] in stables() for chain in tree_of(snapshot).chains]
    return np.flatnonzero(~np.array(pegged, dtype=bool))


def band(setting: Setting, chosen: IntArray, what: str, reserves: Sequence[int]) -> Band:
    """Return the band of prices within which a choice stands.

    Parameters
    ----------
    setting : Setting
        Oracle prices follow the market at once: feeds are not scaled.
    chosen : (R,) int64
    what : str
    reserves : sequence of int
        Whose prices move together.
    """
    return Band(
        what,
        _edge(setting, chosen, reserves, tuple(1 / f for f in GRID)),
        _edge(setting, chosen, reserves, GRID),
    )


def _edge(setting: Setting, chosen: IntArray, reserves: Sequence[int], factors: Sequence[float]) -> Edge:
    good = 1.0
    for factor in factors:
        ends = ended(setting, chosen, reserves, factor)
        if not ends:
            good = factor
            continue
        bad = factor
        while abs(bad / good - 1) > RESOLUTION:
            middle = (good * bad) ** 0.5
            found = ended(setting, chosen, reserves, middle)
            good, bad, ends = (good, middle, found) if found else (middle, bad, ends)
        return Edge(good, ends)
    return Edge(good, ())


def ended(setting: Setting, chosen: IntArray, reserves: Sequence[int], factor: float) -> tuple[str, ...]:
    """Return why a choice does not stand at other prices, nothing if it does."""
    there = at_prices(setting, reserves, factor)
    breaks = tuple(dict.fromkeys(a.name for a in broken(amounts(there, chosen, realised=False))))
    if breaks:
        return breaks
    objective, now = setting.limits.objective, setting.menu.current
    better = value(there, objective, now) > value(there, objective, chosen) * (1 + 1e-12)
    if better and not broken(amounts(there, now, realised=False)):
        return (NOTHING,)
    return ()


def at_prices(setting: Setting, reserves: Sequence[int], factor: float) -> Setting:
    """Return the same book, rules and relative paths at other prices of some reserves."""
    multiple = np.ones(len(setting.snapshot.reserves))
    multiple[list(reserves)] = factor
    snapshot = _scaled(setting.snapshot, multiple)
    exact = np.divide(
        snapshot.price_usd,
        setting.snapshot.price_usd,
        out=np.ones_like(multiple),
        where=setting.snapshot.price_usd > 0,
    )
    return replace(
        setting,
        snapshot=snapshot,
        scenarios=_along(setting.scenarios, exact),
        oracles=None,
        depth=None,
        known=None,
    )


def _scaled(snapshot: Snapshot, multiple: FloatArray) -> Snapshot:
    def raw(price_raw: int, by: float) -> int:
        return max(1, round(price_raw * by)) if price_raw and by != 1 else price_raw

    reserves = tuple(
        replace(r, price_raw=raw(r.price_raw, float(by)))
        for r, by in zip(snapshot.reserves, multiple, strict=True)
    )
    # A category with a price of its own moves with its first member.
    emodes = tuple(
        replace(e, price_raw=raw(e.price_raw, float(multiple[min(e.collateral)]) if e.collateral else 1.0))
        for e in snapshot.emodes
    )
    return replace(snapshot, reserves=reserves, emodes=emodes)


def _along(scenarios: Scenarios, multiple: FloatArray) -> Scenarios:
    def produce(start: int, stop: int) -> ScenarioBlock:
        block = scenarios.produce(start, stop)
        return ScenarioBlock(block.start, block.market_price_usd * multiple, block.fair_price_usd * multiple)

    return replace(scenarios, produce=produce)
