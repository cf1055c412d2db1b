"""Morpho Blue's incentive, liquidation and bad debt, at worked examples."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from abis.units import WAD
from protocols.morpho.rules import (
    Market,
    Position,
    debt_of,
    incentive_wad,
    is_healthy,
    liquidate,
    max_borrow,
)

MARKET = Market(10**12, 99 * 10**16, 2 * 10**12, 2 * 10**27, 86 * WAD // 100)
SHARES = MARKET.shares_up(173_000 * 10**6)
BORROWER = Position(SHARES, 100 * WAD)


@pytest.mark.parametrize(
    ("lltv_permille", "incentive"),
    [
        (385, 1150000000000000000),
        (625, 1126760563380281690),
        (770, 1074113856068743286),
        (800, 1063829787234042553),
        (860, 1043841336116910229),
        (915, 1026167265264238070),
        (945, 1016776817488561260),
        (965, 1010611419909044972),
        (980, 1006036217303822937),
    ],
)
def test_the_incentive_follows_from_the_lltv(lltv_permille: int, incentive: int) -> None:
    assert incentive_wad(lltv_permille * WAD // 1_000) == incentive


def test_debt_rounds_up_and_capacity_down() -> None:
    assert debt_of(MARKET, BORROWER) == 173000000001
    assert max_borrow(MARKET, BORROWER) == 172000000000
    assert not is_healthy(MARKET, BORROWER)


def test_by_collateral() -> None:
    got = liquidate(MARKET, BORROWER, seized=10 * WAD)
    assert (got.repaid_shares, got.repaid, got.bad_debt) == (18968400000990192, 19160000002, 0)


def test_by_shares() -> None:
    got = liquidate(MARKET, BORROWER, repaid_shares=85635000000000865)
    assert (got.seized, got.repaid) == (45146137787000000000, 86500000001)


def test_bad_debt_is_socialised_only_when_no_collateral_is_left() -> None:
    poor = replace(BORROWER, collateral=50 * WAD)
    got = liquidate(MARKET, poor, seized=50 * WAD)
    assert got.bad_debt > 0
    assert got.market.supply_assets == MARKET.supply_assets - got.bad_debt
    assert got.market.borrow_assets == MARKET.borrow_assets - got.repaid - got.bad_debt
    assert got.position == Position(0, 0)
    kept = liquidate(MARKET, poor, seized=50 * WAD - 1)
    assert (kept.bad_debt, kept.position.collateral) == (0, 1)
    assert kept.market.supply_assets == MARKET.supply_assets


@pytest.mark.parametrize(
    ("amounts", "part"),
    [
        ({}, "exactly one"),
        ({"seized": 1, "repaid_shares": 1}, "exactly one"),
        ({"seized": 101 * WAD}, "exceeds"),
        ({"repaid_shares": SHARES + 1}, "exceeds"),
    ],
)
def test_what_the_contract_reverts_is_refused(amounts: dict[str, int], part: str) -> None:
    with pytest.raises(InputError, match=part):
        liquidate(MARKET, BORROWER, **amounts)


def test_a_healthy_position_is_refused() -> None:
    with pytest.raises(InputError, match="healthy"):
        liquidate(replace(MARKET, price=3 * 10**27), BORROWER, seized=1)


@given(st.integers(1, 80 * WAD))
def test_a_liquidator_never_gains_by_rounding(seized: int) -> None:
    """SIZ-3: what is repaid covers what is seized at the incentive price, whatever the amount."""
    got = liquidate(MARKET, BORROWER, seized=seized)
    worth = seized * MARKET.price
    assert got.repaid * incentive_wad(MARKET.lltv_wad) * 10**36 >= worth * WAD
