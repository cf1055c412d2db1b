"""What an adapter sees in a test, and its exact rule applied moment by moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from oracles.sources import Memoryless, View
from oracles.wide import narrowed

NOW_S = 1_773_143_160
SCENARIOS, TIMES = 2, 4

Ints = NDArray[Any]


def seen(*children: ArrayLike, time_s: ArrayLike = NOW_S) -> View:
    """Return a view of one or more moments, the children broadcast to (n, T)."""
    times = np.array(time_s, dtype=np.float64, ndmin=1)
    rows = [narrowed(np.array(child, dtype=object, ndmin=2)) for child in children]
    n = max((len(row) for row in rows), default=1)
    wide = tuple(np.broadcast_to(row, (n, len(times))) for row in rows)
    return View(times, np.ones((n, len(times), 1)), children=wide)


def raws(largest: int, least: int = 0) -> st.SearchStrategy[list[list[int]]]:
    """Draw a child's answers, (scenario, time), among them none at all."""
    row = st.lists(st.just(least) | st.integers(least, largest), min_size=TIMES, max_size=TIMES)
    return st.lists(row, min_size=SCENARIOS, max_size=SCENARIOS)


def times(first_s: int = NOW_S) -> st.SearchStrategy[list[int]]:
    """Draw times that never decrease."""
    steps = st.lists(st.integers(0, 10**7), min_size=TIMES, max_size=TIMES)
    return steps.map(lambda row: [first_s + sum(row[: k + 1]) for k in range(len(row))])


def assert_exact(source: Memoryless, view: View, rule: Callable[..., int]) -> None:
    """Assert that the arrays hold what ``rule(time_s, *children)`` says in Python integers."""
    found = source.answers(view)
    assert found.shape == (len(view), len(view.time_s))
    for (i, t), value in np.ndenumerate(found):
        wanted = rule(int(view.time_s[t]), *(int(child[i, t]) for child in view.children))
        assert int(value) == wanted
