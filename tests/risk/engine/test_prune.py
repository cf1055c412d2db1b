"""Accounts no price of a block can touch are left out, and nothing changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.releases import rules_of
from risk.engine.accrual import Accrual, growth_of
from risk.engine.advance import Engine, Inputs, engine_of, run, start
from risk.engine.prune import of_accounts, pruned
from risk.testing.snapshots import snapshots
from tests.risk.engine.markets import FREE, Account, market, reserve


def path_of(engine: Engine, factors: NDArray[Any], fair: NDArray[Any] | None = None) -> list[Inputs]:
    """Prices of factors (S, T, A), an hour apart; fair ones of factors of their own."""
    snapshot = engine.snapshot
    raw = np.rint(np.array([float(r.price_raw) for r in snapshot.reserves]) * factors).astype(object)
    for place in np.ndindex(raw.shape):
        raw[place] = int(raw[place])
    usd = snapshot.price_usd * factors
    fair_usd = usd if fair is None else snapshot.price_usd * fair
    return [Inputs(raw[:, t], usd[:, t], fair_usd[:, t], 3_600.0 * t, 1.0) for t in range(factors.shape[1])]


def assert_nothing_changes(engine: Engine, path: list[Inputs]) -> Engine:
    less, n = pruned(engine, path), len(path[0].market_usd)
    whole, _ = run(engine, start(engine, n), path)
    part, _ = run(less, start(less, n), path)
    pairs = ((whole.scenario, part.scenario), (whole.asset, part.asset), (whole.emode, part.emode))
    for one, other in pairs:
        for name in one.dtype.names or ():
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    return less


@st.composite
def cases(draw: st.DrawFn) -> tuple[Engine, list[Inputs]]:
    snapshot = draw(snapshots())
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), len(snapshot.reserves))
    factor = st.floats(0.5, 1.5) | st.just(1.0) | st.floats(0.9, 1.1)
    factors, fair = (
        np.array([draw(factor) for _ in range(int(np.prod(shape)))]).reshape(shape) for _ in range(2)
    )
    engine = engine_of(snapshot, FREE)
    return engine, path_of(engine, factors, fair)


@given(cases())
def test_leaving_out_untouchable_accounts_changes_nothing(case: tuple[Engine, list[Inputs]]) -> None:
    """ENG-12: the ledger of the accounts prices may touch is the ledger of all, bit for bit."""
    assert_nothing_changes(*case)


def crowd(version: str) -> Engine:
    rng = np.random.default_rng(5)
    listed = [reserve("X", 2_000.0), reserve("Y", 60_000.0, threshold=0.75), reserve("D", decimals=6)]
    accounts = [
        Account({0: float(rng.uniform(1, 9)), 1: 0.01}, {2: float(rng.uniform(1_000, 12_000))})
        for _ in range(200)
    ]
    return engine_of(market(listed, accounts, version), FREE)


def test_only_accounts_near_the_path_are_left() -> None:
    for version in ("3.0", "3.7"):
        engine = crowd(version)
        steps = np.random.default_rng(6).normal(0.0, 0.02, (3, 8, 3))
        less = assert_nothing_changes(engine, path_of(engine, np.exp(np.cumsum(steps, axis=1))))
        assert 0 < len(less.snapshot.book) < 150


def test_higher_prices_of_collateral_leave_fewer_accounts() -> None:
    engine = crowd("3.7")
    still, dear = (
        pruned(engine, path_of(engine, np.broadcast_to(np.array(f), (1, 2, 3)).copy()))
        for f in ([1.0, 1.0, 1.0], [1.2, 1.2, 1.0])
    )
    assert set(dear.snapshot.book.accounts) < set(still.snapshot.book.accounts)


def test_interest_along_the_path_is_bounded_too() -> None:
    engine = crowd("3.7")
    listed = tuple(
        replace(r, variable_borrow_rate_ray=5 * 10**26, liquidity_rate_ray=10**26)
        for r in engine.snapshot.reserves
    )
    snapshot = replace(engine.snapshot, reserves=listed)
    times = np.arange(4) * 3_600.0 * 24 * 90
    growth = growth_of(snapshot, times, Accrual(from_model=False))
    engine = engine_of(snapshot, FREE, growth=growth)
    path = [
        i._replace(time_s=float(t)) for i, t in zip(path_of(engine, np.ones((1, 4, 3))), times, strict=True)
    ]
    assert_nothing_changes(engine, path)


def test_the_book_of_some_accounts_is_theirs() -> None:
    snapshot = crowd("3.7").snapshot
    some = of_accounts(snapshot, np.array([3, 17, 150]))
    assert [some.position(k) for k in range(3)] == [snapshot.position(u) for u in (3, 17, 150)]
    assert some.book.accounts == tuple(snapshot.book.accounts[u] for u in (3, 17, 150))
    assert len(of_accounts(snapshot, np.array([], dtype=np.int64)).book) == 0
    assert some.rules == rules_of("aave", "3.7")
