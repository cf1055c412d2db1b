"""The additive model of a market: every limit over what each row changes alone, and the objective."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from risk.engine.arrays import FloatArray
from risk.proposal.apply import applied
from risk.solver.evaluate import Setting, enactment
from risk.solver.losses import Losses
from risk.solver.menu import Rule
from risk.solver.objectives import gains
from risk.solver.program import Budget, ChanceLimit, Program, TailLimit
from risk.solver.scenario_limits import ScenarioLimit, Statistic, scenario_limits
from risk.solver.static_budgets import cap_fill_budgets, related_budgets


def program_of(setting: Setting, losses: Sequence[Losses]) -> Program:
    """Return the program for the first objective: menu rows, and one more with the losses as things are."""
    row = np.append(setting.menu.row, len(setting.menu.rows))
    gain = gains(setting, setting.limits.objective, losses)
    budgets = (*static_rules(setting), *_enacted(setting))
    return Program(row, gain, tails_of(setting, losses), budgets, chances=chances_of(setting, losses))


def tails_of(setting: Setting, losses: Sequence[Losses]) -> tuple[TailLimit, ...]:
    """Return every tail limit over losses by option; the last row is the losses as things are."""
    limits, weight = setting.limits, setting.scenarios.weight
    return tuple(
        TailLimit(label, loss, weight, limits["tail.level"], one.limit, one.cover_usd)
        for label, one, loss in _limited(setting, losses)
        if one.statistic is Statistic.CVAR
    )


def chances_of(setting: Setting, losses: Sequence[Losses]) -> tuple[ChanceLimit, ...]:
    """Return every limit on a probability or a quantile, as `tails_of`."""
    level, weight = setting.limits["tail.level"], setting.scenarios.weight
    chances = []
    for label, one, loss in _limited(setting, losses):
        if one.statistic is Statistic.PROBABILITY:
            chances.append(ChanceLimit(label, loss, weight, one.size_usd, one.limit))
        elif one.statistic is Statistic.QUANTILE:
            chances.append(ChanceLimit(label, loss, weight, one.limit, 1 - level, is_quantile=True))
    return tuple(chances)


def _limited(setting: Setting, losses: Sequence[Losses]) -> Iterator[tuple[str, ScenarioLimit, FloatArray]]:
    for part in losses:
        for one in scenario_limits(setting.limits):
            swept = part.of(one.part)
            loss = np.vstack([getattr(swept.change, one.measure), getattr(swept.now, one.measure)])
            yield f"{one.name} (follow {part.relever:.0%})", one, loss


def static_rules(setting: Setting) -> tuple[Budget, ...]:
    """Return the rules without scenarios: no broken row each, cap-fill, related assets in order."""
    rows = tuple(
        Budget(
            f"rows against {rule.value}",
            np.array([float(rule in o.broken) for o in setting.menu.options] + [0.0]),
            0.5,
        )
        for rule in Rule
    )
    return (*rows, *cap_fill_budgets(setting), *related_budgets(setting))


def _enacted(setting: Setting) -> tuple[Budget, ...]:
    """Return the debt each option alone makes liquidatable, exact, as budgets."""
    limits, menu = setting.limits, setting.menu
    names = [n for n in ("enactment.usd", "enactment.debt_bps") if math.isfinite(limits[n])]
    if not names:
        return ()
    cost = {name: np.zeros(len(menu.options) + 1) for name in names}
    for k in range(len(menu.options)):
        chosen = menu.current.copy()
        chosen[menu.row[k]] = k
        for amount in enactment(setting, applied(setting.snapshot, menu.changes(chosen))):
            if amount.name in cost:
                cost[amount.name][k] = amount.value
    return tuple(Budget(name, cost[name], limits[name]) for name in names)
