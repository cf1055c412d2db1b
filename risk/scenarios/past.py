"""The past behind a fitted model: returns and variances, rebuilt from its residuals.

A model keeps standardised residuals ``z`` and the variance process they were made with, so the returns
``r_t = sigma_t (z_t + m)`` follow but for two numbers a coin that it does not keep: the mean ``m`` the
residuals were centred by, and the variance a stretch starts from, which is the mean square of all returns.
Both are solved for, and held to the four variances the model does keep: the last, the median, the stressed
and the highest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from abis.errors import ScenarioError
from risk.scenarios.fhs import STRESSED, Fhs
from risk.scenarios.garch import Marginal

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

AGREE = 1e-4  # relative, of the four variances


@dataclass(frozen=True, eq=False)
class Past:
    """What came, one row a step.

    Parameters
    ----------
    log_return : (n, K) float64
    variance : (n, K) float64
        Of each step, known before it.
    """

    log_return: FloatArray
    variance: FloatArray


def past_of(model: Fhs) -> Past:
    """Return the returns and variances of the sample behind a model.

    Raises
    ------
    ScenarioError
        If the model's variances are not those its residuals lead to.
    """
    found = [_coin(model, k) for k in range(len(model.coins))]
    return Past(np.stack([r for r, _ in found], axis=1), np.stack([v for _, v in found], axis=1))


def _coin(model: Fhs, k: int) -> tuple[FloatArray, FloatArray]:
    marginal, residual, follows = model.marginals[k], model.residual[:, k], model.follows
    kept = np.array([float(model.starts[name][k]) for name in ("last", "median", "stressed", "highest")])

    def apart(unknown: FloatArray) -> FloatArray:
        fresh = float(np.exp(unknown[1]))
        log_return, variance = _rebuilt(residual + unknown[0], follows, marginal, fresh)
        made = [
            variance[-1],
            np.median(variance[:-1]),
            np.quantile(variance[:-1], STRESSED),
            variance.max(),
            np.mean(log_return**2) * kept[0] / fresh,  # equals the last where fresh is the mean square
        ]
        return np.asarray(np.log(np.array(made)) - np.log(np.append(kept, kept[0])))

    found = least_squares(
        apart, np.array([0.0, math.log(kept[1])]), x_scale=np.array([0.01, 1.0]), xtol=1e-14, ftol=1e-14
    )
    worst = float(np.abs(found.fun).max())
    if not worst < AGREE:
        raise ScenarioError(
            f"the past of {model.coins[k]} cannot be rebuilt: variances differ by {worst:.2g}.",
            remedy="Fit the model again with 'breakwater data fit'.",
        )
    log_return, variance = _rebuilt(residual + found.x[0], follows, marginal, float(np.exp(found.x[1])))
    return log_return, variance[:-1]


def _rebuilt(
    z: FloatArray, follows: BoolArray, marginal: Marginal, fresh: float
) -> tuple[FloatArray, FloatArray]:
    """Return the returns, (n,), and the variance of each step and of the one after the last, (n + 1,)."""
    m = marginal
    shock = ((m.alpha + m.gamma * (z < 0)) * z**2 + m.beta).tolist()  # of a variance on the next
    goes_on = [*follows[1:].tolist(), True]
    variance = [fresh]
    for t, factor in enumerate(shock):
        variance.append(m.omega + factor * variance[t] if goes_on[t] else fresh)
    out = np.array(variance)
    return np.sqrt(out[:-1]) * z, out
