"""Interest along a path: exact balances, their floats, and who is liquidated because of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from abis.units import RAY
from benchmarks.bench_engine import market_of, shocks_of
from protocols.exact import exact_rules
from protocols.snapshot import RateModel, Snapshot
from risk.engine import accrual as module
from risk.engine.accrual import Accrual, growth_of
from risk.engine.advance import advance, engine_of, start
from risk.engine.prices import moments
from risk.engine.state import BELOW
from risk.engine.stress import stress
from risk.scenarios.scenarios import Scenarios
from risk.testing.snapshots import snapshots
from tests.property.test_engine_laws import part_of, same, shallow
from tests.risk.engine.markets import FREE, Account, market, moves, reserve

STEEP = RateModel(80 * RAY // 100, RAY // 100, 4 * RAY // 100, 60 * RAY // 100)
DAYS = st.integers(0, 400).map(lambda n: n * 86_400.0)
seeds = st.integers(0, 2**32 - 1)


def lent(snapshot: Snapshot) -> Snapshot:
    """The market with rates, and as much lent out as can be withdrawn."""
    totals = np.zeros(len(snapshot.reserves))
    np.add.at(totals, snapshot.book.debt.reserve, snapshot.book.debt.amount_raw.astype(float))
    return replace(
        snapshot,
        reserves=tuple(
            replace(r, rate_model=STEEP, total_debt_raw=int(t), available_liquidity_raw=int(t) // 9 + 1)
            for r, t in zip(snapshot.reserves, totals, strict=True)
        ),
    )


def in_days(scenarios: Scenarios, days: float) -> Scenarios:
    return replace(scenarios, time_s=np.arange(len(scenarios.time_s)) * 86_400.0 * days)


@given(seeds, st.sampled_from(["2.0", "3.0", "3.3", "3.5", "3.7"]))
def test_no_horizon_no_interest(seed: int, release: str) -> None:
    """INT-3: an instant earns nothing: with interest on, the outcome of a shock is the same, bit for bit."""
    snapshot = lent(market_of(seed, 12, version=release))
    scenarios = shocks_of(snapshot, seed, 3)
    same(stress(snapshot, scenarios, accrual=True), stress(snapshot, scenarios))


@pytest.mark.parametrize("mantissa", [int(module.WIDE.nmant), 52])
@given(snapshot=snapshots(), day_s=DAYS)
def test_floats_are_the_integers(mantissa: int, snapshot: Snapshot, day_s: float) -> None:
    """INT-4: the kernels' balances are the exact ones: equal below 2**53, else within two roundings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WIDE", Wide(mantissa, module.WIDE.eps))
        growth = growth_of(snapshot, np.array([day_s]), Accrual())
        model = growth.model(engine_of(snapshot).model, growth.place(day_s))
    place = growth.place(day_s)
    for exact, floats in (
        (growth.collateral_raw(place), model.c_amount),
        (growth.debt_raw(place), model.d_amount),
    ):
        for whole, real in zip(exact, floats, strict=True):
            if whole < 2**53:
                assert real == whole
            else:
                assert abs(int(real) - whole) <= 2 * whole // 2**53


class Wide:
    """A platform's long double."""

    def __init__(self, nmant: int, eps: object) -> None:
        self.nmant, self.eps = nmant, eps


@given(snapshots(), DAYS)
def test_the_rules_decide_who_may_be_liquidated(snapshot: Snapshot, day_s: float) -> None:
    """INT-5: after interest exactly the accounts are liquidatable that the integer rules call so."""
    growth = growth_of(snapshot, np.array([day_s]), Accrual())
    engine = engine_of(snapshot, replace(FREE, min_profit_usd=1e300), growth=growth)
    still = replace(moves(snapshot, np.ones((1, len(snapshot.reserves)))), time_s=np.array([day_s]))
    (inputs,) = moments(snapshot, still, next(still.blocks()), None)
    state, _ = advance(engine, start(engine, 1), inputs)
    prices = [r.price_raw for r in snapshot.reserves]
    for u in range(len(snapshot.book)):
        position = growth.position(u, prices, growth.place(day_s))
        data = exact_rules(snapshot.rules).account_data(position, snapshot.rules)
        expected = data.health_factor < snapshot.rules.liquidatable_below_wad
        assert bool(state.status[0, u] & BELOW) == expected


