"""What lies beside a choice on the menu: each row one threshold or one cap further, all else as chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from risk.engine.arrays import IntArray
from risk.proposal.changes import Change
from risk.solver.evaluate import Setting, amounts, broken
from risk.solver.menu import Menu
from risk.solver.objectives import value


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One row moved one option further, everything else as recommended.

    Parameters
    ----------
    subject : str
    changes : tuple of Change
        From what is in force.
    gain : float
        Of the objective, against the recommendation.
    breaks : tuple of str
        Limits it breaks: empty where the objective alone decides.
    engine : bool
        Whether the engine judged it: it is asked where the sweep finds nothing broken.
    """

    subject: str
    changes: tuple[Change, ...]
    gain: float
    breaks: tuple[str, ...]
    engine: bool


def neighbours(
    setting: Setting, chosen: IntArray, *, realised: bool, progress: Callable[[int, int], None]
) -> tuple[Neighbour, ...]:
    """Return each row moved one threshold or cap up and one down, the bonus as recommended.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    realised : bool
        Whether the engine judged the choice, and is to judge what lies beside it.
    progress : callable (done, total)
    """
    menu, objective = setting.menu, setting.limits.objective
    here = value(setting, objective, chosen)
    out = []
    for r, row in enumerate(menu.rows):
        for k in _beside(menu, r, int(chosen[r])):
            moved = chosen.copy()
            moved[r] = k
            found = broken(amounts(setting, moved, realised=False))
            engine = realised and not found
            if engine:
                found = broken(amounts(setting, moved))
            out.append(
                Neighbour(
                    row.name,
                    row.changes(int(k - menu.first[r])),
                    value(setting, objective, moved) - here,
                    tuple(dict.fromkeys(a.name for a in found)),
                    engine,
                )
            )
        progress(r + 1, len(menu.rows))
    return tuple(out)


def _beside(menu: Menu, row: int, option: int) -> list[int]:
    """Return the options of a row with the next lower and the next higher threshold or cap."""
    first, last = int(menu.first[row]), int(menu.first[row + 1])
    at = np.array([o.parameters.threshold_bps + o.cap_tokens for o in menu.options[first:last]])
    here = at[option - first]
    wanted = (at[at < here].max(initial=-1), at[at > here].min(initial=2**62))
    hits = [np.flatnonzero(at == value) for value in wanted]
    return [first + int(hit[-1]) for hit in hits if len(hit)]
