"""How sure a number from samples is: bounds on probabilities, quantiles and tail means.

All hold for independent samples of *one* generator and say nothing about the generator.
Sources: Clopper and Pearson (1934); Wilks (1941) for order statistics; Campi and Garatti
(2008) for convex scenario programs; Maurer and Pontil (2009) for the empirical Bernstein
inequality; Waudby-Smith and Ramdas (2024) for bounds by betting; Woodruff (1952) for quantiles of
weighted samples; Manistre and Hancock (2005) for the variance of a tail mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import beta as beta_law
from scipy.stats import binom, norm

from abis.errors import InputError
from risk.measures import expected_shortfall, weighted_quantile
from risk.scenarios.scenarios import Scenarios

FloatArray = NDArray[np.float64]
Measure = Callable[[FloatArray, FloatArray | None], float]  # (losses, weight) -> figure

LARGE = 5_000  # samples from which on a normal approximation takes the place of resampling
DRAWS = 399  # resamples behind an interval
# What is staked, and how much weight it has: most where losses are rare, the rest wherever their spread asks.
STAKES = {0.999: 0.5} | {2.0**-k: 0.5 / 7 for k in range(1, 8)}
LEAST_IN_TAIL = 5  # effective samples beyond a level below which nothing bounds its mean from above
ORDER, RESAMPLED, NORMAL = "order statistics", "bootstrap", "normal approximation"


CHOSEN_GROUPS = {"single", "pair", "market", "grid", "user", "history"}  # of `Scenarios`, not drawn


class Interval(NamedTuple):
    """Ends between which a figure lies but for a stated risk; infinite where nothing bounds it."""

    low: float
    high: float
    method: str


def probability_bound(failures: int, scenarios: int, risk: float) -> float:
    """Return the upper Clopper-Pearson bound on a probability.

    Parameters
    ----------
    failures, scenarios : int
        Observed failures among independent scenarios.
    risk : float
        Chance that the bound is below the true probability, in (0, 1).

    Raises
    ------
    InputError
        If there are no scenarios, more failures than scenarios, or ``risk`` is outside.
    """
    _check(scenarios, risk)
    if not 0 <= failures <= scenarios:
        raise InputError(f"{failures} failures among {scenarios} scenarios.")
    if failures == scenarios:
        return 1.0
    return float(beta_law.ppf(1 - risk, failures + 1, scenarios - failures))


def most_failures(scenarios: int, probability: float, risk: float) -> int | None:
    """Return the most failures that still prove a probability of at most ``probability``.

    ``max k: P(Bin(n, p) <= k) <= risk``; None where not even no failure proves it.

    Raises
    ------
    InputError
        As `probability_bound`, or if ``probability`` is outside (0, 1).
    """
    _check(scenarios, risk)
    _check_probability(probability)
    k = int(binom.ppf(risk, scenarios, probability))  # the least k whose probability reaches the risk
    while k >= 0 and binom.cdf(k, scenarios, probability) > risk:
        k -= 1
    return k if k >= 0 else None


def scenarios_needed(probability: float, risk: float, *, variables: int = 1) -> int:
    """Return how many satisfied scenarios certify a convex program (Campi and Garatti 2008).

    The least S with ``P(Bin(S, p) <= d - 1) <= risk`` for d variables.  One variable is the
    case of one proportion without a failure: about ``ln(1 / risk) / p``.

    Raises
    ------
    InputError
        If a probability is outside (0, 1) or there are no variables.
    """
    _check_probability(probability)
    _check(variables, risk)
    low, high = 0, math.ceil(2 / probability * (math.log(1 / risk) + variables))  # sufficient
    while high - low > 1:
        middle = (low + high) // 2
        if binom.cdf(variables - 1, middle, probability) <= risk:
            high = middle
        else:
            low = middle
    return high


def scenarios_needed_finite(log_size: float, probability: float, risk: float) -> int:
    """Return how many satisfied scenarios certify any choice from a finite class.

    ``S >= (ln |class| + ln(1 / risk)) / p``: the union bound over the class, no convexity.

    Raises
    ------
    InputError
        As `scenarios_needed`.
    """
    _check_probability(probability)
    _check(1, risk)
    return math.ceil((log_size + math.log(1 / risk)) / probability)


def quantile_bounds(losses: FloatArray, level: float, risk: float) -> tuple[float, float]:
    """Return order statistics that hold the quantile between them (equal weights).

    Parameters
    ----------
    losses : (n,) float64
        Independent samples.
    level : float
        Of the quantile, in (0, 1).
    risk : float
        Chance that the quantile is outside, half on either side.

    Returns
    -------
    low, high : float
        ``-inf`` or ``inf`` where there are too few samples for a bound.

    Raises
    ------
    InputError
        If there are no losses, one is NaN, or a probability is outside (0, 1).
    """
    x = np.sort(np.asarray(losses, dtype=np.float64))
    _check(len(x), risk)
    _check_probability(level)
    if np.isnan(x).any():
        raise InputError("a loss is NaN.", remedy="Leave out what could not be computed, and say so.")
    # x_(k) (from 1) exceeds the quantile only if fewer than k samples lie at or below it; ...
    low = most_failures(len(x), level, risk / 2)
    # ... and falls short of it only if fewer than n - k + 1 lie at or above it.
    high = most_failures(len(x), 1 - level, risk / 2)
    return (
        -math.inf if low is None else float(x[low]),
        math.inf if high is None else float(x[len(x) - 1 - high]),
    )


def shortfall_bound(losses: FloatArray, threshold: float, largest: float, level: float, risk: float) -> float:
    """Return an upper bound on the mean of the worst ``1 - level`` (CVaR).

    ``eta + (m + sqrt(2 s2 ln(2/r) / n) + 7 (B - eta) ln(2/r) / (3 (n - 1))) / (1 - level)`` with
    mean m and variance s2 of ``(L - eta)+``: the empirical Bernstein inequality.

    Parameters
    ----------
    losses : (n,) float64
        Independent samples, equal weights, n >= 2; none above ``largest``.
    threshold : float
        eta, chosen *before* these samples were looked at; best near the quantile.
    largest : float
        B, the most a loss can be.
    level : float
        In (0, 1).
    risk : float
        Chance that the bound is too low.

    Raises
    ------
    InputError
        If a loss exceeds ``largest``, ``largest`` is not above ``threshold``, or as `quantile_bounds`.
    """
    x = np.asarray(losses, dtype=np.float64)
    n = len(x)
    _check(n - 1, risk)
    _check_probability(level)
    _check_largest(x, largest, threshold)
    excess = np.maximum(x - threshold, 0.0)
    term = math.log(2 / risk)
    slack = math.sqrt(2 * float(excess.var(ddof=1)) * term / n)
    slack += 7 * (largest - threshold) * term / (3 * (n - 1))
    return threshold + (float(excess.mean()) + slack) / (1 - level)


def shortfall_bound_betting(
    losses: FloatArray, threshold: float, largest: float, level: float, risk: float
) -> float:
    """Return an upper bound on the mean of the worst ``1 - level`` (CVaR), mostly below `shortfall_bound`.

    With ``y = (L - eta)+ / (B - eta)`` in [0, 1]: if the mean of y is at least m, the wealth of somebody
    who stakes a fixed share of it on every y being less, ``prod(1 + stake (m - y))``, has mean at most 1, and
    so has the average over `STAKES`: it reaches ``1 / r`` with probability at most r (Markov).  The bound
    is the least m from which on it does.

    Parameters
    ----------
    losses, threshold, largest, level, risk
        As in `shortfall_bound`; the threshold is chosen *before* these samples were looked at.

    Raises
    ------
    InputError
        As `shortfall_bound`.
    """
    x = np.asarray(losses, dtype=np.float64)
    _check(len(x), risk)
    _check_probability(level)
    _check_largest(x, largest, threshold)
    share = np.maximum(x - threshold, 0.0) / (largest - threshold)
    lost = share[share > 0]
    won = len(x) - len(lost)
    stake, prior = np.array(list(STAKES)), np.array(list(STAKES.values()))

    def reached(mean: float) -> bool:  # rises with the mean
        wealth = won * np.log1p(stake * mean) + np.log1p(stake[:, None] * (mean - lost)).sum(axis=1)
        return bool(logsumexp(wealth, b=prior) >= -math.log(risk))

    low, high = 0.0, 1.0
    if not reached(high):
        low = high
    while high - low > 1e-9 * max(high, 1e-3):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return threshold + high * (largest - threshold) / (1 - level)


def bootstrap_interval(
    measure: Measure,
    losses: FloatArray,
    weight: FloatArray | None = None,
    *,
    risk: float = 0.05,
    draws: int = 999,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of a measure over resamples of the scenarios.

    An approximation, good for smooth measures of many samples; it knows nothing worse than
    what was sampled.  For quantiles of equal weights `quantile_bounds` is exact.

    Parameters
    ----------
    measure : callable (losses, weight) -> float
    losses : (n,) float64
    weight : (n,) float64, optional
        Importance weights; they travel with their losses.
    risk : float
        Share of the resamples outside, half on either side.
    draws : int
    seed : int

    Raises
    ------
    InputError
        As `quantile_bounds`.
    """
    x = np.asarray(losses, dtype=np.float64)
    _check(len(x), risk)
    rng = np.random.default_rng(seed)
    figures = np.empty(draws)
    for k in range(draws):
        chosen = rng.integers(0, len(x), len(x))
        while weight is not None and not weight[chosen].any():  # says nothing: drawn again
            chosen = rng.integers(0, len(x), len(x))
        figures[k] = measure(x[chosen], None if weight is None else weight[chosen])
    low, high = np.quantile(figures, [risk / 2, 1 - risk / 2])
    return float(low), float(high)


