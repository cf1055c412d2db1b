"""Judges a generator by what came: how often losses went beyond its quantiles, and how they clustered.

A forecast is judged by the probability it gave to a return at most as large as the one that
came, ``F_t(r_t)``; a loss is beyond the quantile ``p`` if that is at most ``p``.  This serves
samples, scaled samples and mixtures alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often losses went beyond a quantile.

    Parameters
    ----------
    level : float
        The quantile, 0.01 for 99 % value at risk.
    n : int
        Forecasts.
    beyond : int
        Losses beyond the quantile.
    kupiec_p : float
        P value of the share being ``level`` (Kupiec 1995, likelihood ratio, one degree).
    independence_p : float
        P value of one loss beyond telling nothing about the next (Christoffersen 1998).
    conditional_p : float
        P value of both together, two degrees.
    """

    level: float
    n: int
    beyond: int
    kupiec_p: float
    independence_p: float
    conditional_p: float

    @property
    def share(self) -> float:
        """``beyond / n``."""
        return self.beyond / self.n


def _log_likelihood(hits: int, misses: int, p: float) -> float:
    """Return ``hits log p + misses log(1 - p)``, 0 log 0 being 0."""
    out = 0.0
    if hits:
        out += hits * float(np.log(p)) if p > 0 else -np.inf
    if misses:
        out += misses * float(np.log1p(-p)) if p < 1 else -np.inf
    return out


def coverage(probability: FloatArray, level: float) -> Coverage:
    """Return the coverage of forecasts in their order of time.

    Parameters
    ----------
    probability : (n,) float64
        ``F_t(r_t)``.
    level : float
        Between 0 and 1.

    Raises
    ------
    ScenarioError
        If there are fewer than two forecasts, a probability is none, or the level is not inside (0, 1).
    """
    from scipy.stats import chi2

    values = np.asarray(probability, dtype=np.float64)
    if len(values) < 2 or not ((values >= 0) & (values <= 1)).all() or not 0 < level < 1:
        raise ScenarioError(
            f"{len(values)} forecasts do not test the {level} quantile.",
            remedy="Give probabilities in order.",
        )
    beyond = values <= level
    n, x = len(beyond), int(beyond.sum())
    unconditional = 2 * (_log_likelihood(x, n - x, x / n) - _log_likelihood(x, n - x, level))
    independence = _independence(beyond)
    return Coverage(
        level,
        n,
        x,
        float(chi2.sf(max(unconditional, 0.0), 1)),
        float(chi2.sf(max(independence, 0.0), 1)),
        float(chi2.sf(max(unconditional + independence, 0.0), 2)),
    )


def _independence(beyond: BoolArray) -> float:
    """Return the likelihood ratio of a first-order Markov chain against independence."""
    before, after = beyond[:-1], beyond[1:]
    counts = {(i, j): int(((before == bool(i)) & (after == bool(j))).sum()) for i in (0, 1) for j in (0, 1)}
    after_none, after_one = counts[0, 0] + counts[0, 1], counts[1, 0] + counts[1, 1]
    if not after_none or not after_one:
        return 0.0  # nothing ever followed a loss beyond: no evidence either way
    hits = counts[0, 1] + counts[1, 1]
    chain = _log_likelihood(counts[0, 1], counts[0, 0], counts[0, 1] / after_none)
    chain += _log_likelihood(counts[1, 1], counts[1, 0], counts[1, 1] / after_one)
    total = after_none + after_one
    return 2 * (chain - _log_likelihood(hits, total - hits, hits / total))


def probability_at(sample: FloatArray, value: FloatArray, scale: FloatArray | float = 1.0) -> FloatArray:
    """Return the share of a sample, times ``scale``, at most as large as each value, (n,)."""
    ordered = np.sort(sample)
    return np.searchsorted(ordered, np.asarray(value) / scale, side="right") / len(ordered)


def mixed(probabilities: Mapping[str, FloatArray], shares: Mapping[str, float]) -> FloatArray:
    """Return the probability a mixture gives: the components' by their shares, (n,)."""
    return np.asarray(sum(share * probabilities[name] for name, share in shares.items()))


def lower_tail_dependence(x: FloatArray, y: FloatArray, q: float) -> float:
    """Return how often ``y`` is below its ``q`` quantile when ``x`` is below its own.

    Raises
    ------
    ScenarioError
        If nothing of ``x`` is below.
    """
    low = x < np.quantile(x, q)
    if not low.any():
        raise ScenarioError(f"{len(x)} values have none below their {q} quantile.", remedy="Give more.")
    return float((y[low] < np.quantile(y, q)).mean())
