"""The frontier between borrower loss, bad debt and borrowing power.

Along each of two curves one limit goes from what the choice of least expected loss comes with, or doing
nothing, to what most borrowing power costs, the other limits stay as the team set them, and the choice
with most borrowing power is searched for again.  All sweeps of options are those of the solution; every
point is judged by the sweep with all rows changed at once, not by the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from risk.engine.arrays import IntArray
from risk.proposal.changes import Change
from risk.solver.additive import program_of
from risk.solver.attempt import Attempt, attempt
from risk.solver.evaluate import SWEPT, Amount, Setting
from risk.solver.limits import Limits, Objective
from risk.solver.objectives import mean_loss
from risk.solver.program import solve
from risk.solver.recommend import Solution
from risk.solver.search import Effort, search

CURVES = ("avoidable_loss.cvar_usd", "bad_debt.cvar_usd")
NOW, RECOMMENDED = "do nothing", "recommended"
EFFORT = Effort(attempts=6, realised=False)  # a point


@dataclass(frozen=True, slots=True)
class Point:
    """One choice.

    Parameters
    ----------
    curve : str
        The limit that moves, or `NOW` or `RECOMMENDED`.
    limit_usd : float or None
        What it was set to; None for the two.
    borrow_power_usd, avoidable_loss_cvar_usd, bad_debt_cvar_usd : float
        CVaRs are the largest of the borrowers' behaviours.
    exact_gap : float or None
        How much more borrowing power another choice could give at most, relative.
    efficient : bool
        Whether no other point has as much borrowing power for as little of both losses.
    changes : tuple of Change
    """

    curve: str
    limit_usd: float | None
    borrow_power_usd: float
    avoidable_loss_cvar_usd: float
    bad_debt_cvar_usd: float
    exact_gap: float | None
    efficient: bool
    changes: tuple[Change, ...]


def frontier(
    solution: Solution, points: int, progress: Callable[[int, int], None] | None = None
) -> tuple[Point, ...]:
    """Return doing nothing, what is recommended, and up to ``points`` choices along each curve.

    Parameters
    ----------
    solution : Solution
    points : int
        At least 2.
    progress : callable (done, total), optional
    """
    base = _towards(solution.setting, solution.setting.limits)
    found = [_point(base, NOW, None, attempt(base, base.menu.current, realised=False))]
    if solution.chosen is not None:
        found.append(_point(base, RECOMMENDED, None, attempt(base, solution.chosen, realised=False)))
    done = 0
    for curve in CURVES:
        for limit in _levels(base, solution, curve, points):
            found += _along(base, solution, curve, limit)
            done += 1
            if progress is not None:
                progress(done, len(CURVES) * points)
    return tuple(replace(p, efficient=not any(_better(q, p) for q in found)) for p in found)


def _along(base: Setting, solution: Solution, curve: str, limit: float) -> Iterator[Point]:
    setting = _towards(base, _with(base.limits, curve, limit))
    got = search(setting, solution.losses, effort=EFFORT, single=solution.single)
    if got.best is not None:
        gap = (got.exact_bound - got.best.gain) / max(abs(got.best.gain), 1e-12)
        yield _point(setting, curve, limit, got.best, max(0.0, gap))


def _levels(base: Setting, solution: Solution, curve: str, points: int) -> list[float]:
    """Return a curve's limits: from the least loss of three choices to the greatest.

    Doing nothing, least expected loss, and most borrowing power whatever it costs.
    """
    free = _towards(base, _with(base.limits, curve, math.inf))
    program = program_of(free, solution.losses)
    each = [mean_loss(part, SWEPT[curve], base.scenarios.weight) for part in solution.losses]
    least = -np.sum(each, axis=0)
    ends = [solve(replace(program, gain=gain)).option for gain in (least, program.gain)]
    if ends[0] is None or ends[1] is None:
        return []
    options = [free.menu.current, *(option for option in ends if option is not None)]
    reached = [_largest(_amounts(free, option), curve) for option in options]
    return [float(v) for v in np.linspace(min(reached), max(reached), points)]


def _amounts(setting: Setting, option: IntArray) -> tuple[Amount, ...]:
    return attempt(setting, option[: len(setting.menu.rows)], realised=False).amounts


def _towards(setting: Setting, limits: Limits) -> Setting:
    return replace(setting, limits=replace(limits, objectives=(Objective.BORROW_POWER,)))


def _with(limits: Limits, name: str, value: float) -> Limits:
    return replace(limits, numbers=MappingProxyType({**limits.numbers, name: value}))


def _point(
    setting: Setting, curve: str, limit: float | None, found: Attempt, gap: float | None = None
) -> Point:
    return Point(
        curve=curve,
        limit_usd=limit,
        borrow_power_usd=found.gain,
        avoidable_loss_cvar_usd=_largest(found.amounts, CURVES[0]),
        bad_debt_cvar_usd=_largest(found.amounts, CURVES[1]),
        exact_gap=gap,
        efficient=False,
        changes=setting.menu.changes(found.chosen),
    )


def _largest(found: Sequence[Amount], name: str) -> float:
    return max(a.value for a in found if a.name == name and a.model.startswith("sweep"))


def _better(one: Point, other: Point) -> bool:
    """Tell whether a point is as good as another everywhere and better somewhere."""
    pairs = [
        (one.borrow_power_usd, other.borrow_power_usd),
        (-one.avoidable_loss_cvar_usd, -other.avoidable_loss_cvar_usd),
        (-one.bad_debt_cvar_usd, -other.bad_debt_cvar_usd),
    ]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)
