"""Curves of a change, step by step."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from risk.proposal.apply import applied
from risk.proposal.capacity import borrow_power_usd
from risk.proposal.changes import read_changes
from risk.proposal.effects import effects, prices_now_raw, prices_raw
from risk.proposal.step_curve import MOST_STEPS, TOGETHER, step_curves, values
from risk.scenarios.build import from_shocks
from risk.solver.cap_fill import cap_fill
from risk.solver.curves import threshold_curve
from tests.risk.proposal.test_changes import made


@given(before=st.integers(0, 2**36), after=st.integers(0, 2**36))
def test_steps_go_one_way_and_keep_both_ends(before: int, after: int) -> None:
    steps = values(before, after)
    assert (steps[0], steps[-1]) == (before, after)
    assert len(steps) <= MOST_STEPS + 1
    moves = np.diff(np.array(steps, dtype=object))
    assert all(m > 0 for m in moves) if after > before else all(m < 0 for m in moves)


@given(threshold=st.integers(7_501, 9_000), move=st.integers(-12, 4), emode=st.booleans())
def test_every_step_counts_what_the_threshold_curve_counts(threshold: int, move: int, emode: bool) -> None:
    """EVD-1: each step of a threshold adds the accounts that its diagnostic curve adds there."""
    market = made()
    assume(threshold not in (8_000, 9_300))
    subject = "emode:1" if emode else "WETH"
    changes = read_changes([f"{subject}.liquidation_threshold={threshold}bps"], market)
    shocks = from_shocks([f"WETH={move:+d}%"], market)
    names = ["now", *shocks.names]
    rows = np.concatenate([prices_now_raw(market), prices_raw(market, shocks.produce(0, 1))])
    curves = step_curves(market, changes, names, rows)
    found = effects(market, applied(market, changes), shocks)
    assert [curve.prices for curve in curves] == names
    for k, curve in enumerate(curves):
        tried = [step.raw for step in curve.steps]
        place = {"emode": 0} if emode else {"reserve": 0}
        other = threshold_curve(market, candidates_bps=tried, prices_raw=[int(p) for p in rows[k]], **place)
        added = other.frame().set_index("threshold_bps")["added_accounts"]
        assert [step.added_accounts for step in curve.steps] == added.loc[tried].tolist()
        assert curve.steps[-1].accounts == found.accounts_after[k]
        assert curve.steps[-1].debt_usd == found.debt_after_usd[k]


def test_together_goes_from_nothing_to_everything() -> None:
    market = made()
    changes = read_changes(["WETH.liquidation_threshold=78%", "WETH.ltv=70%", "WETH.supply_cap=200"], market)
    (now,) = (
        c for c in step_curves(market, changes, ["now"], prices_now_raw(market)) if c.parameter == TOGETHER
    )
    after = applied(market, changes)
    first, last = now.steps[0], now.steps[-1]
    assert (first.accounts, last.accounts) == (0, 1)
    assert first.borrow_power_usd == borrow_power_usd(market)
    assert last.borrow_power_usd == borrow_power_usd(after) < first.borrow_power_usd
    assert last.cap_fill_loss_usd == cap_fill(after)[0].loss_usd
    assert [s.shown for s in (first, last)] == ["0 % of the way", "100 % of the way"]
