"""Mixtures: several sources as one batch, each with its share of the probability.

A calm history makes small requirements, so at least a quarter of the weight has to come from
sources declared stressed (the floor of the European margin rules, RTS 153/2013 article 28).
Sources may differ in time grid and in the number of venues: every path keeps its own points,
its last price is held in between, and a source with one price has it on every venue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from risk.scenarios.build import VENUE, combine, digest
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

FloatArray = NDArray[np.float64]

STRESSED_AT_LEAST = 0.25
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Component:
    """One source: its scenarios, its share of the weight, and whether it is a stressed one."""

    scenarios: Scenarios
    share: float
    stressed: bool = False


def mixture(components: Sequence[Component]) -> Scenarios:
    """Return the components as one batch whose weights add up to 1.

    Raises
    ------
    ScenarioError
        If shares are not positive or do not add up to 1, less than `STRESSED_AT_LEAST` of them is
        stressed, or markets or venues differ.
    """
    shares = [c.share for c in components]
    if not shares or not all(np.isfinite(s) and s > 0 for s in shares) or abs(sum(shares) - 1) > ROUNDING:
        raise ScenarioError(
            f"shares of {shares} do not add up to 1.", remedy="Give every source a positive share."
        )
    stressed = sum(c.share for c in components if c.stressed)
    if stressed < STRESSED_AT_LEAST - ROUNDING:
        raise ScenarioError(
            f"{stressed:.0%} of the weight is stressed, less than {STRESSED_AT_LEAST:.0%}.",
            remedy="Give sources with stressed = true a larger share.",
        )
    parts = aligned([c.scenarios for c in components])
    weights = [c.share * p.weight / p.weight.sum() for c, p in zip(components, parts, strict=True)]
    return combine(parts, np.concatenate(weights))


def aligned(parts: Sequence[Scenarios]) -> list[Scenarios]:
    """Return batches on the union of their times and on one set of venues.

    Raises
    ------
    ScenarioError
        If two of them have different named venues.
    """
    time_s = np.unique(np.concatenate([p.time_s for p in parts]))
    named = {p.venues for p in parts if p.venues != (VENUE,)}
    if len(named) > 1:
        raise ScenarioError(
            "sources with different venues cannot be one batch.",
            remedy="Build them for the same venues in the same order.",
        )
    venues = named.pop() if named else (VENUE,)
    return [_on(p, time_s, venues) for p in parts]


def _on(part: Scenarios, time_s: FloatArray, venues: tuple[str, ...]) -> Scenarios:
    if np.array_equal(part.time_s, time_s) and part.venues == venues:
        return part
    place = np.maximum(np.searchsorted(part.time_s, time_s, side="right") - 1, 0)

    def produce(start: int, stop: int) -> ScenarioBlock:
        block = part.produce(start, stop)
        market = block.market_price_usd[:, place]
        if part.venues != venues:
            market = np.repeat(market, len(venues), axis=2)
        return ScenarioBlock(start, market, block.fair_price_usd[:, place])

    key = {"kind": "aligned", "part": part.sha256, "venues": venues}
    return replace(part, time_s=time_s, venues=venues, produce=produce, sha256=digest(key, time_s))
