"""Counting exceedances: the published zones, made days, and bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest

from abis.errors import InputError, ScenarioError
from risk.scenarios.panel import Panel
from risk.solver.walk_forward import (
    Light,
    certified_bound,
    count,
    traffic_light,
    window_starts,
    windows_of,
)
from tests.risk.report import made

HOUR_S, DAY_S = 3_600, 86_400


def panel(hours: int, missing: tuple[int, ...] = ()) -> Panel:
    """Return hours of two coins from midnight, the k-th return of ETH k / 10,000."""
    kept = np.setdiff1d(np.arange(hours), missing)
    moves = np.stack([kept / 10_000, -kept / 20_000], axis=1)
    return Panel(("ETH", "BTC"), HOUR_S, (kept + 1) * HOUR_S, moves, moves.cumsum(axis=0))


def test_the_zones_are_those_of_the_basel_committee() -> None:
    """250 days at 99 %: green to 4 exceedances, yellow to 9, red from 10."""
    zones = [traffic_light(x, 250, 0.99) for x in range(12)]
    assert zones == [Light.GREEN] * 5 + [Light.YELLOW] * 5 + [Light.RED] * 2


@pytest.mark.parametrize(
    ("beyond", "days", "level"), [(-1, 250, 0.99), (251, 250, 0.99), (0, 0, 0.99), (1, 9, 1)]
)
def test_impossible_counts_are_refused(beyond: int, days: int, level: float) -> None:
    with pytest.raises(InputError):
        traffic_light(beyond, days, level)


def test_days_are_counted_against_a_fixed_and_a_moving_bound() -> None:
    losses = np.arange(100.0)
    fixed = count(losses, 94.0, 0.95)
    assert (fixed.beyond, fixed.worst, fixed.light) == (5, 99.0, Light.GREEN)
    assert fixed.expected == pytest.approx(5)
    assert fixed.coverage.kupiec_p == pytest.approx(1)
    moving = count(losses, losses - np.where(losses < 20, 1.0, 0.0), 0.95)
    assert (moving.beyond, moving.light) == (20, Light.RED)
    assert moving.coverage.kupiec_p < 1e-6


def test_a_certified_bound_is_seldom_too_low() -> None:
    """In 2,000 samples of 1,000 uniform draws the 99 % quantile is above the bound in at most 5 %."""
    draws = np.random.default_rng(7).random((2_000, 1_000))
    low = sum(certified_bound(sample, 0.99, risk=0.05) < 0.99 for sample in draws)
    assert 0 < low / 2_000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2_000)


def test_days_with_a_gap_are_left_out_and_the_others_are_whole() -> None:
    prices = panel(96, missing=(30,))
    starts = window_starts(prices, 0, 10 * DAY_S, DAY_S)
    assert starts.tolist() == [0, 2 * DAY_S, 3 * DAY_S]
    assert window_starts(prices, 1, 3 * DAY_S, DAY_S).tolist() == [2 * DAY_S]
    assert len(window_starts(prices, 0, 10 * DAY_S, HOUR_S)) == 95


def test_what_came_is_carried_to_the_prices_of_the_market() -> None:
    market, prices = made.market(), panel(48)
    days = windows_of(prices, market, window_starts(prices, 0, 2 * DAY_S, DAY_S), DAY_S)
    (block,) = days.blocks()
    weth = market.asset_names.index("WETH")
    grown = block.fair_price_usd[1, :, weth] / market.price_usd[weth]
    by_hand = np.exp(np.concatenate([[0.0], np.cumsum(np.arange(24, 48) / 10_000)]))
    assert grown == pytest.approx(by_hand, rel=1e-12)
    with pytest.raises(ScenarioError, match="no whole window"):
        windows_of(prices, market, np.zeros(0, dtype=np.int64), DAY_S)
