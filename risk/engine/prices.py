"""From scenarios to the three price arrays the engine reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from abis.findings import Finding
from oracles.graph import OracleGraph
from protocols.snapshot import Snapshot
from risk.engine.advance import Inputs
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.model import OPEN
from risk.engine.outage import Outage, held
from risk.scenarios.scenarios import ScenarioBlock, Scenarios


@dataclass(frozen=True, slots=True)
class Perfect:
    """Oracles that read the fair price at once: what oracle error does is the difference to them."""

    def findings(self) -> tuple[Finding, ...]:
        """Return none: they assume nothing that the scenario does not state."""
        return ()


PERFECT = Perfect()
Oracles = OracleGraph | Perfect | None  # None: they follow the market at once

INSTANT_HOURS = 1.0  # how long an instantaneous scenario is taken to last


def market_price_usd(block: ScenarioBlock) -> FloatArray:
    """Return the market price, (S, T, A): the upper median of the venues that list the asset.

    A venue lists an asset at a moment if its price is not NaN.  The upper median is what
    price feeds take; one venue's print moves nothing until more than half agree.

    Raises
    ------
    ScenarioError
        If no venue lists an asset, or a price is negative or infinite.
    """
    prices = block.market_price_usd
    if prices.shape[2] == 1:
        middle = prices[:, :, 0]
    else:
        count = np.sum(~np.isnan(prices), axis=2, keepdims=True)
        ordered = np.sort(prices, axis=2)  # NaN last
        middle = np.take_along_axis(ordered, np.minimum(count // 2, prices.shape[2] - 1), axis=2)[:, :, 0]
    check_prices(middle, block.start, "market price")
    return np.asarray(middle)


def check_prices(prices: FloatArray, first: int, what: str) -> None:
    """Refuse prices (S, T, A) that are not finite and at least 0; ``first`` is the first scenario."""
    bad = ~(np.isfinite(prices) & (prices >= 0))
    if bad.any():
        s, t, a = (int(k) for k in np.argwhere(bad)[0])
        raise ScenarioError(
            f"{what} {float(prices[s, t, a])!r} of scenario {first + s}, time {t}, asset {a} is impossible.",
            remedy="Give finite prices of at least 0; fill gaps before.",
        )


def oracle_raw(
    snapshot: Snapshot,
    market_usd: FloatArray,
    time_s: FloatArray,
    oracles: OracleGraph | None,
    first_scenario: int = 0,
) -> NDArray[Any]:
    """Return the raw oracle prices (S, T, A) that market prices (S, T, A) lead to.

    With a graph: settled for one moment, propagated for a path.  Without: the snapshot's
    price times the market's move, at once, rounded to nearest.

    Raises
    ------
    ScenarioError
        If the graph names other assets or other decimals than the market.
    """
    if oracles is None:
        return following(snapshot, market_usd)
    check_graph(snapshot, oracles)
    if len(time_s) == 1:
        return settled_raw(snapshot, market_usd[:, 0], oracles)[:, None, :]
    base = market_usd / float(snapshot.base.usd)
    return oracles.propagate(time_s, base, first_scenario=first_scenario)


def settled_raw(snapshot: Snapshot, market_usd: FloatArray, oracles: OracleGraph | None) -> NDArray[Any]:
    """Return the raw prices (S, A) reached where the market stays at (S, A)."""
    if oracles is None:
        return following(snapshot, market_usd)
    last = [r.price_raw for r in snapshot.reserves]
    return oracles.settled(market_usd / float(snapshot.base.usd), last_raw=last)


def following(snapshot: Snapshot, market_usd: FloatArray) -> NDArray[Any]:
    """Return prices that follow the market at once; exactly the snapshot's where nothing moved."""
    reference = snapshot.price_usd
    raw = np.array([float(r.price_raw) for r in snapshot.reserves])
    factor = np.divide(market_usd, reference, out=np.zeros_like(market_usd), where=reference > 0)
    moved = np.rint(raw * factor)
    exact = np.array([r.price_raw for r in snapshot.reserves], dtype=object)
    still = np.broadcast_to(exact, moved.shape)
    if max((int(p) for p in exact), default=0) < 2**52 and moved.max(initial=0.0) < 2.0**62:
        return np.where(factor == 1.0, still.astype(np.int64), moved.astype(np.int64))
    integers = np.array([int(x) for x in moved.ravel()], dtype=object).reshape(moved.shape)
    return np.where(factor == 1.0, still, integers)


def check_graph(snapshot: Snapshot, oracles: OracleGraph) -> None:
    """Refuse a graph of other assets or other decimals than the market's."""
    if tuple(oracles.assets) != snapshot.asset_names:
        raise ScenarioError(
            f"the oracle graph is for {', '.join(oracles.assets)}.",
            remedy=f"Give one for {', '.join(snapshot.asset_names)}, in this order.",
        )
    units = {10**d for d in oracles.decimals}
    if units != {snapshot.base.unit_raw}:
        raise ScenarioError(
            f"the oracle graph's prices have {sorted(set(oracles.decimals))} decimals.",
            remedy=f"The market counts in units of 1/{snapshot.base.unit_raw} {snapshot.base.symbol}.",
        )


def durations_hours(time_s: FloatArray) -> FloatArray:
    """Return how long each moment lasts, (T,) hours; the last as long as the one before it.

    A path of one moment lasts `INSTANT_HOURS`.
    """
    if len(time_s) == 1:
        return np.array([INSTANT_HOURS])
    gaps = np.diff(time_s) / 3_600.0
    return np.append(gaps, gaps[-1])


class Along(NamedTuple):
    """Prices of a block of paths that no liquidation moves, as `Inputs` but with the times, (S, T, A).

    ``time_s``, ``hours`` and ``gates`` (T,).
    """

    oracle_raw: NDArray[Any]
    market_usd: FloatArray
    fair_usd: FloatArray
    time_s: FloatArray
    hours: FloatArray
    gates: IntArray

    def moments(self) -> Iterator[Inputs]:
        """Yield the inputs moment by moment."""
        for t, time_s in enumerate(self.time_s):
            raw, market, fair = self.oracle_raw[:, t], self.market_usd[:, t], self.fair_usd[:, t]
            yield Inputs(raw, market, fair, float(time_s), float(self.hours[t]), int(self.gates[t]))


def along(
    snapshot: Snapshot,
    scenarios: Scenarios,
    block: ScenarioBlock,
    oracles: Oracles,
    outage: Outage | None = None,
) -> Along:
    """Return the prices of a block of scenarios, all moments at once."""
    market = market_price_usd(block)
    check_prices(block.fair_price_usd, block.start, "fair price")
    if isinstance(oracles, Perfect):
        raw = following(snapshot, block.fair_price_usd)
    else:
        raw = oracle_raw(snapshot, market, scenarios.time_s, oracles, block.start)
    hours = durations_hours(scenarios.time_s)
    gates = np.full(len(scenarios.time_s), OPEN)
    if outage is not None:
        gates = outage.gates(scenarios.time_s)
        raw = held(raw, gates, [r.price_raw for r in snapshot.reserves])
    return Along(raw, market, block.fair_price_usd, scenarios.time_s, hours, gates)


def moments(
    snapshot: Snapshot,
    scenarios: Scenarios,
    block: ScenarioBlock,
    oracles: Oracles,
    outage: Outage | None = None,
) -> Iterator[Inputs]:
    """Yield the inputs of a block, moment by moment."""
    yield from along(snapshot, scenarios, block, oracles, outage).moments()
