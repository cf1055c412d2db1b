"""Laws of the feed as a map; `ORC-..` ids are listed in docs/invariants.md."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import chainlink
from oracles.chainlink import DEVIATION, HEARTBEAT, REQUEST, FeedState
from oracles.feed import PPB, Delay, PriceFeed, RequestSchedule, fixed_delay
from risk.testing.price_paths import PricePath, price_feeds, price_paths
from tests.oracles.plain_feed import draw, plain_feed
from tests.oracles.test_feed import feed

CAUSES = {"deviation": DEVIATION, "heartbeat": HEARTBEAT, "request": REQUEST}


def on_first(feed: PriceFeed, path: PricePath) -> FeedState:
    """A state standing on the first price, moved into the feed's bounds."""
    first = np.clip(path.raw[:, 0], feed.min_answer_raw, feed.max_answer_raw)
    return chainlink.initial_state(feed, first, time_s=path.time_s[0])


def same(a: FeedState, b: FeedState) -> bool:
    """Equal in everything that counts: queues may have different room."""
    plain = ("answer_raw", "updated_at_s", "market_raw", "stream", "reports", "pending")
    queues = ("pending_raw", "pending_lands_at_s", "pending_observed_at_s", "pending_cause")
    return a.time_s == b.time_s and (
        all(np.array_equal(getattr(a, f), getattr(b, f)) for f in plain)
        and all(
            np.array_equal(getattr(a, f)[i, : a.pending[i]], getattr(b, f)[i, : b.pending[i]])
            for f in queues
            for i in range(len(a))
        )
    )


@given(price_feeds(), price_paths(), st.data())
def test_orc_01_the_future_never_changes_the_past(f: PriceFeed, path: PricePath, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, path.raw.shape[1]))
    other = path.price.copy()
    other[:, cut:] *= data.draw(st.sampled_from([0.5, 0.99, 1.02, 3.0]))
    state = on_first(f, path)
    before = chainlink.propagate(f, path.time_s, path.price, state)
    after = chainlink.propagate(f, path.time_s, other, state)
    assert np.array_equal(before[:, :cut], after[:, :cut])


@given(price_feeds(), price_paths(), st.data())
def test_orc_02_a_path_is_the_fold_of_its_moments_however_split(
    f: PriceFeed, path: PricePath, data: st.DataObject
) -> None:
    start = on_first(f, path)
    whole_state, whole = chainlink.fold(f, start, path.time_s, path.price)
    state, pieces = start, []
    for t, time_s in enumerate(path.time_s):
        state, answer = chainlink.advance(f, state, float(time_s), path.price[:, t])
        pieces.append(answer)
    assert np.array_equal(np.stack(pieces, axis=1), whole)
    assert same(state, whole_state)
    if len(path.time_s) > 1:
        cut = data.draw(st.integers(1, len(path.time_s) - 1))
        half, left = chainlink.fold(f, start, path.time_s[:cut], path.price[:, :cut])
        done, right = chainlink.fold(f, half, path.time_s[cut:], path.price[:, cut:])
        assert np.array_equal(np.concatenate([left, right], axis=1), whole)
        assert same(done, whole_state)


@given(price_feeds(), price_paths())
def test_orc_03_the_kernel_equals_a_plain_event_loop(f: PriceFeed, path: PricePath) -> None:
    state = on_first(f, path)
    answers = chainlink.propagate(f, path.time_s, path.price, state)
    rounds = chainlink.rounds(f, path.time_s, path.price, state)
    for i, raw in enumerate(path.raw.tolist()):
        first, start_s = int(state.answer_raw[i]), float(path.time_s[0])
        plain, plain_rounds = plain_feed(f, path.time_s.tolist(), raw, first, start_s, start_s, i)
        assert answers[i].tolist() == plain
        own = rounds.scenario == i
        logged = zip(rounds.time_s[own], rounds.answer_raw[own], rounds.cause[own], strict=True)
        assert list(logged) == [(t, a, CAUSES[c]) for t, a, c in plain_rounds]


@given(price_feeds(bounded=False, max_delay_s=0), price_paths())
def test_orc_04_without_delay_the_answer_is_always_within_the_deviation(
    f: PriceFeed, path: PricePath
) -> None:
    answers = chainlink.propagate(f, path.time_s, path.price).astype(object)
    gap = abs(path.raw.astype(object) - answers)
    assert (gap * PPB < f.deviation_ppb * answers).all()


