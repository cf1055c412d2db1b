"""Predict past rounds from candles, two ways.

`replay` is open loop: after the first answer the model never sees a real round again, and
what it predicts months later depends only on the market and on itself.  That is how a
scenario is run, and it is hard: each round's time and answer decide the next, so two feeds
that differ by one round can stay out of step until a jump or the clock brings them together.
`next_rounds` is closed loop: each real round is predicted from the real one before it,
which tests the trigger alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from abis.errors import FeedError
from oracles import chainlink
from oracles.candle_path import MarketView, candle_path
from oracles.feed import PPB, PriceFeed
from oracles.history import Candles, RoundHistory

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]  # done, total

_TOLD_EVERY = 100


def silent(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, eq=False, slots=True)
class Replay:
    """One gapless stretch of real rounds and its prediction.

    Parameters
    ----------
    real_s, predicted_s : float64
        Times of the rounds after the starting one, ascending.
    real_raw, predicted_raw : int64
        Their answers.
    moved : bool, as ``real_s``
        Whether the real round moved by the threshold.
    cause : int64, as ``predicted_s``
        Why the predicted round came.
    start_s, end_s : float
        Stretch both cover.
    start_raw : int
        Answer both start with.
    in_gaps : int
        Real rounds left out.
    """

    real_s: Floats
    real_raw: Ints
    moved: NDArray[np.bool_]
    predicted_s: Floats
    predicted_raw: Ints
    cause: Ints
    start_s: float
    end_s: float
    start_raw: int
    in_gaps: int


@dataclass(frozen=True, eq=False, slots=True)
class NextRounds:
    """Every real round predicted from the real one before it.

    Parameters
    ----------
    late_s : (r,) float64
        Predicted minus real time; NaN where no round was predicted in time.
    real_s : (r,) float64
        When each real round came.
    real_raw, predicted_raw : (r,) int64
        Their answers; 0 where none was predicted.
    moved : (r,) bool
        Whether the real round moved by the threshold.
    cause : (r,) int64
        Why the predicted round came; 0 where none did.
    """

    late_s: Floats
    real_s: Floats
    real_raw: Ints
    predicted_raw: Ints
    moved: NDArray[np.bool_]
    cause: Ints

    def hits(self, tolerance_s: float) -> NDArray[np.bool_]:
        """Return which rounds were predicted within the tolerance."""
        return np.abs(self.late_s) <= tolerance_s


def match_rounds(real_s: Floats, predicted_s: Floats, tolerance_s: float) -> tuple[Ints, Ints]:
    """Pair ascending times that lie within the tolerance, one to one, as many as possible.

    Pairing the earliest that can be paired is optimal for points on a line.

    Returns
    -------
    real, predicted : int64 of equal length
        Indices of the pairs.
    """
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(real_s) and j < len(predicted_s):
        late = predicted_s[j] - real_s[i]
        if abs(late) <= tolerance_s:
            pairs.append((i, j))
        i, j = i + (late >= -tolerance_s), j + (late <= tolerance_s)
    matched = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return matched[:, 0], matched[:, 1]


def replay(rounds: RoundHistory, candles: Candles, feed: PriceFeed, view: MarketView) -> list[Replay]:
    """Predict every gapless stretch of rounds that the candles cover, open loop.

    Raises
    ------
    FeedError
        If rounds and candles do not overlap, or the feed has other decimals than the rounds.
    """
    path = candle_path(candles, view)
    return [
        _replay_part(rounds, part, path, candles.gaps(), feed) for part in _covered(rounds, candles, feed)
    ]


def next_rounds(
    rounds: RoundHistory,
    candles: Candles,
    feed: PriceFeed,
    view: MarketView,
    tolerance_s: float,
    progress: Progress = silent,
) -> NextRounds:
    """Predict every round from the real one before it, closed loop.

    Each prediction runs until ``tolerance_s`` after the real round.  Rounds in gaps of the
    candles are left out.

    Raises
    ------
    FeedError
        As `replay`.
    """
    path = candle_path(candles, view)
    rows: list[tuple[float, float, int, int, bool, int]] = []
    covered = _covered(rounds, candles, feed)
    total = sum(part.stop - part.start - 1 for part in covered)
    for part in covered:
        times, answers = rounds.time_s[part], rounds.answer_raw[part].tolist()
        moved = _moved(answers, feed.deviation_ppb)
        for k in np.flatnonzero(_outside(times[1:], candles.gaps())):
            next_s = float(times[k + 1])
            told = _predict(feed, path, answers[k], float(times[k]), next_s + tolerance_s)
            late, raw, cause = np.nan, 0, 0
            if len(told):
                late, raw, cause = told.time_s[0] - next_s, told.answer_raw[0], told.cause[0]
            rows.append((late, next_s, answers[k + 1], raw, moved[k], cause))
            if len(rows) % _TOLD_EVERY == 0 and len(rows) < total:
                progress(len(rows), total)
    progress(total, total)
    late_s, real_s, real, predicted, was_moved, causes = zip(*rows, strict=True) if rows else ((),) * 6
    return NextRounds(
        np.array(late_s, dtype=np.float64),
        np.array(real_s, dtype=np.float64),
        np.array(real, dtype=np.int64),
        np.array(predicted, dtype=np.int64),
        np.array(was_moved, dtype=bool),
        np.array(causes, dtype=np.int64),
    )


def _covered(rounds: RoundHistory, candles: Candles, feed: PriceFeed) -> list[slice]:
    """Return the stretches of rounds that lie within the candles."""
    if feed.decimals != rounds.decimals:
        raise FeedError(
            f"feed {feed.description!r} has {feed.decimals} decimals, the rounds have {rounds.decimals}.",
            remedy="Give the feed the decimals of its rounds.",
        )
    start_s, end_s = (candles.time_s[0], candles.time_s[-1] + candles.width_s) if len(candles) else (1.0, 0.0)
    found = []
    for part in rounds.segments():
        times = rounds.time_s[part]
        inside = np.flatnonzero((times >= start_s) & (times <= end_s))
        if len(inside) >= 2 and times[inside[-1]] > times[inside[0]]:
            found.append(slice(part.start + int(inside[0]), part.start + int(inside[-1]) + 1))
    if not found:
        raise FeedError(
            "fewer than two rounds in a row lie within the candles.",
            remedy="Give rounds and candles of one period.",
        )
    return found


def _predict(
    feed: PriceFeed, path: tuple[Floats, Floats], answer: int, start_s: float, end_s: float
) -> chainlink.Rounds:
    """Return the rounds a feed standing on ``answer`` since ``start_s`` makes until ``end_s``."""
    time_s, price = path
    lo = int(np.searchsorted(time_s, start_s, "right")) - 1  # the price standing at the start
    hi = int(np.searchsorted(time_s, end_s, "right"))
    state = chainlink.initial_state(feed, [answer], time_s=start_s)
    return chainlink.rounds(feed, np.maximum(time_s[lo:hi], start_s), price[None, lo:hi], state)


def _replay_part(
    rounds: RoundHistory,
    part: slice,
    path: tuple[Floats, Floats],
    gaps: list[tuple[float, float]],
    feed: PriceFeed,
) -> Replay:
    times, answers = rounds.time_s[part], rounds.answer_raw[part]
    start_s, end_s = float(times[0]), float(times[-1])
    predicted = _predict(feed, path, int(answers[0]), start_s, end_s)
    seen, kept = _outside(times[1:], gaps), _outside(predicted.time_s, gaps)
    return Replay(
        real_s=times[1:][seen],
        real_raw=answers[1:][seen],
        moved=_moved(answers.tolist(), feed.deviation_ppb)[seen],
        predicted_s=predicted.time_s[kept],
        predicted_raw=predicted.answer_raw[kept],
        cause=predicted.cause[kept],
        start_s=start_s,
        end_s=end_s,
        start_raw=int(answers[0]),
        in_gaps=int((~seen).sum()),
    )


def _moved(answers: list[int], deviation_ppb: int) -> NDArray[np.bool_]:
    return np.array([abs(b - a) * PPB >= deviation_ppb * a for a, b in pairwise(answers)], dtype=bool)


def _outside(times: Floats, gaps: list[tuple[float, float]]) -> NDArray[np.bool_]:
    """Return which times lie in no gap; the round that ends a gap is as late as the gap."""
    outside = np.ones(len(times), dtype=bool)
    for start, end in gaps:
        outside &= (times < start) | (times > end)
    return outside
