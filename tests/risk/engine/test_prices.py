"""Market, fair and oracle prices as the engine reads them."""

from __future__ import annotations

import numpy as np
import pytest

from abis.errors import ScenarioError
from risk.engine.prices import durations_hours, following, market_price_usd
from risk.scenarios.scenarios import ScenarioBlock
from tests.risk.engine.markets import market, reserve

NAN = np.nan


def block(venue_prices: list[float]) -> ScenarioBlock:
    prices = np.array(venue_prices)[None, None, :, None]
    return ScenarioBlock(7, prices, np.ones((1, 1, 1)))


@pytest.mark.parametrize(
    ("venues", "expected"),
    [
        ([5.0], 5.0),
        ([5.0, 9.0], 9.0),
        ([5.0, 1.0, 9.0], 5.0),
        ([1.0, 2.0, 3.0, 4.0], 3.0),
        ([0.01, 5.0, 5.1], 5.0),
        ([NAN, 4.0, 2.0, 3.0], 3.0),
        ([NAN, NAN, 2.0], 2.0),
        ([4.0, NAN, 2.0], 4.0),
    ],
)
def test_market_price_is_the_upper_median_of_listing_venues(venues: list[float], expected: float) -> None:
    assert market_price_usd(block(venues)).item() == expected


@pytest.mark.parametrize("venues", [[NAN, NAN], [NAN], [-1.0], [np.inf]])
def test_impossible_market_prices_are_refused(venues: list[float]) -> None:
    with pytest.raises(ScenarioError, match="scenario 7, time 0, asset 0"):
        market_price_usd(block(venues))


def test_following_is_exactly_the_snapshot_where_nothing_moved() -> None:
    big = 10**18 + 1  # no float64
    for price_raw in (123456789012345, big):
        snapshot = market([reserve("X", price_raw=price_raw), reserve("Y", 2.0)], [])
        moved = following(snapshot, (np.array([[1.0, 0.5]]) * snapshot.price_usd)[:, None])
        assert moved[0, 0].tolist() == [price_raw, 10**8]


def test_following_rounds_to_nearest_and_keeps_unreadable_prices() -> None:
    snapshot = market([reserve("X", price_raw=3), reserve("Y", price_raw=0)], [])
    assert following(snapshot, np.array([[[0.55 * 3e-8, 1.0]]]))[0, 0].tolist() == [2, 0]


def test_moments_last_until_the_next() -> None:
    assert durations_hours(np.array([0.0])).tolist() == [1.0]
    assert durations_hours(np.array([0.0, 1_800.0, 9_000.0])).tolist() == [0.5, 2.0, 2.0]
