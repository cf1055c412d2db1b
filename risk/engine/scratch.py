"""Room that kernels work in, made once a call, so that what runs in it makes no arrays of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from risk.engine.arrays import FloatArray, IntArray, Records
from risk.engine.health import LEG
from risk.engine.jit import jit, leaf
from risk.engine.model import Model


class Scratch(NamedTuple):
    """Room for one scenario.

    ``legs`` of one account, `LEG`; ``active`` (N,) accounts and ``key`` (N,) what they are sorted by,
    with ``other`` and ``other_key`` (N,) for the sorting; ``market`` and ``executable`` (A,) prices.
    """

    legs: Records
    active: IntArray
    key: FloatArray
    other: IntArray
    other_key: FloatArray
    market: FloatArray
    executable: FloatArray


@jit
def scratch_for(model: Model) -> Scratch:
    """Return room for a model."""
    n, assets = len(model.account), len(model.reserve)
    return Scratch(
        np.zeros(model.most_legs, dtype=LEG),
        np.empty(n, dtype=np.int64),
        np.empty(n),
        np.empty(n, dtype=np.int64),
        np.empty(n),
        np.empty(assets),
        np.empty(assets),
    )


@leaf
def sort_by_key(places: IntArray, scratch: Scratch, n: int) -> None:
    """Sort the first ``n`` of ``places`` by ``scratch.key``, increasing, in place; ties keep their order."""
    width = 1
    while width < n:  # merge runs of ``width`` and ``width``
        for start in range(0, n, 2 * width):
            middle, end = min(start + width, n), min(start + 2 * width, n)
            i, j = start, middle
            for k in range(start, end):
                if j >= end or (i < middle and scratch.key[i] <= scratch.key[j]):
                    scratch.other[k], scratch.other_key[k] = places[i], scratch.key[i]
                    i += 1
                else:
                    scratch.other[k], scratch.other_key[k] = places[j], scratch.key[j]
                    j += 1
        for k in range(n):
            places[k], scratch.key[k] = scratch.other[k], scratch.other_key[k]
        width *= 2
