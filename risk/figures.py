"""Figures of an outcome: means, quantiles and tail means over its scenarios, with intervals.

An interval says how well the scenarios stand for the generator that drew them; scenarios
somebody chose are no sample of anything, so their figures have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import InputError
from risk.confidence import Interval, mean_interval, quantile_interval, shortfall_interval
from risk.measures import expected_shortfall, weighted_quantile
from risk.outcome import Outcome

FloatArray = NDArray[np.float64]

LEVELS = (0.95, 0.99)
RISK = 0.05  # share of the intervals that miss
CHOSEN = "none: scenarios are chosen, not drawn"
OF_THESE = "none: of the scenarios run, not of others"
NO_INTERVAL = Interval(math.nan, math.nan, CHOSEN)

USD, USD_HOURS, COUNT = "USD", "USD × hours", "accounts"
# What is summed over a scenario: name, unit.  "eligible" is liquidatable at some moment.
AMOUNTS: dict[str, tuple[str, str]] = {
    "bad_debt_usd": ("bad debt", USD),
    "potential_bad_debt_usd": ("potential bad debt", USD),
    "avoidable_loss_usd": ("avoidable loss", USD),
    "toxic_usd": ("toxic liquidations", USD),
    "under_liquidation_usd_hours": ("under-liquidation", USD_HOURS),
    "eligible_debt_usd": ("debt liquidatable (LaR)", USD),
    "eligible_accounts": ("accounts liquidatable", COUNT),
}
TAILED = set(AMOUNTS) - {"eligible_debt_usd", "eligible_accounts"}  # whose tail means say something
MEAN, VAR, CVAR, WORST = "mean", "VaR", "CVaR", "worst"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number over all scenarios.

    Parameters
    ----------
    amount, name, unit : str
        Key of `AMOUNTS` and what stands there.
    measure : str
        `MEAN`, `VAR`, `CVAR` or `WORST`.  The VaR of the debt liquidatable is what practitioners
        call liquidations at risk.
    level : float or None
        Of VaR and CVaR.
    value : float
    interval : Interval
        NaN at both ends where none is defined, infinite where too few scenarios bound it.
    """

    amount: str
    name: str
    unit: str
    measure: str
    level: float | None
    value: float
    interval: Interval


def figures(
    outcome: Outcome,
    *,
    levels: Sequence[float] = LEVELS,
    sampled: bool,
    potential_bad_debt_usd: FloatArray | None = None,
    seed: int = 0,
) -> tuple[Figure, ...]:
    """Return every figure of an outcome.

    Parameters
    ----------
    outcome : Outcome
        Its weights count: of importance sampling, or of chosen scenarios.
    levels : sequence of float
        In (0, 1).
    sampled : bool
        Whether the scenarios are independent draws of one generator (`risk.confidence.is_sample`).
    potential_bad_debt_usd : (S,) float64, optional
        `risk.engine.potential.potential_bad_debt`.
    seed : int
        Of resamples.

    Raises
    ------
    InputError
        If a level is outside (0, 1) or stands there twice.
    """
    if len(set(levels)) != len(levels) or not all(0 < level < 1 for level in levels):
        raise InputError(
            f"levels {', '.join(f'{x:g}' for x in levels)} are no levels.",
            remedy="Give each once, between 0 and 1, such as 95%.",
        )
    found: list[Figure] = []
    for amount in AMOUNTS:
        if amount != "potential_bad_debt_usd":
            losses = total(outcome, amount)
        elif potential_bad_debt_usd is not None:
            losses = potential_bad_debt_usd
        else:
            continue
        found += _of_one(amount, losses, outcome.weight, levels, sampled, seed)
    return tuple(found)


def total(outcome: Outcome, amount: str) -> FloatArray:
    """Return a field of an outcome per scenario, summed over reserves, (S,) float64."""
    values = np.asarray(getattr(outcome, amount), dtype=np.float64)
    return np.asarray(values.sum(axis=1)) if values.ndim == 2 else values


def frame(found: Sequence[Figure]) -> pd.DataFrame:
    """Return one row a figure: amount, measure, level, value, low, high, interval, unit."""
    return pd.DataFrame(
        {
            "amount": [f.amount for f in found],
            "measure": [f.measure for f in found],
            "level": [math.nan if f.level is None else f.level for f in found],
            "value": [f.value for f in found],
            "low": [f.interval.low for f in found],
            "high": [f.interval.high for f in found],
            "interval": [f.interval.method for f in found],
            "unit": [f.unit for f in found],
        }
    )


def _of_one(
    amount: str, losses: FloatArray, weight: FloatArray, levels: Sequence[float], sampled: bool, seed: int
) -> list[Figure]:
    name, unit = AMOUNTS[amount]

    def one(measure: str, level: float | None, value: float, interval: Callable[[], Interval]) -> Figure:
        return Figure(amount, name, unit, measure, level, value, interval() if sampled else NO_INTERVAL)

    mean = float(np.average(losses, weights=weight))
    rows = [one(MEAN, None, mean, partial(mean_interval, losses, weight, risk=RISK, seed=seed))]
    for level in levels:
        at = partial(quantile_interval, losses, level, weight, risk=RISK)
        rows.append(one(VAR, level, weighted_quantile(losses, level, weight), at))
        if amount in TAILED:
            beyond = partial(shortfall_interval, losses, level, weight, risk=RISK, seed=seed)
            rows.append(one(CVAR, level, expected_shortfall(losses, level, weight), beyond))
    largest = float(losses[weight > 0].max())
    rows.append(Figure(amount, name, unit, WORST, None, largest, Interval(math.nan, math.nan, OF_THESE)))
    return rows