@given(price_feeds(bounded=False), price_paths(), st.integers(0, 1_200))
def test_orc_05_with_delay_the_slack_is_the_move_during_two_delays_and_a_step(
    f: PriceFeed, path: PricePath, delay_s: int
) -> None:
    f = replace(f, delay=fixed_delay(delay_s))
    answers = chainlink.propagate(f, path.time_s, path.price)
    reach = 2 * delay_s + path.longest_step_s
    for t, now in enumerate(path.time_s):
        near = (path.time_s >= now - reach) & (path.time_s <= now)
        move = np.abs(path.raw[:, near] - path.raw[:, t : t + 1]).max(axis=1)
        gap = np.abs(path.raw[:, t] - answers[:, t])
        assert (gap <= f.deviation_ppb / PPB * answers[:, t] + move).all()


def test_the_move_during_one_delay_is_not_enough_slack() -> None:
    # 1 % up triggers; the market is back before the report lands, so the wrong report lands
    # and its correction needs another delay.  Market flat for 30 s > d, gap still 1 %.
    f = feed(delay=fixed_delay(24), decimals=2)
    times = np.arange(0.0, 72.0, 6.0)
    price = np.where(times == 6, 101.0, 100.0)[None]
    answers = chainlink.propagate(f, times, price)[0]
    assert answers[times == 42].tolist() == [10_100]
    assert answers[times == 60].tolist() == [10_000]


@given(price_feeds(), price_paths())
def test_orc_06_answers_never_leave_the_bounds_and_never_clamp(f: PriceFeed, path: PricePath) -> None:
    state = on_first(f, path)
    answers = chainlink.propagate(f, path.time_s, path.price, state)
    assert ((answers >= f.min_answer_raw) & (answers <= f.max_answer_raw)).all()
    for i in range(len(state)):
        seen = {int(state.answer_raw[i]), *path.raw[i].tolist()}
        assert set(answers[i].tolist()) <= seen


@given(price_feeds(bounded=False, max_delay_s=0), price_paths(), st.booleans())
def test_orc_06_a_market_out_of_range_freezes_the_feed(f: PriceFeed, path: PricePath, above: bool) -> None:
    smallest, largest = int(path.raw.min()), int(path.raw.max())
    bounds = (1, smallest - 1) if above else (largest + 1, 2 * largest + 1)
    frozen = replace(f, min_answer_raw=bounds[0], max_answer_raw=bounds[1])
    state = chainlink.initial_state(frozen, np.full(len(path.raw), bounds[1]), time_s=path.time_s[0])
    assert (chainlink.propagate(frozen, path.time_s, path.price, state) == bounds[1]).all()


@given(price_feeds(bounded=False), price_paths())
def test_orc_07_an_answer_is_never_older_than_heartbeat_step_and_delay(f: PriceFeed, path: PricePath) -> None:
    state = on_first(f, path)
    allowed = f.heartbeat_s + path.longest_step_s + f.delay.longest_s
    for t, now in enumerate(path.time_s):
        state, _ = chainlink.advance(f, state, float(now), path.price[:, t])
        assert (now - state.updated_at_s <= allowed).all()


@given(price_feeds(bounded=False), price_paths(), st.integers(2, 1_000))
def test_orc_08_a_price_k_times_as_high_gives_answers_k_times_as_high(
    f: PriceFeed, path: PricePath, k: int
) -> None:
    higher = PricePath(path.time_s, path.raw * k)
    answers = chainlink.propagate(f, path.time_s, path.price)
    assert np.array_equal(chainlink.propagate(f, path.time_s, higher.price), answers * k)


@given(price_feeds(), price_paths())
def test_orc_08_the_unit_of_account_does_not_matter(f: PriceFeed, path: PricePath) -> None:
    coarse = replace(f, decimals=2)
    price = path.raw / 100.0
    state = on_first(f, path)
    assert np.array_equal(
        chainlink.propagate(f, path.time_s, path.price, state),
        chainlink.propagate(coarse, path.time_s, price, state),
    )


@given(price_feeds(bounded=False), price_paths(max_scenarios=4), st.data())
def test_orc_09_scenarios_do_not_know_each_other(f: PriceFeed, path: PricePath, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(path.raw) - 1))
    whole = chainlink.propagate(f, path.time_s, path.price)
    block = path.price[cut:]
    state = chainlink.start(f, path.time_s[0], block[:, 0], first_stream=cut)
    assert np.array_equal(chainlink.propagate(f, path.time_s, block, state), whole[cut:])


@given(price_feeds(), price_paths(max_times=1), st.integers(1, 10**12))
def test_orc_10_a_market_that_stays_put_settles_the_feed(f: PriceFeed, path: PricePath, before: int) -> None:
    last = np.clip(np.full(len(path.raw), before), f.min_answer_raw, f.max_answer_raw)
    state = chainlink.initial_state(f, last, time_s=0.0)
    wait = f.heartbeat_s + 1
    times = np.array([wait, wait + f.delay.longest_s, 2 * wait + 2 * f.delay.longest_s])
    answers = chainlink.propagate(f, times, np.repeat(path.price, 3, axis=1), state)
    assert np.array_equal(answers[:, -1], chainlink.settled(f, path.price[:, 0], last_raw=last))


