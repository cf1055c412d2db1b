from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.aave_v3.health import account_data
from protocols.aave_v3.seizure import (
    Seizure,
    available_collateral,
    consumed_scaled,
    leaves_dust,
    max_liquidatable_debt_raw,
)
from protocols.aave_v3.versions import RELEASES, rules_for
from protocols.position import Position
from tests.protocols.aave_v3.accounts import DAI, USD, USDC, WETH, WORKED, simple

# Computed from the formulas of LiquidationLogic.sol and protocol-v2's
# LendingPoolCollateralManager.sol with an independent integer script: the worked account, as much
# as allowed of its USDC against its WETH: releases, most debt, collateral with fee, fee.
MAX_CALL = [
    (("2.0",), 13502992312, 6043619789400565568, 0),
    (("3.0", "3.1", "3.2"), 13502992312, 6043619789400565569, 28779141854288408),
    (("3.3", "3.4", "3.5", "3.6"), 14003354111, 6267569888787726363, 29845570898989173),
    (("3.7",), 14003354111, 6267569888787726362, 29845570898989174),
]


@pytest.mark.parametrize(
    ("version", "debt_raw", "collateral_raw", "fee_raw"),
    [(version, *row[1:]) for row in MAX_CALL for version in row[0]],
)
def test_the_largest_call_equals_the_contracts(
    version: str, debt_raw: int, collateral_raw: int, fee_raw: int
) -> None:
    rules = rules_for(version)
    assert max_liquidatable_debt_raw(account_data(WORKED, rules), WETH, USDC, rules) == debt_raw
    assert available_collateral(WETH, USDC, debt_raw, rules) == Seizure(collateral_raw, debt_raw, fee_raw)


@pytest.mark.parametrize(
    ("version", "debt_raw", "fee_raw"),
    [
        ("2.0", 11353349332, 0),
        *((v, 11353349332, 24197573651227195) for v in ("3.0", "3.1", "3.2", "3.3", "3.4")),
        *((v, 11353349333, 24197573651227195) for v in ("3.5", "3.6")),
        ("3.7", 11353349333, 24197573651227196),
    ],
)
def test_a_call_capped_by_the_collateral_equals_the_contracts(
    version: str, debt_raw: int, fee_raw: int
) -> None:
    held = replace(WETH, balance_raw=5081490466757711023)
    taken = available_collateral(held, USDC, USDC.balance_raw, rules_for(version))
    assert taken == Seizure(5081490466757711023, debt_raw, fee_raw)


@pytest.mark.parametrize(
    ("version", "healthier", "at_bound"),
    [("2.0", 5_000, 5_000), *((v, 5_000, 10_000) for v in ("3.0", "3.2", "3.3", "3.5", "3.7"))],
)
def test_health_of_exactly_0_95_opens_the_whole_debt(version: str, healthier: int, at_bound: int) -> None:
    rules = rules_for(version)
    debt = 10**12
    for weighted, share_bps in ((95 * 10**10 + 1, healthier), (95 * 10**10, at_bound)):
        position = simple(weighted, debt)
        data = account_data(position, rules)
        assert (data.health_factor > rules.full_close_below_wad) is (weighted > 95 * 10**10)
        allowed = max_liquidatable_debt_raw(data, position.collateral[0], position.debt[0], rules)
        assert allowed == debt * share_bps // 10_000


@pytest.mark.parametrize(
    ("collateral", "debt", "share_bps"),
    [
        (2000 * USD, 2000 * USD, 5_000),  # both sides at the bound: half
        (2000 * USD - 1, 2000 * USD, 10_000),  # too little collateral: everything
        (2000 * USD, 2000 * USD - 1, 10_000),  # too little debt: everything
    ],
)
def test_2000_dollars_on_both_sides_halve_the_call(collateral: int, debt: int, share_bps: int) -> None:
    rules = rules_for("3.3")
    position = simple(collateral, debt, threshold_bps=9_700)
    data = account_data(position, rules)
    assert rules.full_close_below_wad < data.health_factor < rules.liquidatable_below_wad
    allowed = max_liquidatable_debt_raw(data, position.collateral[0], position.debt[0], rules)
    assert allowed == debt * share_bps // 10_000


