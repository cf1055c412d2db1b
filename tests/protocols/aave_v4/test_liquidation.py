"""Aave v4's bonus curve, target repayment and dust rules, at worked examples."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.units import RAY, WAD
from protocols.aave_v4.liquidation import USD, Refusal, bonus_bps, debt_to_target_ray, liquidate
from protocols.aave_v4.position import Account, Drawn, Supplied, debt_value_ray, health_factor_wad
from tests.protocols.aave_v4.rules import RULES

USDC = 10**6


def supplied(usd: int, factor_bps: int = 8_000, max_bonus_bps: int = 10_500, **more: int) -> Supplied:
    """So many tokens of 1 US dollar, a share worth one smallest unit."""
    return Supplied(usd * USDC, 10**12, 10**12, 10**8, 6, factor_bps, max_bonus_bps, **more)


def drawn(usd: int) -> Drawn:
    return Drawn(usd * USDC, RAY, 0, 10**8, 6)


ACCOUNT = Account((supplied(24_000),), (drawn(20_000),))


@pytest.mark.parametrize(
    ("health_permille", "bonus"),
    [(999, 10_505), (990, 10_550), (970, 10_650), (950, 10_750), (900, 11_000), (500, 11_000)],
)
def test_the_bonus_falls_towards_health_one(health_permille: int, bonus: int) -> None:
    assert bonus_bps(health_permille * WAD // 1_000, 11_000, RULES) == bonus


def test_a_call_restores_the_target() -> None:
    assert health_factor_wad(ACCOUNT) == 96 * WAD // 100
    assert bonus_bps(96 * WAD // 100, 10_500, RULES) == 10_350
    target = debt_to_target_ray(ACCOUNT, 96 * WAD // 100, 10_350, 8_000, ACCOUNT.drawn[0], RULES)
    assert target // RAY == 8108_108108
    result = liquidate(ACCOUNT, 0, 0, 20_000 * USDC, RULES)
    assert (result.refusal, result.bonus_bps, result.drawn_shares) == (None, 10_350, 8108_108109)
    assert result.shares == 8108_108109 * 10_350 // 10_000
    after = health_factor_wad(result.after)
    assert after is not None
    assert 105 * WAD // 100 <= after < 105 * WAD // 100 + 10**9


def test_premium_is_repaid_first_and_the_treasury_takes_its_share_of_the_bonus() -> None:
    account = replace(ACCOUNT, drawn=(replace(drawn(19_990), premium_ray=10 * USDC * RAY),))
    account = replace(account, supplied=(supplied(24_000, fee_bps=1_000),))
    result = liquidate(account, 0, 0, 20_000 * USDC, RULES)
    assert result.premium_ray == 10 * USDC * RAY
    assert result.drawn_shares == 8098_108109
    exact = Fraction(result.shares * 1_000 * 350, 10_350 * 10_000)
    assert exact <= result.fee_shares < exact + 1


def test_a_debt_that_would_be_dust_is_taken_whole_or_not_at_all() -> None:
    small = Account((supplied(2_000), supplied(22_000)), (drawn(1_500), drawn(18_500)))
    result = liquidate(small, 1, 0, 1_500 * USDC, RULES)
    assert result.after.drawn[0].shares == 0
    assert liquidate(small, 1, 0, 1_499 * USDC, RULES).refusal is Refusal.DUST
    assert liquidate(small, 1, 0, 400 * USDC, RULES).drawn_shares == 400 * USDC


def test_a_collateral_that_would_be_dust_is_taken_whole() -> None:
    account = Account((supplied(9_000), supplied(15_000)), (drawn(20_000),))
    result = liquidate(account, 0, 0, 20_000 * USDC, RULES)
    assert result.shares == 9_000 * USDC
    assert result.drawn_shares == -(-9_000 * USDC * 10_000 // 10_350)
    assert liquidate(account, 0, 0, 8_300 * USDC, RULES).refusal is Refusal.DUST


def test_debt_left_without_counted_collateral_becomes_a_deficit() -> None:
    broke = Account((supplied(10_000),), (drawn(20_000), drawn(5_000)))
    result = liquidate(broke, 0, 0, 20_000 * USDC, RULES)
    assert result.shares == 10_000 * USDC
    left = 20_000 * USDC - result.drawn_shares
    assert result.deficit_ray == (left * RAY, 5_000 * USDC * RAY)
    assert debt_value_ray(result.after) == 0
    second = replace(broke, supplied=(*broke.supplied, replace(supplied(1), shares=1)))
    assert liquidate(second, 0, 0, 20_000 * USDC, RULES).deficit_ray == (0, 0)


def test_refusals() -> None:
    assert liquidate(ACCOUNT, 0, 0, 0, RULES).refusal is Refusal.ZERO_AMOUNT
    assert liquidate(Account((supplied(99_000),), (drawn(1),)), 0, 0, 1, RULES).refusal is Refusal.HEALTHY
    off = replace(ACCOUNT, supplied=(replace(supplied(9), counted=False),))
    assert liquidate(off, 0, 0, 1, RULES).refusal is Refusal.NOT_COLLATERAL
    assert liquidate(replace(ACCOUNT, drawn=(drawn(0),)), 0, 0, 1, RULES).refusal is Refusal.NO_DEBT


@given(
    collateral_usd=st.integers(5_000, 10**9),
    health_permille=st.integers(830, 999),
    factor_bps=st.integers(1_000, 9_000),
    max_bonus_bps=st.integers(10_001, 11_000),
)
def test_a_call_without_dust_ends_at_the_target(
    collateral_usd: int, health_permille: int, factor_bps: int, max_bonus_bps: int
) -> None:
    """SIZ-1: a call to the target that leaves no dust ends at the target, short of it by rounding at most."""
    owed = collateral_usd * factor_bps * 1_000 // (10_000 * health_permille) + 1
    account = Account((supplied(collateral_usd, factor_bps, max_bonus_bps),), (drawn(owed),))
    result = liquidate(account, 0, 0, owed * USDC, RULES)
    after = health_factor_wad(result.after)
    if result.refusal or after is None or result.after.supplied[0].shares == 0:
        return
    assert after >= RULES.target_health_wad - 10**6  # seized collateral rounds down, repaid debt up
    assert after < RULES.target_health_wad + 10**12


def test_a_dollar_is_1e26() -> None:
    assert debt_value_ray(ACCOUNT) == 20_000 * USD * RAY
