"""What shares of staking tokens and vaults are worth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import ratios
from oracles.ratios import ShareValue, TimesRatio
from tests.oracles.seen import assert_exact, raws, seen


def test_a_share_of_an_empty_vault_and_of_a_donated_one() -> None:
    staking = ShareValue(18, 10**18)
    assert staking.answers(seen(0, 0)).tolist() == [[0]]
    assert staking.answers(seen(12 * 10**24, 10**25)).tolist() == [[12 * 10**17]]
    vault = ShareValue(18, 10**18, virtual_assets=1, virtual_shares=1)
    assert vault.answers(seen(0, 0)).tolist() == [[10**18]]
    # A donation to a vault of one share is worth half to the vault's virtual share.
    assert vault.answers(seen(10**20, 1)).tolist() == [[10**18 * (10**20 + 1) // 2]]


@given(st.integers(1, 10**18), st.integers(0, 10**6), st.integers(0, 10**6), raws(2**100), raws(2**100))
def test_adp_11_a_share_is_worth_the_contracts_integer(
    shares: int, virtual_assets: int, virtual_shares: int, assets: Any, supply: Any
) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(_: int, assets: int, supply: int) -> int:
        return ratios.share_value(shares, assets, supply, virtual_assets, virtual_shares)

    source = ShareValue(18, shares, virtual_assets, virtual_shares)
    assert_exact(source, seen(assets, supply, time_s=range(4)), rule)


@given(st.integers(0, 27), raws(2**63 - 1), raws(2**90))
def test_adp_11_a_price_times_a_ratio_is_the_contracts_integer(digits: int, price: Any, ratio: Any) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(_: int, price: int, ratio: int) -> int:
        return ratios.times_ratio(price, ratio, digits)

    assert_exact(TimesRatio(8, digits), seen(price, ratio, time_s=range(4)), rule)


def test_impossible_shares_are_refused() -> None:
    with pytest.raises(FeedError, match="0 shares"):
        ShareValue(18, 0)
    with pytest.raises(FeedError, match="-1 virtual"):
        ShareValue(18, 1, 0, -1)
