"""What never makes the ledger better as a whole: larger bonuses, added loops, a frozen oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocols.snapshot import Snapshot
from risk.engine import advance, ledger
from risk.engine.liquidators import Liquidators
from risk.engine.prices import PERFECT, moments
from risk.engine.state import State
from risk.engine.stress import stress
from risk.outcome import LEDGER, Outcome
from tests.risk.engine.markets import FREE, Account, market, moves, reserve

healths = st.lists(st.floats(1.001, 1.4), min_size=1, max_size=5)
falls = st.floats(0.55, 0.999)
HELD = 1_000.0


def book(
    starts: list[float], bonus: float, version: str = "3.0", loops: int = 0, threshold: float = 0.8
) -> Snapshot:
    """Accounts of 1,000 X at 100 USD of a health factor each, and loops of one dollar on another."""
    listed = [
        reserve("X", 100.0, 0.8, bonus),
        reserve("USDC", 1.0, 0.9, 0.02, decimals=6),
        reserve("USDT", 1.0, 0.9, 0.02, decimals=6),
    ]
    accounts = [Account({0: HELD}, {1: HELD * 100 * 0.8 / h}) for h in starts]
    accounts += [Account({2: 1e6}, {1: 8e5})] * loops
    return market(listed, accounts, version)


def harm(got: Outcome) -> float:
    """Avoidable loss of borrowers and bad debt of lenders together."""
    return float(got.avoidable_loss_usd.sum() + got.bad_debt_usd.sum())


@given(healths, falls, st.floats(0.0, 0.1), st.floats(0.0, 0.1))
def test_larger_bonus(starts: list[float], fall: float, low: float, more: float) -> None:
    """MET-1: where liquidators call at either, a larger bonus never lowers avoidable loss plus bad debt."""
    small, large = (book(starts, bonus) for bonus in (low, low + more))
    shock = moves(small, [[fall, 1.0, 1.0]])
    one, other = (stress(s, shock, liquidators=FREE) for s in (small, large))
    if (one.liquidated_accounts == one.eligible_accounts).all():
        assert harm(one) <= harm(other) * (1 + 1e-9) + 0.01


def test_a_larger_bonus_helps_where_the_smaller_calls_nobody() -> None:
    """Why MET-1 asks that liquidators call: at 1 % they do not, and the next fall costs lenders more."""
    steady = replace(FREE, min_profit_bps=200.0)
    results = []
    for bonus in (0.01, 0.05):
        snapshot = book([1.02], bonus)
        fall = moves(snapshot, [[0.95, 1.0, 1.0], [0.70, 1.0, 1.0]])
        block = fall.produce(0, 2)
        path = replace(
            fall,
            names=("path",),
            groups=("user",),
            weight=np.ones(1),
            time_s=np.array([0.0, 3_600.0]),
            produce=lambda a, b, block=block: replace(  # type: ignore[misc]
                block,
                market_price_usd=block.market_price_usd[:, 0][None],
                fair_price_usd=block.fair_price_usd[:, 0][None],
            ),
        )
        results.append(harm(stress(snapshot, path, liquidators=steady)))
    assert results[0] > results[1] > 0


@given(healths, falls, st.integers(1, 20))
def test_added_loops(starts: list[float], fall: float, loops: int) -> None:
    """MET-2: loops that stay healthy change no entry of the ledger, however much debt they add."""
    plain, more = book(starts, 0.05), book(starts, 0.05, loops=loops)
    one, other = (stress(s, moves(s, [[fall, 1.0, 1.0]]), liquidators=FREE) for s in (plain, more))
    for name in LEDGER:
        np.testing.assert_array_equal(
            getattr(one, f"{name}_usd"), getattr(other, f"{name}_usd"), err_msg=name
        )
    assert one.under_liquidation_usd_hours == other.under_liquidation_usd_hours


def test_shares_of_all_debt_are_diluted_by_loops() -> None:
    """Why limits are in USD: the share of debt lost falls when loops are added, and nobody is better off."""
    plain, more = book([1.05], 0.05), book([1.05], 0.05, loops=20)
    lost = [
        harm(stress(s, moves(s, [[0.8, 1.0, 1.0]]), liquidators=FREE)) / s.debt_usd.sum()
        for s in (plain, more)
    ]
    assert lost[0] > 10 * lost[1] > 0


def ended(snapshot: Snapshot, falling: list[float], *, frozen: bool) -> State:
    """Return the state after a path of X, the oracle following it or staying as it is."""
    path = moves(snapshot, [[f, 1.0, 1.0] for f in falling])
    block = path.produce(0, len(falling))
    joined = replace(
        path,
        names=("path",),
        groups=("user",),
        weight=np.ones(1),
        time_s=np.arange(len(falling)) * 3_600.0,
    )
    one = replace(
        block,
        market_price_usd=block.market_price_usd[:, 0][None],
        fair_price_usd=block.fair_price_usd[:, 0][None],
    )
    engine = advance.engine_of(snapshot, FREE)
    inputs = list(moments(snapshot, joined, one, None))
    if frozen:
        still = np.array([[r.price_raw for r in snapshot.reserves]], dtype=np.int64)
        inputs = [i._replace(oracle_raw=still) for i in inputs]
    state, _ = advance.run(engine, advance.start(engine, 1), inputs)
    return state


@given(healths, st.lists(falls, min_size=1, max_size=4))
def test_a_frozen_oracle(starts: list[float], falling: list[float]) -> None:
    """MET-3: whatever a frozen oracle spares borrowers or lenders, under-liquidation grows for it."""
    snapshot = book(starts, 0.05)
    live, frozen = (ended(snapshot, falling, frozen=f) for f in (False, True))
    spared = live.scenario["liquidated_accounts"][0] > 0
    grown = (
        frozen.scenario["under_liquidation_usd_hours"][0] > live.scenario["under_liquidation_usd_hours"][0]
    )
    assert frozen.scenario["liquidated_accounts"][0] == 0
    assert grown == spared
    if not spared:
        for name in ("bad_debt_usd", "avoidable_loss_usd"):
            np.testing.assert_array_equal(live.asset[name], frozen.asset[name])


def test_a_frozen_oracle_alone_can_look_better_to_borrowers_and_lenders() -> None:
    """Why MET-3 counts under-liquidation: a gap then costs no bonus, but a long fall costs lenders more."""
    snapshot = book([1.02], 0.05)
    gap = [float(ended(snapshot, [0.7], frozen=f).asset["bad_debt_usd"].sum()) for f in (False, True)]
    assert gap[1] < gap[0]
    long = [float(ended(snapshot, [0.95, 0.6], frozen=f).asset["bad_debt_usd"].sum()) for f in (False, True)]
    assert long[1] > long[0]


@given(st.floats(1.001, 1.2), st.floats(0.8, 0.999), st.floats(0.001, 0.08), st.floats(0.0, 1.0))
def test_minimal_calls_at_fair_prices(start: float, fall: float, bonus: float, share: float) -> None:
    """LED-9: oracle fair and calls minimal, the loss is bonus beyond cost: none where they are equal."""
    snapshot = book([start], bonus, "3.5")
    cost = share * bonus / (1 + bonus)  # the most of the value sold at which a call still pays
    who = Liquidators(0.0, cost * 1e4, 0.0, minimal=True)
    shock = moves(snapshot, [[fall, 1.0, 1.0]])
    got = stress(snapshot, shock, oracles=PERFECT, liquidators=who, events=True)
    dust = 1e-2 + 1e-6 * float(got.repaid_usd.sum())
    assert got.loss_dislocation_usd[0] == 0.0
    held, owed = HELD * 100 * fall, float(snapshot.debt_usd.sum())
    exact = snapshot.book.collateral.bonus_bps[0] / 1e4 - 1
    least = ledger.r_star(owed, held, 0.8 * held / owed, 0.8, exact)
    assume(min(owed - least, held - least * (1 + exact)) > 1_100)  # else the dust rule takes a side whole
    assert got.over_liquidated_usd[0] <= dust
    assert got.events is not None
    assume(len(got.events) == 1)
    needed = ledger.r_reference(owed, held, 0.8 * held / owed, 0.8, cost)
    expected = max(exact * float(got.repaid_usd.sum()) - cost * needed, 0.0)
    assert got.avoidable_loss_usd.sum() == pytest.approx(expected, rel=1e-6, abs=dust)
    equal = ledger.r_reference(owed, held, 0.8 * held / owed, 0.8, exact)
    assert exact * float(got.repaid_usd.sum()) - exact * equal <= dust


@pytest.mark.parametrize("missing", ["oracle", "minimal", "cost"])
def test_each_condition_is_needed(missing: str) -> None:
    """Why LED-9 asks for all three: leave one out, and borrowers lose what could be avoided."""
    snapshot, fair = book([1.02], 0.05, "3.5"), 0.97
    cost = 0.0 if missing == "cost" else 0.05 / 1.05 * 0.999
    who = Liquidators(0.0, cost * 1e4, 0.0, minimal=missing != "minimal")
    shock = moves(snapshot, [[0.90 if missing == "oracle" else fair, 1.0, 1.0]])
    if missing == "oracle":
        block, right = shock.produce(0, 1), moves(snapshot, [[fair, 1.0, 1.0]]).produce(0, 1)
        shock = replace(shock, produce=lambda a, b: replace(block, fair_price_usd=right.fair_price_usd))
    got = stress(snapshot, shock, oracles=None if missing == "oracle" else PERFECT, liquidators=who)
    assert got.repaid_usd.sum() > 0
    assert got.avoidable_loss_usd.sum() > 0.003 * got.repaid_usd.sum()
