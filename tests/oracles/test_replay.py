from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles.candle_path import MarketView, candle_path
from oracles.comparison import compare
from oracles.feed import RequestSchedule, fixed_delay
from oracles.history import read_candles, read_rounds
from oracles.replay import match_rounds, next_rounds, replay
from tests.oracles.test_feed import feed
from tests.oracles.test_history import candles_table, rounds_table
from tests.oracles.worlds import world

TIMES = st.lists(st.integers(0, 40), max_size=7).map(sorted)


def most_pairs(real: list[int], predicted: list[int], tolerance: int) -> int:
    """Size of the largest one-to-one matching, by trying every choice."""
    if not real:
        return 0
    rest = most_pairs(real[1:], predicted, tolerance)
    for k, time in enumerate(predicted):
        if abs(time - real[0]) <= tolerance:
            rest = max(rest, 1 + most_pairs(real[1:], predicted[:k] + predicted[k + 1 :], tolerance))
    return rest


@given(st.lists(st.integers(0, 40), max_size=5).map(sorted), TIMES, st.integers(0, 6))
def test_orc_15_rounds_are_paired_one_to_one_within_tolerance_and_as_many_as_possible(
    real: list[int], predicted: list[int], tolerance: int
) -> None:
    a, b = np.array(real, dtype=float), np.array(predicted, dtype=float)
    i, j = match_rounds(a, b, tolerance)
    assert len(set(i.tolist())) == len(i) == len(set(j.tolist()))
    assert (np.abs(a[i] - b[j]) <= tolerance).all()
    assert len(i) == most_pairs(real, predicted, tolerance)


def test_the_path_inside_a_candle_goes_through_its_corners_in_order() -> None:
    candles = read_candles(candles_table([0, 300], open=[100.0, 101.0], close=[101.0, 100.0]))
    time_s, price = candle_path(candles, MarketView(), step_s=100)
    assert time_s.tolist() == [0, 100, 200, 300, 400, 500]
    # rising: open, low, high; falling: open, high, low
    assert price.tolist() == [100, 99, 102, 101, 102, 99]
    assert candle_path(candles, MarketView(0.5), step_s=100)[1].tolist() == [
        100,
        99.5,
        101.5,
        101,
        101.5,
        99.5,
    ]
    dearer = candle_path(candles, MarketView(1.0, basis_bps=10), step_s=100)[1]
    assert dearer == pytest.approx(price * 1.001)


@given(
    st.lists(st.tuples(*[st.integers(1, 50)] * 4), min_size=2, max_size=5), st.sampled_from([0.0, 0.3, 1.0])
)
def test_orc_16_the_path_inside_a_candle_stays_inside_it(
    rows: list[tuple[int, int, int, int]], weight: float
) -> None:
    opens, closes, ups, downs = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    high, low = np.maximum(opens, closes) + ups, np.minimum(opens, closes) / (1 + downs)
    times = [300 * k for k in range(len(rows))]
    table = candles_table(times, open=opens, high=high, low=low, close=closes)
    price = candle_path(read_candles(table), MarketView(weight))[1].reshape(len(rows), -1)
    assert (price <= high[:, None] + 1e-9).all()
    assert (price >= low[:, None] - 1e-9).all()


def test_a_known_feed_with_a_clock_is_predicted_open_loop() -> None:
    f = feed(requests=(RequestSchedule(3_600, 600),))
    table, bars = world(f, days=10, seed=1)
    result = compare(read_rounds(table), read_candles(bars), f, MarketView())
    assert result.predicted_share > 0.97
    assert result.confirmed_share > 0.97
    assert result.next_share > 0.97
    assert result.chance_share < 0.25
    assert result.answer_median_bps < 1
    assert result.matched <= min(result.real, result.predicted)
    assert dict(result.rows())["real"] == result.real == len(table) - 1


def test_the_closed_loop_tests_the_trigger_alone() -> None:
    # Without a clock one missed round shifts all that follow: open loop fails where closed holds.
    f = feed()
    table, bars = world(f, days=10, seed=2)
    right = compare(read_rounds(table), read_candles(bars), f, MarketView())
    assert right.next_share > 0.97
    assert right.predicted_share < right.next_share
    mistaken = replace(f, deviation_ppb=8_000_000)
    wrong = compare(read_rounds(table), read_candles(bars), mistaken, MarketView())
    assert wrong.next_share < right.next_share - 0.1  # heartbeats are still right


def test_a_gap_in_rounds_splits_the_replay_and_a_gap_in_candles_leaves_rounds_out() -> None:
    f = feed(requests=(RequestSchedule(3_600, 600),))
    table, bars = world(f, days=6, seed=3)
    table["aggregator_round_id"] = np.arange(len(table)) + 1
    holed = table[(table.index < 40) | (table.index >= 60)]
    day = bars.time.iloc[0].floor("D")
    missing = (bars.time >= day + np.timedelta64(30, "h")) & (bars.time < day + np.timedelta64(33, "h"))
    parts = replay(read_rounds(holed), read_candles(bars), f, MarketView())
    assert [len(p.real_s) for p in parts] == [39, len(table) - 61]
    whole = replay(read_rounds(table), read_candles(bars[~missing]), f, MarketView())
    assert whole[0].in_gaps >= 3
    assert whole[0].in_gaps + len(whole[0].real_s) == len(table) - 1
    following = next_rounds(read_rounds(table), read_candles(bars[~missing]), f, MarketView(), 300)
    assert len(following.late_s) == len(whole[0].real_s)


def test_nothing_in_common_is_an_error() -> None:
    candles = read_candles(candles_table([0, 300]))
    rounds = read_rounds(rounds_table([10_000, 20_000], [100, 101]))
    for f, named in ((feed(), "fewer than two rounds"), (feed(decimals=6), "6 decimals")):
        with pytest.raises(FeedError, match=named):
            replay(rounds, candles, f, MarketView())
    with pytest.raises(FeedError, match="fewer than two rounds"):
        replay(rounds, candles.between(-5, -1), feed(delay=fixed_delay(0)), MarketView())


@pytest.mark.parametrize(("weight", "basis"), [(-0.1, 0.0), (1.1, 0.0), (0.5, 10_000.0)])
def test_impossible_views_are_refused(weight: float, basis: float) -> None:
    with pytest.raises(FeedError, match="wick weight"):
        MarketView(weight, basis)


def test_a_replay_starts_on_the_price_standing_between_two_points() -> None:
    candles = read_candles(candles_table([0, 300]))
    rounds = read_rounds(rounds_table([6, 500], [90 * 10**8, 91 * 10**8]))  # the market is 10 % above
    (part,) = replay(rounds, candles, feed(delay=fixed_delay(24)), MarketView())
    assert part.predicted_s[0] == 6 + 24
