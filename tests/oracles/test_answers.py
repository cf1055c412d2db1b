from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles.answers import settled, to_raw, upper_median
from tests.oracles.test_feed import feed


def test_a_decimal_price_becomes_its_own_digits() -> None:
    assert 0.29 * 1e8 < 29_000_000  # what truncation would make of it
    assert to_raw(feed(), [0.29, 1800.1, 1e-8]).tolist() == [29_000_000, 180_010_000_000, 1]


def test_ties_round_to_even() -> None:
    assert to_raw(feed(decimals=0), [0.5, 1.5, 2.5]).tolist() == [0, 2, 2]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_an_impossible_price_is_named_with_its_place(bad: float) -> None:
    with pytest.raises(FeedError, match=r"\(1, 0\)") as caught:
        to_raw(feed(), [[1.0], [bad]])
    assert str(bad) in str(caught.value)


def test_a_price_beyond_64_bits_is_an_error_unless_the_feed_freezes_before() -> None:
    wide = feed(decimals=18)
    assert to_raw(wide, [9.0]).tolist() == [9 * 10**18]
    with pytest.raises(FeedError, match="64-bit"):
        to_raw(wide, [9.3])
    bounded = replace(wide, max_answer_raw=5 * 10**18)
    assert to_raw(bounded, [9.3])[0] > bounded.max_answer_raw


def test_bounds_wider_than_64_bits_bind_nothing() -> None:
    assert settled(feed(max_answer_raw=2**176 - 1), [2000.0]).tolist() == [200_000_000_000]


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=12))
def test_orc_11_the_median_of_an_even_count_is_the_upper_one(values: list[int]) -> None:
    assert upper_median(np.array(values, dtype=float)) == sorted(values)[len(values) // 2]


@given(st.data(), st.integers(1, 15))
def test_orc_11_a_minority_cannot_carry_the_median_out_of_the_others_range(
    data: st.DataObject, n: int
) -> None:
    liars = (n - 1) // 2
    honest = data.draw(st.lists(st.integers(90, 110), min_size=n - liars, max_size=n - liars))
    lies = data.draw(st.lists(st.integers(1, 10**6), min_size=liars, max_size=liars))
    median = upper_median(np.array(data.draw(st.permutations(honest + lies)), dtype=float))
    assert min(honest) <= median <= max(honest)


def test_settled_is_the_rounded_price_and_frozen_outside_the_bounds() -> None:
    luna = feed(min_answer_raw=10_000_000, max_answer_raw=10**13)
    assert settled(luna, [0.25]).tolist() == [25_000_000]
    assert settled(luna, [0.25, 0.0001], last_raw=[1, 10_700_000]).tolist() == [25_000_000, 10_700_000]
    with pytest.raises(FeedError, match="freezes") as caught:
        settled(luna, [0.25, 0.0001])
    assert "last_raw" in caught.value.remedy
