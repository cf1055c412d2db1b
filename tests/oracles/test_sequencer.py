"""Sequencers: prices stand still while they are down, liquidations wait after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from abis.units import WAD
from oracles import sequencer
from oracles.sequencer import DOWN, UP, HeldWhileDown, Sentinel, SentinelState
from tests.oracles.seen import NOW_S, raws, seen, times

HOUR_S = 3_600
STATUS = st.lists(st.sampled_from([UP, UP, DOWN]), min_size=4, max_size=4)


def began(status: int, at_s: float) -> SentinelState:
    return SentinelState(at_s, np.array([status]), np.array([at_s]))


def test_the_grace_runs_from_the_return_and_low_healths_are_not_protected() -> None:
    time_s = [0, 60, 600, 600 + HOUR_S, 601 + HOUR_S]
    _, allowed, stale = sequencer.fold(
        Sentinel(HOUR_S), began(UP, -10.0 * HOUR_S), time_s, [[UP, DOWN, UP, UP, UP]]
    )
    assert allowed.tolist() == [[True, False, False, False, True]]
    assert stale.tolist() == [[False, True, False, False, False]]
    late, early = WAD, 94 * WAD // 100
    assert not sequencer.is_liquidation_allowed(late, UP, 600, 601, HOUR_S)
    assert sequencer.is_liquidation_allowed(early, DOWN, 600, 601, HOUR_S)
    assert not sequencer.is_liquidation_allowed(95 * WAD // 100, DOWN, 600, 601, HOUR_S)


def test_an_old_sentinel_waits_again_after_every_report_of_the_same_status() -> None:
    old = Sentinel(600, refresh_s=1_000)
    time_s = [0, 601, 999, 1_000, 1_601]
    _, allowed, _ = sequencer.fold(old, began(UP, 0.0), time_s, [[UP] * 5])
    assert allowed.tolist() == [[False, True, True, False, True]]


@given(st.integers(0, 10_000), st.none() | st.integers(1, 5_000), STATUS, times())
def test_adp_13_the_sentinel_says_what_the_contract_says(
    grace_s: int, refresh_s: int | None, status: list[int], time_s: list[int]
) -> None:
    """ADP-13: along a path, and however it is split, the sentinel allows what the contract allows."""
    rule = Sentinel(grace_s, refresh_s)
    whole = sequencer.fold(rule, began(UP, NOW_S), time_s, [status])[1]
    state, before, since = began(UP, NOW_S), UP, NOW_S
    for t, (now, says) in enumerate(zip(time_s, status, strict=True)):
        since = now if says != before else since
        before = says
        reported = since if refresh_s is None else since + (now - since) // refresh_s * refresh_s
        wanted = sequencer.is_up_and_grace_passed(says, reported, now, grace_s)
        state, allowed, stale = sequencer.fold(rule, state, [now], [[says]])
        assert (allowed[0, 0], stale[0, 0]) == (wanted, says == DOWN)
        assert whole[0, t] == wanted


@given(raws(2**63 - 1), STATUS)
def test_adp_05_a_held_feed_is_the_last_answer_of_an_up_time(feed: Any, status: list[int]) -> None:
    """ADP-05: a feed behind a sequencer keeps its answer while that is down, and is the feed while up."""
    source = HeldWhileDown(8)
    state, answers = source.fold(np.array([7, 8]), seen(feed, status, time_s=range(4)))
    for i, said in enumerate((7, 8)):
        for t, up in enumerate(status):
            said = feed[i][t] if up == UP else said
            assert answers[i, t] == said
        assert state[i] == said


def test_settled_and_impossible_uptimes() -> None:
    source = HeldWhileDown(8)
    assert source.settled(seen(5, UP), None).tolist() == [5]
    assert source.settled(seen(5, DOWN), np.array([4])).tolist() == [4]
    with pytest.raises(FeedError, match="last_raw"):
        source.settled(seen(5, DOWN), None)
    with pytest.raises(FeedError, match="grace of -1"):
        Sentinel(-1)
    with pytest.raises(FeedError, match="0 \\(up\\) or 1"):
        sequencer.fold(Sentinel(1), began(UP, 0.0), [0], [[2]])
    with pytest.raises(FeedError, match="backwards"):
        sequencer.fold(Sentinel(1), began(UP, 10.0), [9], [[UP]])
