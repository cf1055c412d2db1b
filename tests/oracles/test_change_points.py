from __future__ import annotations

import numpy as np
import pytest

from oracles.change_points import LEAST_ROUNDS, deviation_changes, heartbeat_changes


def moves(threshold: float, size: int, seed: int, asked: float = 0.2) -> np.ndarray:
    """Triggered rounds, and a share that came for no reason."""
    rng = np.random.default_rng(seed)
    triggered = threshold * (1 + rng.exponential(0.05, size))
    return np.where(rng.random(size) < asked, rng.random(size) * threshold, triggered)


def test_a_new_threshold_is_found_where_it_starts() -> None:
    both = np.concatenate([moves(0.02, 150, 1), moves(0.005, 150, 2)])
    (change,) = deviation_changes(both, np.zeros(300, dtype=bool))
    assert change.earliest <= change.at <= change.latest
    assert change.earliest <= 150 <= change.latest + 3
    assert abs(change.at - 150) <= 5


def test_more_requested_rounds_or_a_rougher_market_are_no_change() -> None:
    calm = moves(0.005, 300, 3)
    asked = moves(0.005, 300, 4, asked=0.7)
    rng = np.random.default_rng(5)
    rough = 0.005 * (1 + rng.exponential(0.3, 300))
    for other in (asked, rough):
        assert deviation_changes(np.concatenate([calm, other]), np.zeros(600, dtype=bool)) == []


def test_rounds_that_waited_although_they_had_moved_date_a_change() -> None:
    # Eight triggers a side say little about when; waits with moves of 1 % end with the change.
    quiet = np.concatenate([np.linspace(0, 0.015, 200), np.linspace(0, 0.004, 200)])
    waited = np.ones(400, dtype=bool)
    for k in range(8):
        quiet[20 + 20 * k], waited[20 + 20 * k] = 0.0201 + k * 1e-4, False
        quiet[210 + 20 * k], waited[210 + 20 * k] = 0.00502 + k * 2e-5, False
    (change,) = deviation_changes(quiet, waited)
    assert 195 <= change.earliest <= change.latest <= 210


@pytest.mark.parametrize(("before", "after"), [(86_400, 3_600), (3_600, 86_400)])
def test_a_new_heartbeat_is_found(before: int, after: int) -> None:
    rng = np.random.default_rng(6)

    def waits(heartbeat: int) -> np.ndarray:
        early = rng.random(100) < 0.4
        return np.where(early, rng.random(100) * heartbeat, heartbeat + 12.0 * rng.integers(1, 5, 100))

    (change,) = heartbeat_changes(np.concatenate([waits(before), waits(after)]))
    assert abs(change.at - 100) <= 6
    assert change.earliest - 6 <= 100 <= change.latest + 6
    assert heartbeat_changes(np.concatenate([waits(after), waits(after)])) == []


def test_busy_weeks_without_a_heartbeat_are_no_change_of_it() -> None:
    rng = np.random.default_rng(7)
    quiet = np.where(rng.random(200) < 0.5, 86_412.0, rng.random(200) * 86_400)
    busy = rng.exponential(1_000, 300)
    assert heartbeat_changes(np.concatenate([quiet, busy])) == []


def test_too_few_rounds_tell_no_change() -> None:
    few = np.full(2 * LEAST_ROUNDS - 1, 0.005)
    assert deviation_changes(few, np.zeros(len(few), dtype=bool)) == []
    assert heartbeat_changes(few) == []
