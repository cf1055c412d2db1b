from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError, UnsupportedVersion
from abis.units import MAX_UINT256
from protocols.aave_v3.configuration import decode_configuration, decode_user_configuration
from protocols.aave_v3.versions import RELEASES

words = st.integers(0, MAX_UINT256)
# Highest and lowest bit of each field, ReserveConfiguration.sol; the releases that have it.
BITS = {
    "ltv_bps": (15, 0, "2.0 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "liquidation_threshold_bps": (31, 16, "2.0 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "liquidation_bonus_bps": (47, 32, "2.0 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "decimals": (55, 48, "2.0 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "active": (56, 56, "2.0 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "frozen": (57, 57, "2.0 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "borrowing_enabled": (58, 58, "2.0 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "stable_borrowing_enabled": (59, 59, "2.0 3.0 3.1"),
    "paused": (60, 60, "3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "borrowable_in_isolation": (61, 61, "3.0 3.1 3.2 3.3 3.4 3.5 3.6"),
    "siloed_borrowing": (62, 62, "3.0 3.1 3.2 3.3 3.4 3.5 3.6"),
    "flash_loan_enabled": (63, 63, "3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "reserve_factor_bps": (79, 64, "2.0 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "borrow_cap_tokens": (115, 80, "3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "supply_cap_tokens": (151, 116, "3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "liquidation_protocol_fee_bps": (167, 152, "3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
    "emode_category": (175, 168, "3.0 3.1"),
    "unbacked_mint_cap_tokens": (211, 176, "3.0 3.1 3.2 3.3"),
    "debt_ceiling_usd_cents": (251, 212, "3.0 3.1 3.2 3.3 3.4 3.5 3.6"),
    "virtual_accounting": (252, 252, "3.1 3.2 3.3 3.4 3.5 3.6 3.7"),
}


@given(words, st.sampled_from(RELEASES))
def test_every_field_is_its_digits_and_nothing_else(word: int, version: str) -> None:
    digits = f"{word:0256b}"
    expected = {
        name: int(digits[255 - high : 256 - low], 2) if version in releases.split() else 0
        for name, (high, low, releases) in BITS.items()
    }
    assert asdict(decode_configuration(word, version)) == expected


def test_a_word_of_a_listed_asset_reads_as_its_parameters() -> None:
    word = (
        8050 | 8300 << 16 | 10500 << 32 | 18 << 48 | 1 << 56 | 1 << 58 | 1 << 63
        | 1500 << 64 | 1_400_000 << 80 | 1_800_000 << 116 | 1000 << 152 | 1 << 168
    )  # fmt: skip
    read = decode_configuration(word, "3.0")
    assert (read.ltv_bps, read.liquidation_threshold_bps, read.liquidation_bonus_bps) == (8050, 8300, 10500)
    assert (read.decimals, read.active, read.frozen, read.paused) == (18, True, False, False)
    assert (read.borrow_cap_tokens, read.supply_cap_tokens) == (1_400_000, 1_800_000)
    assert (read.reserve_factor_bps, read.liquidation_protocol_fee_bps) == (1500, 1000)
    assert read.emode_category == 1
    assert decode_configuration(word, "3.2").emode_category == 0  # stale bits are not a category


@given(st.sets(st.integers(0, 127)), st.sets(st.integers(0, 127)))
def test_the_even_bit_is_debt_and_the_odd_bit_is_collateral(collateral: set[int], debt: set[int]) -> None:
    word = sum(1 << (2 * i + 1) for i in collateral) + sum(1 << (2 * i) for i in debt)
    user = decode_user_configuration(word)
    assert user.collateral == tuple(sorted(collateral))
    assert user.borrowing == tuple(sorted(debt))


@pytest.mark.parametrize("word", [-1, MAX_UINT256 + 1])
def test_what_is_no_word_is_refused(word: int) -> None:
    with pytest.raises(InputError, match="no 256-bit word"):
        decode_configuration(word, "3.0")
    with pytest.raises(InputError, match="no 256-bit word"):
        decode_user_configuration(word)


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(UnsupportedVersion):
        decode_configuration(0, "4.0")
