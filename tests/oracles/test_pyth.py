"""The chosen price against a reader who really posts, scaling, confidence, staleness."""

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
from oracles.pyth import Choice, PythFeed, convert_to_uint, reading
from risk.testing.price_paths import PricePath, price_paths
from tests.oracles.kinds import CHOOSERS, PYTH_FEEDS, shaken

FEED = PythFeed("ETH / USD", max_age_s=60)


def greedy(feed: PythFeed, times: list[int], values: list[int]) -> list[int]:
    """A reader who at each time posts what suits him among what the contract would take."""
    pick = min if feed.choice is Choice.LOWEST else max
    stored, stored_at, last, answers = values[0], times[0], times[0], []
    for k, now in enumerate(times):
        usable = [(v, u) for u, v in zip(times[: k + 1], values, strict=False) if u > stored_at]
        usable = [(v, u) for v, u in usable if now - u <= feed.max_age_s]
        if now - stored_at <= feed.max_age_s:
            usable.append((stored, stored_at))
        best = pick(v for v, _ in usable)
        stored, stored_at = max(((v, u) for v, u in usable if v == best), key=lambda x: x[1])
        answers.append(best)
        period = feed.post_every_s
        if period is not None and now // period > last // period:
            stored, stored_at = values[k], now  # a keeper posts the latest
        last = now
    return answers


@given(CHOOSERS, price_paths())
def test_avg_15_a_reader_who_posts_what_suits_him_reads_the_extreme_of_the_window(
    feed: PythFeed, path: PricePath
) -> None:
    said = pyth.fold(feed, pyth.start(feed, path.time_s[0], path.price[:, 0]), path.time_s, path.price)[1]
    times = path.time_s.astype(int).tolist()
    assert said.tolist() == [greedy(feed, times, row) for row in path.raw.tolist()]


@given(CHOOSERS, price_paths())
def test_avg_16_no_choice_is_better_than_the_latest_for_nobody(feed: PythFeed, path: PricePath) -> None:
    state = pyth.start(feed, path.time_s[0], path.price[:, 0])
    low, high = (
        pyth.fold(replace(feed, choice=c), state, path.time_s, path.price)[1]
        for c in (Choice.LOWEST, Choice.HIGHEST)
    )
    assert (low <= path.raw).all()
    assert (path.raw <= high).all()


@given(PYTH_FEEDS, price_paths())
def test_avg_17_readings_are_the_contracts_integers(feed: PythFeed, path: PricePath) -> None:
    price, conf = shaken(path)
    for said, p, c in zip(
        pyth.readings(feed, price, conf).ravel().tolist(),
        path.raw.ravel().tolist(),
        np.rint(conf * 1e8).astype(int).ravel().tolist(),
        strict=True,
    ):
        assert said == reading(feed, p, c)


def test_scaling_cuts_and_stretches() -> None:
    assert convert_to_uint(123_456, -3, 2) == 12_345
    assert convert_to_uint(123_456, -3, 6) == 123_456_000
    assert convert_to_uint(123, -6, 2) == 0
    for price, expo in ((-1, -8), (1, 1)):
        with pytest.raises(FeedError, match=f"{price} with exponent {expo}"):
            convert_to_uint(price, expo, 8)


def test_what_is_posted_too_rarely_goes_stale() -> None:
    feed = replace(FEED, post_every_s=600)
    times = [0.0, 300.0, 600.0, 660.0, 661.0, 1_200.0]
    said = pyth.fold(feed, pyth.start(feed, 0.0, [1.0]), times, [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])[1][0]
    raw = 10**8
    assert said.tolist() == [raw, NO_PRICE, 3 * raw, 3 * raw, NO_PRICE, 6 * raw]


def test_a_keeper_narrows_the_choice() -> None:
    price = [[100.0, 90.0, 110.0, 105.0]]
    times = [0.0, 20.0, 40.0, 60.0]
    free = replace(FEED, choice=Choice.LOWEST, post_every_s=None)
    kept = replace(FEED, choice=Choice.LOWEST, post_every_s=40)
    for feed, last in ((free, 90), (kept, 105)):
        said = pyth.fold(feed, pyth.start(feed, 0.0, [100.0]), times, price)[1][0]
        assert int(said[-1]) == last * 10**8


def test_confidence_goes_against_the_reader_or_the_price_is_refused() -> None:
    collateral = replace(FEED, confidence_multiple=-2, max_confidence_bps=100)
    said = pyth.settled(collateral, [100.0, 100.0], [1.0, 1.01])
    assert said.tolist() == [98 * 10**8, NO_PRICE]
    assert pyth.settled(replace(FEED, confidence_multiple=-200), [100.0], [1.0]).tolist() == [NO_PRICE]


@pytest.mark.parametrize(
    "settings",
    [
        {"expo": 1},
        {"expo": -19},
        {"decimals": 19},
        {"max_age_s": -1},
        {"post_every_s": -1},
        {"post_every_s": None},
        {"max_confidence_bps": -1},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(FeedError, match="Give"):
        replace(FEED, **settings)


def test_impossible_paths_are_refused() -> None:
    state = pyth.start(FEED, 10.0, [1.0])
    for price in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(FeedError, match="impossible"):
            pyth.advance(FEED, state, 11.0, [price])
    with pytest.raises(FeedError, match="confidence"):
        pyth.advance(FEED, state, 11.0, [1.0], [-0.1])
    with pytest.raises(FeedError, match="backwards"):
        pyth.advance(FEED, state, 9.0, [1.0])
    with pytest.raises(FeedError, match="does not fit"):
        pyth.settled(replace(FEED, decimals=18), [100.0])


@given(st.integers(1, 10**15), st.integers(0, 10**13), st.integers(0, 10_000))
def test_the_widest_confidence_is_still_accepted(price: int, conf: int, bps: int) -> None:
    wide = pyth._too_wide(np.array([price]), np.array([conf]), bps)
    assert bool(wide[0]) == (conf * 10_000 > price * bps)
