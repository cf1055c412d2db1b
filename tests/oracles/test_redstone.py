"""Pushed feeds keep their interval to the second; pulled packages their window."""

from __future__ import annotations

import numpy as np
import pytest

from abis.errors import FeedError
from oracles import chainlink, pyth
from oracles.feed import Origin, fixed_delay
from oracles.pyth import Choice
from oracles.redstone import is_fresh, median_down, pull_feed, push_feed


def test_the_published_settings_are_used_and_labelled() -> None:
    feed = push_feed("weETH / USD")
    assert (feed.deviation_bps, round(feed.heartbeat_s)) == (100, 21_600)
    assert feed.deviation_from.origin is Origin.CONFIGURED
    assert feed.delay_from.origin is Origin.ASSUMED
    own = push_feed("weETH / ETH", deviation_bps=20, delay=fixed_delay(5))
    assert (own.deviation_bps, round(own.heartbeat_s)) == (20, 86_400)


def test_an_update_comes_when_the_interval_is_met_not_only_exceeded() -> None:
    feed = push_feed("x / USD", deviation_bps=100, interval_s=600)
    times = np.array([0.0, 599.0, 600.0])
    said = chainlink.propagate(feed, times, np.array([[100.0, 100.5, 100.5]]))[0]
    assert said.tolist() == [100 * 10**8, 100 * 10**8, 10_050_000_000]


def test_a_move_of_exactly_the_deviation_is_pushed() -> None:
    feed = push_feed("x / USD", decimals=2, deviation_bps=100, interval_s=600)
    said = chainlink.propagate(feed, [0.0, 1.0, 2.0], [[100.0, 100.99, 101.0]])[0]
    assert said.tolist() == [10_000, 10_000, 10_100]


@pytest.mark.parametrize(
    ("package_ms", "fresh"),
    [(820_000, True), (819_999, False), (1_060_999, True), (1_061_000, False), (1_000_000, True)],
)
def test_packages_are_taken_from_180_s_ago_to_60_s_ahead(package_ms: int, fresh: bool) -> None:
    assert is_fresh(package_ms, 1_000) is fresh


def test_the_caller_chooses_within_the_window() -> None:
    feed = pull_feed("ETH / USD", Choice.HIGHEST)
    state = pyth.start(feed, 0.0, [100.0])
    said = pyth.fold(feed, state, [60.0, 180.0, 240.0, 241.0], [[120.0, 90.0, 95.0, 96.0]])[1][0]
    assert said.tolist() == [120 * 10**8, 120 * 10**8, 120 * 10**8, 96 * 10**8]


def test_the_median_of_an_even_count_is_the_middle_averaged_down() -> None:
    assert median_down([5, 1, 4]) == 4
    assert median_down([4, 1, 9, 7]) == 5


def test_bad_input_is_refused() -> None:
    with pytest.raises(FeedError, match="no published"):
        push_feed("ETH / USD", deviation_bps=50)
    with pytest.raises(FeedError, match="heartbeat"):
        push_feed("ETH / USD", deviation_bps=50, interval_s=0)
    with pytest.raises(FeedError, match="nobody"):
        pull_feed("ETH / USD", Choice.LATEST)
    with pytest.raises(FeedError, match="no packages"):
        median_down([])
