"""Pyth's median of votes: what one publisher can and cannot do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import pyth
from oracles.paths import NO_PRICE
from oracles.pyth import PythFeed
from oracles.pyth_aggregate import aggregate, aggregates

SAID = st.integers(2, 2**62).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, min(p, 2**61) - 1)))
PUBLISHERS = st.integers(1, 9)


def test_one_publisher_is_himself_and_three_are_their_middle_votes() -> None:
    assert aggregate([100], [3]) == (100, 3)
    assert aggregate([100, 101], [1, 1]) == (100, 1)  # votes 99 100 100 101 101 102: (100 + 101) // 2
    assert aggregate([100, 101, 102], [1, 1, 1]) == (101, 1)
    # A print far away, sure of itself, moves the median by a vote and not by its distance; of
    # three publishers it holds a quartile, of four it does not.
    assert aggregate([100, 101, 50], [1, 1, 0]) == (100, 50)
    assert aggregate([100, 101, 102, 50], [1, 1, 1, 0]) == (100, 1)


def test_a_print_of_one_publisher_reaches_a_careful_reader_as_doubt() -> None:
    """The aggregate of each moment is what is signed then: publishers, aggregate, reader."""
    feed = PythFeed("ETH / USD", confidence_multiple=-1, max_confidence_bps=100)
    said = np.full((1, 3, 3), 2_000 * 10**8)
    said[0, 1, 2] = 1_300 * 10**8  # one of three prints -35 % for a moment
    price, confidence = (x / 10**8 for x in aggregates(said, np.full(said.shape, 10**8)))
    careful = replace(feed, max_confidence_bps=None)
    answers = [
        pyth.fold(f, pyth.start(f, 0.0, price[:, 0], confidence[:, 0]), [0, 1, 2], price, confidence)[1]
        for f in (feed, careful)
    ]
    assert price.tolist() == [[2_000.0, 1_999.0, 2_000.0]]
    assert confidence.tolist() == [[1.0, 698.0, 1.0]]
    assert answers[0].tolist() == [[199_900_000_000, NO_PRICE, 199_900_000_000]]
    assert answers[1].tolist() == [[199_900_000_000, 130_100_000_000, 199_900_000_000]]


@given(PUBLISHERS, st.data())
def test_avg_20_arrays_of_publishers_are_the_aggregate_of_each_moment(n: int, data: st.DataObject) -> None:
    """AVG-20: arrays of Pyth's publishers aggregate to the integers of each moment."""
    rows = data.draw(st.lists(st.lists(SAID, min_size=n, max_size=n), min_size=1, max_size=4))
    said = np.array(rows, dtype=np.int64)
    price, confidence = aggregates(said[..., 0], said[..., 1])
    for row, p, c in zip(rows, price.tolist(), confidence.tolist(), strict=True):
        assert (p, c) == aggregate([each[0] for each in row], [each[1] for each in row])


@given(st.integers(0, 4), st.integers(1, 10**12), st.data())
def test_avg_21_a_minority_of_publishers_stays_within_the_others_votes(
    minority: int, price: int, data: st.DataObject
) -> None:
    """AVG-21: fewer than half of Pyth's publishers cannot carry the price out of the others' votes."""
    near = st.integers(price, price + price // 50)
    rest = data.draw(st.lists(near, min_size=minority + 1, max_size=minority + 3))
    width = price // 100
    lone = data.draw(st.lists(st.integers(1, 10**15), min_size=minority, max_size=minority))
    middle, _ = aggregate(rest + lone, [width if width < p else 0 for p in rest] + [0] * minority)
    assert min(rest) - width <= middle <= max(rest) + width


@pytest.mark.parametrize(
    ("price", "confidence", "named"),
    [
        ([], [], "0 prices|shape"),
        ([1, 2], [0], "2 prices|shape"),
        ([1], [1], "price of 1 with a confidence of 1"),
        ([0], [0], "price of 0"),
        ([5], [-1], "confidence of -1"),
    ],
)
def test_impossible_votes_are_refused(price: Any, confidence: Any, named: str) -> None:
    for whole in (aggregate, aggregates):
        with pytest.raises(FeedError, match=named):
            whole(price, confidence)
    with pytest.raises(FeedError, match="64 bits"):
        aggregates([2**63 - 1], [1])
