"""Settling: no change is made for nothing.

What the program finds is one of the best choices, not the one that moves least: it may raise a
threshold that binds nowhere.  A choice is settled when undoing any one of its changes, wholly or in
part, as far as the menu has it, breaks a limit or loses of an objective.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.solver.attempt import Attempt
from risk.solver.cap_options import Kind
from risk.solver.evaluate import Setting, refused
from risk.solver.menu import Menu

Judge = Callable[[IntArray], Attempt]


def settled(setting: Setting, best: Attempt, judge: Judge) -> Attempt:
    """Return a choice worth as much with no change made for nothing.

    Parameters
    ----------
    setting : Setting
    best : Attempt
        That keeps every limit.
    judge : callable (chosen) -> Attempt
    """
    menu = setting.menu
    numbers = numbers_of(menu)
    best = _caps_settled(setting, best, judge, numbers)
    again = True
    while again:
        again = False
        for row in range(len(menu.rows)):
            for option in undone(menu, numbers, row, int(best.chosen[row])):
                trial = best.chosen.copy()
                trial[row] = option
                if refused(setting, trial):
                    continue
                found = judge(trial)
                if found.kept and not worth_less(found, best):
                    best, again = found, True
                    break
    return best


def _caps_settled(setting: Setting, best: Attempt, judge: Judge, numbers: FloatArray) -> Attempt:
    """Return a choice with caps moved back as far as the limits without scenarios let them be.

    Caps have no part in any loss of today's book, so all are moved back at once and judged once; what that
    does not settle is settled row by row.
    """
    menu, trial = setting.menu, best.chosen.copy()
    for row, own in enumerate(menu.rows):
        if own.kind is Kind.COLLATERAL:
            continue
        for option in undone(menu, numbers, row, int(trial[row])):
            kept = trial[row]
            trial[row] = option
            if not refused(setting, trial):
                break
            trial[row] = kept
    if (trial == best.chosen).all():
        return best
    found = judge(trial)
    return found if found.kept and not worth_less(found, best) else best


def numbers_of(menu: Menu) -> FloatArray:
    """Return the parameters and the cap of every option, (M, P)."""
    return np.array([(*astuple(o.parameters), o.cap_tokens) for o in menu.options], dtype=np.float64)


def undone(menu: Menu, numbers: FloatArray, row: int, option: int) -> list[int]:
    """Return the options of a row that lie between one and what is in force, those that move least first."""
    own = np.arange(menu.first[row], menu.first[row + 1])
    now = numbers[menu.current[row]]
    way = numbers[option] - now
    gone = numbers[own] - now
    between = ((gone * np.sign(way) >= 0) & (np.abs(gone) <= np.abs(way))).all(axis=1) & (own != option)
    size = (np.abs(gone) / np.maximum(np.abs(now), 1.0)).sum(axis=1)
    return [int(k) for k in own[between][np.argsort(size[between], kind="stable")]]


def worth_less(one: Attempt, other: Attempt) -> bool:
    """Tell whether an attempt is worth less than another by any objective, beyond rounding."""
    return any(a < b - 1e-12 * max(1.0, abs(b)) for a, b in zip(one.values, other.values, strict=True))
