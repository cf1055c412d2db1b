"""The search: additive model to optimality, exact model for what it finds, cuts until both agree.

The additive model adds up what each row changes alone.  What it finds is judged with all rows
changed at once; if a limit is broken there, that choice is cut off, and with it, at the prices of
the scenarios and without feedback,

* every choice with no lower threshold and no lower bonus anywhere, where potential bad debt of
  borrowers who stay is too large: it rises with both on every path;
* every choice with no higher threshold anywhere, where too much debt is liquidated or too much
  becomes liquidatable by the change: both fall as thresholds rise.

No choice is cut off for avoidable loss beyond itself: that is not monotone.  Two gaps are stated:
of the additive model, and of the exact one, whose bound uses only rules without scenarios and cuts
that are proven.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.measures import expected_shortfall
from risk.proposal.apply import applied
from risk.solver.evaluate import SWEPT, Amount, Setting, amounts, broken, enactment
from risk.solver.limits import Objective
from risk.solver.losses import Losses
from risk.solver.menu import BPS, Rule
from risk.solver.program import Budget, Choice, Program, TailLimit, solve

ATTEMPTS = 25


@dataclass(frozen=True, eq=False)
class Attempt:
    """One choice that was judged."""

    chosen: IntArray
    gain: float
    amounts: tuple[Amount, ...]

    @property
    def kept(self) -> bool:
        """Tell whether every limit is kept."""
        return not broken(self.amounts)


@dataclass(frozen=True, eq=False)
class Search:
    """What came of it.

    Parameters
    ----------
    now : Attempt
        Doing nothing.
    attempts : tuple of Attempt
        In the order they were judged.
    best : Attempt or None
        The choice that keeps every limit; None if there is none or it was not found.
    surrogate : Choice
        The last solution of the additive model.
    surrogate_bound, exact_bound : float
        No choice within the additive model's limits, and none within the exact ones, gains more.
    stopped : bool
        Whether the attempts ran out.
    program : Program
        The additive model at the end: corrected by what exact judgement found, without cuts.
    """

    now: Attempt
    attempts: tuple[Attempt, ...]
    best: Attempt | None
    surrogate: Choice
    surrogate_bound: float
    exact_bound: float
    stopped: bool
    program: Program


def search(
    setting: Setting,
    losses: Sequence[Losses],
    *,
    attempts: int = ATTEMPTS,
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Return the best choice within all limits.

    Parameters
    ----------
    setting : Setting
    losses : sequence of Losses
        Of the same scenarios.
    attempts : int
        Most choices judged exactly.
    progress : callable (done, most), optional
    """
    program = program_of(setting, losses)
    bound: Program = replace(program, tails=(), budgets=_static(setting))
    now = _judged(setting, program, setting.menu.current)
    tried: list[Attempt] = []
    first_bound, choice = math.inf, solve(program)
    for count in range(attempts):
        choice = solve(program) if count else choice
        first_bound = min(first_bound, choice.bound) if count == 0 else first_bound
        if choice.option is None:
            break
        attempt = _judged(setting, program, choice.option)
        tried.append(attempt)
        if progress is not None:
            progress(count + 1, attempts)
        if attempt.kept:
            break
        proven = _proven(setting, attempt)
        bound = replace(bound, cuts=(*bound.cuts, *proven))
        program = _corrected(replace(program, cuts=(*program.cuts, *proven, attempt.chosen)), attempt)
    best = tried[-1] if tried and tried[-1].kept else None
    if best is not None:
        best = _settled(setting, program, best)
    return Search(
        now=now,
        attempts=tuple(tried),
        best=best,
        surrogate=choice,
        surrogate_bound=first_bound,
        exact_bound=solve(bound).bound,
        stopped=best is None and choice.option is not None,
        program=replace(program, cuts=()),
    )


def program_of(setting: Setting, losses: Sequence[Losses]) -> Program:
    """Return the additive model: menu rows, and one more with the losses as things are."""
    limits, menu = setting.limits, setting.menu
    row = np.append(menu.row, len(menu.rows))
    tails = []
    for part in losses:
        for name, measure in SWEPT.items():
            if math.isfinite(limits[name]):
                loss = np.vstack([getattr(part.swept.change, measure), getattr(part.swept.now, measure)])
                label = f"{name} (follow {part.relever:.0%})"
                weight = setting.scenarios.weight
                tails.append(TailLimit(label, loss, weight, limits["tail.level"], limits[name]))
    gain = np.append(gains(setting), 0.0)
    return Program(row, gain, tuple(tails), (*_static(setting), *_enacted(setting)))


