"""Rates from the two-slope model and indices along a time line."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from abis.units import RAY, YEAR_S
from protocols.aave_v3.accrual import debt_index_ray, supply_index_ray
from protocols.aave_v3.interest import borrow_rate_ray, indices_along, rates_at, utilisation_ray
from protocols.liquidation_rules import LiquidationRules
from protocols.releases import releases_of, rules_of
from protocols.snapshot import RateModel, Reserve

PERCENT = RAY // 100
KINKED = RateModel(80 * PERCENT, PERCENT, 4 * PERCENT, 60 * PERCENT)  # optimum, base, slopes
RESERVE = Reserve(
    "0xa",
    "A",
    18,
    10**8,
    8_000,
    8_500,
    10_500,
    reserve_factor_bps=1_000,
    liquidity_rate_ray=2 * PERCENT,
    variable_borrow_rate_ray=3 * PERCENT,
    total_debt_raw=400 * 10**18,
    available_liquidity_raw=600 * 10**18,
    rate_model=KINKED,
)
releases = st.sampled_from(releases_of("aave")).map(lambda version: rules_of("aave", version))


def test_rates_at_the_kink_and_around_it() -> None:
    assert borrow_rate_ray(KINKED, 0) == PERCENT
    assert borrow_rate_ray(KINKED, 40 * PERCENT) == 3 * PERCENT
    assert borrow_rate_ray(KINKED, 80 * PERCENT) == 5 * PERCENT
    assert borrow_rate_ray(KINKED, 90 * PERCENT) == 35 * PERCENT
    assert borrow_rate_ray(KINKED, RAY) == 65 * PERCENT
    assert borrow_rate_ray(replace(KINKED, optimal_ray=0), 0) == PERCENT


def test_suppliers_get_what_borrowers_pay_less_the_treasurys_part() -> None:
    rates = rates_at(KINKED, 400, 600, 1_000)
    assert rates.debt_ray == 3 * PERCENT
    assert rates.supply_ray == 3 * PERCENT * 40 // 100 * 9 // 10
    assert rates_at(KINKED, 0, 600, 1_000).supply_ray == 0
    assert utilisation_ray(400, 0) == RAY


@given(releases, st.integers(0, 10 * YEAR_S))
def test_one_step_is_the_contracts_view(rules: LiquidationRules, seconds: int) -> None:
    """INT-1: one step at the snapshot's rates is the index the contract's view shows then."""
    (got,) = indices_along(RESERVE, rules, [seconds], from_model=False)
    series = rules.debt_accrual
    assert got.debt_ray == debt_index_ray(RAY, RESERVE.variable_borrow_rate_ray, 0, seconds, series)
    assert got.supply_ray == supply_index_ray(RAY, RESERVE.liquidity_rate_ray, 0, seconds)


@given(releases, st.lists(st.integers(0, YEAR_S), min_size=1, max_size=6), st.booleans())
def test_indices_never_fall(rules: LiquidationRules, times: list[int], from_model: bool) -> None:
    """INT-2: indices never fall, begin at the snapshot's, and grow no slower with nothing to withdraw."""
    times = [0, *sorted(times)]
    got = indices_along(RESERVE, rules, times, from_model=from_model)
    assert (got[0].supply_ray, got[0].debt_ray) == (RAY, RAY)
    for before, after in pairwise(got):
        assert before.supply_ray <= after.supply_ray
        assert before.debt_ray <= after.debt_ray
    used = indices_along(RESERVE, rules, times, from_model=from_model, liquidity_raw=0)
    assert used[-1].debt_ray >= got[-1].debt_ray


def test_without_a_rate_model_rates_stand_still() -> None:
    bare, rules = replace(RESERVE, rate_model=None), rules_of("aave", "3.5")
    assert indices_along(bare, rules, [YEAR_S]) == indices_along(RESERVE, rules, [YEAR_S], from_model=False)
    assert indices_along(bare, rules, [YEAR_S]) != indices_along(RESERVE, rules, [0])
    year = indices_along(bare, rules, [YEAR_S])[0]
    assert year.debt_ray / RAY == pytest.approx(1.0304545, abs=1e-7)  # exp(.03) to the third term


def test_times_going_backwards_are_refused() -> None:
    with pytest.raises(InputError, match="backwards"):
        indices_along(RESERVE, rules_of("aave", "3.5"), [10, 5])
