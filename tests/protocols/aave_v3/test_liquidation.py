from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from abis.units import MAX_UINT256, RAY
from protocols.aave_v3.accrual import balance_raw
from protocols.aave_v3.rules import account_data, liquidate
from protocols.aave_v3.versions import RELEASES, rules_for, since
from protocols.liquidation_rules import LiquidationRules
from protocols.position import LiquidationResult, Position, Refusal
from tests.protocols.aave_v3.accounts import DAI, USD, USDC, WETH, WORKED, WSTETH, simple

THIRD_RAY = RAY + RAY // 3


@pytest.mark.parametrize("version", RELEASES)
def test_a_call_moves_what_it_says(version: str) -> None:
    result = liquidate(WORKED, 0, 0, MAX_UINT256, rules_for(version))
    assert result.refusal is None
    assert result.after.collateral == (
        replace(WETH, balance_raw=WETH.balance_raw - result.collateral_seized_raw),
        WSTETH,
    )
    assert result.after.debt == (
        replace(USDC, balance_raw=USDC.balance_raw - result.debt_repaid_raw),
        DAI,
    )
    assert result.deficit_raw == (0, 0)
    assert (result.protocol_fee_raw > 0) is since(version, "3.0")


@pytest.mark.parametrize("version", RELEASES)
def test_an_offer_below_the_limit_is_taken_as_it_is(version: str) -> None:
    result = liquidate(WORKED, 0, 0, 10**9, rules_for(version))
    assert (result.refusal, result.debt_repaid_raw) == (None, 10**9)


@pytest.mark.parametrize("version", RELEASES)
def test_health_of_exactly_one_is_not_liquidatable(version: str) -> None:
    rules = rules_for(version)
    healthy, short = simple(10**12, 10**12), simple(10**12 - 1, 10**12)
    assert account_data(healthy, rules).health_factor == 10**18
    assert liquidate(healthy, 0, 0, 1, rules) == refused(healthy, Refusal.HEALTHY)
    assert account_data(short, rules).health_factor == 10**18 - 10**6
    assert liquidate(short, 0, 0, 2, rules).refusal is None


@pytest.mark.parametrize("version", RELEASES)
def test_refusals_come_in_the_contracts_order(version: str) -> None:
    rules = rules_for(version)
    off, paid = replace(WETH, counted=False), replace(USDC, balance_raw=0)
    wrong = Position((off, WSTETH), (paid, DAI))
    assert liquidate(wrong, 0, 0, MAX_UINT256, rules).refusal is Refusal.HEALTHY
    sick = Position((off, replace(WSTETH, balance_raw=10**17)), (paid, DAI))
    assert liquidate(sick, 0, 0, MAX_UINT256, rules) == refused(sick, Refusal.NOT_COLLATERAL)
    assert liquidate(sick, 1, 0, MAX_UINT256, rules) == refused(sick, Refusal.NO_DEBT)
    unpriced = replace(sick, collateral=(off, replace(sick.collateral[1], price_raw=0)))
    assert liquidate(unpriced, 1, 1, MAX_UINT256, rules) == refused(unpriced, Refusal.NO_PRICE)
    assert liquidate(WORKED, 0, 0, 0, rules) == refused(WORKED, Refusal.ZERO_AMOUNT)


@pytest.mark.parametrize(
    ("version", "refusal"), [("3.5", Refusal.NOT_COLLATERAL), ("3.6", Refusal.ZERO_AMOUNT)]
)
def test_collateral_of_threshold_zero_cannot_be_seized(version: str, refusal: Refusal) -> None:
    zero = replace(WSTETH, threshold_bps=0, ltv_bps=0, bonus_bps=0)
    position = Position((WETH, zero), (USDC, DAI))
    assert liquidate(position, 1, 0, MAX_UINT256, rules_for(version)).refusal is refusal


def test_an_offer_worth_less_than_one_unit_of_collateral_is_refused() -> None:
    rich = replace(WETH, unit_raw=100, price_raw=10**13, balance_raw=10**6)
    position = Position((rich,), (replace(USDC, balance_raw=10**18),))
    assert liquidate(position, 0, 0, 1, rules_for("3.2")).refusal is Refusal.ZERO_AMOUNT


