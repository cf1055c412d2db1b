"""One step further: what moving one parameter a little would change, judged again.

LTV, threshold and bonus move by `STEPS_BPS`, caps by the distance of their candidates and twice that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from risk.engine.arrays import IntArray
from risk.solver.cap_options import CAPS, MOST_TOKENS, cap_tokens, used_tokens
from risk.solver.evaluate import Amount, Setting, amounts, broken
from risk.solver.menu import Menu, Option, Row, Rule, rules_broken
from risk.solver.objectives import value
from risk.solver.parameters import Parameters
from risk.solver.pins import BOX, pins_of
from risk.solver.realised import ENGINE

STEPS_BPS = (-50, -25, 25, 50)
# A parameter as proposals write it, and where `Parameters` has it.
FIELD = {"ltv": "ltv_bps", "liquidation_threshold": "threshold_bps", "liquidation_bonus": "bonus_bps"}
# What calls and sales depend on; the engine knows neither LTV nor caps.
CALLED_BY = ("liquidation_threshold", "liquidation_bonus")


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
    by : int
        In the parameter's own unit: bps, or whole tokens.
    gain : float
        Of the first objective, against the recommendation.
    costs : tuple of Cost
        Of every amount that was judged.
    breaks : tuple of str
        Limits that it breaks and the recommendation keeps, the box among them.
    engine : bool
        Whether the engine judged it too: it does where it judged the recommendation and the step is legal.
    candidate : bool
        Whether it is on the menu.
    """

    by: int
    gain: float
    costs: tuple[Cost, ...]
    breaks: tuple[str, ...]
    engine: bool
    candidate: bool


def chosen_of(setting: Setting, chosen: IntArray, row: int) -> Parameters:
    """Return what a choice sets a row to."""
    return setting.menu.options[int(chosen[row])].parameters


def values_of(setting: Setting, chosen: IntArray, row: int) -> dict[str, int]:
    """Return what a choice sets a row to, by the name of the field."""
    return setting.menu.rows[row].values(int(chosen[row] - setting.menu.first[row]))


def sizes(setting: Setting, row: int, field: str) -> tuple[int, ...]:
    """Return the steps of a parameter, in its own unit, ascending."""
    if field in FIELD:
        return STEPS_BPS
    own = setting.menu.rows[row]
    now = own.values(own.current)[field]
    one = max(1, int(now * setting.limits[f"box.{field}_step_pct"] // 100))
    return (-2 * one, -one, one, 2 * one)


def further(setting: Setting, chosen: IntArray, row: int, field: str, by: int) -> Option | None:
    """Return the setting of a row with one parameter moved, None where that is no setting at all.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    row : int
    field : str
        Key of `BOX`.
    by : int
    """
    own = setting.menu.rows[row]
    option = setting.menu.options[int(chosen[row])]
    now = values_of(setting, chosen, row)[field]
    if own.kind in CAPS:
        least = max(used_tokens(setting.snapshot.reserves[own.place], own.kind), 1)
        if not now or not least <= now + by <= MOST_TOKENS:
            return None
        moved = replace(option, cap_tokens=now + by, broken=frozenset())
    else:
        least = 10_000 if field == "liquidation_bonus" else 0
        if now <= least or now + by <= least:  # not in use, or would no longer be
            return None
        to = replace(option.parameters, **{FIELD[field]: now + by})
        moved = Option(to, rules_broken(setting.snapshot, setting.limits, own, to))
    pinned = pins_of(setting.snapshot, setting.limits).of(own.is_emode, own.place)
    if pinned.get(field, now + by) != now + by:
        moved = replace(moved, broken=moved.broken | {Rule.PIN})
    return moved


def beside(setting: Setting, chosen: IntArray, row: int, to: Option) -> tuple[Setting, IntArray]:
    """Return the setting and the choice with one row at a setting that need not be on the menu."""
    menu = setting.menu
    options = (to if r == row else menu.options[int(k)] for r, k in enumerate(chosen))
    moved = Menu(tuple(_two(old, option) for old, option in zip(menu.rows, options, strict=True)))
    return replace(setting, menu=moved), moved.first[:-1] + 1


def step(
    setting: Setting,
    chosen: IntArray,
    row: int,
    field: str,
    by: int,
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
        Key of `BOX`.
    by : int
        In the parameter's own unit.
    here : sequence of Amount
        Of the choice; with the engine's, if steps are to be judged by it too.
    worth : float
        Of the choice, by the first objective.
    """
    to = further(setting, chosen, row, field, by)
    if to is None:
        return None
    moved, option = beside(setting, chosen, row, to)
    found = _amounts(moved, option, field, here, legal=Rule.VALIDATION not in to.broken)
    was = {(a.name, a.model): a for a in here}
    costs = tuple(Cost(a.name, a.model, a.value - was[a.name, a.model].value) for a in found)
    already = {a.name for a in broken(here)}
    breaks = dict.fromkeys(a.name for a in broken(found) if a.name not in already)
    own = setting.menu.rows[row]
    if _outside(setting, own, field, values_of(setting, chosen, row)[field] + by):
        breaks[BOX[field]] = None
    return Step(
        by,
        value(moved, setting.limits.objective, option) - worth,
        costs,
        tuple(breaks),
        engine=any(a.model == ENGINE for a in found),
        candidate=(to.parameters, to.cap_tokens) in {(o.parameters, o.cap_tokens) for o in own.options},
    )


def _amounts(
    moved: Setting, option: IntArray, field: str, here: Sequence[Amount], *, legal: bool
) -> tuple[Amount, ...]:
    """Return the amounts of a step, by the engine where it judged what the step is taken from.

    Its amounts stay where it does not know what moved; what the configurator refuses it is not asked.
    """
    engine = tuple(a for a in here if a.model == ENGINE)
    if engine and legal and field in CALLED_BY:
        return amounts(moved, option)
    kept = engine if legal else ()
    return (*kept, *amounts(moved, option, realised=False))


def _outside(setting: Setting, row: Row, field: str, to: int) -> bool:
    """Tell whether a value lies outside the box around what is in force."""
    reach = setting.limits[BOX[field]]
    if row.kind in CAPS:
        now = cap_tokens(setting.snapshot.reserves[row.place], row.kind)
        return abs(to - now) * 100 > reach * now
    return abs(to - row.values(row.current)[field]) > reach


def _two(row: Row, option: Option) -> Row:
    """Return a row of two options: what is in force, and one other."""
    return replace(row, options=(row.options[row.current], option), current=0)
