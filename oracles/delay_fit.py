"""How late rounds land and how to read the candles, from rounds and candles together.

Each round is predicted from the one before it without delay.  The *wick weight* is the one
under which most rounds are predicted within a candle of the typical lateness, the *basis*
the median of real over predicted answers, the *delay* the median of real time minus
predicted trigger.  Where inside its candle the price crossed the threshold is assumed; the
range of the delay does not use that: the trigger lies between the candle's ends, so the
median delay lies between the medians of what either end would make it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from abis.errors import FeedError
from oracles.candle_path import MarketView
from oracles.chainlink import DEVIATION
from oracles.feed import PriceFeed
from oracles.history import Candles, RoundHistory
from oracles.replay import NextRounds, Progress, next_rounds, silent
from oracles.thresholds import Estimate

Floats = NDArray[np.float64]

WICK_WEIGHTS = tuple(k / 10 for k in range(11))
LONGEST_S = 600.0  # rounds later than this are not laid to the same trigger
_MIN_CAUSED = 10


@dataclass(frozen=True, slots=True)
class DelayFit:
    """What candles say.

    Parameters
    ----------
    delay_s : Estimate
        Median delay, and the range it has wherever in its candle the price crossed.
    quartiles_s : tuple of float
        Quartiles of the delay, the path inside the candles taken as assumed.
    caused : int
        Rounds it rests on.
    view : MarketView
    """

    delay_s: Estimate
    quartiles_s: tuple[float, float]
    caused: int
    view: MarketView


def fit_delay(
    rounds: RoundHistory, candles: Candles, undelayed: PriceFeed, progress: Progress = silent
) -> DelayFit:
    """Return delay, wick weight and basis of a feed given without delay.

    Raises
    ------
    FeedError
        If fewer than ten rounds caused by the price match the candles.
    """
    longest = max(candles.width_s, LONGEST_S)

    def told(view: MarketView) -> NextRounds:
        return next_rounds(rounds, candles, undelayed, view, longest)

    total = len(WICK_WEIGHTS) + 2
    tried = []
    for weight in WICK_WEIGHTS:
        tried.append((_share_near(told(MarketView(weight)), candles.width_s), -weight))
        progress(len(tried), total)
    view = MarketView(-max(tried)[1])
    view = replace(view, basis_bps=_basis_bps(told(view), longest))
    progress(total - 1, total)
    found = _delay(told(view), candles, longest, view)
    progress(total, total)
    return found


def _caused(told: NextRounds, longest_s: float) -> NDArray[np.bool_]:
    return np.asarray(told.hits(longest_s) & told.moved & (told.cause == DEVIATION), dtype=bool)


def _share_near(told: NextRounds, width_s: float) -> float:
    """Return the share of rounds whose lateness is within a candle of the typical one."""
    late = told.late_s[~np.isnan(told.late_s)]
    if not len(late):
        return 0.0
    return float((np.abs(late - np.median(late)) <= width_s).sum() / len(told.late_s))


def _basis_bps(told: NextRounds, longest_s: float) -> float:
    """Return the median of real over predicted answers, less one."""
    hit = told.hits(longest_s)
    return float(np.median(told.real_raw[hit] / told.predicted_raw[hit]) - 1) * 10_000 if hit.any() else 0.0


def _delay(told: NextRounds, candles: Candles, longest_s: float, view: MarketView) -> DelayFit:
    caused = _caused(told, longest_s)
    if caused.sum() < _MIN_CAUSED:
        raise FeedError(
            f"only {int(caused.sum())} rounds caused by the price match the candles.",
            remedy="Give a longer period.",
        )
    real_s = told.real_s[caused]
    trigger_s = real_s + told.late_s[caused]
    opened = candles.time_s[np.searchsorted(candles.time_s, trigger_s, "right") - 1]
    delay = np.maximum(real_s - trigger_s, 0.0)
    low = np.median(np.maximum(real_s - np.maximum(opened + candles.width_s, trigger_s), 0.0))
    high = np.median(real_s - opened)
    q1, q2, q3 = (float(q) for q in np.quantile(delay, (0.25, 0.5, 0.75)))
    return DelayFit(
        Estimate(q2, float(min(low, q2)), float(max(high, q2))), (q1, q3), int(caused.sum()), view
    )
