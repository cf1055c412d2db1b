from __future__ import annotations

from itertools import pairwise

import pytest

from abis.pace import Pace


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.mark.parametrize("per_second", [0.5, 3.0, 40.0])
def test_requests_leave_at_even_distances(per_second: float) -> None:
    clock = Clock()
    pace = Pace(per_second, clock=clock, sleep=clock.sleep)
    left = []
    for _ in range(10):
        pace.wait()
        left.append(clock())
    gaps = [b - a for a, b in pairwise(left)]
    assert left[0] == 100.0
    assert gaps == pytest.approx([1 / per_second] * 9)


def test_time_that_passed_unused_is_not_saved_up() -> None:
    clock = Clock()
    pace = Pace(2.0, clock=clock, sleep=clock.sleep)
    pace.wait()
    clock.now_s += 60
    pace.wait()
    pace.wait()
    assert clock() == pytest.approx(160.5)


def test_without_a_limit_nobody_waits() -> None:
    def never(seconds: float) -> None:
        raise AssertionError(seconds)

    pace = Pace(0, sleep=never)
    for _ in range(5):
        pace.wait()
