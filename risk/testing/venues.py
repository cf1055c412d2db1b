"""Strategies of exchanges: venues, open interest and paths that keep cascades small enough to shrink."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from risk.venues.book import Book
from risk.venues.margin import LONG, SHORT, Tiers
from risk.venues.market import Market, market_of
from risk.venues.positions import FloatArray, Positions, joined, stacked
from risk.venues.venue import Funding, LiquidationEngine, MarkKind, MarkRule, Venue

ASSETS = {"BTC": 90_000.0, "ETH": 3_000.0}


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    """Return finite floats of a range."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


def books() -> st.SearchStrategy[Book]:
    """Return books of every shape: deep and thin, refilling or not, with makers that step back or stay."""
    return st.builds(
        Book,
        depth_usd=floats(1e6, 1e8),
        exponent=floats(0.4, 1.2),
        permanent_share=floats(0.0, 1.0),
        refill_half_life_s=st.sampled_from([30.0, 300.0, np.inf]),
        least_share=floats(0.1, 1.0),
        withdrawal=floats(0.0, 1.0),
        usual_move=floats(0.005, 0.05),
        memory_s=floats(60.0, 3600.0),
    )


def engines() -> st.SearchStrategy[LiquidationEngine]:
    """Return liquidation engines with and without partial closes, backstop and auto-deleveraging."""
    return st.builds(
        LiquidationEngine,
        partial_share=st.sampled_from([0.2, 1.0]),
        partial_above_usd=floats(1e4, 1e6),
        cooldown_s=floats(0.0, 60.0),
        lag=floats(0.0, 0.01),
        fee=floats(0.0, 0.02),
        backstop_share=st.sampled_from([0.0, 2.0 / 3.0]),
        backstop_unwind_s=floats(60.0, 3600.0),
        adl=st.booleans(),
    )


@st.composite
def venues(draw: st.DrawFn, name: str) -> Venue:
    """Return a venue that trades both assets with leverage."""
    tiers = Tiers((0.0, 1e6), (0.01, 0.02))
    return Venue(
        name,
        {a: draw(books()) for a in ASSETS},
        dict.fromkeys(ASSETS, tiers),
        MarkRule(draw(st.sampled_from(MarkKind)), draw(floats(0.0, 1.0)), draw(floats(0.01, 0.2))),
        draw(engines()),
        Funding(interval_s=draw(st.sampled_from([60.0, 3600.0]))),
        fund_usd=draw(floats(0.0, 1e7)),
        arbitrage_per_s=draw(st.sampled_from([0.0, 0.05, 1.0])),
    )


@st.composite
def positions(draw: st.DrawFn, venue: Venue) -> Positions:
    """Return stacked open interest of a venue, longs and shorts of both assets."""
    parts = [
        stacked(
            venue.name,
            asset,
            side,
            venue.tiers(asset),
            price_usd=price,
            nearest=0.002,
            farthest=draw(floats(0.01, 0.1)),
            usd_per_percent=draw(floats(0.0, 2e7)),
            leverage={10.0: 1.0, 25.0: draw(floats(0.0, 2.0))},
            levels=draw(st.integers(1, 6)),
            position_usd=draw(st.sampled_from([1e4, 2e6])),
        )
        for asset, price in ASSETS.items()
        for side in (LONG, SHORT)
    ]
    return joined(parts)


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """Return a market of one to three venues."""
    found = [draw(venues(f"venue {n}")) for n in range(draw(st.integers(1, 3)))]
    held = joined([draw(positions(v)) for v in found])
    return market_of(
        found,
        ASSETS,
        held,
        beta={"ETH": 1.3},
        synchrony=draw(floats(0.0, 1.0)),
        cross_share=draw(floats(0.0, 0.5)),
    )


@st.composite
def paths(draw: st.DrawFn, scenarios: int = 1, steps: int = 12) -> tuple[FloatArray, FloatArray]:
    """Return times (T,) and log moves (S, T, K): falls, rebounds and pauses of uneven length."""
    waits: list[Any] = draw(st.lists(st.sampled_from([1.0, 5.0, 60.0]), min_size=2, max_size=steps))
    shape = (scenarios, len(waits), len(ASSETS))
    size = int(np.prod(shape))
    moves = draw(st.lists(floats(-0.03, 0.02), min_size=size, max_size=size))
    return np.cumsum(waits), np.cumsum(np.reshape(moves, shape), axis=1)
