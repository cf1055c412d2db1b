"""Why each parameter is where it is: what binds, whom it protects, what a step costs, how long it holds.

Everything here is judged again with the parameter moved, all else as recommended: no duals, which say
nothing of a choice from a menu.  The engine is not run: amounts are those of the sweep, of exact integers
and of closed forms, and what only the engine would find is not found here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from risk.engine.arrays import FloatArray, IntArray
from risk.proposal.changes import FIELDS, Change
from risk.solver.evaluate import Amount, Setting, amounts, together
from risk.solver.menu import Row, Rule
from risk.solver.objectives import value
from risk.solver.one_step import BOX, FIELD, STEPS_BPS, Step, beside, chosen_of, step
from risk.solver.price_band import ALL, Band, band, volatile
from risk.solver.protects import Protected, harm, protected

SHORT_BPS = tuple(by for by in STEPS_BPS if abs(by) == min(map(abs, STEPS_BPS)))
# Of a parameter, what is no reason to leave it: settings the chain refuses whatever is tolerated.
REFUSED = f"rows against {Rule.VALIDATION.value}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One parameter that changes, or whose next step breaks a limit.

    Parameters
    ----------
    parameter : Change
        From what is in force to what is recommended; both the same where it only binds.
    binding : tuple of str
        Limits that the shortest step which breaks any breaks, either way.
    steps : tuple of Step
        Of `STEPS_BPS`, without those that are no setting.
    protects : tuple of Protected
        Of the longest step down and up, without those that cost nothing.
    band : Band or None
        Of the row's own prices; None where they follow a currency.
    """

    parameter: Change
    binding: tuple[str, ...]
    steps: tuple[Step, ...]
    protects: tuple[Protected, ...]
    band: Band | None

    @property
    def changed(self) -> bool:
        """Tell whether it is a change."""
        return self.parameter.before != self.parameter.after


@dataclass(frozen=True, slots=True)
class Explained:
    """All parameters, and the band in which the advice as a whole stands."""

    parameters: tuple[Explanation, ...]
    band: Band


def explain(
    setting: Setting, chosen: IntArray, progress: Callable[[int, int], None] | None = None
) -> Explained:
    """Return why a choice is as it is.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    progress : callable (done, total), optional
        Called after each row.
    """
    here = amounts(setting, chosen, realised=False)
    worth = value(setting, setting.limits.objective, chosen)
    relever = max(setting.limits.relever)
    here_usd = harm(together(setting, chosen, relever))
    moving = set(volatile(setting.snapshot).tolist())
    out: list[Explanation] = []
    rows = setting.menu.rows
    for r, row in enumerate(rows):
        own: Band | None = None
        for change, steps in _stepped(setting, chosen, r, here, worth):
            if own is None and moving & set(row.members):
                own = band(setting, chosen, row.subject, row.members)
            whom = _protects(setting, chosen, r, change, steps, here_usd, relever)
            out.append(Explanation(change, binding(steps), steps, whom, own))
        if progress is not None:
            progress(r + 1, len(rows) + 1)
    whole = band(setting, chosen, ALL, sorted(moving))
    if progress is not None:
        progress(len(rows) + 1, len(rows) + 1)
    return Explained(tuple(out), whole)


def binding(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the limits that the shortest breaking step breaks."""
    for size in sorted({abs(s.by_bps) for s in steps}):
        found = [name for s in steps if abs(s.by_bps) == size for name in s.breaks if name != REFUSED]
        if found:
            return tuple(dict.fromkeys(found))
    return ()


def _stepped(
    setting: Setting, chosen: IntArray, r: int, here: Sequence[Amount], worth: float
) -> list[tuple[Change, tuple[Step, ...]]]:
    """Return the parameters of a row that change or bind, with their steps."""
    row, out = setting.menu.rows[r], []
    for name in FIELD:
        change = _change(setting, chosen, r, row, name)
        changed = change.before != change.after
        if not changed and row.subject in setting.limits.keep:
            continue
        # The longer steps of what stays are judged only where the shorter ones bind.
        steps = _steps(setting, chosen, r, name, here, worth, STEPS_BPS if changed else SHORT_BPS)
        # A box that holds what is in force alone is no reason for anything.
        if not changed and not set(binding(steps)) - set(BOX.values()):
            continue
        if not changed:
            longer = tuple(by for by in STEPS_BPS if by not in SHORT_BPS)
            steps += _steps(setting, chosen, r, name, here, worth, longer)
        out.append((change, tuple(sorted(steps, key=lambda s: s.by_bps))))
    return out


def _steps(
    setting: Setting,
    chosen: IntArray,
    r: int,
    name: str,
    here: Sequence[Amount],
    worth: float,
    sizes: Sequence[int],
) -> tuple[Step, ...]:
    tried = (step(setting, chosen, r, name, by, here, worth) for by in sizes)
    return tuple(s for s in tried if s is not None)


def _change(setting: Setting, chosen: IntArray, r: int, row: Row, name: str) -> Change:
    before = row.options[row.current].parameters
    after = chosen_of(setting, chosen, r)
    old, new = (int(getattr(p, FIELD[name])) for p in (before, after))
    return Change(row.subject, row.place, row.is_emode, FIELDS[name], old, new)


def _protects(
    setting: Setting,
    chosen: IntArray,
    r: int,
    change: Change,
    steps: Sequence[Step],
    here_usd: FloatArray,
    relever: float,
) -> tuple[Protected, ...]:
    out = []
    tried = {s.by_bps for s in steps}
    for by in (min(STEPS_BPS), max(STEPS_BPS)):
        if by not in tried:
            continue
        to = replace(chosen_of(setting, chosen, r), **{FIELD[change.field.name]: change.after + by})
        whom = protected(setting, chosen, beside(setting, chosen, r, to), here_usd, relever, by)
        if whom.scenarios:
            out.append(whom)
    return tuple(out)
