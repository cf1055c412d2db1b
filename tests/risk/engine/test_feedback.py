"""Depth that refills and is shared, and sales that move the oracles' market."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from benchmarks.bench_engine import market_of, shocks_of
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.advance import engine_of
from risk.engine.feedback import Feedback, marginal_share
from risk.engine.stress import stress
from tests.property.test_engine_laws import part_of, same, shallow
from tests.risk.engine.markets import FREE, Account, market, moves, reserve

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from([1, 3]))
def test_no_share_no_feedback(seed: int, times: int) -> None:
    """FBK-1: feedback of which no share reaches the market changes nothing, bit for bit."""
    snapshot = market_of(seed, 12)
    path, depth = shocks_of(snapshot, seed, 3, times=times), shallow(snapshot)
    same(stress(snapshot, path, depth=depth, feedback=Feedback(0.0)), stress(snapshot, path, depth=depth))


@given(seeds)
def test_infinite_depth_gives_no_feedback(seed: int) -> None:
    """FBK-2: where depth is infinite sales move nothing, whatever share reaches the market."""
    snapshot = market_of(seed, 12)
    path = shocks_of(snapshot, seed, 3, times=3)
    same(stress(snapshot, path, feedback=Feedback()), stress(snapshot, path))


@given(seeds, st.integers(1, 6), st.sampled_from([1, 3]))
def test_blocks_with_feedback(seed: int, cut: int, times: int) -> None:
    """FBK-3: with feedback, refill and shared sinks, too, a batch is its parts, bit for bit."""
    snapshot = market_of(seed, 12)
    whole = shocks_of(snapshot, seed, 7, times=times)
    depth = shallow(snapshot).recovering(1_800.0, 0.3).sharing([snapshot.asset_names[:3]])
    got = stress(snapshot, whole, depth=depth, feedback=Feedback(0.5))
    for first, last in ((0, cut), (cut, 7)):
        part = part_of(whole, first, last)
        same(got, stress(snapshot, part, depth=depth, feedback=Feedback(0.5)), slice(first, last))


def book(*debts: float) -> Snapshot:
    """Accounts with 10 X worth 1,000 at threshold .80 and bonus 5 %, owing so many USD each."""
    listed = [reserve("X", 100.0), reserve("Y", 50.0), reserve("USD", 1.0)]
    return market(listed, [Account({0: 10.0}, {2: debt}) for debt in debts], "3.0")


def curves(snapshot: Snapshot, tokens: float = 40.0) -> Depth:
    """X and Y sell ``tokens`` (twice as many Y) at 99 % down to 90 % of their price."""
    size, usd = np.zeros((3, 11)), np.zeros((3, 11))
    for a, scale in ((0, 1.0), (1, 2.0)):
        size[a] = np.linspace(0.0, tokens * scale, 11)
        slope = snapshot.price_usd[a] * np.linspace(0.99, 0.90, 10)
        usd[a, 1:] = np.cumsum(np.diff(size[a]) * slope)
    count = np.array([11, 11, 0], dtype=np.int64)
    return replace(Depth.infinite_for(snapshot), count=count, size_tokens=size, proceeds_usd=usd)


def test_the_marginal_price_falls_along_the_curve_and_holds_at_its_end() -> None:
    snapshot = book(1.0)
    model = engine_of(snapshot, FREE, curves(snapshot)).model
    got = marginal_share(model, 0, np.array([0.0, 2.0, 38.0, 40.0, 1e9]))
    assert got.tolist() == pytest.approx([1.0, 1.0, 0.90 / 0.99, 0.90 / 0.99, 0.90 / 0.99])
    assert marginal_share(model, 2, np.array([5.0])).tolist() == [1.0]


def test_sales_of_one_liquidate_the_next() -> None:
    """A shock to .93 liquidates 750 of debt; its sale pushes the price to where 738 is called, too."""
    snapshot, shock = book(750.0, 738.0), [[0.93, 1.0, 1.0]]
    depth = curves(snapshot, tokens=8.0)
    alone = stress(snapshot, moves(snapshot, shock), depth=depth, liquidators=FREE)
    assert alone.liquidated_accounts[0] == 1
    got = stress(snapshot, moves(snapshot, shock), depth=depth, liquidators=FREE, feedback=Feedback())
    assert got.liquidated_accounts[0] == 2
    path = moves(snapshot, np.broadcast_to(shock, (1, 3, 3)))
    along = stress(snapshot, path, depth=depth, liquidators=FREE, feedback=Feedback(), events=True)
    assert along.events is not None
    assert along.events.time_s.unique().tolist() == [0.0, 3_600.0]  # cause first, an hour later effect
    told = repr(along.explain("000001", 0))
    assert "call: repays" in told


def test_depth_refills_but_for_a_lasting_part() -> None:
    """Two sales an hour apart: the second starts where the first left off, or halfway back, or at 0."""
    snapshot = book(750.0, 700.0)
    path = moves(snapshot, [[[0.93, 1.0, 1.0], [0.93, 1.0, 1.0], [0.87, 1.0, 1.0]]])
    unlimited = stress(snapshot, path, liquidators=FREE).sold_tokens[0, 0]
    profit = {}
    for name, depth in (
        ("never", curves(snapshot)),
        ("in an hour", curves(snapshot).recovering(3_600.0)),
        ("in an hour, half of it", curves(snapshot).recovering(3_600.0, 0.5)),
        ("at once", curves(snapshot).recovering(0.001)),
        ("never, all lasts", curves(snapshot).recovering(0.001, 1.0)),
    ):
        got = stress(snapshot, path, depth=depth, liquidators=FREE, events=True)
        assert got.events is not None
        assert got.sold_tokens[0, 0] == pytest.approx(unlimited)
        second = got.events[got.events.account == "000001"]
        assert len(second) == 1
        profit[name] = float(second.profit_usd.iloc[0])
    assert profit["never"] < profit["in an hour, half of it"] < profit["in an hour"] < profit["at once"]
    assert profit["never, all lasts"] == pytest.approx(profit["never"])


def test_one_sink_is_used_up_by_both() -> None:
    listed = [reserve("X", 100.0), reserve("Y", 50.0), reserve("USD", 1.0)]
    accounts = [Account({0: 10.0}, {2: 751.0}), Account({1: 20.0}, {2: 750.0})]
    snapshot = market(listed, accounts, "3.0")
    fall, depth = moves(snapshot, [[0.93, 0.93, 1.0]]), curves(snapshot)
    apart = stress(snapshot, fall, depth=depth, liquidators=FREE, events=True)
    shared = stress(snapshot, fall, depth=depth.sharing([("X", "Y")]), liquidators=FREE, events=True)
    assert apart.events is not None
    assert shared.events is not None
    assert shared.events.profit_usd.iloc[0] == apart.events.profit_usd.iloc[0]  # the first one finds all
    assert shared.events.profit_usd.iloc[1] < apart.events.profit_usd.iloc[1]
    # Of the same worth, both curves alike: Y is sold as if X had been Y.
    both = market(listed, [accounts[0], Account({0: 10.0}, {2: 750.0})], "3.0")
    alike = stress(both, fall, depth=curves(both), liquidators=FREE, events=True)
    assert alike.events is not None
    assert shared.events.profit_usd.iloc[1] == pytest.approx(alike.events.profit_usd.iloc[1])


def test_impossible_recovery_and_sinks_are_refused() -> None:
    depth = curves(book(1.0))
    for change in ({"half_life_s": -1.0}, {"half_life_s": 1.0, "lasting_share": 1.5}):
        with pytest.raises(InputError, match="impossible"):
            depth.recovering(**change)
    with pytest.raises(InputError, match="'Z' is no asset"):
        depth.sharing([("X", "Z")])
    with pytest.raises(InputError, match="two sinks"):
        depth.sharing([("X", "Y"), ("Y", "USD")])
    with pytest.raises(InputError, match="feedback share"):
        Feedback(1.5)