def mean_interval(
    losses: FloatArray, weight: FloatArray | None = None, *, risk: float = 0.05, seed: int = 0
) -> Interval:
    """Return an interval of the mean: resampled, normal from `LARGE` samples on; open if all are alike.

    Parameters
    ----------
    losses : (n,) float64
        Independent samples.
    weight : (n,) float64, optional
        Importance weights.
    risk : float
        Chance that the mean is outside, about half on either side.
    seed : int
        Of the resamples.

    Raises
    ------
    InputError
        As `quantile_bounds`.
    """
    x, w = _weighted(losses, weight)
    if x.min() == x.max():  # no resample differs, which is no knowledge of what was not drawn
        return Interval(-math.inf, math.inf, RESAMPLED)
    if len(x) < LARGE:
        return Interval(*bootstrap_interval(_mean, x, w, risk=risk, draws=DRAWS, seed=seed), RESAMPLED)
    return _normal(x, w, risk)


def quantile_interval(
    losses: FloatArray, level: float, weight: FloatArray | None = None, *, risk: float = 0.05
) -> Interval:
    """Return an interval of a quantile.

    Equal weights: order statistics, exact.  Else the quantiles at the ends of a normal interval
    of the weight at or below the quantile, ``level +- z sqrt(sum w**2 (1{x <= q} - level)**2) / sum w``.

    Parameters and errors as `mean_interval` and `quantile_bounds`.
    """
    x, w = _weighted(losses, weight)
    if (w == w[0]).all():
        return Interval(*quantile_bounds(x, level, risk), ORDER)
    _check_probability(level)
    below = x <= weighted_quantile(x, level, w)
    slack = float(norm.isf(risk / 2)) * math.sqrt(float((w**2 * (below - level) ** 2).sum())) / float(w.sum())
    low = weighted_quantile(x, level - slack, w) if level > slack else -math.inf
    high = weighted_quantile(x, level + slack, w) if level + slack < 1 else math.inf
    return Interval(low, high, NORMAL)


