from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from protocols.change_rules import ChangeRule, StepKind
from protocols.exact import exact_rules
from protocols.snapshot import Snapshot
from risk.solver.curves import (
    ThresholdCurve,
    _governed,
    _with_threshold,
    candidates,
    shocked_prices_raw,
    threshold_curve,
)
from risk.testing.snapshots import snapshots
from tests.risk.markets import market


def by_hand(snapshot: Snapshot, curve: ThresholdCurve, i: int, m: int, prices: list[int]) -> list[int]:
    """Count liquidatable accounts at every candidate with the exact rules alone."""
    governed, block = _governed(snapshot, i, m), snapshot.book.collateral
    counts = []
    for t in curve.candidates_bps:
        n = 0
        for account in range(len(snapshot.book)):
            own = slice(block.indptr[account], block.indptr[account + 1])
            moves = governed[own].tolist()
            position = snapshot.position(account, prices)
            worth = any(
                move and leg.balance_raw and leg.price_raw
                for move, leg in zip(moves, position.collateral, strict=True)
            )
            if not worth or not snapshot.book.debt.indptr[account + 1] > snapshot.book.debt.indptr[account]:
                continue
            tried = _with_threshold(position, moves, int(t))
            health = exact_rules(snapshot.rules).account_data(tried, snapshot.rules).health_factor
            n += health < snapshot.rules.liquidatable_below_wad
        counts.append(n)
    return counts


def test_accounts_fall_one_by_one_as_the_threshold_falls() -> None:
    # Health 1 at thresholds of 78.00, 80.00 and 82.00 %.
    book = [(f"0x{k}", 0, {0: 100}, {4: 2_500 * lt}) for k, lt in enumerate((78, 80, 82))]
    curve = threshold_curve(market(book), reserve=0, candidates_bps=[7799, 7800, 7999, 8000, 8199, 8200])
    assert curve.candidates_bps.tolist() == [7799, 7800, 7999, 8000, 8199, 8200, 8300]
    assert curve.accounts.tolist() == [3, 2, 2, 1, 1, 0, 0]
    assert curve.debt_usd.tolist() == [600_000, 405_000, 405_000, 205_000, 205_000, 0, 0]
    frame = curve.frame()
    assert frame["added_debt_usd"].tolist() == [600_000, 405_000, 405_000, 205_000, 205_000, 0, 0]
    assert curve.label == "diagnostic"


def test_candidates_follow_the_change_rules() -> None:
    snapshot = market()
    assert threshold_curve(snapshot, reserve=0).candidates_bps.tolist() == list(range(8250, 8351))
    assert threshold_curve(snapshot, reserve=0, updates=2).candidates_bps[[0, -1]].tolist() == [8200, 8400]
    assert threshold_curve(snapshot, emode=0).candidates_bps.tolist() == list(range(9490, 9511))
    coarse = ChangeRule("x", "*", 25, StepKind.ABSOLUTE, 60, 0, None, "x")
    assert candidates(8310, 10500, coarse).tolist() == [8260, 8285, 8310, 8335, 8360]
    assert candidates(9500, 10500, coarse)[-1] == 9500  # 9525 times 1.05 is above 1
    assert candidates(30, 10500, coarse).tolist() == [5, 30, 55, 80]
    everything = candidates(8300, 10500, None)
    assert (everything[0], everything[-1]) == (1, 9523)


def test_emode_accounts_belong_to_their_category() -> None:
    snapshot = market()
    # Account 0xa2 has 300,000 of wstETH against 275,000: liquidatable below 91.67 %.
    curve = threshold_curve(snapshot, emode=0, candidates_bps=[9166, 9167])
    assert curve.accounts.tolist() == [1, 0, 0]
    assert threshold_curve(snapshot, reserve=1, candidates_bps=[1]).accounts.tolist() == [0, 0]


def test_shocked_prices_shift_the_curve() -> None:
    snapshot = market([("0x1", 0, {0: 100}, {4: 150_000})])
    prices = shocked_prices_raw(snapshot, np.array([0.75, 1, 1, 1, 1, 1, 1]))
    assert prices[0] == 187_500_000_000
    curve = threshold_curve(snapshot, reserve=0, candidates_bps=[7999, 8000], prices_raw=prices)
    assert curve.accounts.tolist() == [1, 0, 0]
    assert curve.debt_usd.tolist() == [150_000, 0, 0]


@given(snapshots(), st.data())
def test_curves_equal_the_exact_rules_at_every_candidate(snapshot: Snapshot, data: st.DataObject) -> None:
    """HC-10: a curve counts what the exact integer rules count at every candidate and price."""
    rows = [(i, 0) for i, r in enumerate(snapshot.reserves) if r.liquidation_threshold_bps]
    rows += [(-1, k + 1) for k, mode in enumerate(snapshot.emodes) if mode.liquidation_threshold_bps]
    if not rows:
        return
    i, m = data.draw(st.sampled_from(rows))
    factors = data.draw(
        st.lists(st.floats(0.3, 3), min_size=len(snapshot.reserves), max_size=len(snapshot.reserves))
    )
    prices = shocked_prices_raw(snapshot, np.array(factors))
    tried = data.draw(st.lists(st.integers(1, 9_999), min_size=1, max_size=8))
    options = {"reserve": i} if m == 0 else {"emode": m - 1}
    curve = threshold_curve(snapshot, candidates_bps=tried, prices_raw=prices, **options)
    assert curve.accounts.tolist() == by_hand(snapshot, curve, i, m, prices)


def test_faulty_questions_are_refused() -> None:
    snapshot = market()
    with pytest.raises(InputError, match="either"):
        threshold_curve(snapshot)
    with pytest.raises(InputError, match="either"):
        threshold_curve(snapshot, reserve=0, emode=0)
    with pytest.raises(InputError, match="no collateral"):
        threshold_curve(snapshot, reserve=6)
    with pytest.raises(InputError, match="no candidate"):
        threshold_curve(snapshot, reserve=0, candidates_bps=[0])
    with pytest.raises(InputError, match="updates"):
        threshold_curve(snapshot, reserve=0, updates=0)
