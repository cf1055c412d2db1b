"""The certificate: what an independent sample says about a choice made on another one.

Bounds hold for the generator that drew the sample and say nothing about whether it is right.
Sources: Clopper and Pearson (1934); Maurer and Pontil (2009) for the empirical Bernstein bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from abis.errors import InputError
from risk.confidence import is_sample, most_failures, probability_bound, scenarios_needed, shortfall_bound
from risk.engine.arrays import IntArray
from risk.measures import expected_shortfall, value_at_risk
from risk.scenarios.scenarios import Scenarios
from risk.solver.evaluate import SWEPT, Setting, together


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
        Upper bound on the true one.
    failures : int
        Scenarios with a loss above the limit.
    probability_bound : float
        Upper bound on the probability of that.
    """

    name: str
    relever: float
    limit_usd: float
    cvar_usd: float
    cvar_bound_usd: float
    failures: int
    probability_bound: float


@dataclass(frozen=True, slots=True)
class Certificate:
    """What holds with probability ``1 - risk`` for each bound, under one generator.

    Parameters
    ----------
    scenarios : int
        Of the independent sample.
    seed : int
    sha256 : str
        Of the sample.
    risk : float
        Chance that a bound is too low, shared by all of them.
    level : float
        Of the CVaRs.
    bounds : tuple of Bound
    """

    scenarios: int
    seed: int
    sha256: str
    risk: float
    level: float
    bounds: tuple[Bound, ...]


def certify(setting: Setting, chosen: IntArray, sample: Scenarios, *, risk: float = 1e-3) -> Certificate:
    """Return the bounds of a choice on a sample it was not chosen on.

    Parameters
    ----------
    setting : Setting
        With the scenarios the choice was made on.
    chosen : (R,) int64
    sample : Scenarios
        Draws of one generator with equal weights.
    risk : float
        Of all bounds together.

    Raises
    ------
    InputError
        If the sample was not drawn, is weighted, is the one the choice was made on, or is too
        small to say anything at the level.
    """
    if not is_sample(sample) or sample.seed is None:
        raise InputError(
            "these scenarios were chosen, not drawn: they certify nothing.",
            remedy="Certify on a generator with a seed.",
        )
    if sample.sha256 == setting.scenarios.sha256:
        raise InputError("the choice was made on these scenarios.", remedy="Certify on another seed.")
    if sample.weight.min() != sample.weight.max():
        raise InputError("the sample is weighted.", remedy="Certify on draws of equal weight.")
    level = setting.limits["tail.level"]
    named = [name for name in SWEPT if math.isfinite(setting.limits[name])]
    share = risk / max(1, 2 * len(named) * len(setting.limits.relever))
    if most_failures(len(sample), 1 - level, share) is None:
        needed = scenarios_needed(1 - level, share)
        raise InputError(
            f"{len(sample)} scenarios cannot certify level {level:g} at a risk of {risk:g}.",
            remedy=f"Draw at least {needed:,}.",
        )
    bounds = [
        bound
        for relever in setting.limits.relever
        for bound in _bounds(setting, chosen, sample, relever, named, share)
    ]
    return Certificate(len(sample), sample.seed, sample.sha256, risk, level, tuple(bounds))


def _bounds(
    setting: Setting, chosen: IntArray, sample: Scenarios, relever: float, named: list[str], risk: float
) -> list[Bound]:
    """Return one bound a limit; the threshold of the tail is that of the design sample."""
    level, limits = setting.limits["tail.level"], setting.limits
    design = together(setting, chosen, relever)
    fresh = together(replace(setting, scenarios=sample), chosen, relever)
    # Debts may have grown with the LTV; nobody loses more than all of them.
    largest = float(setting.total_debt_usd * max(1.0, setting.menu.row_options(relever).owed[chosen].max()))
    out = []
    for name in named:
        before, losses = getattr(design, SWEPT[name]), getattr(fresh, SWEPT[name])
        most = max(largest, float(losses.max()) * 1.5, 1.0)
        eta = min(value_at_risk(before, level, setting.scenarios.weight), 0.999 * most)
        failures = int((losses > limits[name]).sum())
        out.append(
            Bound(
                name=name,
                relever=relever,
                limit_usd=limits[name],
                cvar_usd=expected_shortfall(losses, level),
                cvar_bound_usd=shortfall_bound(losses, eta, most, level, risk),
                failures=failures,
                probability_bound=probability_bound(failures, len(losses), risk),
            )
        )
    return out