@given(price_feeds(), price_paths(max_scenarios=1), st.data())
def test_orc_11_nodes_are_reduced_to_their_upper_median(
    f: PriceFeed, path: PricePath, data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, 6))
    spread = st.lists(st.integers(-20, 20), min_size=n, max_size=n)
    offsets = np.array([data.draw(spread) for _ in path.time_s], dtype=np.int64)
    nodes = path.raw[0][:, None] + offsets
    middle = np.sort(nodes, axis=1)[:, n // 2]
    state = on_first(f, path)
    observed = chainlink.propagate(f, path.time_s, (nodes / 1e8)[None], state)
    assert np.array_equal(observed, chainlink.propagate(f, path.time_s, (middle / 1e8)[None], state))


@given(st.integers(1, 2**40), st.integers(1, PPB), st.sampled_from([1, -1]))
def test_orc_12_a_move_of_exactly_the_threshold_triggers_and_less_does_not(
    answer: int, deviation_ppb: int, sign: int
) -> None:
    f = feed(decimals=0, deviation_ppb=deviation_ppb, delay=fixed_delay(0), heartbeat_s=1e9)
    threshold = -(-answer * deviation_ppb // PPB)  # smallest whole move that is enough
    moves = [threshold - 1, threshold]
    for move, follows in zip(moves, (False, True), strict=True):
        market = answer + sign * move
        if market <= 0:
            continue
        state = chainlink.initial_state(f, [answer], time_s=0.0)
        _, told = chainlink.advance(f, state, 1.0, [float(market)])
        assert told.tolist() == [market if follows or not move else answer]


def test_the_order_of_two_paths_is_not_kept() -> None:
    # A counterexample kept on purpose: the higher market never moved enough to be reported.
    f = feed(decimals=2, delay=fixed_delay(0))
    higher, lower = [100.0, 100.0, 100.4], [100.0, 99.5, 100.39]
    above, below = chainlink.propagate(f, [0, 1, 2], [higher, lower])[:, -1]
    assert higher[-1] > lower[-1]
    assert above == 10_000
    assert below == 10_039


def test_a_jump_far_beyond_the_threshold_takes_one_update() -> None:
    f = feed(decimals=0, delay=fixed_delay(24))
    rounds = chainlink.rounds(f, [0, 12, 24, 36, 48], [[100.0, 40.0, 40.0, 40.0, 40.0]])
    assert rounds.time_s.tolist() == [36]
    assert rounds.answer_raw.tolist() == [40]


def test_the_heartbeat_fires_after_it_not_at_it_and_restarts_at_inclusion() -> None:
    f = feed(decimals=0, heartbeat_s=60, delay=fixed_delay(10))
    times = np.arange(0.0, 201.0)
    rounds = chainlink.rounds(f, times, np.full((1, len(times)), 100.0))
    assert rounds.time_s.tolist() == [71, 142]
    assert set(rounds.cause.tolist()) == {HEARTBEAT}


def test_a_requested_round_comes_although_nothing_moved_and_only_once() -> None:
    f = feed(decimals=0, delay=fixed_delay(0), requests=(RequestSchedule(100, 30),))
    times = np.arange(0.0, 250.0, 7.0)
    rounds = chainlink.rounds(f, times, np.full((1, len(times)), 100.0))
    assert rounds.time_s.tolist() == [35, 133, 231]
    assert set(rounds.cause.tolist()) == {REQUEST}


def test_a_report_in_flight_is_repeated_only_when_the_market_leaves_it_too() -> None:
    f = feed(decimals=0, delay=fixed_delay(100), deviation_ppb=10_000_000)
    times = np.arange(0.0, 150.0, 10.0)
    price = np.full(len(times), 1020.0)
    price[0] = 1000.0
    price[3:] = 1025.0  # within 1 % of the report in flight
    price[5:] = 1031.0  # beyond it
    rounds = chainlink.rounds(f, times, price[None])
    assert rounds.answer_raw.tolist() == [1020]
    rounds = chainlink.rounds(f, np.append(times, 160.0), np.append(price, 1031.0)[None])
    assert list(zip(rounds.time_s, rounds.answer_raw, strict=True)) == [(110, 1020), (150, 1031)]


def test_many_reports_can_be_in_flight() -> None:
    f = feed(decimals=0, delay=fixed_delay(1_000))
    times = np.arange(0.0, 2_000.0, 10.0)
    price = 10_000 * 1.01 ** np.minimum(np.arange(len(times)), 40)
    rounds = chainlink.rounds(f, times, price[None])
    assert len(rounds) == 40
    assert rounds.time_s.tolist() == (np.arange(1, 41) * 10 + 1_000).tolist()


def test_an_overtaken_report_is_dropped() -> None:
    f = feed(decimals=0, delay=Delay((5.0, 500.0), seed=3))
    times = np.arange(0.0, 2_000.0, 10.0)
    price = 10_000 * 1.01 ** np.arange(len(times))
    rounds = chainlink.rounds(f, times, price[None])
    assert (np.diff(rounds.time_s) >= 0).all()
    assert (np.diff(rounds.answer_raw) > 0).all()
    state, _ = chainlink.fold(f, chainlink.start(f, 0.0, [price[0]]), times, price[None])
    assert len(rounds) + state.pending[0] < state.reports[0]


def test_what_is_observed_late_is_what_the_market_is_then() -> None:
    f = feed(decimals=0, delay=Delay((30.0,), observation_s=15.0))
    rounds = chainlink.rounds(f, [0, 10, 20, 30, 40], [[100.0, 110.0, 120.0, 130.0, 130.0]])
    # Triggered at 10, observed at 25 (when the market still stands at 120), on chain at 40.
    assert (rounds.time_s[0], rounds.answer_raw[0]) == (40, 120)


def test_a_late_observation_out_of_range_builds_no_report() -> None:
    f = feed(decimals=0, delay=Delay((30.0,), observation_s=15.0), max_answer_raw=115)
    assert (
        len(chainlink.rounds(f, [0, 10, 20, 30, 40, 50], [[100.0, 110.0, 120.0, 130.0, 130.0, 130.0]])) == 0
    )


def test_from_an_answer_of_zero_any_change_triggers() -> None:
    f = feed(decimals=0, delay=fixed_delay(0), min_answer_raw=0)
    state = chainlink.initial_state(f, [0], time_s=0.0)
    assert chainlink.advance(f, state, 1.0, [1.0])[1].tolist() == [1]


def test_states_are_not_changed_in_place() -> None:
    f = feed(delay=fixed_delay(100))
    state = chainlink.start(f, 0.0, [100.0])
    chainlink.fold(f, state, [10.0, 200.0], [[120.0, 130.0]])
    assert state.answer_raw.tolist() == [100 * 10**8]
    assert state.pending.tolist() == [0]


@pytest.mark.parametrize(
    ("times", "prices", "named"),
    [
        ([0, 2, 1], [[1.0, 1.0, 1.0]], "time 1.0 at index 2"),
        ([0, np.nan, 1], [[1.0, 1.0, 1.0]], "time nan at index 1"),
        ([0, 1], [[1.0, 1.0, 1.0]], "on 2 times"),
        ([0], [1.0], "shape"),
        ([], [[]], "shape"),
        ([0, 1], [[1.0, -1.0]], "-1.0"),
        ([0, 1], [[[1.0, 1.0, 1.0], [1.0, np.nan, 1.0]]], "nan"),
    ],
)
def test_impossible_paths_are_refused(times: list[float], prices: list[list[float]], named: str) -> None:
    with pytest.raises(FeedError, match=named):
        chainlink.propagate(feed(), times, prices)


def test_states_that_do_not_fit_are_refused() -> None:
    f = feed()
    state = chainlink.start(f, 10.0, [1.0])
    with pytest.raises(FeedError, match="2 scenarios on a state of 1"):
        chainlink.advance(f, state, 11.0, [1.0, 1.0])
    with pytest.raises(FeedError, match=r"time 9\.0 at index 0 goes backwards"):
        chainlink.advance(f, state, 9.0, [1.0])
    with pytest.raises(FeedError, match="no row of answers"):
        chainlink.initial_state(f, [-1], time_s=0.0)
    with pytest.raises(FeedError, match="updates not after time_s"):
        chainlink.initial_state(f, [1], time_s=0.0, updated_at_s=1.0)


def test_two_reports_that_land_together_are_two_rounds() -> None:
    slow_then_fast = next(
        d
        for d in (Delay((20.0, 10.0), seed=s) for s in range(1_000))
        if [draw(feed(delay=d), 0, k) for k in (0, 1)] == [20, 10]
    )
    f = feed(decimals=0, delay=slow_then_fast)
    rounds = chainlink.rounds(f, [0, 10, 20, 30], [[100.0, 110.0, 120.0, 120.0]])
    assert list(zip(rounds.time_s, rounds.answer_raw, strict=True)) == [(30, 110), (30, 120)]


def test_what_was_observed_is_not_observed_again_when_the_market_jumps_at_once() -> None:
    f = feed(decimals=0, delay=fixed_delay(20), deviation_ppb=50_000_000)
    rounds = chainlink.rounds(f, [0, 10, 10, 30], [[100.0, 110.0, 111.0, 111.0]])
    assert (rounds.time_s[0], rounds.answer_raw[0]) == (30, 110)
