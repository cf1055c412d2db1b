"""Predict past rounds from candles, open loop.

After the first answer the model never sees a real round again: what it predicts months
later depends only on the market and on itself.
"""

from __future__ import annotations

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
    if feed.decimals != rounds.decimals:
        raise FeedError(
            f"feed {feed.description!r} has {feed.decimals} decimals, the rounds have {rounds.decimals}.",
            remedy="Give the feed the decimals of its rounds.",
        )
    time_s, price = candle_path(candles, view)
    done = []
    for part in rounds.segments():
        times = rounds.time_s[part]
        covered = np.flatnonzero((times >= time_s[0]) & (times <= candles.time_s[-1] + candles.width_s))
        if len(covered) >= 2 and times[covered[-1]] > times[covered[0]]:
            lo, hi = part.start + int(covered[0]), part.start + int(covered[-1]) + 1
            done.append(_replay_part(rounds, slice(lo, hi), time_s, price, candles.gaps(), feed))
    if not done:
        raise FeedError(
            "fewer than two rounds in a row lie within the candles.",
            remedy="Give rounds and candles of one period.",
        )
    return done


def _replay_part(
    rounds: RoundHistory,
    part: slice,
    time_s: Floats,
    price: Floats,
    gaps: list[tuple[float, float]],
    feed: PriceFeed,
) -> Replay:
    times, answers = rounds.time_s[part], rounds.answer_raw[part]
    start_s, end_s = float(times[0]), float(times[-1])
    lo = int(np.searchsorted(time_s, start_s, "right")) - 1  # the price standing when the stretch starts
    hi = int(np.searchsorted(time_s, end_s, "right"))
    path_s = np.maximum(time_s[lo:hi], start_s)
    state = chainlink.initial_state(feed, [answers[0]], time_s=start_s)
    predicted = chainlink.rounds(feed, path_s, price[None, lo:hi], state)
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
