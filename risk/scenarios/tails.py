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


def redraw_tails(residual: FloatArray, u: FloatArray, tails: Tails) -> FloatArray:
    """Return residuals with those beyond a threshold drawn anew from the fitted tail.

    What is beyond stays beyond, so that coins which fell together still do.

    Parameters
    ----------
    residual : (n,) float64
    u : (n,) float64
        Uniform numbers in [0, 1).
    tails : Tails
    """
    low, high = tails.lower, tails.upper
    below = np.where(residual < -low.threshold, -low.quantile(u), residual)
    return np.where(residual > high.threshold, high.quantile(u), below)
