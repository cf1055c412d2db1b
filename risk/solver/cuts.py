"""What a judged choice teaches: sets of choices that are proven to break a limit too, and lower limits.

At the prices of the scenarios and without feedback,

* no choice with no lower threshold and no lower bonus anywhere keeps a limit on potential bad debt of
  borrowers who stay that this one breaks: it rises with both on every path;
* no choice with no higher threshold anywhere keeps a limit on debt liquidated, or on debt the change
  itself makes liquidatable, that this one breaks: both fall as thresholds rise;
* no choice with no lower LTV and no lower cap anywhere keeps a limit on cap-fill that this one breaks.

Avoidable loss is not monotone; a choice that breaks its limit is cut off alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from risk.engine.arrays import IntArray
from risk.solver.attempt import Attempt
from risk.solver.evaluate import Setting, broken
from risk.solver.guide import judges
from risk.solver.program import Program
from risk.solver.realised import ENGINE

EXACT = "exact integers"  # what decides whom a change makes liquidatable


def alone(program: Program, chosen: IntArray) -> IntArray:
    """Return the set that holds a choice and nothing else: with the row of the losses as things are."""
    return np.append(chosen, len(program.row) - 1)


def proven(setting: Setting, attempt: Attempt) -> list[IntArray]:
    """Return the sets of options no choice within which keeps the limits."""
    menu = setting.menu
    bad = {a.name for a in broken(attempt.amounts) if a.model != "engine"}
    stays = {a.name for a in broken(attempt.amounts) if a.model.startswith("sweep") and " 0% " in a.model}
    threshold = np.array([o.parameters.threshold_bps for o in menu.options])
    bonus = np.array([o.parameters.bonus_bps for o in menu.options])
    at = attempt.chosen[menu.row]
    last = len(menu.options)  # the option of the row that holds the losses as things are
    cuts: list[IntArray] = []
    if any(name.startswith("bad_debt.") for name in stays):
        up = (threshold >= threshold[at]) & (bonus >= bonus[at])
        cuts.append(np.append(np.flatnonzero(up), last))
    if any(name.startswith("liquidations.") for name in stays) or any(
        name.startswith("enactment.") for name in bad
    ):
        cuts.append(np.append(np.flatnonzero(threshold <= threshold[at]), last))
    if any(name.startswith("cap_fill.") for name in bad):
        # More room, at a higher LTV, with more to borrow: a flood takes no less.
        ltv = np.array([o.parameters.ltv_bps for o in menu.options])
        cap = np.array([o.cap_tokens for o in menu.options])
        cuts.append(np.append(np.flatnonzero((ltv >= ltv[at]) & (cap >= cap[at])), last))
    return cuts


def alike(setting: Setting, attempt: Attempt) -> IntArray:
    """Return the choice that breaks a limit with all that break it for the same reason.

    A row that holds no borrower's collateral has no part in any loss, nor in whom a change makes
    liquidatable; where nothing but that is broken, any option of such rows fails too.
    """
    menu, last = setting.menu, len(setting.menu.options)
    losses_alone = all(
        a.model in (ENGINE, EXACT) or a.model.startswith("sweep, borrowers") for a in broken(attempt.amounts)
    )
    if not losses_alone:
        return np.append(attempt.chosen, last)
    holds = np.isin(np.arange(len(menu.rows)), setting.accounts.c_row)
    return np.append(np.flatnonzero((np.arange(last) == attempt.chosen[menu.row]) | ~holds[menu.row]), last)


def corrected(program: Program, attempt: Attempt) -> Program:
    """Return the program with limits lowered in proportion to what the additive model understates."""
    option = np.append(attempt.chosen, len(program.row) - 1)
    lowered = []
    for tail in program.tails:
        judged = [a for a in attempt.amounts if judges(a, tail)]
        worst = max((a for a in judged if not a.kept), key=lambda a: a.value, default=None)
        if worst is not None:
            lowered.append(
                replace(tail, limit_usd=min(tail.limit_usd, worst.limit * tail.value(option) / worst.value))
            )
        else:
            lowered.append(tail)
    return replace(program, tails=tuple(lowered))
