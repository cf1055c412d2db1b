"""Clearing by sorting against iterating the map, which revalues every position each round."""

from __future__ import annotations

import os
import time
from typing import Any

import numba
import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.clearing import clear, ladder, power

SEED = 20251207
POSITIONS = 200_000
SHOCKS = 100_000
SAMPLE = 200  # shocks the iteration is run on; its time is scaled to all

DEPTH_1PCT, EXPONENT = 2_500.0, 0.48


@numba.njit
def fixed_point(threshold: FloatArray, volume: FloatArray, shock: float) -> int:
    """Return the positions sold at the greatest fixed point of one shock."""
    price, before, count = shock, -1, 0
    while count != before:
        before, count, sold = count, 0, 0.0
        for k in range(len(threshold)):
            if price < threshold[k]:
                sold += volume[k]
                count += 1
        price = shock * max(1.0 - 0.01 * (sold / DEPTH_1PCT) ** (1.0 / EXPONENT), 0.01)
    return count


@numba.njit(parallel=True)
def iterate(threshold: FloatArray, volume: FloatArray, shock: FloatArray) -> IntArray:
    """Return `fixed_point` of every shock."""
    out = np.zeros(len(shock), dtype=np.int64)
    for s in numba.prange(len(shock)):
        out[s] = fixed_point(threshold, volume, shock[s])
    return out


def book() -> tuple[FloatArray, FloatArray]:
    """Return thresholds and volumes: leverage spread widely, sizes as uneven as real ones."""
    rng = np.random.default_rng(SEED)
    return rng.beta(4.0, 2.0, POSITIONS), rng.lognormal(-3.0, 1.5, POSITIONS)


def rows() -> list[dict[str, Any]]:
    """Return the comparison: the same positions sold at each sampled shock."""
    threshold, volume = book()
    shock = np.random.default_rng(SEED + 1).uniform(0.6, 1.0, SHOCKS)
    iterate(threshold[:10], volume[:10], shock[:2])  # compile
    began = time.perf_counter()
    cleared = clear(ladder(threshold, volume, power(DEPTH_1PCT, EXPONENT)), shock)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    sample = iterate(threshold, volume, shock[:SAMPLE])
    loop_seconds = (time.perf_counter() - began) * SHOCKS / SAMPLE
    return [
        {
            "name": "clear one price",
            "size": f"{POSITIONS} positions x {SHOCKS} shocks",
            "seconds": seconds,
            "baseline": f"numba fixed-point iteration, all cores, {SAMPLE} shocks, scaled",
            "baseline_seconds": loop_seconds,
            "ratio": loop_seconds / seconds,
            "results_equal": bool(np.array_equal(sample, cleared.best_sold[:SAMPLE])),
            "cores": os.cpu_count(),
        }
    ]
