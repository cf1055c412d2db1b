"""The plan: dated stages from what is in force to what was chosen, each within governance's own bounds.

No stage may worsen a limit that is broken or break one that is kept; nothing more can be asked where
today breaks one already.  LTVs that fall come first (nobody is liquidated by it, and new leverage
stops), LTVs that rise come last.  The plan is solved again at each stage with the book of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from protocols.change_rules import ChangeRule
from protocols.snapshot import Snapshot
from risk.engine.arrays import IntArray
from risk.proposal.changes import Change
from risk.solver.evaluate import Amount, Setting, amounts
from risk.solver.menu import Menu, Option, Row
from risk.solver.parameters import Parameters
from risk.solver.recommendation import Label, Recommendation, stage

ORDER = {"ltv": 0, "liquidation_threshold": 1, "liquidation_bonus": 2}


@dataclass(frozen=True, eq=False)
class Stage:
    """What is set at one time.

    Parameters
    ----------
    not_before_s : int
        Unix time.
    changes : tuple of Change
        In the order they are sent; ``before`` is what the stage before left.
    amounts : tuple of Amount
        With everything up to this stage in force.
    worsened : tuple of Amount
        Limits this stage breaks, or breaks further.
    """

    not_before_s: int
    changes: tuple[Change, ...]
    amounts: tuple[Amount, ...]
    worsened: tuple[Amount, ...]


def recommendations(snapshot: Snapshot, changes: Sequence[Change], reason: str) -> tuple[Recommendation, ...]:
    """Return one dated recommendation a change.

    Raises
    ------
    InputError
        If a rule of the market allows no step towards a value.
    """
    return tuple(
        Recommendation(
            parameter=_parameter(change),
            subject=change.subject,
            old=change.before,
            new=change.after,
            unit=change.field.unit.value,
            binding_limit=reason,
            schedule=stage(
                change.before, change.after, rule_of(snapshot, change), snapshot.block.timestamp_s
            ),
            label=Label.PROPOSAL,
        )
        for change in changes
    )


def rule_of(snapshot: Snapshot, change: Change) -> ChangeRule | None:
    """Return what bounds a change, None if nothing does."""
    holder = (
        str(snapshot.emodes[change.place].id) if change.is_emode else snapshot.reserves[change.place].asset
    )
    return snapshot.change_rules.of(_parameter(change), holder)


def stages(
    setting: Setting, chosen: IntArray, progress: Callable[[int, int], None] | None = None
) -> tuple[Stage, ...]:
    """Return the dated stages of a choice, each judged with all limits by sweep and integers.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    progress : callable (done, total), optional
    """
    changes = setting.menu.changes(chosen)
    planned = recommendations(setting.snapshot, changes, "")
    times = sorted({step.not_before_s for r in planned for step in r.schedule})
    out: list[Stage] = []
    in_force = [c.before for c in changes]
    before = amounts(setting, setting.menu.current, realised=False)
    for count, time_s in enumerate(times):
        steps = []
        for k, (change, plan) in enumerate(zip(changes, planned, strict=True)):
            value = next((s.value for s in plan.schedule if s.not_before_s == time_s), None)
            if value is not None:
                steps.append(replace(change, before=in_force[k], after=value))
                in_force[k] = value
        steps.sort(key=_order)
        here = _at(setting, chosen, changes, in_force)
        worsened = tuple(b for a, b in zip(before, here, strict=True) if not b.kept and _more(b, a))
        out.append(Stage(time_s, tuple(steps), here, worsened))
        before = here
        if progress is not None:
            progress(count + 1, len(times))
    return tuple(out)


def _more(after: Amount, before: Amount) -> bool:
    return after.value > before.value + 1e-9 * max(1.0, abs(before.value))


def _order(change: Change) -> tuple[int, str]:
    rises = change.after > change.before
    first = ORDER[change.field.name]
    return (3 if first == 0 and rises else first, change.name)


def _at(
    setting: Setting, chosen: IntArray, changes: Sequence[Change], values: Sequence[int]
) -> tuple[Amount, ...]:
    """Return the amounts with some values in force: a menu of two options a row, now and then."""
    wanted = {(c.is_emode, c.place, c.field.name): v for c, v in zip(changes, values, strict=True)}
    places = chosen - setting.menu.first[:-1]
    rows = tuple(
        _row(row, row.options[int(k)], wanted) for row, k in zip(setting.menu.rows, places, strict=True)
    )
    menu = Menu(rows)
    return amounts(replace(setting, menu=menu), menu.first[:-1] + 1, realised=False)


def _row(row: Row, option: Option, wanted: dict[tuple[bool, int, str], int]) -> Row:
    now = row.options[row.current]
    fields = {"ltv": "ltv_bps", "liquidation_threshold": "threshold_bps", "liquidation_bonus": "bonus_bps"}
    values = {
        attribute: wanted.get((row.is_emode, row.place, name), getattr(now.parameters, attribute))
        for name, attribute in fields.items()
    }
    # Rules without scenarios are judged at the end of the plan; on the way the values lie between.
    broken = option.broken | now.broken
    return replace(row, options=(now, Option(Parameters(**values), broken)), current=0)


def _parameter(change: Change) -> str:
    return ("emode_" if change.is_emode else "") + change.field.attribute


def dates(plan: Sequence[Stage]) -> tuple[str, ...]:
    """Return the day of each stage, ISO."""
    return tuple(str(np.datetime64(s.not_before_s, "s").astype("datetime64[D]")) for s in plan)
