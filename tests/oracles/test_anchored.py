"""The anchored price: the contract's band, exact at its edges; November 2020's print."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import anchored
from oracles.anchored import Anchor, within
from oracles.paths import NO_PRICE
from risk.testing.price_paths import PricePath, price_paths
from tests.oracles.kinds import ANCHORS, reporter_and_anchor

DAI = Anchor("DAI")


@given(ANCHORS, price_paths())
def test_avg_18_an_accepted_price_is_within_the_tolerance_and_a_rejected_one_changes_nothing(
    anchor: Anchor, path: PricePath
) -> None:
    reporter, mean = reporter_and_anchor(path)
    state = anchored.start(anchor, path.time_s[0], reporter[:, 0], mean[:, 0])
    said = anchored.fold(anchor, state, path.time_s, reporter, mean)[1]
    for i in range(len(said)):
        last = int(state.price_raw[i])
        for t, price in enumerate(said[i].tolist()):
            r, a = int(reporter[i, t]), int(mean[i, t])
            if anchor.reporter_invalidated:
                last = a
            elif within(anchor, r, a):
                last = r
                # floor(a / r) in 1e18ths within the bounds, hence a / r to one unit
                assert abs(a * 10**18 - r * 10**18) <= r * (anchor.tolerance_wad + 1)
            assert price == last


@given(st.integers(1, 10**14), st.integers(1, 10**14), st.integers(1, 10**18 - 1), st.integers(-2, 2))
def test_the_twin_decides_like_the_contract_at_the_edges(
    mean: int, scale: int, tolerance: int, off: int
) -> None:
    anchor = Anchor("x", tolerance_wad=tolerance)
    edges = [mean, mean * 10**18 // (10**18 + tolerance), min(mean * 10**18 // (10**18 - tolerance), 10**18)]
    for edge in (*edges, scale):
        reporter = max(edge + off, 1)
        state = anchored.start(anchor, 0.0, [reporter], [mean])
        assert (int(state.price_raw[0]) == reporter) is within(anchor, reporter, mean)


def test_the_band_is_a_quarter_above_and_a_sixth_below() -> None:
    assert within(DAI, 1_250_000, 1_000_000)
    assert not within(DAI, 1_250_001, 1_000_000)
    assert within(DAI, 833_334, 1_000_000)
    assert not within(DAI, 833_333, 1_000_000)


def test_a_print_of_1_30_enters_once_the_anchor_is_dear_enough() -> None:
    state = anchored.start(DAI, 0.0, [1_010_000], [1_010_000])
    anchor_raw = np.array([[1_020_000, 1_039_000, 1_040_000, 1_060_000]])
    said = anchored.fold(DAI, state, [1.0, 2.0, 3.0, 4.0], np.full((1, 4), 1_300_000), anchor_raw)[1]
    assert said[0].tolist() == [1_010_000, 1_010_000, 1_300_000, 1_300_000]


def test_nothing_is_said_before_something_is_accepted() -> None:
    state = anchored.start(DAI, 0.0, [2_000_000], [1_000_000])
    assert state.price_raw.tolist() == [NO_PRICE]
    state, said = anchored.advance(DAI, state, 1.0, [NO_PRICE], [1_000_000])
    assert said.tolist() == [NO_PRICE]


def test_without_its_reporter_the_anchor_is_the_price() -> None:
    alone = Anchor("DAI", reporter_invalidated=True)
    state = anchored.start(alone, 0.0, [1_300_000], [1_000_000])
    assert state.price_raw.tolist() == [1_000_000]
    assert anchored.settled(alone, [9], [0], [7]).tolist() == [7]


def test_bad_input_is_refused() -> None:
    for tolerance in (0, -1, 10**18):
        with pytest.raises(FeedError, match=str(tolerance)):
            Anchor("DAI", tolerance_wad=tolerance)
    state = anchored.start(DAI, 5.0, [1], [1])
    with pytest.raises(FeedError, match="negative"):
        anchored.advance(DAI, state, 6.0, [-1], [1])
    with pytest.raises(FeedError, match="backwards"):
        anchored.advance(DAI, state, 4.0, [1], [1])
    with pytest.raises(FeedError, match="shape"):
        anchored.fold(DAI, state, [6.0, 7.0], [[1, 1]], [[1]])
