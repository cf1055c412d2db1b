from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abis.errors import FeedError
from abis.findings import FindingKind
from oracles.feed import Origin, RequestSchedule, fixed_delay
from oracles.fit import fit
from oracles.history import read_candles, read_rounds
from oracles.schedules import find_schedules
from tests.oracles.test_feed import feed
from tests.oracles.worlds import START_S, world


def test_settings_delay_and_wicks_are_recovered_from_rounds_and_candles() -> None:
    truth = feed(deviation_ppb=3_000_000, heartbeat_s=7_200.0, delay=fixed_delay(48))
    table, bars = world(truth, days=15, seed=5)
    fitted = fit(read_rounds(table), read_candles(bars), description="ETH / USD")
    assert fitted.feed.deviation_ppb == truth.deviation_ppb
    assert fitted.feed.heartbeat_s == truth.heartbeat_s
    assert fitted.deviation_bps.low <= fitted.deviation_bps.value <= fitted.deviation_bps.high
    assert fitted.deviation_bps.value == pytest.approx(30, rel=0.01)
    assert fitted.schedules == ()
    assert fitted.delay_s is not None
    assert fitted.feed.delay.samples_s[0] == fitted.delay_s.value == pytest.approx(48, abs=24)
    assert fitted.view.wick_weight >= 0.8  # these candles are the feed's own market
    assert abs(fitted.view.basis_bps) < 1
    assert fitted.feed.delay_from.origin is Origin.FITTED
    assert str(len(table)) in fitted.feed.deviation_from.source


def test_a_clock_is_found_from_the_day_it_starts_and_used_for_predictions() -> None:
    before, _ = world(feed(), days=5, seed=6)
    later, _ = world(feed(requests=(RequestSchedule(3_600, 600),)), days=8, seed=7)
    shift = pd.Timedelta(days=5)
    table = pd.concat([before, later.assign(time=later.time + shift)])
    fitted = fit(read_rounds(table), description="ETH / USD")
    (schedule,) = fitted.schedules
    assert schedule.period_s == 3_600
    assert schedule.phase_s == pytest.approx(624, abs=12)  # requested at 600, 24 s on the way
    assert schedule.since_s == pytest.approx(START_S + 5 * 86_400, abs=2 * 3_600)
    assert fitted.feed.requests[0].period_s == 3_600
    assert any(f.kind is FindingKind.ORACLE for f in fitted.findings)
    assert fitted.delay_s is None
    assert fitted.training is None
    assert fitted.feed.delay_from.origin is Origin.ASSUMED


def test_turns_in_a_gap_do_not_speak_against_a_clock() -> None:
    turns = np.arange(100) * 3_600.0 + 300
    held = np.concatenate([turns[:40], turns[70:]])
    gap = [(float(turns[39]), float(turns[70]))]
    (schedule,) = find_schedules(held, gap)
    assert (schedule.coverage, schedule.since_s) == (1.0, turns[0])
    without = find_schedules(held)
    assert all(s.coverage < 1 or s.since_s > turns[0] for s in without)


def test_a_heartbeat_that_restarts_at_every_round_is_no_clock() -> None:
    drifting = np.cumsum(np.full(500, 3_630.0))
    assert find_schedules(drifting) == ()


@pytest.mark.parametrize("heartbeat_s", [27, 60, 300, 1_200])
def test_rounds_every_minute_are_no_clock_although_every_turn_has_one(heartbeat_s: int) -> None:
    assert find_schedules(START_S + np.cumsum(np.full(8_000, heartbeat_s + 3.0))) == ()


def test_rounds_by_the_clock_do_not_pass_for_the_heartbeat() -> None:
    # One an hour keeps a heartbeat of two hours from ever running out, and leaves waits of an hour.
    clocked = feed(heartbeat_s=7_200.0, requests=(RequestSchedule(3_600, 600),))
    fitted = fit(read_rounds(world(clocked, days=15, seed=11)[0]), description="x")
    assert fitted.feed.heartbeat_from.origin is Origin.ASSUMED
    assert fitted.heartbeat_s.high == float("inf")
    assert fitted.feed.deviation_bps == clocked.deviation_bps
    (regime,) = fitted.regimes
    assert regime.by_clock > 200
    assert regime.waited == 0
    assert regime.early + regime.waited + regime.by_clock == regime.rounds
    # Where the clock runs only later, the time before it shows the heartbeat.
    free, _ = world(feed(heartbeat_s=3_600.0), days=6, seed=12)
    later, _ = world(feed(requests=(RequestSchedule(3_600, 600),)), days=15, seed=13)
    joined = pd.concat([free, later.assign(time=later.time + pd.Timedelta(days=6))])
    seen = fit(read_rounds(joined), description="x")
    assert seen.feed.heartbeat_s == 3_600
    assert seen.feed.heartbeat_from.origin is Origin.FITTED


def test_an_uncustomary_setting_is_kept_as_estimated() -> None:
    odd = feed(deviation_ppb=4_200_000, heartbeat_s=5_000.0, delay=fixed_delay(0))
    fitted = fit(read_rounds(world(odd, days=15, seed=9)[0]), description="x")
    assert fitted.feed.deviation_bps == pytest.approx(42, rel=0.01)
    assert fitted.feed.deviation_bps != 42
    assert fitted.feed.heartbeat_s == pytest.approx(5_000, rel=0.01)


def test_too_little_history_is_an_error() -> None:
    rounds = read_rounds(world(feed(), days=15, seed=8)[0].iloc[:20])
    with pytest.raises(FeedError, match="19 steps"):
        fit(rounds, description="x")
    silent = read_rounds(world(replace(feed(), deviation_ppb=500_000_000), days=15, seed=8)[0])
    with pytest.raises(FeedError, match="only 0 rounds came before the heartbeat"):
        fit(silent, description="x")


ROUNDS, _ = world(feed(heartbeat_s=7_200.0), days=8, seed=14)


@settings(max_examples=15)
@given(st.integers(1, 10**6), st.integers(-(10**8), 10**8), st.randoms(use_true_random=False))
def test_settings_do_not_depend_on_the_unit_of_account_the_date_or_the_order_of_rows(
    factor: int, later_s: int, random: Random
) -> None:
    """FIT-1: answers k times as high, another start, rows in any order: the same settings and ranges."""
    order = list(range(len(ROUNDS)))
    random.shuffle(order)
    moved = ROUNDS.assign(
        answer_raw=[str(int(a) * factor) for a in ROUNDS.answer_raw],
        time=ROUNDS.time + pd.Timedelta(seconds=later_s),
    ).iloc[order]
    one, other = (fit(read_rounds(table), description="x") for table in (ROUNDS, moved))
    assert other.feed.deviation_ppb == one.feed.deviation_ppb
    assert other.feed.heartbeat_s == one.feed.heartbeat_s
    assert other.deviation_bps == pytest.approx(one.deviation_bps, rel=1e-9)
    assert other.heartbeat_s == one.heartbeat_s
    assert [(r.early, r.waited) for r in other.regimes] == [(r.early, r.waited) for r in one.regimes]
