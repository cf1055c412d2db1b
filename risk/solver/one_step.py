"""One step further: what moving one parameter by some basis points would change, judged again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from risk.engine.arrays import IntArray
from risk.solver.evaluate import Amount, Setting, amounts, broken
from risk.solver.menu import Menu, Option, Row, rules_broken
from risk.solver.objectives import value
from risk.solver.parameters import Parameters

STEPS_BPS = (-50, -25, 25, 50)
# A parameter as proposals write it, and where `Parameters` has it.
FIELD = {"ltv": "ltv_bps", "liquidation_threshold": "threshold_bps", "liquidation_bonus": "bonus_bps"}
# What bounds its distance from what is in force.
BOX = {
    "ltv": "box.ltv_bps",
    "liquidation_threshold": "box.threshold_bps",
    "liquidation_bonus": "box.bonus_bps",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step adds to one amount, in the amount's own unit.

    Parameters
    ----------
    name, model : str
        As in `Amount`.
    change : float
    """

    name: str
    model: str
    change: float


@dataclass(frozen=True, slots=True)
class Step:
    """One parameter moved, everything else as recommended.

    Parameters
    ----------
    by_bps : int
    gain : float
        Of the first objective, against the recommendation.
    costs : tuple of Cost
        Of every amount that the sweep, exact integers or a closed form tells.
    breaks : tuple of str
        Limits that it breaks and the recommendation keeps, the box among them.
    """

    by_bps: int
    gain: float
    costs: tuple[Cost, ...]
    breaks: tuple[str, ...]


def chosen_of(setting: Setting, chosen: IntArray, row: int) -> Parameters:
    """Return what a choice sets a row to."""
    return setting.menu.options[int(chosen[row])].parameters


def beside(setting: Setting, chosen: IntArray, row: int, to: Parameters) -> tuple[Setting, IntArray]:
    """Return the setting and the choice with one row at parameters that need not be on the menu."""
    menu = setting.menu
    rows = []
    for r, old in enumerate(menu.rows):
        option = menu.options[int(chosen[r])]
        if r == row:
            option = Option(to, rules_broken(setting.snapshot, setting.limits, old, to))
        rows.append(_two(old, option))
    moved = Menu(tuple(rows))
    return replace(setting, menu=moved, known=None), moved.first[:-1] + 1


def step(
    setting: Setting,
    chosen: IntArray,
    row: int,
    field: str,
    by_bps: int,
    here: Sequence[Amount],
    worth: float,
) -> Step | None:
    """Return what moving one parameter does, None where that is no setting at all.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    row : int
    field : str
        Key of `FIELD`.
    by_bps : int
    here : sequence of Amount
        Of the choice, without the engine.
    worth : float
        Of the choice, by the first objective.
    """
    before = chosen_of(setting, chosen, row)
    now = int(getattr(before, FIELD[field]))
    least = 10_000 if field == "liquidation_bonus" else 0
    if now <= least or now + by_bps <= least:  # not in use, or would no longer be
        return None
    moved, option = beside(setting, chosen, row, replace(before, **{FIELD[field]: now + by_bps}))
    found = amounts(moved, option, realised=False)
    was = {(a.name, a.model): a for a in here}
    costs = tuple(Cost(a.name, a.model, a.value - was[a.name, a.model].value) for a in found)
    already = {a.name for a in broken(here)}
    breaks = dict.fromkeys(a.name for a in broken(found) if a.name not in already)
    in_force = setting.menu.rows[row].options[setting.menu.rows[row].current].parameters
    if abs(now + by_bps - int(getattr(in_force, FIELD[field]))) > setting.limits[BOX[field]]:
        breaks[BOX[field]] = None
    return Step(by_bps, value(moved, setting.limits.objective, option) - worth, costs, tuple(breaks))


def _two(row: Row, option: Option) -> Row:
    """Return a row of two options: what is in force, and one other."""
    return replace(row, options=(row.options[row.current], option), current=0)