@given(seeds, st.integers(1, 6))
def test_blocks_of_paths_with_interest(seed: int, cut: int) -> None:
    """INT-6: with interest, too, a batch of paths is its parts, bit for bit."""
    snapshot = lent(market_of(seed, 12))
    whole = in_days(shocks_of(snapshot, seed, 7, times=3), 60)
    got = stress(snapshot, whole, depth=shallow(snapshot), accrual=True)
    for first, last in ((0, cut), (cut, 7)):
        part = part_of(whole, first, last)
        same(got, stress(snapshot, part, depth=shallow(snapshot), accrual=True), slice(first, last))


def thin(debt: float, tokens: float = 1.0) -> Snapshot:
    """One account: X worth 100, threshold .80, owing so many USD, of which 90 % are lent out."""
    listed = [reserve("X", 100.0), reserve("USD", 1.0)]
    return lent(market(listed, [Account({0: tokens}, {1: debt})], "3.5"))


def test_interest_liquidates_where_prices_stand_still() -> None:
    """At 90 % utilisation a debt of 75 grows to more than 80 within a year, and is called then."""
    snapshot = thin(75.0)
    path = in_days(moves(snapshot, np.ones((1, 13, 2))), 30)
    assert stress(snapshot, path, liquidators=FREE).liquidated_accounts[0] == 0
    got = stress(snapshot, path, liquidators=FREE, accrual=True)
    assert got.liquidated_accounts[0] == 1
    # 35 % a year: exp(.35 t) = 80 / 75 after 67 days, so at the third month's end.
    assert got.first_liquidation_s[0] == 90 * 86_400.0
    faster = stress(snapshot, path, liquidators=FREE, accrual=Accrual(fully_used=True))
    assert faster.first_liquidation_s[0] == 60 * 86_400.0  # 65 % a year: 36 days
    told = repr(got.explain("000000", 0))
    assert "At 2160 h" in told
    assert "liquidatable" in told


def test_debt_left_after_a_call_grows_on() -> None:
    """Half of 7,500 is repaid at once; what is left grows for a year and is called again."""
    snapshot = thin(7_500.0, tokens=100.0)
    path = in_days(moves(snapshot, np.broadcast_to([0.935, 1.0], (1, 2, 2))), 365)
    still = stress(snapshot, path, liquidators=FREE)
    assert still.repaid_usd[0, 1] == pytest.approx(3_750.0)
    got = stress(snapshot, path, liquidators=FREE, accrual=True, events=True)
    assert got.events is not None
    first, second = got.events.repaid_usd.iloc[:2]
    assert first == pytest.approx(3_750.0)
    # One year's step at 35 %, the contract's third-order series: more than the collateral carries.
    left, paid = 3_750.0 * (1 + 0.35 + 0.35**2 / 2 + 0.35**3 / 6), (9_350.0 - 3_750.0 * 1.05) / 1.05
    assert second == pytest.approx(paid)
    assert got.deficit_usd[0, 1] == pytest.approx(left - paid, rel=1e-4)  # the collateral earns nothing


def test_what_interest_does_not_know_is_told() -> None:
    bare = market([reserve("X", 100.0)], [Account({0: 1.0}, {})])
    (finding,) = growth_of(bare, np.zeros(1), Accrual()).findings
    assert "no rate model" in finding.message
    assert growth_of(bare, np.zeros(1), Accrual(from_model=False)).findings == ()
    with pytest.raises(InputError, match=r"7\.0 s"):
        growth_of(bare, np.zeros(1), Accrual()).place(7.0)
