"""GJR-GARCH(1,1) marginals with Student-t innovations, fitted by the package ``arch``.

::

    r_t = sigma_t z_t
    sigma_{t+1}^2 = omega + (alpha + gamma [r_t < 0]) r_t^2 + beta sigma_t^2

(Glosten, Jagannathan and Runkle 1993).  The Student-t law serves the likelihood only: paths
draw the standardised residuals ``z`` themselves (Barone-Adesi, Giannopoulos and Vosper 1999).
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

STARTS = ((0.05, 0.01, 0.93, 4.0), (0.1, 0.02, 0.87, 3.5), (0.03, 0.02, 0.95, 5.0))
AGREE = 0.5  # log likelihood: as near as two starts of the optimiser must end
MIN_RETURNS = 500  # five parameters


@dataclass(frozen=True, slots=True)
class Marginal:
    """One coin's variance process; returns are plain log returns of one step.

    Parameters
    ----------
    omega : float
        Per step, in squared log return.
    alpha, gamma, beta : float
    nu : float
        Degrees of freedom of the fitted innovations.
    """

    omega: float
    alpha: float
    gamma: float
    beta: float
    nu: float

    @property
    def persistence(self) -> float:
        """``alpha + gamma / 2 + beta``: how much of a variance is left a step later, near 1 for hours."""
        return self.alpha + self.gamma / 2 + self.beta

    def to_json(self) -> dict[str, float]:
        """Return the five numbers by name."""
        return asdict(self)


def fit_marginal(log_return: FloatArray) -> Marginal:
    """Return the maximum-likelihood GJR-GARCH(1,1)-t of a series with mean 0.

    Parameters
    ----------
    log_return : (n,) float64

    Raises
    ------
    ScenarioError
        If there are too few returns, one is not finite, they never move, or the fit ends
        elsewhere from another start.
    """
    from arch import arch_model

    values = np.asarray(log_return, dtype=np.float64)
    if len(values) < MIN_RETURNS or not np.isfinite(values).all() or not values.std() > 0:
        raise ScenarioError(
            f"{len(values)} returns do not fit a variance process.",
            remedy=f"Give at least {MIN_RETURNS} finite, moving ones.",
        )
    scale = 1 / float(values.std())  # in other units the optimiser can stop where it began
    model = arch_model(values * scale, mean="Zero", p=1, o=1, q=1, dist="t", rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a failed fit is judged by its likelihood, below
        fits = [
            model.fit(disp="off", show_warning=False, starting_values=np.array([0.02, *start]))
            for start in STARTS
        ]
    best, second = sorted(fits, key=lambda fit: -float(fit.loglikelihood))[:2]
    apart = float(best.loglikelihood - second.loglikelihood)
    if not apart <= AGREE:
        raise ScenarioError(
            f"fits of the variance process from different starts end {apart:.3g} apart in log likelihood.",
            remedy="Give a longer series or a coarser step.",
        )
    p = best.params
    return Marginal(
        float(p["omega"]) / scale**2,
        float(p["alpha[1]"]),
        float(p["gamma[1]"]),
        float(p["beta[1]"]),
        float(p["nu"]),
    )


def filter_variance(log_return: FloatArray, follows: BoolArray, marginal: Marginal) -> FloatArray:
    """Return the variance of each step known before it, and of the step after the last, (n + 1,).

    Parameters
    ----------
    log_return : (n,) float64
    follows : (n,) bool
        Whether a row continues the one before; where not, the variance starts from the mean
        square of the whole series.
    marginal : Marginal
    """
    fresh = float(np.mean(log_return**2))
    out = np.empty(len(log_return) + 1)
    out[0] = fresh
    for t, r in enumerate(log_return.tolist()):
        shock = (marginal.alpha + marginal.gamma * (r < 0)) * r * r
        ahead = marginal.omega + shock + marginal.beta * out[t]
        out[t + 1] = ahead if t + 1 == len(log_return) or follows[t + 1] else fresh
    return out


def next_variance(
    variance: FloatArray,
    log_return: FloatArray,
    omega: FloatArray,
    alpha: FloatArray,
    gamma: FloatArray,
    beta: FloatArray,
) -> FloatArray:
    """Return the variance of the next step; arrays broadcast, (..., K)."""
    shock = (alpha + gamma * (log_return < 0)) * log_return**2
    return np.asarray(omega + shock + beta * variance)
