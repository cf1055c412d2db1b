from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.aave_v3.emode import (
    EffectiveParameters,
    backs_debt,
    call_price_emode,
    effective,
    in_category,
    price_emode,
)
from protocols.aave_v3.versions import RELEASES
from protocols.snapshot import EMode, Reserve

BASE = Reserve(
    asset="0x01",
    symbol="wstETH",
    decimals=18,
    price_raw=10**11,
    ltv_bps=7850,
    liquidation_threshold_bps=8100,
    liquidation_bonus_bps=10600,
    emode_category=1,
)
OWN = EffectiveParameters(7850, 8100, 10600)
ETH = EMode(1, "ETH", 9300, 9500, 10100, collateral=(4,))
INSIDE = EffectiveParameters(9300, 9500, 10100)
NO_LTV_INSIDE = EffectiveParameters(0, 9500, 10100)
V3 = RELEASES[1:]
BITMAP = V3[2:]


@pytest.mark.parametrize("version", RELEASES)
def test_outside_every_category_a_reserve_keeps_its_own(version: str) -> None:
    assert effective(BASE, 4, None, version) == OWN


@pytest.mark.parametrize("version", V3)
def test_a_member_takes_the_categorys(version: str) -> None:
    assert effective(BASE, 4, ETH, version) == INSIDE


@pytest.mark.parametrize("version", V3)
def test_membership_is_the_reserves_word_before_and_the_bitmap_since_3_2(version: str) -> None:
    by_word = in_category(BASE, 5, ETH, version)  # word says 1, bitmap does not list place 5
    by_bitmap = in_category(replace(BASE, emode_category=0), 4, ETH, version)
    assert (by_word, by_bitmap) == ((False, True) if version in BITMAP else (True, False))
    assert effective(BASE, 5, ETH, version) == (OWN if version in BITMAP else INSIDE)


@pytest.mark.parametrize("version", V3)
def test_a_base_ltv_of_zero_wins_until_3_5(version: str) -> None:
    unlent = replace(BASE, ltv_bps=0)
    expected = INSIDE if version in ("3.6", "3.7") else NO_LTV_INSIDE
    assert effective(unlent, 4, ETH, version) == expected


@pytest.mark.parametrize("version", V3)
def test_a_categorys_own_ltv_zero_counts_since_3_6(version: str) -> None:
    marked = replace(ETH, ltvzero=(4,))
    expected = NO_LTV_INSIDE if version in ("3.6", "3.7") else INSIDE
    assert effective(BASE, 4, marked, version) == expected


@pytest.mark.parametrize("version", BITMAP)
def test_an_isolated_category_takes_the_ltv_of_outsiders_since_3_7(version: str) -> None:
    isolated = replace(ETH, isolated=True)
    expected = EffectiveParameters(0, 8100, 10600) if version == "3.7" else OWN
    assert effective(BASE, 5, isolated, version) == expected
    assert effective(BASE, 4, isolated, version) == INSIDE
    assert effective(BASE, 5, None, version) == OWN


@pytest.mark.parametrize("version", RELEASES)
def test_what_backs_debt_needs_the_bit_and_until_3_5_a_threshold(version: str) -> None:
    none = replace(BASE, liquidation_threshold_bps=0)
    assert backs_debt(BASE, True, version)
    assert not backs_debt(BASE, False, version)
    assert backs_debt(none, True, version) is (version in ("3.6", "3.7"))


@pytest.mark.parametrize("version", V3)
def test_a_categorys_own_price_counts_for_members_before_3_2(version: str) -> None:
    priced, left = replace(ETH, price_raw=99), replace(BASE, emode_category=2)
    expected = 1 if version in ("3.0", "3.1") else 0
    assert price_emode(BASE, priced, version) == expected
    for reserve, category in ((BASE, ETH), (BASE, None), (left, priced)):
        assert price_emode(reserve, category, version) == 0
    # A call takes every debt for a member's.
    assert call_price_emode(priced, version) == expected
    assert call_price_emode(ETH, version) == call_price_emode(None, version) == 0