@pytest.mark.parametrize(("version", "refusal"), [("3.2", None), ("3.3", Refusal.DUST)])
def test_a_call_that_leaves_dust_is_refused_since_3_3(version: str, refusal: Refusal | None) -> None:
    position = simple(3000 * USD, 2800 * USD, threshold_bps=8_000)
    result = liquidate(position, 0, 0, 1900 * USD, rules_for(version))
    assert result.refusal is refusal


@pytest.mark.parametrize("version", RELEASES)
def test_debt_without_collateral_is_burned_as_deficit_since_3_3(version: str) -> None:
    position = Position((replace(WETH, balance_raw=10**18),), (USDC, DAI))
    result = liquidate(position, 0, 0, MAX_UINT256, rules_for(version))
    assert result.refusal is None
    assert result.collateral_seized_raw == 10**18
    assert result.after.collateral[0].balance_raw == 0
    assert not result.after.collateral[0].counted
    left = USDC.balance_raw - result.debt_repaid_raw
    if since(version, "3.3"):
        assert result.deficit_raw == (left, DAI.balance_raw)
        assert [leg.balance_raw for leg in result.after.debt] == [0, 0]
    else:
        assert result.deficit_raw == (0, 0)
        assert [leg.balance_raw for leg in result.after.debt] == [left, DAI.balance_raw]


@pytest.mark.parametrize(("dust_price_raw", "deficit"), [(10**10, False), (1, True)])
def test_only_collateral_with_a_value_prevents_a_deficit(dust_price_raw: int, deficit: bool) -> None:
    dust = replace(WSTETH, balance_raw=10**9, price_raw=dust_price_raw)
    position = Position((replace(WETH, balance_raw=10**18), dust), (USDC,))
    result = liquidate(position, 0, 0, MAX_UINT256, rules_for("3.3"))
    assert (result.deficit_raw[0] > 0) is deficit
    assert result.after.collateral[1] == dust


def test_a_repayment_rounded_to_nothing_still_burns_the_bad_debt() -> None:
    # One wei of collateral is worth no unit of USDC; its whole (zero) value goes.
    position = Position((replace(WETH, balance_raw=1),), (USDC,))
    result = liquidate(position, 0, 0, MAX_UINT256, rules_for("3.3"))
    assert (result.refusal, result.debt_repaid_raw, result.deficit_raw) == (None, 0, (USDC.balance_raw,))


@pytest.mark.parametrize(("version", "seized_raw", "all_gone"), [("3.6", 899, False), ("3.7", 898, True)])
def test_since_3_7_nothing_left_means_nothing_left_in_scaled_units(
    version: str, seized_raw: int, all_gone: bool
) -> None:
    # Three scaled units at an index of 300: paying out rounds up to all three, although the
    # amounts say that a unit or two, which have a value here, are left.
    leg = replace(
        WETH, balance_raw=900, unit_raw=100, price_raw=10**6, index_ray=300 * RAY, protocol_fee_bps=5_000
    )
    owed = replace(USDC, balance_raw=10**12, unit_raw=100, price_raw=10**6)
    result = liquidate(Position((leg,), (owed,)), 0, 0, 856, without_dust_rule(version))
    assert result.collateral_seized_raw == seized_raw  # 856 and the bonus of 5 %: 898.8
    assert (result.deficit_raw[0] > 0) is all_gone
    assert result.after.collateral[0].balance_raw == 0
    assert result.after.collateral[0].counted is not all_gone


@pytest.mark.parametrize(("version", "enabled"), [("3.6", True), ("3.7", False)])
def test_since_3_7_worthless_leftovers_are_no_collateral(version: str, enabled: bool) -> None:
    leg = replace(WETH, balance_raw=1009, unit_raw=100, price_raw=10)  # worth 100 base units
    owed = replace(USDC, balance_raw=10**6, unit_raw=100, price_raw=10)
    result = liquidate(Position((leg,), (owed,)), 0, 0, 960, without_dust_rule(version))
    assert result.collateral_seized_raw == 1008  # worth 100 base units too
    assert result.deficit_raw == (10**6 - 960,)
    assert result.after.collateral == (replace(leg, balance_raw=1, counted=enabled),)


