"""The certificate: what an independent sample says about a choice made on another one.

Four bounds a limit, each with an equal part of the risk: an order statistic on the quantile,
Clopper-Pearson on the probability of exceeding the limit, and two on the CVaR, by betting and by the
empirical Bernstein inequality, of which the lower one counts.  They hold for the generator that drew the
sample and say nothing about whether it is right.

Because the sample is independent of the choice, the choices the search tried on other scenarios cost no
risk.  Trying again on another sample does: the k-th try has ``risk / (k (k + 1))``, which adds up to the
risk over any number of tries.

Sources: as `risk.confidence`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from abis.errors import InputError
from risk.confidence import (
    is_sample,
    most_failures,
    probability_bound,
    quantile_bounds,
    scenarios_needed,
    scenarios_needed_finite,
    shortfall_bound,
    shortfall_bound_betting,
)
from risk.engine.arrays import FloatArray, IntArray
from risk.measures import expected_shortfall, value_at_risk
from risk.scenarios.scenarios import Scenarios
from risk.solver.evaluate import SWEPT, Setting, together
from risk.solver.limits import Limits
from risk.solver.menu import Menu

RISK = 1e-3
KINDS = 4  # bounds a limit
OF_THE_BONUS = ("avoidable_loss.cvar_usd",)  # losses that the bonus on what is repaid makes


@dataclass(frozen=True, slots=True)
class Bound:
    """What the sample says of one limit under one behaviour of borrowers.

    Parameters
    ----------
    name : str
        As in `limits.toml`.
    relever : float
    limit_usd : float
    cvar_usd : float
        On the independent sample.
    cvar_bound_usd : float
        Upper bound on the true one: the lower of the two that follow.
    betting_usd, bernstein_usd : float
    quantile_bound_usd : float
        Upper bound on the quantile at the level of the CVaR.
    failures : int
        Scenarios with a loss above the limit.
    probability_bound : float
        Upper bound on the probability of that.
    capped_usd : float
        Losses count up to here: all debt at today's prices with what borrowers may add to it, or the
        highest bonus on that.
    beyond : int
        Scenarios with a loss above that.
    """

    name: str
    relever: float
    limit_usd: float
    cvar_usd: float
    cvar_bound_usd: float
    betting_usd: float
    bernstein_usd: float
    quantile_bound_usd: float
    failures: int
    probability_bound: float
    capped_usd: float
    beyond: int

    @property
    def holds(self) -> bool:
        """Tell whether the bound on the CVaR is within the limit."""
        return self.cvar_bound_usd <= self.limit_usd


@dataclass(frozen=True, slots=True)
class Certificate:
    """What holds with probability ``1 - risk`` for all bounds together, under one generator.

    Parameters
    ----------
    scenarios : int
        Of the independent sample.
    seed : int
    sha256 : str
        Of everything that determines the sample: generator, its parameters, seed and market.
    risk : float
        Chance that a bound of any try is too low.
    tries : int
        Which try this is.
    share : float
        Part of the risk each bound has.
    level : float
        Of the CVaRs and quantiles.
    design_sha256 : str
        Of the scenarios the choice was made on.
    choices_log : float
        Logarithm of how many choices there were.
    scenarios_for_all : int
        That would certify each of them at once, at the level and risk, had they been drawn for that.
    bounds : tuple of Bound
    """

    scenarios: int
    seed: int
    sha256: str
    risk: float
    tries: int
    share: float
    level: float
    design_sha256: str
    choices_log: float
    scenarios_for_all: int
    bounds: tuple[Bound, ...]

    @property
    def holds(self) -> bool:
        """Tell whether every bound on a CVaR is within its limit."""
        return all(b.holds for b in self.bounds)


def share_of(limits: Limits, risk: float, tries: int) -> float:
    """Return the part of the risk that each bound has at a try.

    Raises
    ------
    InputError
        If there is no such try, or the risk is outside (0, 1).
    """
    if tries < 1 or not 0 < risk < 1:
        raise InputError(
            f"try {tries} at a risk of {risk}.", remedy="Tries count from 1; risks lie in (0, 1)."
        )
    return risk / (tries * (tries + 1)) / max(1, KINDS * len(_limited(limits)) * len(limits.relever))


def check_enough(limits: Limits, scenarios: int, *, risk: float = RISK, tries: int = 1) -> None:
    """Refuse a sample too small to say anything at the level of the limits.

    Raises
    ------
    InputError
        Saying how many scenarios are needed.
    """
    beyond, share = 1 - limits["tail.level"], share_of(limits, risk, tries)
    if most_failures(scenarios, beyond, share) is None:
        raise InputError(
            f"{scenarios} scenarios cannot certify level {limits['tail.level']:g} at a risk of {risk:g}"
            + (f", try {tries}." if tries > 1 else "."),
            remedy=f"Draw at least {scenarios_needed(beyond, share):,}.",
        )


def check_sample(setting: Setting, sample: Scenarios, *, risk: float = RISK, tries: int = 1) -> None:
    """Refuse a sample that cannot certify a choice made in a setting; quick, for before long work.

    Raises
    ------
    InputError
        As `certify`.
    """
    if not is_sample(sample):
        raise InputError(
            "these scenarios were chosen, not drawn: they certify nothing.",
            remedy="Certify on a generator with a seed.",
        )
    if sample.sha256 == setting.scenarios.sha256:
        raise InputError("the choice was made on these scenarios.", remedy="Certify on another seed.")
    if not np.allclose(sample.weight, sample.weight[0], rtol=1e-12, atol=0.0):
        raise InputError("the sample is weighted.", remedy="Certify on draws of equal weight.")
    check_enough(setting.limits, len(sample), risk=risk, tries=tries)


def certify(
    setting: Setting, chosen: IntArray, sample: Scenarios, *, risk: float = RISK, tries: int = 1
) -> Certificate:
    """Return the bounds of a choice on a sample it was not chosen on.

    Parameters
    ----------
    setting : Setting
        With the scenarios the choice was made on.
    chosen : (R,) int64
    sample : Scenarios
        Draws of one generator with equal weights.
    risk : float
        Of all bounds of all tries together.
    tries : int
        How many samples were drawn for this choice, this one included.

    Raises
    ------
    InputError
        If the sample was not drawn, is weighted, is the one the choice was made on, or is too
        small to say anything at the level.
    """
    check_sample(setting, sample, risk=risk, tries=tries)
    assert sample.seed is not None
    share = share_of(setting.limits, risk, tries)
    count = choices_log(setting.menu)
    return Certificate(
        scenarios=len(sample),
        seed=sample.seed,
        sha256=sample.sha256,
        risk=risk,
        tries=tries,
        share=share,
        level=setting.limits["tail.level"],
        design_sha256=setting.scenarios.sha256,
        choices_log=count,
        scenarios_for_all=scenarios_needed_finite(count, 1 - setting.limits["tail.level"], share),
        bounds=tuple(
            bound
            for relever in setting.limits.relever
            for bound in _bounds(setting, chosen, sample, relever, share)
        ),
    )


def choices_log(menu: Menu) -> float:
    """Return the logarithm of the number of choices on a menu."""
    return float(np.log(np.diff(menu.first)).sum())


def _limited(limits: Limits) -> list[str]:
    return [name for name in SWEPT if math.isfinite(limits[name])]


def _bounds(
    setting: Setting, chosen: IntArray, sample: Scenarios, relever: float, share: float
) -> list[Bound]:
    limits = setting.limits
    named = _limited(limits)
    if not named:
        return []
    design = together(setting, chosen, relever)
    fresh = together(replace(setting, scenarios=sample), chosen, relever)
    options = setting.menu.row_options(relever)
    debt = max(1.0, setting.total_debt_usd * max(1.0, float(options.owed[chosen].max())))
    out = []
    for name in named:
        before, losses = getattr(design, SWEPT[name]), getattr(fresh, SWEPT[name])
        most = debt * float(options.bonus[chosen].max()) if name in OF_THE_BONUS else debt
        eta = value_at_risk(before, limits["tail.level"], setting.scenarios.weight)
        out.append(bound_of(name, relever, limits, losses, min(eta, 0.999 * most), most, share))
    return out


def bound_of(
    name: str, relever: float, limits: Limits, losses: FloatArray, eta: float, most: float, share: float
) -> Bound:
    """Return the bounds of one limit.

    Parameters
    ----------
    name : str
    relever : float
    limits : Limits
    losses : (n,) float64
        Of an independent sample.
    eta : float
        Start of the tail, from other scenarios; below ``most``.
    most : float
        What losses are capped at, chosen before they were looked at.
    share : float
        Chance that each bound is too low.
    """
    level, limit = limits["tail.level"], limits[name]
    failures = int((losses > limit).sum())
    capped = np.minimum(losses, most)
    betting = shortfall_bound_betting(capped, eta, most, level, share)
    bernstein = shortfall_bound(capped, eta, most, level, share)
    return Bound(
        name=name,
        relever=relever,
        limit_usd=limit,
        cvar_usd=expected_shortfall(losses, level),
        cvar_bound_usd=min(betting, bernstein),
        betting_usd=betting,
        bernstein_usd=bernstein,
        # Both sides share the risk there; only the upper one is asked.
        quantile_bound_usd=quantile_bounds(losses, level, min(2 * share, 0.999))[1],
        failures=failures,
        probability_bound=probability_bound(failures, len(losses), share),
        capped_usd=most,
        beyond=int((losses > most).sum()),
    )
