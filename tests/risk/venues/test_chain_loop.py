"""Exchanges and chain as one loop: from no selling to where sales stop changing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from abis.errors import InputError, UnknownAsset
from protocols.snapshot import Snapshot
from risk.testing.venues import floats
from risk.venues.book import Book
from risk.venues.chain_loop import ROUNDS, Settled, settle
from risk.venues.margin import Tiers
from risk.venues.market import Market, market_of
from risk.venues.venue import Venue
from tests.risk.markets import market as book_of_loans

TIMES = np.arange(10.0, 1_801.0, 10.0)


def venues(depth_usd: float) -> Market:
    book = Book(depth_usd=depth_usd, exponent=1.0, permanent_share=1.0, refill_half_life_s=np.inf)
    held = [Venue(n, {"ETH": book}, {"ETH": Tiers((0.0,), (0.005,))}) for n in ("one", "two", "three")]
    return market_of(held, {"ETH": 2_500.0})


def loans() -> Snapshot:
    """Return 25 accounts with 100 WETH each, liquidatable one after the other as ETH falls."""
    rows = [(f"0x{n:04x}", 0, {0: 100}, {4: 207_500 * (1.0 - 0.004 * n)}) for n in range(1, 26)]
    return book_of_loans(rows)


def loop(fall: float, depth_usd: float, **options: float) -> Settled:
    outside = (np.log1p(-fall) * np.minimum(TIMES / 600.0, 1.0))[:, None]
    return settle(venues(depth_usd), TIMES, outside, loans(), **options)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=15)
@given(fall=floats(0.01, 0.04), depth_usd=floats(1e6, 2e8))
def test_feedback_only_adds(fall: float, depth_usd: float) -> None:
    """VEN-15: sales that come back from the chain never lift a low nor spare an account on lasting books."""
    without, found = loop(fall, depth_usd, share=0.0), loop(fall, depth_usd)
    assert found.settled or found.runs_away or len(found.sold_usd) == ROUNDS
    assert found.deeper(0) <= 1e-12
    assert found.outcome.liquidated_accounts[0] >= without.outcome.liquidated_accounts[0]
    if found.settled and found.late_usd == 0.0:
        # The flow is the sales at the prices they were made at, none of them above the start.
        assert 0.9 * found.sold_usd[-1] <= found.flow_usd.sum() <= found.sold_usd[-1] + 1.0


def test_thin_books_bring_back_more() -> None:
    deep, thin = loop(0.03, 1e9), loop(0.03, 1e6)
    assert deep.sold_usd[0] == thin.sold_usd[0] > 0.0
    assert deep.settled
    assert thin.settled
    assert thin.sold_usd[-1] > 1.05 * thin.sold_usd[0]
    assert thin.deeper(0) < deep.deeper(0) <= 0.0


def test_what_stays_on_chain_does_not_come_back() -> None:
    found = loop(0.03, 5e6, share=0.0)
    assert found.settled
    assert found.sold_usd == (0.0,)
    assert not found.flow_usd.any()
    assert found.outcome.repaid_usd.sum() > 0.0


def test_a_loop_that_leaves_published_depth_says_so() -> None:
    found = loop(0.04, 1e5)
    assert found.runs_away
    assert not found.settled


def test_impossible_inputs_are_refused() -> None:
    with pytest.raises(InputError, match=r"share of 1\.5"):
        loop(0.01, 1e7, share=1.5)
    with pytest.raises(UnknownAsset, match="no venue 'four'"):
        settle(venues(1e7), TIMES, np.zeros((len(TIMES), 1)), loans(), venue="four")


def test_one_venue_takes_all_sales() -> None:
    outside = (np.log1p(-0.03) * np.minimum(TIMES / 600.0, 1.0))[:, None]
    found = settle(venues(1e8), TIMES, outside, loans(), venue="two")
    assert found.flow_usd[:, 1].sum() == pytest.approx(found.flow_usd.sum())
    assert found.flow_usd.sum() > 0.0
