"""The same next shock from several states: what a flush took away is what the next shock misses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from abis.errors import InputError
from risk.testing.venues import floats
from risk.venues.advance import run
from risk.venues.after import market_after
from risk.venues.book import Book
from risk.venues.margin import LONG, Tiers
from risk.venues.market import Market, market_of
from risk.venues.next_shock import even_share, next_shock, rebuilt, shocked
from risk.venues.positions import Positions, stacked
from risk.venues.state import State, coins_by_side, start
from risk.venues.venue import LiquidationEngine, Venue

TIERS = Tiers((0.0,), (0.005,))
BOOK = Book(depth_usd=2e8, exponent=0.5, permanent_share=1.0, refill_half_life_s=300.0)


def longs(price_usd: float, density: float = 5e6) -> Positions:
    return stacked(
        "one", "BTC", LONG, TIERS, price_usd=price_usd, nearest=0.001, farthest=0.1,
        usd_per_percent=density, leverage={20.0: 1.0}, levels=40,
    )  # fmt: skip


def flushed(fall: float) -> tuple[Market, State]:
    venue = Venue("one", {"BTC": BOOK}, {"BTC": TIERS}, engine=LiquidationEngine(adl=False), fund_usd=1e9)
    market = market_of([venue], {"BTC": 100.0}, longs(100.0))
    times = np.arange(60.0, 3_601.0, 60.0)
    state, _ = run(market, start(market, 1), times, (-fall * times / times[-1])[None, :, None])
    return market, state


@settings(deadline=None, max_examples=25)
@given(fall=floats(0.01, 0.06), share=floats(0.0, 2.0))
def test_rebuilding_brings_back_the_share(fall: float, share: float) -> None:
    """VEN-14: what is rebuilt after a wave is the share asked for of the coins that the wave closed."""
    before, state = flushed(fall)
    after = market_after(before, state)
    more = rebuilt(before, after, longs(float(after.price_usd[0])), share)
    closed = before.positions.coins.sum() - after.positions.coins.sum()
    assert closed > 0.0
    assert more.coins.sum() == pytest.approx(share * closed, rel=1e-9)
    whole = market_after(before, state, rebuilt=[more])
    got = coins_by_side(whole, start(whole, 1))[0].sum()
    assert got == pytest.approx(after.positions.coins.sum() + share * closed, rel=1e-9)


def test_the_next_shock_liquidates_less_after_the_flush_and_more_as_leverage_returns() -> None:
    before, state = flushed(0.09)
    fresh = longs(float(market_after(before, state).price_usd[0]))
    rows = next_shock(before, state, -0.03, fresh, over_s=600.0)
    first, flush, *again = rows
    assert first.state == "before the wave"
    assert flush.liquidated_usd < 0.5 * first.liquidated_usd
    assert flush.spectral_radius <= first.spectral_radius
    amounts = [flush.liquidated_usd, *(r.liquidated_usd for r in again)]
    assert amounts == sorted(amounts)
    assert again[-1].low < flush.low < 0.0


def test_at_the_even_share_the_shock_liquidates_what_it_did_before() -> None:
    before, state = flushed(0.09)
    fresh = longs(float(market_after(before, state).price_usd[0]))
    share = even_share(before, state, -0.03, fresh, over_s=600.0)
    assert share is not None
    first, again = next_shock(before, state, -0.03, fresh, over_s=600.0, shares=(share,))[::2]
    assert again.liquidated_usd == pytest.approx(first.liquidated_usd, rel=0.01)
    assert even_share(before, state, -0.03, fresh.scaled(0.0), over_s=600.0) is None


def test_a_flush_that_leaves_as_dense_a_stack_ahead_helps_nothing() -> None:
    before, state = flushed(0.04)
    first, flush, *_ = next_shock(before, state, -0.03, before.positions, over_s=600.0, shares=())
    assert flush.liquidated_usd == pytest.approx(first.liquidated_usd, rel=0.1)


def test_nothing_happens_without_a_move() -> None:
    before, _ = flushed(0.02)
    found = shocked("calm", before, 0.0)
    assert (found.liquidated_usd, found.low, found.diverges) == (0.0, 0.0, False)
    assert np.isnan(found.own)


def test_impossible_shocks_are_refused() -> None:
    before, state = flushed(0.02)
    after = market_after(before, state)
    with pytest.raises(InputError, match="a move of nan"):
        shocked("one", before, float("nan"))
    with pytest.raises(InputError, match=r"over 0\.0 s"):
        shocked("one", before, -0.01, over_s=0.0)
    with pytest.raises(InputError, match="share of -1"):
        rebuilt(before, after, longs(float(after.price_usd[0])), -1.0)
