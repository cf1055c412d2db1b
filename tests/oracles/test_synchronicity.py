"""Two feeds made into one price."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oracles import synchronicity
from oracles.synchronicity import BaseToPeg, PegToBase
from tests.oracles.seen import assert_exact, raws, seen

DIGITS = st.integers(0, 18)


def test_a_product_and_a_quotient_of_feeds() -> None:
    steth_usd = PegToBase(8, 18, 8).answers(seen(9_990 * 10**14, 2_000 * 10**8 + 1))
    assert steth_usd.tolist() == [[199_800_000_000]]  # 199800000000.999, cut
    usdc_eth = BaseToPeg(18, 8).answers(seen(10**8, 2_000 * 10**8))
    assert usdc_eth.tolist() == [[500_000_000_000_000]]


@given(DIGITS, DIGITS, DIGITS, raws(2**63 - 1), raws(2**63 - 1))
def test_adp_11_a_product_of_feeds_is_the_contracts_integer(
    decimals: int, asset: int, peg: int, first: Any, second: Any
) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(_: int, asset_peg: int, peg_base: int) -> int:
        return synchronicity.peg_to_base(asset_peg, peg_base, decimals, asset + peg)

    assert_exact(PegToBase(decimals, asset, peg), seen(first, second, time_s=range(4)), rule)


@given(DIGITS, raws(2**63 - 1), raws(2**63 - 1))
def test_adp_11_a_quotient_of_feeds_is_the_contracts_integer(decimals: int, first: Any, second: Any) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(_: int, asset_peg: int, base_peg: int) -> int:
        return synchronicity.base_to_peg(asset_peg, base_peg, decimals)

    assert_exact(BaseToPeg(decimals, 8), seen(first, second, time_s=range(4)), rule)
