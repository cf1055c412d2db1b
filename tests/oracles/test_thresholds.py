from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.thresholds import Estimate, deviation_range, find_pile, heartbeat_range

NONE = np.array([])


def test_a_threshold_lies_between_the_largest_quiet_and_the_smallest_triggering_move() -> None:
    early = np.array([0.0051, 0.00502, 0.0056, 0.0053, 0.0001])
    waited = np.array([0.0, 0.001, 0.0048, 0.003])
    found = deviation_range(early, waited)
    assert found is not None
    assert (found.value, found.low) == (0.00502, 0.0048)
    assert found.value <= found.high <= 0.0053


def test_few_triggers_hold_against_noise_because_many_waited_with_larger_moves() -> None:
    rng = np.random.default_rng(1)
    waited = np.concatenate([rng.random(400) * 0.002, rng.random(12) * 0.014])
    early = np.array([0.0, 0.0002, 0.00021, 0.0003, 0.0201, 0.0202, 0.0203, 0.0206, 0.0211])
    found = deviation_range(early, waited)
    assert found is not None
    assert found.value == 0.0201
    assert found.low == waited.max()


def test_without_a_smaller_move_the_gap_below_is_an_exponential_one() -> None:
    early = 0.01 * np.exp(np.random.default_rng(2).exponential(0.05, 1_000))
    found = deviation_range(early, NONE)
    assert found is not None
    assert found.value == early.min()
    assert 0.01 * (1 - 0.0005) < found.low < 0.01 < found.high < 0.0101


def test_a_trigger_that_fell_together_with_the_clock_does_not_raise_the_range() -> None:
    rng = np.random.default_rng(4)
    early = 0.005 * np.exp(rng.exponential(0.05, 400))
    asked = np.concatenate([rng.random(300) * 0.0049, [0.005 + (early.min() - 0.005) / 2]])
    found = deviation_range(early, NONE, asked)
    assert found is not None
    assert found.low == asked[:-1].max()
    assert found.low < 0.005 < found.value


def test_rounds_that_never_moved_tell_no_threshold() -> None:
    assert deviation_range(NONE, np.array([0.1])) is None
    assert deviation_range(np.zeros(9), NONE) is None


def test_the_pile_of_longest_waits_is_the_heartbeat_plus_a_delay() -> None:
    rng = np.random.default_rng(3)
    waits = np.concatenate([rng.random(300) * 3_600, 3_600 + 12.0 * rng.integers(1, 4, 200), [9_000.0]])
    pile = find_pile(waits)
    assert pile is not None
    assert pile.median_s == pytest.approx(3_624, abs=12)
    assert pile.size >= 200
    found = heartbeat_range(pile, Estimate(24, 0, 60))
    assert found.low < 3_600 <= found.high
    assert found.value == pile.median_s - 24


def test_waits_that_only_thin_out_are_no_pile() -> None:
    for seed in range(20):
        assert find_pile(np.random.default_rng(seed).exponential(400, 500)) is None
    assert find_pile(np.array([5.0, 100_000.0])) is None


@given(
    st.lists(st.floats(0, 0.2), min_size=1, max_size=60),
    st.lists(st.floats(0, 0.2), max_size=30),
    st.lists(st.floats(0, 0.2), max_size=30),
)
def test_the_range_holds_the_estimate_and_ends_at_moves_that_were_made(
    early: list[float], waited: list[float], asked: list[float]
) -> None:
    """FIT-2: whatever the moves, low <= estimate <= high, and estimate and high are early moves."""
    found = deviation_range(np.array(early), np.array(waited), np.array(asked))
    if found is None:
        assert max(early) == 0
        return
    assert 0 <= found.low <= found.value <= found.high
    assert {found.value, found.high} <= set(early)
    assert found.low < found.high or found.low == found.value
