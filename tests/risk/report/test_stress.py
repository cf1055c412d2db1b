"""Figures read off an outcome."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.report import stress
from risk.report.flow import flow, flow_scenario
from risk.report.review import Review
from risk.scenarios.build import from_shocks
from risk.scenarios.standard import standard_set
from tests.risk.report import made


def test_moves_are_read_off_the_prices(snapshot: Snapshot) -> None:
    scenarios = from_shocks(["WETH=-30%,WBTC=+10%", "wstETH/WETH=-5%"], snapshot)
    move = stress.moves(snapshot, scenarios)
    assert move[0] == pytest.approx([-0.3, -0.3, 0.1, 0, 0, 0])
    assert move[1] == pytest.approx([0, -0.05, 0, 0, 0, 0])


def test_the_headline_is_the_thirty_percent_fall_that_hurts_most(review: Review) -> None:
    assert review.reference.scenario == "ETH -30%"


def test_own_shocks_are_the_headline(snapshot: Snapshot) -> None:
    scenarios = from_shocks(["LINK=-10%", "WETH=-12%"], snapshot)
    outcome = made.counted_outcome(snapshot, scenarios)
    rows = stress.scenario_rows(outcome, stress.moves(snapshot, scenarios))
    assert stress.reference(rows, [0, 1]).scenario == "WETH -12%"


def test_curves_are_monotone_steps_of_one_subject(review: Review) -> None:
    single, market, _ = review.curves
    eth = single.curves[0]
    assert eth.subject == "ETH"
    assert list(eth.change_share) == sorted(eth.change_share)
    falls = [debt for x, debt in zip(eth.change_share, eth.eligible_debt_usd, strict=True) if x < 0]
    assert falls == sorted(falls, reverse=True)
    assert [c.subject for c in market.curves] == ["market"]
    assert market.curves[0].change_share[0] == -0.6  # the factor's move, not the largest beta's


def test_named_scenarios_are_ordinary_first_then_worst(review: Review) -> None:
    assert [n.row.scenario for n in review.named[:3]] == ["ETH -30%", "market -30%", "wstETH/WETH -5%"]
    assert [n.which for n in review.named[3:]] == ["worst single", "worst pair", "worst market"]


def test_bad_debt_adds_up_in_the_reference_and_is_worst_of_each_family(
    snapshot: Snapshot, review: Review
) -> None:
    assert sum(r.reference_usd for r in review.bad_debt) == pytest.approx(review.reference.bad_debt_usd)
    weth = next(r for r in review.bad_debt if r.asset == "WETH")
    assert (weth.worst_scenario, weth.worst_single_usd) == ("wstETH/WETH -10%", 0.0)
    usdc = next(r for r in review.bad_debt if r.asset == "USDC")
    assert usdc.booked_deficit_usd == 1_250.0


def test_long_lists_keep_the_worst_in_scenario_order(review: Review) -> None:
    kept = stress.listed_scenarios(review.scenarios, 5)
    assert len(kept) == 5
    assert [r.index for r in kept] == sorted(r.index for r in kept)
    least = min(r.bad_debt_usd for r in kept)
    assert sum(r.bad_debt_usd > least for r in review.scenarios) < 5


def test_flow_compares_sales_with_depth_and_liquidity(snapshot: Snapshot) -> None:
    scenarios = standard_set(snapshot)
    outcome = made.counted_outcome(snapshot, scenarios, infinite_depth=False)
    move = stress.moves(snapshot, scenarios)
    rows = stress.scenario_rows(outcome, move)
    n, weth = len(snapshot.reserves), made.WETH
    count = np.where(np.arange(n) == weth, 2, 0)
    size, proceeds = np.zeros((n, 2)), np.zeros((n, 2))
    size[weth], proceeds[weth] = (0, 1_000), (0, 1_800_000)  # a tenth below the price throughout
    depth = Depth(
        snapshot.asset_names, count, size, proceeds, snapshot.price_usd, np.zeros(n, np.int64), ("",) * n
    )
    at = flow_scenario(rows, rows[0])
    figures = flow(snapshot, outcome, move, at, depth)
    assert figures.scenario == "market -30%"
    first = figures.rows[0]
    assert (first.asset, first.family) == ("WETH", "ETH")
    assert first.slippage_share == pytest.approx(0.1)
    # A bonus of 5 % less a tenth pays 4.3 %: the curve, a tenth below throughout, absorbs nothing
    # until it ends and its average falls further.
    assert first.absorbable_usd == 0.0
    assert first.absorbs_all is False
    assert first.sold_usd == pytest.approx(first.sold_tokens * 1_400)
    assert figures.infinite == ("LINK",)
