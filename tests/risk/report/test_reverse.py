"""Reverse stress, the two largest, and threshold curves."""

from __future__ import annotations

import pytest

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.report import stress
from risk.report.flow import two_largest
from risk.report.parameters import parameter_rows
from risk.report.reverse import reverse_lines, reverse_rows
from risk.report.review import Review
from risk.report.thresholds import threshold_curves
from risk.scenarios.build import from_shocks
from tests.risk.report import made


def test_lines_start_mild_and_cover_what_matters(snapshot: Snapshot) -> None:
    lines = reverse_lines(snapshot)
    groups = list(dict.fromkeys(lines.groups))
    assert groups == [
        "market fall",
        "ETH fall",
        "BTC fall",
        "LINK fall",
        "USDC fall",
        "ETH rise",
    ]
    assert [n for n, g in zip(lines.names, lines.groups, strict=True) if g == "ETH fall"][:2] == [
        "ETH -1%",
        "ETH -2%",
    ]


def test_the_move_found_is_the_first_beyond_the_cover(snapshot: Snapshot) -> None:
    lines = reverse_lines(snapshot)
    outcome = made.counted_outcome(snapshot, lines)
    cover = 500_000.0
    loss = outcome.bad_debt_usd.sum(axis=1)
    for row in reverse_rows(outcome, cover):
        line = outcome.select(f"{row.subject} {row.direction}")
        over = [k for k in line if loss[k] > cover]
        assert (row.move_share is None) == (not over)
        if over:
            assert stress.move_in(outcome.names[over[0]]) == row.move_share
            assert row.loss_usd == pytest.approx(loss[over[0]])
            assert row.reserve_loss_usd == pytest.approx(outcome.bad_debt_usd[over[0]].max())
            assert row.stays == all(loss[k] > cover for k in line if k >= over[0])


def test_the_mildest_move_comes_first(snapshot: Snapshot) -> None:
    rows = reverse_rows(made.counted_outcome(snapshot, reverse_lines(snapshot)), 100_000.0)
    found = [abs(r.move_share) for r in rows if r.move_share is not None]
    assert found == sorted(found)
    assert all(r.move_share is None for r in rows[len(found) :])


def test_the_two_largest_fail_at_each_price(snapshot: Snapshot) -> None:
    scenarios = from_shocks(["wstETH/WETH=-20%"], snapshot)
    move = stress.moves(snapshot, scenarios)
    rows = stress.scenario_rows(made.counted_outcome(snapshot, scenarios), move)
    now, fallen = two_largest(snapshot, Depth.infinite_for(snapshot), move, rows)
    assert (now.prices, fallen.prices) == ("now", "wstETH/WETH -20%")
    assert now.shortfall_usd == 0.0
    assert fallen.debt_usd == pytest.approx(now.debt_usd)
    assert fallen.shortfall_usd == pytest.approx(fallen.debt_usd - fallen.collateral_usd)


def test_threshold_cuts_hit_whom_they_should(snapshot: Snapshot) -> None:
    curves = threshold_curves(snapshot, parameter_rows(snapshot))
    mode = next(c for c in curves if c.emode)
    # A health factor of 1.02 at 95.5 % is 1 at 93.6 %: hit by 200 bps, not by 150.
    assert mode.accounts[mode.cut_bps.index(150)] == 0
    assert mode.accounts[mode.cut_bps.index(200)] == 1
    assert mode.accounts[mode.cut_bps.index(300)] == 2
    for curve in curves:
        assert curve.accounts[0] == 0  # those liquidatable already are not the cut's doing
        assert list(curve.debt_usd) == sorted(curve.debt_usd)


def test_diagnostics_are_in_the_review_and_labelled(review: Review) -> None:
    row = review.haircuts.rows[0]
    assert (row.collateral, row.emode, row.current_ltv_share) == ("wstETH", "ETH correlated", 0.935)
    assert review.new_positions
    assert all(0 < p.trigger_share <= 1 for p in review.new_positions)