def test_balances_after_a_call_round_as_the_tokens_store_them() -> None:
    # Scaled 900 at index 4/3: balance floor(1199.99...) = 1199, debt ceil -> 1200.
    leg = replace(WETH, balance_raw=1199, unit_raw=1, price_raw=1, index_ray=THIRD_RAY, protocol_fee_bps=0)
    owed = replace(USDC, balance_raw=1200, unit_raw=1, price_raw=1, index_ray=THIRD_RAY)
    result = liquidate(Position((leg,), (owed,)), 0, 0, 100, without_dust_rule("3.6"))
    # Paying 105 out burns ceil(78.75) = 79 scaled, repaying 100 burns floor(75) = 75.
    assert (result.debt_repaid_raw, result.collateral_seized_raw) == (100, 105)
    assert result.after.collateral[0].balance_raw == (900 - 79) * THIRD_RAY // RAY
    assert result.after.debt[0].balance_raw == -(-(900 - 75) * THIRD_RAY // RAY)


@pytest.mark.parametrize(
    ("collateral", "debt", "amount", "message"),
    [
        (2, 0, 1, r"collateral leg 2 does not exist\. The position has 2"),
        (-1, 0, 1, r"collateral leg -1"),
        (0, 2, 1, r"debt leg 2"),
        (0, 0, -1, r"amount -1 is negative"),
    ],
)
def test_impossible_calls_are_input_errors(collateral: int, debt: int, amount: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        liquidate(WORKED, collateral, debt, amount, rules_for("3.7"))


def without_dust_rule(version: str) -> LiquidationRules:
    return replace(rules_for(version), min_leftover_base_raw=0)


def refused(position: Position, refusal: Refusal) -> LiquidationResult:
    return LiquidationResult(refusal, 0, 0, 0, (0,) * len(position.debt), position)


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.1"])
@given(
    variable_share=st.sampled_from((0, 1, 4, 5, 9, 10)),
    offer_raw=st.integers(1, USDC.balance_raw),
    index_ray=st.sampled_from((RAY, THIRD_RAY)),
)
def test_stable_debt_is_repaid_after_the_variable_one(
    version: str, variable_share: int, offer_raw: int, index_ray: int
) -> None:
    rules = rules_for(version)
    scaled_raw = USDC.balance_raw * variable_share // 10 * RAY // index_ray
    variable_raw = balance_raw(scaled_raw, index_ray, rules.debt_balance_rounding)
    stable_raw = USDC.balance_raw - variable_raw
    owed = replace(USDC, stable_raw=stable_raw, index_ray=index_ray)
    whole = liquidate(WORKED, 0, 0, offer_raw, rules)
    result = liquidate(replace(WORKED, debt=(owed, DAI)), 0, 0, offer_raw, rules)
    # How the debt is split changes neither its value nor what a call repays and takes.
    assert (result.debt_repaid_raw, result.collateral_seized_raw) == (
        whole.debt_repaid_raw,
        whole.collateral_seized_raw,
    )
    left = result.after.debt[0]
    assert left.stable_raw == stable_raw - max(result.debt_repaid_raw - variable_raw, 0)
    assert abs(left.balance_raw - (USDC.balance_raw - result.debt_repaid_raw)) <= 1


def test_stable_debt_alone_is_repaid_whatever_the_index_would_round_to() -> None:
    rules = rules_for("2.0")
    thick = replace(USDC, index_ray=10 * RAY, price_raw=10**11, balance_raw=10**12)
    cheap = replace(WETH, price_raw=10**8)
    variable = Position((cheap,), (thick,))
    assert liquidate(variable, 0, 0, 1, rules) == refused(variable, Refusal.ZERO_AMOUNT)
    stable = Position((cheap,), (replace(thick, stable_raw=10**12),))
    assert liquidate(stable, 0, 0, 1, rules).after.debt[0].stable_raw == 10**12 - 1
    assert liquidate(stable, 0, 0, 0, rules) == refused(stable, Refusal.ZERO_AMOUNT)
