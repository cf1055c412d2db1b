"""Caps on stablecoins: the upside is cut, the downside passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import stable_caps
from oracles.stable_caps import EurCap, StableCap
from tests.oracles.seen import assert_exact, raws, seen


def test_a_lost_peg_passes_and_a_rise_does_not() -> None:
    source = StableCap(8, 104_000_000)
    assert source.answers(seen([[65_000_000, 100_000_000, 140_000_000]], time_s=[0, 1, 2])).tolist() == [
        [65_000_000, 100_000_000, 104_000_000]
    ]


def test_a_euro_cap_follows_the_euro() -> None:
    source = EurCap(8, 104 * 10**16, 18)
    assert source.answers(seen(130_000_000, 108_000_000)).tolist() == [[112_320_000]]
    assert source.answers(seen(130_000_000, 95_000_000)).tolist() == [[98_800_000]]


@given(st.integers(0, 2**70), raws(2**63 - 1))
def test_adp_11_a_stable_price_is_the_contracts_integer(cap: int, feed: Any) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(_: int, price: int) -> int:
        return stable_caps.stable_price(price, cap)

    assert_exact(StableCap(8, cap), seen(feed, time_s=range(4)), rule)


@given(st.integers(0, 2**70), st.integers(0, 20), raws(2**63 - 1), raws(2**63 - 1))
def test_adp_11_a_euro_price_is_the_contracts_integer(cap: int, digits: int, feed: Any, euro: Any) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(_: int, price: int, eur_usd: int) -> int:
        return stable_caps.eur_price(price, eur_usd, cap, digits)

    assert_exact(EurCap(8, cap, digits), seen(feed, euro, time_s=range(4)), rule)


def test_what_the_setters_accept() -> None:
    assert stable_caps.may_set_stable_cap(104_000_000, 100_000_000)
    assert not stable_caps.may_set_stable_cap(99_999_999, 100_000_000)
    assert stable_caps.may_set_stable_cap(200_000_000, 1)
    assert not stable_caps.may_set_stable_cap(200_000_001, 1)
    assert stable_caps.may_set_eur_cap(10**8, 108_000_000, 108_000_000, 8)
    assert not stable_caps.may_set_eur_cap(10**8, 108_000_001, 108_000_000, 8)


@pytest.mark.parametrize("make", [lambda: StableCap(8, -1), lambda: EurCap(8, -1, 8)])
def test_a_negative_cap_is_refused(make: Any) -> None:
    with pytest.raises(FeedError, match="cap of -1"):
        make()
