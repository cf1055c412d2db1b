"""Following paths in one kernel gives what taking every moment of the whole book gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bench_engine import market_of, shocks_of
from oracles.sequencer import Sentinel
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.advance import Engine, engine_of, run, start, stuck
from risk.engine.assumptions import Assumptions
from risk.engine.events import table_of
from risk.engine.liquidators import Liquidators
from risk.engine.liquidity import Liquidity
from risk.engine.outage import Outage
from risk.engine.paths import clock_of, follow, price_rows
from risk.engine.prices import Along, along
from risk.engine.safety import fill_extremes, next_touch, room_for_extremes, weights_of
from risk.engine.stress import stress
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.testing.snapshots import snapshots
from tests.property.test_engine_laws import same, shallow
from tests.risk.engine.markets import FREE, Account, market, moves, reserve

seeds = st.integers(0, 2**32 - 1)
releases = st.sampled_from(["2.0", "3.0", "3.3", "3.5", "3.7"])
liquidators = st.sampled_from(
    [
        FREE,
        Liquidators(),
        Liquidators(gas_usd_per_call=0.0, latency_blocks=200.0),
        Liquidators(capital_usd=1e5, token_discount_bps=100.0, latency_blocks=400.0),
        Liquidators(minimal=True),
    ]
)


def jumping(snapshot: Snapshot, seed: int, scenarios: int, times: int) -> Scenarios:
    """Paths that go up and down, with a fair price of their own, and stand still now and then."""
    rng = np.random.default_rng(seed)
    shape = (scenarios, times, len(snapshot.reserves))
    steps = rng.normal(-0.01, rng.choice([0.003, 0.03, 0.1]), shape) * (rng.uniform(size=shape) < 0.7)
    price = snapshot.price_usd * np.exp(np.cumsum(steps, axis=1))
    fair = price * np.exp(rng.normal(0.0, rng.choice([1e-12, 0.01, 0.05]), shape))
    return replace(
        shocks_of(snapshot, seed, scenarios, times),
        time_s=np.sort(rng.choice(20_000, times, replace=False)).astype(np.float64),
        produce=lambda a, b: ScenarioBlock(a, price[a:b, :, None], fair[a:b]),
    )


def assert_same_as_every_moment(engine: Engine, paths: Along) -> None:
    n = len(paths.market_usd)
    whole, logs = run(engine, start(engine, n), paths.moments(), events=True)
    got, _ = follow(engine, paths)
    logged, (log,) = follow(engine, paths, events=True)
    for other in (got, logged):
        for one, two in (
            (whole.scenario, other.scenario),
            (whole.asset, other.asset),
            (whole.emode, other.emode),
        ):
            for name in one.dtype.names or ():
                np.testing.assert_array_equal(one[name], two[name], err_msg=name)
        np.testing.assert_array_equal(whole.flags, other.flags)
        np.testing.assert_array_equal(whole.account_loss_usd, other.account_loss_usd)
        np.testing.assert_array_equal(stuck(engine, whole), stuck(engine, other))
    accounts, assets = engine.snapshot.book.accounts, engine.snapshot.asset_names
    tables = (table_of([(0, one) for one in some], accounts, assets) for some in (logs, [log]))
    assert next(tables).equals(next(tables))


@given(seeds, releases, liquidators, st.booleans(), st.integers(1, 30), st.data())
def test_following_paths_is_taking_every_moment(
    seed: int, release: str, who: Liquidators, with_depth: bool, times: int, data: st.DataObject
) -> None:
    """ENG-13: followed in one kernel, paths give the ledger and the calls of every moment, bit for bit."""
    snapshot = market_of(seed, 12, version=release)
    depth: Depth | None = shallow(snapshot) if with_depth else None
    if depth is not None and data.draw(st.booleans()):
        depth = depth.recovering(data.draw(st.sampled_from([0.0, 60.0, 7_200.0])), 0.25)
    outage = data.draw(st.sampled_from([None, Outage(1_000.0, 6_000.0, Sentinel(3_000))]))
    liquidity = data.draw(st.sampled_from([Liquidity.UNLIMITED, Liquidity.SNAPSHOT]))
    assumed = Assumptions(None, depth, who, False, liquidity, outage, None)
    scenarios = jumping(snapshot, seed, 3, times)
    engine = assumed.engine(snapshot, scenarios)
    block = next(iter(scenarios.blocks()))
    assert_same_as_every_moment(engine, assumed.along(engine, scenarios, block))


@given(snapshots(), seeds, st.integers(1, 12))
def test_following_paths_of_any_market(snapshot: Snapshot, seed: int, times: int) -> None:
    """ENG-14: the same for markets of every release, with categories, odd units and dust."""
    scenarios = jumping(snapshot, seed, 2, times)
    block = next(iter(scenarios.blocks()))
    assert_same_as_every_moment(engine_of(snapshot, FREE), along(snapshot, scenarios, block, None))


@given(seeds, st.integers(1, 40))
def test_nobody_is_touched_before_the_bounds_say(seed: int, times: int) -> None:
    """ENG-15: from any moment on, every moment before the next touch is safe and the touch itself is not."""
    snapshot = market_of(seed, 20, version="3.0")
    engine, scenarios = engine_of(snapshot, FREE), jumping(snapshot, seed, 1, times)
    rows = price_rows(engine, along(snapshot, scenarios, next(iter(scenarios.blocks())), None))
    weights, out = weights_of(engine.model), room_for_extremes(1, times, rows.shape[2])
    fill_extremes(0, rows, engine.model, out)
    own = engine.model.c_amount, engine.model.d_amount
    for u in range(20):
        mine = slice(weights.c_ptr[u], weights.c_ptr[u + 1]), slice(weights.d_ptr[u], weights.d_ptr[u + 1])
        c, d = (
            (amount[part] * weight[part], quote[part])
            for amount, weight, quote, part in zip(
                own,
                (weights.c_weight, weights.d_weight),
                (weights.c_quote, weights.d_quote),
                mine,
                strict=True,
            )
        )
        low, high = out.low[0, :times], out.high[0, :times]
        margin = (low[:, c[1]] * c[0]).sum(axis=1) - weights.slack[u] - (high[:, d[1]] * d[0]).sum(axis=1)
        for t in range(times):
            then = next_touch(u, t, times, out.low[0], out.high[0], out.first, *own, weights)
            assert (margin[t:then] >= -1e-3).all()
            assert then == times or margin[then] < 1e-3


def test_a_clock_refills_only_where_something_does() -> None:
    snapshot = market_of(1, 5)
    scenarios = jumping(snapshot, 1, 1, 4)
    paths = along(snapshot, scenarios, next(iter(scenarios.blocks())), None)
    still = engine_of(snapshot, depth=shallow(snapshot))
    back = engine_of(snapshot, depth=shallow(snapshot).recovering(60.0, 0.0))
    assert clock_of(still.model, paths).kept.shape == (0, 6)
    kept = clock_of(back.model, paths).kept
    assert kept.shape == (4, 6)
    waited = np.diff(paths.time_s, prepend=0.0)
    np.testing.assert_allclose(kept[:, 0], 2.0 ** (-waited / 60.0))


def test_an_account_is_called_when_it_is_due_and_again_after_it_recovered() -> None:
    listed = [reserve("X", 100.0), reserve("USD", decimals=6)]
    snapshot = market(listed, [Account({0: 100.0}, {1: 7_900.0}), Account({0: 100.0}, {1: 10.0})], "3.0")
    factors = [1.0, 0.98, 1.2, 1.2, 1.2, 0.6, 0.6]
    got = stress(snapshot, path_of(snapshot, factors), liquidators=FREE, events=True)
    assert got.events is not None
    assert got.events.time_s.tolist()[0] == 60.0
    assert 300.0 in got.events.time_s.tolist()
    assert set(got.events.account) == {"000000"}
    assert got.liquidated_accounts.tolist() == [1]


def path_of(snapshot: Snapshot, factors: list[float]) -> Scenarios:
    """One path of the first reserve, a minute a moment."""
    usd = np.array([[[snapshot.price_usd[0] * f, *snapshot.price_usd[1:]] for f in factors]])
    return replace(
        moves(snapshot, np.ones((1, len(snapshot.reserves)))),
        time_s=np.arange(len(factors)) * 60.0,
        produce=lambda a, b: ScenarioBlock(a, usd[a:b, :, None], usd[a:b]),
    )


def test_an_empty_book_has_an_empty_ledger() -> None:
    snapshot = market([reserve("X", 100.0), reserve("USD", decimals=6)], [])
    got = stress(snapshot, path_of(snapshot, [1.0, 0.5, 0.1]), liquidators=FREE, events=True)
    assert not got.repaid_usd.any()
    assert not got.bad_debt_usd.any()
    assert got.events is not None
    assert got.events.empty


def test_without_feedback_or_interest_paths_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = market_of(5, 30)
    scenarios = jumping(snapshot, 5, 4, 9)
    plain = stress(snapshot, scenarios, depth=shallow(snapshot))

    def every_moment(engine: Engine, paths: Along, *, events: bool = False) -> Any:
        return run(engine, start(engine, len(paths.market_usd)), paths.moments(), events=events)

    monkeypatch.setattr("risk.engine.stress.follow", every_moment)
    same(plain, stress(snapshot, scenarios, depth=shallow(snapshot)))


@given(seeds)
def test_pruning_with_interest_changes_nothing(seed: int) -> None:
    """ENG-16: with interest, leaving out accounts no price of a block can touch changes no outcome."""
    snapshot = market_of(seed, 12)
    scenarios = jumping(snapshot, seed, 2, 4)
    pruned_ = stress(snapshot, scenarios, accrual=True, depth=shallow(snapshot))
    same(pruned_, stress(snapshot, scenarios, accrual=True, depth=shallow(snapshot), events=True))
