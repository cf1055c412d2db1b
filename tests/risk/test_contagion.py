"""Fixed points of several assets, and the radius of their contagion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abis.errors import InputError
from benchmarks.bench_engine import market_of
from risk.contagion import Market, branching, fixed_points, spectral_radius
from risk.depth import Depth
from tests.property.test_engine_laws import shallow
from tests.risk.engine.markets import Account, market, reserve
from tests.risk.engine.test_feedback import book, curves

seeds = st.integers(0, 2**32 - 1)
falls = st.floats(0.5, 1.0)


@settings(max_examples=20)
@given(seeds, falls, st.floats(0.0, 1.0))
def test_everything_ends_between_the_bounds(seed: int, fall: float, share: float) -> None:
    """FIX-1: the bounds are ordered, and iterating the map from any start ends between them."""
    snapshot = market_of(seed, 12)
    at = Market(snapshot, shallow(snapshot), share)
    outside = snapshot.price_usd * fall
    got = fixed_points(at, outside)
    slack = 1e-9 * outside
    assert (got.low_usd <= got.high_usd + slack).all()
    for price in (outside, at.price(outside, at.everything())):
        for _ in range(300):
            price = at.price(outside, at.sold(price, price))
        assert (price >= got.low_usd - slack).all()
        assert (price <= got.high_usd + slack).all()


@given(st.lists(st.floats(600.0, 799.0), min_size=1, max_size=8), falls)
def test_with_stable_debt_the_bounds_are_fixed_points(debts: list[float], fall: float) -> None:
    """FIX-2: where no debt's price is moved, both ends are fixed points of the map."""
    snapshot = book(*debts)
    at = Market(snapshot, curves(snapshot))
    outside = snapshot.price_usd * [fall, 1.0, 1.0]
    got = fixed_points(at, outside)
    assert got.monotone
    assert got.settled
    for end in (got.low_usd, got.high_usd):
        np.testing.assert_allclose(at.price(outside, at.sold(end, end)), end, rtol=1e-9)


def test_a_run_that_fulfils_itself_has_two_ends() -> None:
    """At -6 % nobody is called: health 1.003; if all sell, X falls to where they are."""
    snapshot = book(*[749.0] * 8)
    at = Market(snapshot, curves(snapshot, tokens=40.0))
    got = fixed_points(at, [94.0, 50.0, 1.0])
    assert got.high_usd[0] == 94.0
    assert got.low_usd[0] < 88.0
    assert got.self_fulfilling[0] > 0.06
    assert not Market(market_of(1, 5), shallow(market_of(1, 5))).monotone
    infinite = Market(snapshot, Depth.infinite_for(snapshot))
    assert fixed_points(infinite, [94.0, 50.0, 1.0]).low_usd.tolist() == [94.0, 50.0, 1.0]


def test_the_radius_of_one_asset_is_its_branching_ratio() -> None:
    snapshot = book(*[750.0] * 8)
    at = Market(snapshot, curves(snapshot, tokens=80.0))
    outside = np.array([94.0, 50.0, 1.0])
    n = branching(at, outside)
    # One percent less calls all eight: half of 750 with bonus each, at 93.06.
    sold = 8 * 375.0 * 1.05 / (94.0 * 0.99)
    expected = np.log(1.0 / (at.price(outside, np.array([sold, 0.0, 0.0]))[0] / 94.0)) / 0.01
    assert n[0, 0] == pytest.approx(expected)
    assert np.count_nonzero(n) == 1
    assert spectral_radius(n) == pytest.approx(expected)


def test_exchange_and_chain_together() -> None:
    assert spectral_radius([[0.5]], [[0.2]]) == pytest.approx(0.5)
    assert spectral_radius([[0.0]], [[0.0]], [[0.5]], [[0.5]]) == pytest.approx(0.5)
    joint = spectral_radius([[0.5]], [[0.2]], [[0.3]], [[1.0]])
    assert joint == pytest.approx((0.7 + np.sqrt(0.09 + 1.2)) / 2)
    with pytest.raises(InputError, match="branching matrix"):
        spectral_radius([[0.5, 0.1]])


def test_impossible_prices_and_shares_are_refused() -> None:
    snapshot = market([reserve("X", 100.0)], [Account({0: 1.0}, {})])
    with pytest.raises(InputError, match="share of 2"):
        Market(snapshot, Depth.infinite_for(snapshot), 2.0)
    with pytest.raises(InputError, match="impossible"):
        fixed_points(Market(snapshot, Depth.infinite_for(snapshot)), [np.nan])
    with pytest.raises(InputError, match="step"):
        branching(Market(snapshot, Depth.infinite_for(snapshot)), [1.0], step=0.0)
