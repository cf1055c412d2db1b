from __future__ import annotations

from dataclasses import replace

import pytest

from abis.units import MAX_UINT256
from protocols.aave_v3.rules import account_data
from protocols.aave_v3.versions import RELEASES, rules_for, since
from protocols.position import AccountData, Position
from tests.protocols.aave_v3.accounts import DAI, USDC, WETH, WORKED, WSTETH, simple


@pytest.mark.parametrize("version", RELEASES)
def test_the_worked_account_equals_the_contracts(version: str) -> None:
    data = account_data(WORKED, rules_for(version))
    assert data.total_collateral_base == 3327718651734  # 2374637910997 + 953080740737
    assert data.current_liquidation_threshold == 8199  # floor(27286486550134250 / 3327718651734)
    full_precision = since(version, "3.5")
    assert data.health_factor == (974404258369283577 if full_precision else 974314221516128130)
    assert data.ltv == (2374637910997 * 8050 + 953080740737 * 7850) // 3327718651734
    assert data.available_borrows_base == 0


@pytest.mark.parametrize(("version", "debt_base"), [("3.4", 1), ("3.5", 2)])
def test_debt_values_round_down_before_and_up_since_3_5(version: str, debt_base: int) -> None:
    dust = replace(USDC, balance_raw=15, price_raw=10**5, unit_raw=10**6)  # 1.5 base units
    data = account_data(Position((WETH,), (dust,)), rules_for(version))
    assert data.total_debt_base == debt_base


def test_each_item_is_rounded_before_the_sum() -> None:
    low = replace(WETH, balance_raw=5 * 10**17, price_raw=3)  # 1.5 base units
    three = Position((low, replace(low, reserve=1), replace(low, reserve=2)), ())
    assert account_data(three, rules_for("3.7")).total_collateral_base == 3


@pytest.mark.parametrize(("version", "limit"), [("3.4", 8), ("3.5", 7)])
def test_borrowing_power_rounds_half_up_before_and_down_since_3_5(version: str, limit: int) -> None:
    position = simple(15, 0, threshold_bps=5_000)  # 7.5 base units of borrowing power
    assert account_data(position, rules_for(version)).available_borrows_base == limit


@pytest.mark.parametrize("version", RELEASES)
def test_an_empty_account_is_all_zero_and_healthy(version: str) -> None:
    data = account_data(Position((), ()), rules_for(version))
    assert data == AccountData(0, 0, 0, 0, 0, MAX_UINT256)


@pytest.mark.parametrize("version", RELEASES)
def test_debt_without_collateral_has_health_zero(version: str) -> None:
    assert account_data(Position((), (DAI,)), rules_for(version)).health_factor == 0


@pytest.mark.parametrize("version", RELEASES)
def test_collateral_that_is_not_enabled_counts_nowhere(version: str) -> None:
    disabled = Position((WETH, replace(WSTETH, counted=False)), (USDC,))
    assert account_data(disabled, rules_for(version)) == account_data(
        Position((WETH,), (USDC,)), rules_for(version)
    )


def test_collateral_of_threshold_zero_counts_since_3_6() -> None:
    zero = replace(WSTETH, threshold_bps=0, ltv_bps=0, bonus_bps=0)
    position = Position((WETH, zero), (USDC,))
    before, after = (account_data(position, rules_for(v)) for v in ("3.5", "3.6"))
    assert before.total_collateral_base == 2374637910997
    assert after.total_collateral_base == 3327718651734
    assert before.health_factor == after.health_factor
    assert (before.ltv, after.ltv) == (8050, 8050 * 2374637910997 // 3327718651734)
    assert after.current_liquidation_threshold == 8300 * 2374637910997 // 3327718651734
