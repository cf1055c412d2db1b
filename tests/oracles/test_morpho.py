"""Morpho's composition: up to two feeds and a vault a side, times one scale."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import morpho
from oracles.morpho import MorphoOracle, Side
from tests.oracles.seen import SCENARIOS, TIMES, assert_exact, seen

DIGITS = st.integers(0, 18)
SIDES = st.builds(
    Side,
    DIGITS,
    st.lists(DIGITS, max_size=2).map(tuple),
    st.none() | st.sampled_from([1, 10**6, 10**18]),
)


def test_an_ether_and_a_vault_share_in_dollars() -> None:
    plain = MorphoOracle(Side(18, (8,)), Side(6, (8,)))
    assert (plain.decimals, morpho.scale_factor(plain.base, plain.quote)) == (24, 10**24)
    assert plain.answers(seen(2_000 * 10**8, 10**8)).tolist() == [[2_000 * 10**24]]
    vault = MorphoOracle(Side(18, (8,), 10**18), Side(6, (8,)))
    price = vault.answers(seen(12 * 10**17, 2_000 * 10**8, 10**8))
    assert price.tolist() == [[2_400 * 10**24]]


@given(SIDES, SIDES, st.data())
def test_adp_11_morphos_price_is_the_contracts_integer(base: Side, quote: Side, data: st.DataObject) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""
    try:
        source = MorphoOracle(base, quote)
    except FeedError:
        return  # cannot be deployed either: the scale is none
    scale, split = morpho.scale_factor(base, quote), len(base.takes)
    row = st.lists(st.integers(0, 2**63 - 1), min_size=TIMES, max_size=TIMES)
    values = st.lists(row, min_size=SCENARIOS, max_size=SCENARIOS)
    children = [data.draw(values) for _ in source.takes]

    def rule(_: int, *answers: int) -> int:
        return morpho.morpho_price(scale, answers[:split], answers[split:])

    assert_exact(source, seen(*children, time_s=range(TIMES)), rule)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Side(18, (8, 8, 8)), "3 feeds"),
        (lambda: Side(18, (), 0), "sample of 0"),
        (lambda: MorphoOracle(Side(30, (18,)), Side(0)), r"10\^-12"),
        (lambda: MorphoOracle(Side(36, (), 10), Side(0)), "scale factor of 0"),
    ],
)
def test_impossible_compositions_are_refused(make: Any, named: str) -> None:
    with pytest.raises(FeedError, match=named):
        make()
