"""A feed over many market paths: the compiled kernel against a plain Python event loop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oracles import chainlink
from oracles.feed import PPB, PriceFeed, fixed_delay

SCENARIOS, TIMES, STEP_S = 1_024, 720, 30.0  # six hours in steps of half a minute
SEED = 20_230_401

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEED = PriceFeed("ETH / USD", 8, 5_000_000, 3_600.0, fixed_delay(36.0))


def plain_loop(feed: PriceFeed, times: list[float], market: list[int]) -> list[int]:
    """Return the answers along one path: the equations with Python integers and a queue."""
    answer, updated_at = market[0], times[0]
    flying: deque[tuple[float, int]] = deque()
    delay_s, heartbeat_s, ppb = feed.delay.samples_s[0], feed.heartbeat_s, feed.deviation_ppb
    answers = []
    for now, value in zip(times, market, strict=True):
        while flying and flying[0][0] <= now:
            updated_at, answer = flying.popleft()
        moved = abs(value - answer) * PPB >= ppb * answer
        if moved or now - updated_at > heartbeat_s:
            last = flying[-1][1] if flying else None
            if last is None or abs(value - last) * PPB >= ppb * last:
                flying.append((now + delay_s, value))
        answers.append(answer)
    return answers


def step_by_step(times: Floats, price: Floats) -> Ints:
    """Return the answers of all paths, one `advance` a moment, as a coupled loop needs them."""
    state, answers = chainlink.start(FEED, float(times[0]), price[:, 0]), []
    for t, now in enumerate(times):
        state, answer = chainlink.advance(FEED, state, float(now), price[:, t])
        answers.append(answer)
    return np.stack(answers, axis=1)


def _timed(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    best, result = np.inf, None
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def rows() -> list[dict[str, Any]]:
    """Return one row for the whole path at once and one for moment by moment."""
    rng = np.random.default_rng(SEED)
    times = np.arange(TIMES, dtype=np.float64) * STEP_S
    price: Floats = 2_000 * np.exp(np.cumsum(rng.normal(0, 1e-3, (SCENARIOS, TIMES)), axis=1))
    market = np.rint(price * 1e8).astype(np.int64).tolist()
    chainlink.propagate(FEED, times[:2], price[:, :2])  # compile or load outside the clock
    plain_s, plain = _timed(lambda: [plain_loop(FEED, times.tolist(), path) for path in market], 1)
    candidates: list[tuple[str, Callable[[], Ints], int]] = [
        ("oracle: whole path at once", lambda: chainlink.propagate(FEED, times, price), 3),
        ("oracle: moment by moment", lambda: step_by_step(times, price), 1),
    ]
    found = []
    for name, work, repeats in candidates:
        seconds, answers = _timed(work, repeats)
        found.append(
            {
                "name": name,
                "size": f"{SCENARIOS} scenarios x {TIMES} times",
                "seconds": seconds,
                "baseline": "plain Python event loop",
                "baseline_seconds": plain_s,
                "ratio": plain_s / seconds,
                "results_equal": bool(np.array_equal(answers, np.array(plain))),
                "cores": 1,
            }
        )
    return found
