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

from collections.abc import Iterator
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
from risk.engine.book_sweep import Accounts
from risk.measures import expected_shortfall, value_at_risk
from risk.scenarios.scenarios import Scenarios
from risk.solver.evaluate import MIGRATED, Setting, grown, sweep_of
from risk.solver.limits import Limits
from risk.solver.menu import Menu
from risk.solver.migration import migrated
from risk.solver.parts import accounts_of_part
from risk.solver.realised import engine_alone
from risk.solver.scenario_limits import ScenarioLimit, Statistic, scenario_limits

RISK = 1e-3
KINDS = 4  # bounds a limit
OF_THE_BONUS = "avoidable_usd"  # a loss that the bonus on what is repaid makes


@dataclass(frozen=True, slots=True)
class Bound:
    """What the sample says of one limit under one behaviour of borrowers.

    Parameters
    ----------
    name : str
        As in `limits.toml`, and whether after migration.
    relever : float
    statistic : str
        What is limited: ``cvar``, ``quantile`` or ``probability``.
    limit : float
        USD, or a probability.
    cvar_usd : float
        On the independent sample.
    cvar_bound_usd : float
        Upper bound on the true one: the lower of the two that follow.
    betting_usd, bernstein_usd : float
    quantile_bound_usd : float
        Upper bound on the quantile at the level of the CVaR.
    failures : int
        Scenarios with a loss above the limit, or above the size whose probability is limited.
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
    statistic: str
    limit: float
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
        """Tell whether the bound on what is limited is within the limit."""
        bound = {
            Statistic.CVAR: self.cvar_bound_usd,
            Statistic.QUANTILE: self.quantile_bound_usd,
            Statistic.PROBABILITY: self.probability_bound,
        }
        return bound[Statistic(self.statistic)] <= self.limit


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
    not_certified : tuple of str
        Limits that only the engine judges, on the scenarios the choice was made on.
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
    not_certified: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether every bound is within its limit."""
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
    books = len(limits.relever) * (2 if limits.migration else 1)
    return risk / (tries * (tries + 1)) / max(1, KINDS * len(scenario_limits(limits)) * books)


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
            for bound in _followed(setting, chosen, sample, relever, share)
        ),
        not_certified=engine_alone(setting.limits),
    )


def choices_log(menu: Menu) -> float:
    """Return the logarithm of the number of choices on a menu."""
    return float(np.log(np.diff(menu.first)).sum())


def _followed(
    setting: Setting, chosen: IntArray, sample: Scenarios, relever: float, share: float
) -> Iterator[Bound]:
    """Yield the bounds for one behaviour of borrowers, and after migration if that is asked for."""
    accounts = grown(setting, chosen, relever)
    yield from _bounds(setting, chosen, sample, accounts, relever, "", share)
    if setting.limits.migration:
        moved = migrated(setting.snapshot, setting.menu, accounts, chosen, relever)
        yield from _bounds(setting, chosen, sample, moved, relever, MIGRATED, share)


def _bounds(
    setting: Setting,
    chosen: IntArray,
    sample: Scenarios,
    accounts: Accounts,
    relever: float,
    suffix: str,
    share: float,
) -> Iterator[Bound]:
    level, named = setting.limits["tail.level"], scenario_limits(setting.limits)
    parts = tuple(dict.fromkeys(one.part for one in named))
    if not parts:
        return
    books = {
        part: accounts if part is None else accounts_of_part(setting.snapshot, setting.menu, accounts, part)
        for part in parts
    }
    design = dict(zip(parts, sweep_of(setting, chosen, list(books.values())), strict=True))
    other = replace(setting, scenarios=sample)
    fresh = dict(zip(parts, sweep_of(other, chosen, list(books.values())), strict=True))
    bonus = float(setting.menu.row_options(relever).bonus[chosen].max())
    for one in named:
        debt = max(1.0, float(books[one.part].d_usd.sum()))
        most = debt * bonus if one.measure == OF_THE_BONUS else debt
        before = np.maximum(getattr(design[one.part], one.measure) - one.cover_usd, 0.0)
        eta = min(value_at_risk(before, level, setting.scenarios.weight), 0.999 * most)
        losses = getattr(fresh[one.part], one.measure)
        found = bound_of(one, losses, eta, most, level, share)
        yield replace(found, name=found.name + suffix, relever=relever)


def bound_of(
    one: ScenarioLimit, losses: FloatArray, eta: float, most: float, level: float, share: float
) -> Bound:
    """Return the bounds of one limit.

    Parameters
    ----------
    one : ScenarioLimit
    losses : (n,) float64
        Of an independent sample.
    eta : float
        Start of the tail, from other scenarios; below ``most``.
    most : float
        What losses are capped at, chosen before they were looked at.
    level : float
        Of CVaR and quantile.
    share : float
        Chance that each bound is too low.
    """
    losses = np.maximum(losses - one.cover_usd, 0.0)
    size = one.size_usd if one.statistic is Statistic.PROBABILITY else one.limit
    failures = int((losses > size).sum())
    capped = np.minimum(losses, most)
    betting = shortfall_bound_betting(capped, eta, most, level, share)
    bernstein = shortfall_bound(capped, eta, most, level, share)
    return Bound(
        name=one.name,
        relever=0.0,
        statistic=one.statistic.value,
        limit=one.limit,
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