def gains(setting: Setting) -> FloatArray:
    """Return what each option adds to the objective, (M,)."""
    menu, options = setting.menu, setting.menu.options
    if setting.limits.objective is Objective.BORROW_POWER:
        ltv = np.array([o.parameters.ltv_bps for o in options]) / BPS
        return np.asarray(ltv * setting.supplied_usd[menu.row])
    numbers = np.array(
        [(o.parameters.ltv_bps, o.parameters.threshold_bps, o.parameters.bonus_bps) for o in options]
    )
    now = numbers[menu.current][menu.row]
    return np.asarray(-np.abs(numbers - now).sum(axis=1), dtype=np.float64)


def _static(setting: Setting) -> tuple[Budget, ...]:
    """Return the rules without scenarios, a budget of no broken row each."""
    return tuple(
        Budget(
            f"rows against {rule.value}",
            np.array([float(rule in o.broken) for o in setting.menu.options] + [0.0]),
            0.5,
        )
        for rule in Rule
    )


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


def _judged(setting: Setting, program: Program, option: IntArray) -> Attempt:
    chosen = option[: len(setting.menu.rows)]
    return Attempt(chosen, float(program.gain[chosen].sum()), amounts(setting, chosen))


def _settled(setting: Setting, program: Program, best: Attempt) -> Attempt:
    """Return a choice that gains as much with no change made for nothing.

    Row by row the option nearest to what is in force is taken that gains no less and keeps every
    limit of sweep and integers; the whole is judged once more.
    """
    menu = setting.menu
    numbers = np.array([astuple(o.parameters) for o in menu.options])
    moved = np.abs(numbers - numbers[menu.current][menu.row]).sum(axis=1)
    chosen = best.chosen.copy()
    for r in range(len(menu.rows)):
        own = np.arange(menu.first[r], menu.first[r + 1])
        as_good = (program.gain[own] >= program.gain[chosen[r]]) & (moved[own] < moved[chosen[r]])
        for k in own[as_good][np.argsort(moved[own][as_good], kind="stable")]:
            trial = chosen.copy()
            trial[r] = k
            if not broken(amounts(setting, trial, realised=False)):
                chosen = trial
                break
    settled = _judged(setting, program, chosen)
    return settled if settled.kept else best


def _proven(setting: Setting, attempt: Attempt) -> list[IntArray]:
    """Return the sets of options no choice within which keeps the limits."""
    menu = setting.menu
    bad = {a.name for a in broken(attempt.amounts) if a.model != "engine"}
    stays = {a.name for a in broken(attempt.amounts) if a.model.startswith("sweep") and " 0% " in a.model}
    threshold = np.array([o.parameters.threshold_bps for o in menu.options])
    bonus = np.array([o.parameters.bonus_bps for o in menu.options])
    at = attempt.chosen[menu.row]
    last = len(menu.options)  # the option of the row that holds the losses as things are
    cuts = []
    if "bad_debt.cvar_usd" in stays:
        up = (threshold >= threshold[at]) & (bonus >= bonus[at])
        cuts.append(np.append(np.flatnonzero(up), last))
    if "liquidations.cvar_usd" in stays or {"enactment.usd", "enactment.debt_bps"} & bad:
        cuts.append(np.append(np.flatnonzero(threshold <= threshold[at]), last))
    return cuts


def _corrected(program: Program, attempt: Attempt) -> Program:
    """Return the program with limits lowered in proportion to what the additive model understates."""
    option = np.append(attempt.chosen, len(program.row) - 1)
    lowered = []
    for tail in program.tails:
        judged = [a for a in attempt.amounts if tail.name.startswith(a.name) and _same(tail.name, a.model)]
        worst = max((a for a in judged if not a.kept), key=lambda a: a.value, default=None)
        if worst is not None:
            additive = expected_shortfall(tail.loss_usd[option].sum(axis=0), tail.level, tail.weight)
            lowered.append(replace(tail, limit_usd=min(tail.limit_usd, worst.limit * additive / worst.value)))
        else:
            lowered.append(tail)
    return replace(program, tails=tuple(lowered))


def _same(label: str, model: str) -> bool:
    return model == "engine" or label.rpartition("follow ")[2].rstrip(")") in model
