"""Compound III's views and ``absorb``, at worked examples."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.units import WAD
from protocols.compound_v3.rules import (
    Base,
    Collateral,
    absorb,
    ask_price,
    is_liquidatable,
    liquidity,
    present_value,
    principal_value,
    quote_collateral,
)

USDC = Base(price_raw=10**8, scale=10**6, borrow_index=105 * 10**13)
PRINCIPAL = -19047619047


def weth(price_usd: int) -> Collateral:
    factors = (825 * WAD // 1_000, 895 * WAD // 1_000, 95 * WAD // 100)
    return Collateral(10 * WAD, price_usd * 10**8, WAD, *factors)


def test_a_debt_is_its_principal_times_the_borrow_index() -> None:
    assert present_value(PRINCIPAL, USDC) == -19999999999


@pytest.mark.parametrize(("price_usd", "short"), [(2_200, -30999999900), (2_230, -4149999900)])
def test_liquidity_below_zero_is_liquidatable(price_usd: int, short: int) -> None:
    own = weth(price_usd)
    assert liquidity(PRINCIPAL, USDC, [own.liquidate_factor_wad], [own]) == short
    assert is_liquidatable(PRINCIPAL, USDC, [own])
    assert not is_liquidatable(PRINCIPAL, USDC, [weth(2_235)])
    assert not is_liquidatable(1, USDC, [])


def test_absorbing_returns_what_is_over() -> None:
    got = absorb(PRINCIPAL, USDC, [weth(2_230)])
    assert (got.credited_raw, got.balance_raw, got.unpaid_raw) == (21185000000, 1185000001, 0)


def test_absorbing_leaves_the_rest_unpaid() -> None:
    got = absorb(PRINCIPAL, USDC, [weth(2_000)])
    assert (got.balance_raw, got.unpaid_raw) == (0, 999999999)


def test_the_storefront_sells_at_part_of_the_penalty() -> None:
    own = weth(2_230)
    assert ask_price(own, WAD // 2) == 217425000000
    assert quote_collateral(own, USDC, 1_000 * 10**6, WAD // 2) == 459928711049787282


@given(st.integers(-(10**30), 10**30), st.integers(10**15, 10**17))
def test_principals_round_against_the_account(balance: int, index: int) -> None:
    """SIZ-2: a balance turned into principal and back is never better for the account."""
    base = replace(USDC, supply_index=index, borrow_index=index)
    assert present_value(principal_value(balance, base), base) <= balance