def shortfall_interval(
    losses: FloatArray, level: float, weight: FloatArray | None = None, *, risk: float = 0.05, seed: int = 0
) -> Interval:
    """Return an interval of the mean of the worst ``1 - level`` (CVaR).

    Resampled; from `LARGE` samples on normal, with the variance of ``q + (x - q)+ / (1 - level)``.
    Open above where fewer than `LEAST_IN_TAIL` effective samples lie beyond the level; open if all are
    alike.

    Parameters and errors as `mean_interval` and `quantile_bounds`.
    """
    x, w = _weighted(losses, weight)
    _check_probability(level)
    if x.min() == x.max():
        return Interval(-math.inf, math.inf, RESAMPLED)
    if len(x) < LARGE:
        tail = partial(_shortfall, level=level)
        found = Interval(*bootstrap_interval(tail, x, w, risk=risk, draws=DRAWS, seed=seed), RESAMPLED)
    else:
        quantile = weighted_quantile(x, level, w)
        found = _normal(quantile + np.maximum(x - quantile, 0.0) / (1 - level), w, risk)
    enough = effective_samples(w) * (1 - level) >= LEAST_IN_TAIL
    return found if enough else found._replace(high=math.inf)


def _weighted(losses: FloatArray, weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    x = np.asarray(losses, dtype=np.float64)
    w = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    weighted_quantile(x, 0.5, w)  # refuses what does not fit, NaN and weights that are none
    return x, w


def _mean(losses: FloatArray, weight: FloatArray | None) -> float:
    return float(np.average(losses, weights=weight))


def _shortfall(losses: FloatArray, weight: FloatArray | None, *, level: float) -> float:
    return expected_shortfall(losses, level, weight)


def _normal(values: FloatArray, weight: FloatArray, risk: float) -> Interval:
    """Return the interval of a weighted mean, its variance that of a ratio of sums."""
    _check(len(values), risk)
    mean = _mean(values, weight)
    error = math.sqrt(float((weight**2 * (values - mean) ** 2).sum())) / float(weight.sum())
    slack = float(norm.isf(risk / 2)) * error
    return Interval(mean - slack, mean + slack, NORMAL)


def is_sample(scenarios: Scenarios) -> bool:
    """Return whether all scenarios are draws of one generator: they have a seed, none was chosen."""
    return scenarios.seed is not None and not CHOSEN_GROUPS & set(scenarios.groups)


def effective_samples(weight: FloatArray) -> float:
    """Return ``(sum w)**2 / sum w**2``: how many equal weights say as much (Kish)."""
    w = np.asarray(weight, dtype=np.float64)
    return float(w.sum() ** 2 / (w**2).sum())


def _check(samples: int, risk: float) -> None:
    if samples < 1:
        raise InputError("too few samples for a bound.", remedy="Give at least one, or two for a variance.")
    if not 0 < risk < 1:
        raise InputError(f"risk {risk} must be in (0, 1).", remedy="0.05 is one in twenty.")


def _check_probability(probability: float) -> None:
    if not 0 < probability < 1:
        raise InputError(f"probability {probability} must be in (0, 1).")


def _check_largest(losses: FloatArray, largest: float, threshold: float) -> None:
    if not (losses <= largest).all() or not largest > threshold:
        raise InputError(
            f"losses up to {float(losses.max())!r}, largest {largest!r}, threshold {threshold!r}.",
            remedy="Give the most a loss can be, above every loss and above the threshold.",
        )
