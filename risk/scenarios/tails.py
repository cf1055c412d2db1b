"""Generalised Pareto tails of standardised residuals (McNeil and Frey 2000).

Beyond a threshold ``u`` the excess has the law ``1 - (1 + xi y / scale)^(-1/xi)``; inside,
the residuals themselves are kept.  So a path can go beyond the worst hour on record, and how
far is estimated rather than assumed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

BEYOND = 0.975  # each tail begins at this quantile
MIN_EXCESSES = 30


@dataclass(frozen=True, slots=True)
class Tail:
    """One side of one coin: ``threshold`` and the two parameters of the excess."""

    threshold: float
    xi: float
    scale: float

    def quantile(self, u: FloatArray) -> FloatArray:
        """Return the value not exceeded with probability ``u``, given that it is beyond the threshold."""
        if abs(self.xi) < 1e-9:
            return np.asarray(self.threshold - self.scale * np.log1p(-u))
        return np.asarray(self.threshold + self.scale / self.xi * np.expm1(-self.xi * np.log1p(-u)))

    def to_json(self) -> dict[str, float]:
        """Return the three numbers by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Tails:
    """Both sides of one coin; the lower one describes ``-z``."""

    lower: Tail
    upper: Tail


def fit_tail(values: FloatArray) -> Tail:
    """Return the upper tail of values beyond their `BEYOND` quantile, by maximum likelihood.

    Raises
    ------
    ScenarioError
        If there are too few values, or the tail has no mean (``xi >= 1``).
    """
    from scipy.stats import genpareto

    threshold = float(np.quantile(values, BEYOND))
    excess = values[values > threshold] - threshold
    if len(excess) < MIN_EXCESSES:
        raise ScenarioError(
            f"{len(excess)} residuals beyond the {BEYOND:.1%} quantile are too few for a tail.",
            remedy=f"Give a sample with at least {MIN_EXCESSES}, or tails = false.",
        )
    xi, _, scale = genpareto.fit(excess, floc=0.0)
    if not xi < 1:
        raise ScenarioError(
            f"the fitted tail has no mean (xi = {xi:.2f}).", remedy="Give more data, or tails = false."
        )
    return Tail(threshold, float(xi), float(scale))


def fit_tails(residual: FloatArray) -> Tails:
    """Return both tails of a coin's residuals, (n,); errors as `fit_tail`."""
    return Tails(fit_tail(-residual), fit_tail(residual))


@dataclass(frozen=True, eq=False)
class Ranks:
    """Where residuals stand among those beyond a threshold.

    Parameters
    ----------
    cell : (n,) int64
        Rank from the threshold outwards, from 0; -1 inside.
    upper : (n,) bool
        Which side it is on.
    count : (n,) int64
        How many are beyond on that side; 1 inside.
    """

    cell: IntArray
    upper: BoolArray
    count: IntArray


def ranks(residual: FloatArray, tails: Tails) -> Ranks:
    """Return the ranks of a coin's residuals, (n,), in its two tails."""
    cell, count = np.full(len(residual), -1, dtype=np.int64), np.ones(len(residual), dtype=np.int64)
    upper = residual > tails.upper.threshold
    for beyond, severity in ((upper, residual), (residual < -tails.lower.threshold, -residual)):
        rows = np.flatnonzero(beyond)
        cell[rows[np.argsort(severity[rows], kind="stable")]] = np.arange(len(rows))
        count[rows] = len(rows)
    return Ranks(cell, upper, count)


def redraw_tails(
    residual: FloatArray, u: FloatArray, tails: Tails, place: Ranks, rows: IntArray | None = None
) -> FloatArray:
    """Return residuals with those beyond a threshold drawn anew from the fitted tail.

    The one of rank ``k`` among ``m`` beyond is drawn from the ``k``-th of ``m`` equally likely slices
    of the tail: each keeps its place, so coins fall together as far as they did, and only the
    outermost goes beyond the record.

    Parameters
    ----------
    residual : (n,) float64
        Of one coin.
    u : (n,) float64
        Uniform numbers in [0, 1).
    tails : Tails
    place : Ranks
        Of the whole sample.
    rows : (n,) int64, optional
        Which rows of the sample the residuals are; all in order by default.
    """
    at = slice(None) if rows is None else rows
    cell, upper, count = place.cell[at], place.upper[at], place.count[at]
    level = (np.maximum(cell, 0) + u) / count
    drawn = np.where(upper, tails.upper.quantile(level), -tails.lower.quantile(level))
    return np.where(cell >= 0, drawn, residual)
