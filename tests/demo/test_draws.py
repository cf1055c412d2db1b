"""Laws of the demo's draws."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.demo.draws import largest_remainder, lognormal, pick, stratified, weights

SHARES = st.lists(st.floats(0.001, 1.0), min_size=1, max_size=20)


@given(shares=SHARES, spare=st.integers(0, 500))
def test_counts_sum_to_the_total(shares: list[float], spare: int) -> None:
    """DMO-1: largest_remainder gives whole counts of at least one that sum to the total."""
    total = len(shares) + spare
    counts = largest_remainder(total, shares)
    assert sum(counts) == total
    assert min(counts) >= 1


def test_counts_follow_the_shares() -> None:
    assert largest_remainder(100, [0.5, 0.3, 0.2]) == [50, 30, 20]
    assert largest_remainder(4, [0.97, 0.01, 0.01, 0.01]) == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="2 cannot be split into 3 parts"):
        largest_remainder(2, [1.0, 1.0, 1.0])


@given(
    uniform=st.floats(0.001, 0.999),
    median=st.floats(0.01, 5.0),
    sigma=st.floats(0.1, 2.0),
    above=st.floats(0.0, 2.0),
)
def test_truncated_lognormals_stay_above(uniform: float, median: float, sigma: float, above: float) -> None:
    """DMO-2: a truncated lognormal is above its bound, and rises with the bound."""
    # Beyond eight sigma the normal distribution has no digits left.
    if above > median * 2.718 ** (6 * sigma):
        return
    value = lognormal(uniform, median, sigma, above=above)
    assert value >= above * (1 - 1e-6)
    assert value >= lognormal(uniform, median, sigma) * (1 - 1e-9)


@given(seed=st.integers(0, 10**6), count=st.integers(1, 200))
def test_one_uniform_falls_into_each_band(seed: int, count: int) -> None:
    """DMO-3: stratified draws cover every band once."""
    draws = stratified(Random(seed), count)
    assert sorted(int(draw * count) for draw in draws) == list(range(count))


@given(seed=st.integers(0, 10**6), count=st.integers(1, 9))
def test_picks_are_different_entries(seed: int, count: int) -> None:
    menu = {name: 1.0 + k for k, name in enumerate("abcde")}
    chosen = pick(Random(seed), menu, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(menu))
    assert set(chosen) <= set(menu)


@given(seed=st.integers(0, 10**6), count=st.integers(1, 9))
def test_weights_fall_and_sum_to_one(seed: int, count: int) -> None:
    values = weights(Random(seed), count)
    assert sum(values) == pytest.approx(1.0)
    assert values == sorted(values, reverse=True)
