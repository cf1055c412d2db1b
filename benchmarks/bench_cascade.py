"""Cascades of many scenarios against the plain Python loop that is their spec.

Both run the same market: venues of every shipped profile, stacked open interest, falls of random depth.  The
loop runs some scenarios, its time is scaled; prices at the end must agree to 1e-9.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.timing import row
from risk.venues.advance import run
from risk.venues.margin import LONG, SHORT
from risk.venues.market import Market, market_of
from risk.venues.positions import FloatArray, joined, stacked
from risk.venues.profile import SHIPPED, shipped
from risk.venues.reference import follow
from risk.venues.state import start

SEED, SCENARIOS, STEPS, SAMPLE = 20_251_207, 64, 240, 1
PRICES = {"BTC": 90_000.0, "ETH": 3_000.0, "SOL": 135.0}


def market() -> Market:
    """Return the venues with open interest of both sides."""
    venues = [shipped(name).venue for name in SHIPPED]
    parts = [
        stacked(
            v.name, asset, side, v.tiers(asset), price_usd=price, nearest=0.001, farthest=0.08,
            usd_per_percent=2e6, leverage={10.0: 1.0, 20.0: 1.0}, levels=20,
        )
        for v in venues
        if v.margin
        for asset, price in PRICES.items()
        for side in (LONG, SHORT)
    ]  # fmt: skip
    return market_of(venues, PRICES, joined(parts), beta={"ETH": 1.3, "SOL": 1.3}, cross_share=0.2)


def paths(scenarios: int, steps: int) -> tuple[FloatArray, FloatArray]:
    """Return times, five seconds apart, and moves: a fall of random depth with noise."""
    rng = np.random.default_rng(SEED)
    noise = np.cumsum(rng.normal(0.0, 2e-4, (scenarios, steps, len(PRICES))), axis=1)
    fall = -rng.uniform(0.01, 0.06, (scenarios, 1, 1)) * np.linspace(0.0, 1.0, steps)[:, None]
    return 5.0 * np.arange(1.0, steps + 1.0), fall + noise


def rows() -> list[dict[str, Any]]:
    """Return the comparison."""
    one = market()
    times, moves = paths(SCENARIOS, STEPS)
    run(one, start(one, 2), times[:2], moves[:2, :2])  # compile
    began = time.perf_counter()
    _, record = run(one, start(one, SCENARIOS), times, moves, every_s=60.0)
    seconds = time.perf_counter() - began
    began, equal = time.perf_counter(), True
    for s in range(SAMPLE):
        path = [dict(zip(one.assets, map(float, at), strict=True)) for at in moves[s]]
        _, prices = follow(one, [float(t) for t in times], path)
        got = record.price_usd[s, -1][np.isfinite(record.price_usd[s, -1])]
        equal &= bool(np.allclose(got, list(prices[-1].values()), rtol=1e-9, atol=0.0))
    slow = (time.perf_counter() - began) * SCENARIOS / SAMPLE
    size = f"{SCENARIOS} scenarios x {STEPS} steps, {len(one.venues)} venues, {len(one.positions)} cohorts"
    return [row("cascade", size, seconds, f"plain Python loop, {SAMPLE} scenario, scaled", slow, equal)]
