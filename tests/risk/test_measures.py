from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from abis.errors import InputError
from risk.depth import Depth
from risk.measures import (
    account_totals,
    cover_two,
    distance_buckets,
    distance_to_liquidation,
    expected_shortfall,
    herfindahl,
    liquidations_at_risk,
    reverse_stress,
    top_share,
    value_at_risk,
    weighted_quantile,
)
from tests.risk.markets import NOW_S, market
from tests.risk.outcomes import outcome

TEN = np.arange(1.0, 11.0)


@pytest.mark.parametrize(("level", "value"), [(0, 1), (0.1, 1), (0.11, 2), (0.9, 9), (0.95, 10), (1, 10)])
def test_the_quantile_is_a_value_that_happened(level: float, value: float) -> None:
    assert weighted_quantile(TEN[::-1], level) == value


def test_weights_stand_for_repetitions() -> None:
    repeated = np.repeat(TEN, [3, 1, 1, 1, 1, 1, 1, 1, 1, 5])
    weight = np.array([3.0, 1, 1, 1, 1, 1, 1, 1, 1, 5])
    for level in (0.1, 0.5, 0.7, 0.99):
        assert weighted_quantile(TEN, level, weight) == weighted_quantile(repeated, level)
        assert expected_shortfall(TEN, level, weight) == pytest.approx(expected_shortfall(repeated, level))


def test_zero_weights_do_not_count() -> None:
    assert weighted_quantile(np.array([1.0, 2.0, 3.0]), 0.0, np.array([0.0, 1.0, 1.0])) == 1
    assert value_at_risk(np.array([1.0, 2.0, 3.0]), 1.0, np.array([1.0, 1.0, 0.0])) == 2


def test_shortfall_is_the_mean_of_the_tail_with_part_of_the_border() -> None:
    assert expected_shortfall(TEN, 0.8) == 9.5
    assert expected_shortfall(TEN, 0.85) == pytest.approx((10 * 0.1 + 9 * 0.05) / 0.15)
    assert expected_shortfall(TEN, 0.0) == 5.5


def test_shortfall_is_the_minimum_of_rockafellar_and_uryasev() -> None:
    rng = np.random.default_rng(3)
    losses, weight = rng.exponential(1e6, 500), rng.uniform(0, 2, 500)
    for level in (0.5, 0.9, 0.99):
        excess = np.maximum(losses[None, :] - losses[:, None], 0) @ weight / weight.sum()
        assert expected_shortfall(losses, level, weight) == pytest.approx(
            (losses + excess / (1 - level)).min()
        )


@pytest.mark.parametrize(
    ("values", "level", "weight"),
    [
        ([], 0.5, None),
        ([1, math.nan], 0.5, None),
        ([1, 2], 1.5, None),
        ([1, 2], -0.1, None),
        ([1, 2], 0.5, [1]),
        ([1, 2], 0.5, [0, 0]),
        ([1, 2], 0.5, [-1, 2]),
    ],
)
def test_impossible_arguments_are_refused(
    values: list[float], level: float, weight: list[float] | None
) -> None:
    w = None if weight is None else np.array(weight, dtype=float)
    for measure in (weighted_quantile, expected_shortfall):
        with pytest.raises(InputError):
            measure(np.array(values, dtype=float), level, w)


def test_liquidations_at_risk_is_over_the_eligible_debt() -> None:
    assert liquidations_at_risk(outcome([[1, 0], [2, 2], [0, 0]]), 0.9) == 40


def test_concentration() -> None:
    assert top_share(np.array([1.0, 6, 3]), 1) == 0.6
    assert top_share(np.array([1.0, 6, 3]), 9) == 1
    assert top_share(np.zeros(3), 1) == 0
    assert herfindahl(np.ones(4)) == 0.25
    assert herfindahl(np.array([5.0, 0])) == 1
    assert herfindahl(np.zeros(2)) == 0


def test_distance_is_the_fall_that_brings_health_to_one() -> None:
    snapshot = market()
    debt, collateral, weighted = account_totals(snapshot)
    assert debt.tolist() == [195_000, 275_000, 320_000, 250_000]
    assert collateral.tolist() == [250_000, 300_000, 615_000, 1_000_000]
    assert weighted[1] == 285_000
    distance = distance_to_liquidation(snapshot)
    assert distance[0] == pytest.approx(1 - 195_000 / 207_500)
    table = distance_buckets(snapshot)
    assert table["accounts"].sum() == 4
    assert table["debt_usd"].sum() == pytest.approx(1_040_000)
    assert table.loc[table["from"] == 0.025, "debt_usd"].tolist() == [275_000]


def test_accounts_without_debt_or_without_collateral_have_their_place() -> None:
    snapshot = market([("0x1", 0, {0: 1}, {}), ("0x2", 0, {}, {4: 5}), ("0x3", 0, {6: 9}, {4: 5})])
    assert distance_to_liquidation(snapshot).tolist() == [1, -np.inf, -np.inf]
    assert distance_buckets(snapshot)["accounts"].tolist() == [2, *[0] * 8]


def test_cover_two_sells_the_collateral_of_both_together(tmp_path: Path) -> None:
    positions = [
        ("0xa", 0, {0: 100}, {4: 200_000}),
        ("0xb", 0, {0: 100}, {4: 210_000}),
        ("0xc", 0, {0: 100}, {4: 100_000}),
    ]
    snapshot = market(positions)
    fine = cover_two(snapshot)
    assert fine.accounts == ("0xb", "0xa")
    assert (fine.debt_usd, fine.collateral_usd, fine.shortfall_usd) == (410_000, 500_000, 0)
    assert fine.infinite_depth
    path = tmp_path / "d.csv"
    path.write_text(
        "asset,size_tokens,proceeds_usd,time,source\n"
        f"WETH,100,240000,{NOW_S},x\nWETH,200,402000,{NOW_S},x\nWETH,300,402000,{NOW_S},x\n"
    )
    thin = cover_two(snapshot, Depth.load(path, snapshot))
    # Alone each would fetch 240,000; together 201,000 each.
    assert thin.shortfall_usd == pytest.approx(9_000)
    assert not thin.infinite_depth
    fallen = cover_two(snapshot, price_factor=np.array([0.7, 1, 1, 1, 1, 1, 1]))
    assert fallen.shortfall_usd == pytest.approx(410_000 - 350_000)
    assert cover_two(market(positions=())).accounts == ()


def test_reverse_stress_finds_the_mildest_scenario_that_exhausts_the_cover() -> None:
    result = reverse_stress(outcome([[0, 0], [1, 1], [3, 3], [9, 9]]), range(4), 4.0)
    assert (result.reached, result.scenario, result.name, result.loss_usd) == (True, 2, "scenario 2", 6)
    assert result.stays


def test_reverse_stress_says_so_when_the_cover_holds_or_losses_fall_again() -> None:
    held = reverse_stress(outcome([[0], [5], [3]]), range(3), 5.0)
    assert (held.reached, held.scenario, held.stays) == (False, 1, False)
    hump = reverse_stress(outcome([[0], [5], [3]]), range(3), 4.0)
    assert (hump.reached, hump.scenario, hump.stays) == (True, 1, False)
    other = reverse_stress(outcome([[0], [5], [3]]), [0, 2, 1], 40.0, by="eligible_debt_usd")
    assert other.scenario == 1


def test_a_line_and_a_cover_are_needed() -> None:
    for line, cover in (([], 1.0), ([0], -1.0), ([0], math.nan)):
        with pytest.raises(InputError):
            reverse_stress(outcome([[0]]), line, cover)
