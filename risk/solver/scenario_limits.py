"""Limits on what the sweep computes scenario by scenario: which loss, of which part, by which statistic.

Three statistics of a loss L over scenarios with weights::

    cvar         CVaR_level((L - cover)+)      at most the limit, USD
    quantile     VaR_level(L)                  at most the limit, USD
    probability  P(L > size)                   at most the limit

The last two are one: ``VaR_level(L) <= x`` where ``P(L > x) <= 1 - level``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from risk.engine.arrays import FloatArray
from risk.measures import expected_shortfall, weighted_quantile
from risk.solver.limits import Limits
from risk.solver.parts import Part, PartKind

ROUNDING = 1e-9  # relative: a loss that exceeds a size by less is a rounded sum


class Statistic(StrEnum):
    """What of a loss is limited."""

    CVAR = "cvar"
    QUANTILE = "quantile"
    PROBABILITY = "probability"


@dataclass(frozen=True, slots=True)
class ScenarioLimit:
    """One limit.

    Parameters
    ----------
    name : str
        As in `Limits`.
    measure : str
        Field of `risk.engine.pair_sweep.Swept`.
    statistic : Statistic
    limit : float
        USD, or a probability.
    part : Part or None
        None: the whole book.
    cover_usd : float
        Subtracted from every loss, which stays 0 at least; only of a CVaR.
    size_usd : float
        Only of a probability.
    """

    name: str
    measure: str
    statistic: Statistic
    limit: float
    part: Part | None = None
    cover_usd: float = 0.0
    size_usd: float = math.inf

    def value(self, loss_usd: FloatArray, level: float, weight: FloatArray) -> float:
        """Return the statistic of a loss, (S,) USD."""
        if self.statistic is Statistic.QUANTILE:
            return weighted_quantile(loss_usd, level, weight)
        if self.statistic is Statistic.PROBABILITY:
            above = loss_usd > self.size_usd * (1 + ROUNDING)
            return float(weight[above].sum() / weight.sum())
        if self.cover_usd:
            loss_usd = np.maximum(loss_usd - self.cover_usd, 0.0)
        return expected_shortfall(loss_usd, level, weight)


def scenario_limits(limits: Limits, *, unlimited: bool = False) -> tuple[ScenarioLimit, ...]:
    """Return what limits the losses of the sweep.

    Parameters
    ----------
    limits : Limits
    unlimited : bool
        Whether the CVaRs of the whole book are among them though nothing limits them.
    """
    return tuple(
        one for one in _all(limits) if math.isfinite(one.limit) or (unlimited and one.name in _WHOLE)
    )


def parts_of(limits: Limits) -> tuple[Part, ...]:
    """Return the parts of the book that limits speak of, each once."""
    return tuple(dict.fromkeys(one.part for one in scenario_limits(limits) if one.part is not None))


_WHOLE = {
    "bad_debt.cvar_usd": "bad_debt_usd",
    "avoidable_loss.cvar_usd": "avoidable_usd",
    "liquidations.cvar_usd": "eligible_usd",
}
_SIZED = {"bad_debt": "bad_debt_usd", "avoidable_loss": "avoidable_usd"}
_NAMED = {
    "bad_debt.per_reserve": ("bad_debt_usd", PartKind.RESERVE),
    "avoidable_loss.per_collateral": ("avoidable_usd", PartKind.COLLATERAL),
    "avoidable_loss.per_emode": ("avoidable_usd", PartKind.EMODE),
}


def _all(limits: Limits) -> Iterator[ScenarioLimit]:
    for name, measure in _WHOLE.items():
        yield ScenarioLimit(name, measure, Statistic.CVAR, limits[name])
    name = "liquidations.quantile_usd"
    yield ScenarioLimit(name, "eligible_usd", Statistic.QUANTILE, limits[name])
    for section, measure in _SIZED.items():
        if math.isfinite(limits[f"{section}.size_usd"]):
            name, size = f"{section}.probability", limits[f"{section}.size_usd"]
            yield ScenarioLimit(name, measure, Statistic.PROBABILITY, limits[name], size_usd=size)
    for section, (measure, kind) in _NAMED.items():
        for subject in limits.named(section):
            where = f"{section}.{subject}"
            yield ScenarioLimit(
                f"{where}.cvar_usd",
                measure,
                Statistic.CVAR,
                limits[f"{where}.cvar_usd"],
                Part(kind, subject),
                limits.numbers.get(f"{where}.cover_usd", 0.0),
            )
