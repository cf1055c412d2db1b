"""How benchmarks time: the best of several rounds, turn about, so that other work hits all alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

IN_A_ROW = 3  # the first finds the caches, and maybe the cores, still busy with another's work


def best_of(rounds: int, functions: Sequence[Callable[[], Any]]) -> tuple[list[float], list[Any]]:
    """Return the shortest time of each function, s, and what it returned last.

    Every function runs once before, uncounted: compiled, and with its memory touched.
    """
    results = [f() for f in functions]
    seconds = [float("inf")] * len(functions)
    for _ in range(rounds):
        for k, function in enumerate(functions):
            for _ in range(IN_A_ROW):
                began = time.perf_counter()
                results[k] = function()
                seconds[k] = min(seconds[k], time.perf_counter() - began)
    return seconds, results


def row(
    name: str, size: str, seconds: float, baseline: str, baseline_seconds: float, equal: bool
) -> dict[str, Any]:
    """Return one row of the table."""
    return {
        "name": name,
        "size": size,
        "seconds": seconds,
        "baseline": baseline,
        "baseline_seconds": baseline_seconds,
        "ratio": baseline_seconds / seconds,
        "results_equal": bool(equal),
        "cores": os.cpu_count(),
    }