@pytest.mark.parametrize(("version", "whole"), [("3.2", False), ("3.3", True)])
def test_since_3_3_half_of_the_position_may_be_all_of_one_debt(version: str, whole: bool) -> None:
    rules = rules_for(version)
    position = simple(97 * 10**12, 50 * 10**12)
    two = replace(position, debt=(*position.debt, replace(position.debt[0], reserve=2)))
    data = account_data(two, rules)
    assert data.health_factor == 970000000000000000
    allowed = max_liquidatable_debt_raw(data, two.collateral[0], two.debt[0], rules)
    assert allowed == (50 * 10**12 if whole else 25 * 10**12)


def test_a_debt_of_exactly_half_the_position_is_not_rounded_down() -> None:
    rules = rules_for("3.3")
    # Worth 50000 dollars to the base unit, but one wei more: half of the two debts buys one wei less.
    owed = replace(DAI, balance_raw=50_000 * 10**18 + 1, price_raw=10**8)
    position = replace(simple(97_000 * USD, 0), debt=(owed, replace(owed, reserve=2)))
    data = account_data(position, rules)
    assert data.health_factor > rules.full_close_below_wad
    assert max_liquidatable_debt_raw(data, position.collateral[0], owed, rules) == owed.balance_raw


@pytest.mark.parametrize("version", RELEASES[1:])
def test_an_offer_that_just_takes_the_whole_balance_is_kept(version: str) -> None:
    (leg,), (owed,) = simple(105, 2000).collateral, simple(105, 2000).debt
    fine = replace(owed, unit_raw=10)  # ten debt units are one collateral unit
    # 1009 buys 100 whole units and 5 of bonus: all there is.  One more buys a unit too many.
    assert available_collateral(leg, fine, 1009, rules_for(version)).debt_raw == 1009
    assert available_collateral(leg, fine, 1010, rules_for(version)).debt_raw == 1000


@pytest.mark.parametrize(
    ("debt_left", "collateral_left", "dust"),
    [
        (1000 * USD, 1000 * USD, False),
        (1000 * USD - 1, 1000 * USD, True),
        (1000 * USD, 1000 * USD - 1, True),
        (0, 1, False),  # one side exhausted: no dust rule
        (1, 0, False),
    ],
)
def test_1000_dollars_must_stay_on_both_sides(debt_left: int, collateral_left: int, dust: bool) -> None:
    (leg,), (owed,) = simple(5000 * USD, 5000 * USD).collateral, simple(5000 * USD, 5000 * USD).debt
    seizure = Seizure(leg.balance_raw - collateral_left, owed.balance_raw - debt_left, 0)
    assert leaves_dust(leg, owed, seizure, rules_for("3.3")) is dust
    assert not leaves_dust(leg, owed, seizure, rules_for("3.2"))


@pytest.mark.parametrize(("version", "dust"), [("3.4", True), ("3.5", False)])
def test_the_debt_left_rounds_up_since_3_5(version: str, dust: bool) -> None:
    leg = simple(5000 * USD, 0).collateral[0]
    owed = replace(DAI, balance_raw=2000 * 10**18, price_raw=10**8)
    almost = Seizure(10**11, 1000 * 10**18 + 1, 0)  # leaves a thousand dollars less one wei
    assert leaves_dust(leg, owed, almost, rules_for(version)) is dust


def test_the_treasurys_part_gives_way_when_two_roundings_take_too_much() -> None:
    rules = rules_for("3.6")
    # Index 1.5: four scaled units are a balance of 6; paying out 5 burns ceil(3.33) = 4,
    # the fee of 1 would burn one more.
    leg = replace(WETH, balance_raw=6, index_ray=1500 * 10**24)
    assert consumed_scaled(leg, Seizure(6, 1, 1), rules) == 4


def test_without_protocol_fee_nothing_goes_to_the_treasury() -> None:
    free = replace(WETH, protocol_fee_bps=0)
    position = Position((free,), (USDC,))
    assert available_collateral(position.collateral[0], USDC, 10**9, rules_for("3.7")).fee_raw == 0
