"""How well predicted rounds match real ones."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from oracles.candle_path import MarketView
from oracles.feed import PriceFeed
from oracles.history import Candles, RoundHistory
from oracles.replay import Progress, Replay, match_rounds, next_rounds, replay, silent

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SAMPLE_S = 60.0  # the two step paths are compared once a minute
_OUT_OF_STEP_S = 45_000.0  # half a day and half an hour: no hourly or daily rhythm survives it


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """How well predicted rounds match real ones.

    Shares are of 1, errors in basis points, times in seconds; NaN where there is nothing
    to measure.  Each real round matches at most one predicted round, and the reverse.

    Parameters
    ----------
    real, predicted, matched : int
        Rounds that happened, that were predicted, and pairs within the tolerance.
    in_gaps : int
        Real rounds left out because candles are missing around them.
    predicted_share : float
        Share of the real rounds that were predicted.
    confirmed_share : float
        Share of the predicted rounds that happened.
    chance_share : float
        Share of the real rounds "predicted" by the same prediction half a day and half
        an hour out of step: what the mere number of rounds achieves.
    next_share : float
        Share of the real rounds predicted from the real round before them (closed loop).
    deviation_share, other_share : float
        As ``predicted_share``, of the real rounds that moved by the threshold, and of the rest.
    late_median_s, late_p5_s, late_p95_s : float
        Predicted minus real time of the matched.
    answer_median_bps, answer_p95_bps, answer_p99_bps : float
        Absolute difference of matched answers.
    path_median_bps, path_p95_bps, path_p99_bps : float
        Absolute difference of the two answers in force, once a minute.
    """

    real: int
    predicted: int
    matched: int
    in_gaps: int
    predicted_share: float
    confirmed_share: float
    chance_share: float
    next_share: float
    deviation_share: float
    other_share: float
    late_median_s: float
    late_p5_s: float
    late_p95_s: float
    answer_median_bps: float
    answer_p95_bps: float
    answer_p99_bps: float
    path_median_bps: float
    path_p95_bps: float
    path_p99_bps: float

    def rows(self) -> list[tuple[str, float]]:
        """Return name and figure of every measure, in order."""
        return [(f.name, getattr(self, f.name)) for f in fields(self)]


def compare(
    rounds: RoundHistory,
    candles: Candles,
    feed: PriceFeed,
    view: MarketView,
    *,
    tolerance_s: float | None = None,
    progress: Progress = silent,
) -> ReplayReport:
    """Return how well the feed's rounds are predicted from candles.

    Parameters
    ----------
    rounds : RoundHistory
        What really happened.
    candles : Candles
        The market.
    feed : PriceFeed
    view : MarketView
    tolerance_s : float, optional
        How far apart matched rounds may be; one candle by default.
    progress : callable
        Told rounds done and to do.

    Raises
    ------
    FeedError
        As `replay`.
    """
    tolerance = candles.width_s if tolerance_s is None else tolerance_s
    following = next_rounds(rounds, candles, feed, view, tolerance, progress)
    return _report(replay(rounds, candles, feed, view), tolerance, _share(following.hits(tolerance)))


def _report(parts: list[Replay], tolerance_s: float, next_share: float) -> ReplayReport:
    pairs = [(p, *match_rounds(p.real_s, p.predicted_s, tolerance_s)) for p in parts]
    late = np.concatenate([p.predicted_s[j] - p.real_s[i] for p, i, j in pairs])
    answer = np.concatenate([_bps(p.predicted_raw[j], p.real_raw[i]) for p, i, j in pairs])
    path = np.concatenate([_path_error_bps(p) for p in parts])
    moved = np.concatenate([p.moved for p in parts])
    hit = np.concatenate([np.isin(np.arange(len(p.real_s)), i) for p, i, _ in pairs])
    chance = sum(len(match_rounds(p.real_s, _out_of_step(p), tolerance_s)[0]) for p in parts)
    real, predicted = len(moved), sum(len(p.predicted_s) for p in parts)
    late_p5, late_median, late_p95 = _quantiles(late, (0.05, 0.5, 0.95))
    return ReplayReport(
        real,
        predicted,
        len(late),
        sum(p.in_gaps for p in parts),
        _share(hit),
        len(late) / predicted if predicted else np.nan,
        chance / real if real else np.nan,
        next_share,
        _share(hit[moved]),
        _share(hit[~moved]),
        late_median,
        late_p5,
        late_p95,
        *_quantiles(answer, (0.5, 0.95, 0.99)),
        *_quantiles(path, (0.5, 0.95, 0.99)),
    )


def _out_of_step(part: Replay) -> Floats:
    length = part.end_s - part.start_s
    return np.sort(part.start_s + (part.predicted_s - part.start_s + _OUT_OF_STEP_S) % length)


def _path_error_bps(part: Replay) -> Floats:
    at = np.arange(part.start_s, part.end_s, _SAMPLE_S)
    real = np.concatenate([[part.start_raw], part.real_raw])[np.searchsorted(part.real_s, at, "right")]
    predicted = np.concatenate([[part.start_raw], part.predicted_raw])[
        np.searchsorted(part.predicted_s, at, "right")
    ]
    return _bps(predicted, real)


def _bps(predicted: Ints, real: Ints) -> Floats:
    return np.abs(predicted / real - 1) * 10_000


def _share(hit: NDArray[np.bool_]) -> float:
    return float(hit.mean()) if len(hit) else np.nan


def _quantiles(values: Floats, at: tuple[float, ...]) -> list[float]:
    return [float(q) for q in np.quantile(values, at)] if len(values) else [np.nan] * len(at)
