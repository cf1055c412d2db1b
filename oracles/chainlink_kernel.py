"""Compiled inner loop of `oracles.chainlink`: one scenario after another, in raw integers.

Everything is int64 or float64 arrays, one row a scenario.  Reports in flight form a
queue per scenario, ordered by inclusion: a younger report that overtakes an older one
removes it, because the aggregator refuses a round older than its latest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., object])
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEVIATION, HEARTBEAT, REQUEST = 1, 2, 3
_PPB = 1_000_000_000
_INT64_MAX = 2**63 - 1


def _jit(function: F) -> F:
    # The decorator is untyped; the function keeps the type it was written with.
    return cast(F, numba.njit(cache=True, nogil=True)(function))


class Settings(NamedTuple):
    """A feed's numbers as the kernel wants them."""

    deviation_ppb: int
    heartbeat_s: float
    observation_s: float
    delay_s: Floats  # (draws,)
    seed: np.uint64
    min_raw: int
    max_raw: int
    period_s: Floats  # (schedules,)
    phase_s: Floats  # (schedules,)


class Arrays(NamedTuple):
    """Mutable state of a block of scenarios, ``n`` rows and room for ``k`` reports in flight."""

    answer: Ints  # (n,)
    updated_at: Floats  # (n,)
    market: Ints  # (n,) last median seen
    stream: Ints  # (n,) which stream of random delays
    reports: Ints  # (n,) reports triggered so far
    pending: Ints  # (n,) reports in flight
    value: Ints  # (n, k) what each will say
    lands_at: Floats  # (n, k)
    observed_at: Floats  # (n, k)
    cause: Ints  # (n, k)


class Log(NamedTuple):
    """Rounds that landed, in order of scenario and time; ``size`` counts beyond the room."""

    scenario: Ints
    time_s: Floats
    answer: Ints
    cause: Ints
    size: Ints  # (1,)


@_jit
def round_prices(price: Floats, scale: float, raw: Ints) -> tuple[int, int]:
    """Fill ``raw`` with ``price * scale`` rounded to nearest, ties to even; all one-dimensional.

    Returns
    -------
    int, int
        Where the first price is that is not positive and finite, and the first beyond
        int64 (filled with the largest int64); -1 if there is none.
    """
    impossible, wide = -1, -1
    for k in range(price.size - 1, -1, -1):
        if not 0.0 < price[k] < np.inf:
            impossible = k
            continue
        scaled = np.rint(price[k] * scale)
        if scaled < 2.0**63:
            raw[k] = np.int64(scaled)
        else:
            raw[k], wide = _INT64_MAX, k
    return impossible, wide


@_jit
def threshold_raw(answer: int, deviation_ppb: int) -> int:
    """Return the smallest move from ``answer`` that triggers: ``ceil(|answer| * ppb / 1e9)``.

    libocr's ``deviates`` compares rationals with ``>=``; this is the same in integers, and
    the split keeps every product within int64.  From an answer of 0 any change triggers.
    """
    size = abs(answer)
    whole, part = size // _PPB, size % _PPB
    return max(1, whole * deviation_ppb + (part * deviation_ppb + _PPB - 1) // _PPB)


@_jit
def _draw(s: Settings, stream: int, report: int) -> float:
    """Return the delay of one report: splitmix64 of (seed, stream, report) picks the sample."""
    if s.delay_s.size == 1:
        return float(s.delay_s[0])
    z = s.seed
    for word in (np.uint64(stream), np.uint64(report)):
        z = (z ^ word) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return float(s.delay_s[z % np.uint64(s.delay_s.size)])


@_jit
def _requested(s: Settings, since_s: float, time_s: Floats) -> NDArray[np.bool_]:
    """Return for each time whether a scheduled request falls between the one before and it."""
    due = np.zeros(time_s.size, np.bool_)
    for k in range(s.period_s.size):
        last = np.floor((since_s - s.phase_s[k]) / s.period_s[k])
        for t in range(time_s.size):
            turn = np.floor((time_s[t] - s.phase_s[k]) / s.period_s[k])
            due[t] |= turn > last
            last = turn
    return due


@_jit
def _observe(s: Settings, a: Arrays, i: int, since: float, now: float, before: int, market: int) -> None:
    """Fix what reports triggered earlier say, once their observation time has come.

    The market is a right-continuous step path: between ``since`` and ``now`` it is
    ``before``.  An observation outside the aggregator's bounds builds no report.
    """
    kept = 0
    for j in range(a.pending[i]):
        value = a.value[i, j]
        if since < a.observed_at[i, j] <= now:
            value = market if a.observed_at[i, j] == now else before
            if not s.min_raw <= value <= s.max_raw:
                continue
        a.value[i, kept] = value
        a.lands_at[i, kept] = a.lands_at[i, j]
        a.observed_at[i, kept] = a.observed_at[i, j]
        a.cause[i, kept] = a.cause[i, j]
        kept += 1
    a.pending[i] = kept


@_jit
def _land(a: Arrays, i: int, now: float, log: Log) -> None:
    """Write every report whose time has come to the chain."""
    landed = 0
    while landed < a.pending[i] and a.lands_at[i, landed] <= now:
        a.answer[i], a.updated_at[i] = a.value[i, landed], a.lands_at[i, landed]
        k = log.size[0]
        if k < log.scenario.size:
            log.scenario[k], log.time_s[k] = i, a.updated_at[i]
            log.answer[k], log.cause[k] = a.answer[i], a.cause[i, landed]
        log.size[0] = k + 1
        landed += 1
    if landed:
        for j in range(landed, a.pending[i]):
            a.value[i, j - landed] = a.value[i, j]
            a.lands_at[i, j - landed] = a.lands_at[i, j]
            a.observed_at[i, j - landed] = a.observed_at[i, j]
            a.cause[i, j - landed] = a.cause[i, j]
        a.pending[i] -= landed


@_jit
def _report(s: Settings, a: Arrays, i: int, now: float, market: int, cause: int) -> bool:
    """Put a report into flight; return False where the queue has no room for it."""
    lands_at = now + _draw(s, a.stream[i], a.reports[i])
    flying = a.pending[i]
    while flying and a.lands_at[i, flying - 1] > lands_at:
        flying -= 1
    if flying == a.value.shape[1]:
        return False
    a.value[i, flying], a.lands_at[i, flying] = market, lands_at
    a.observed_at[i, flying], a.cause[i, flying] = now + s.observation_s, cause
    a.pending[i] = flying + 1
    a.reports[i] += 1
    return True


@_jit
def _standing(s: Settings, a: Arrays, i: int) -> tuple[int, float, int, int, int, int]:
    """Return answer, its time and threshold, reports in flight, the youngest and its threshold."""
    answer, flying = a.answer[i], a.pending[i]
    youngest = a.value[i, flying - 1] if flying else answer
    ppb = s.deviation_ppb
    near, far = threshold_raw(answer, ppb), threshold_raw(youngest, ppb)
    return answer, a.updated_at[i], near, flying, youngest, far


@_jit
def run(
    s: Settings, a: Arrays, since_s: float, time_s: Floats, market: Ints, answers: Ints, log: Log
) -> bool:
    """Advance every scenario along its path; return False where a queue was too short.

    Parameters
    ----------
    s : Settings
    a : Arrays
        Changed in place; worthless after False.
    since_s : float
        Time the state was last advanced to.
    time_s : (T,) float64
    market : (n, T) int64
        Median of the node observations, raw.
    answers : (n, T) int64
        Filled with the answer on chain after each time.
    log : Log
        Filled with the rounds that landed.
    """
    due = _requested(s, since_s, time_s)
    late = s.observation_s > 0
    for i in range(market.shape[0]):
        since, before = since_s, a.market[i]
        # Most moments nothing happens: finding that out must not touch the arrays.
        answer, updated_at, near, flying, youngest, far = _standing(s, a, i)
        for t in range(time_s.size):
            now, value = time_s[t], market[i, t]
            if flying and (late or a.lands_at[i, 0] <= now):
                _observe(s, a, i, since, now, before, value)
                _land(a, i, now, log)
                answer, updated_at, near, flying, youngest, far = _standing(s, a, i)
            cause = 0
            if abs(value - answer) >= near:
                cause = DEVIATION
            elif now - updated_at > s.heartbeat_s:
                cause = HEARTBEAT
            elif due[t]:
                cause = REQUEST
            covered = flying and abs(value - youngest) < far
            if cause and not covered and s.min_raw <= value <= s.max_raw:
                if not _report(s, a, i, now, value, cause):
                    return False
                _land(a, i, now, log)
                answer, updated_at, near, flying, youngest, far = _standing(s, a, i)
            answers[i, t] = answer
            since, before = now, value
        a.market[i] = before
    return True
