"""Why each parameter is where it is: what binds, whom it protects, what a step costs, how long it holds.

Everything here is judged again with the parameter moved, all else as recommended: no duals, which say
nothing of a choice from a menu.  Steps are judged as the recommendation was, by the sweep, exact integers,
closed forms and, where it ran there, the engine; whom a parameter protects and the band of prices are the
sweep's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from risk.engine.arrays import FloatArray, IntArray
from risk.proposal.changes import FIELDS, Change
from risk.solver.cap_options import CAPS
from risk.solver.evaluate import Amount, Setting, amounts, together
from risk.solver.floods import Flooded, flooded
from risk.solver.menu import Row, Rule
from risk.solver.objectives import value
from risk.solver.one_step import Step, beside, further, sizes, step, values_of
from risk.solver.pins import BOX
from risk.solver.price_band import ALL, Band, band, volatile
from risk.solver.protects import Protected, harm, protected

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
        Of `one_step.sizes`, without those that are no setting.
    protects : tuple of Protected
        Of the longest step down and up, without those that cost nothing; of a cap none.
    floods : tuple of Flooded
        The same of a cap; of all else none.
    band : Band or None
        Of the row's own prices; None where they follow a currency.
    """

    parameter: Change
    binding: tuple[str, ...]
    steps: tuple[Step, ...]
    protects: tuple[Protected, ...]
    floods: tuple[Flooded, ...]
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
    setting: Setting,
    chosen: IntArray,
    progress: Callable[[int, int], None] | None = None,
    *,
    realised: bool = True,
) -> Explained:
    """Return why a choice is as it is.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    progress : callable (done, total), optional
        Called after each row.
    realised : bool
        Whether the engine judges steps too, by far the longest part: up to two of each threshold and bonus,
        four of those that change.
    """
    looked = _Looked(setting, chosen, amounts(setting, chosen, realised=realised))
    moving = set(volatile(setting.snapshot).tolist())
    bands: dict[tuple[int, ...], Band] = {}
    out: list[Explanation] = []
    rows = setting.menu.rows
    for r, row in enumerate(rows):
        for change, steps in _stepped(looked, r):
            if moving & set(row.members) and row.members not in bands:
                bands[row.members] = band(setting, chosen, row.subject, row.members)
            cap = row.kind in CAPS
            out.append(
                Explanation(
                    change,
                    binding(steps),
                    steps,
                    () if cap else _protects(looked, r, change, steps),
                    _floods(looked, r, change, steps) if cap else (),
                    bands.get(row.members),
                )
            )
        if progress is not None:
            progress(r + 1, len(rows) + 1)
    whole = band(setting, chosen, ALL, sorted(moving))
    if progress is not None:
        progress(len(rows) + 1, len(rows) + 1)
    return Explained(tuple(out), whole)


@dataclass(frozen=True, eq=False)
class _Looked:
    """The choice that is explained, and what it amounts to."""

    setting: Setting
    chosen: IntArray
    here: tuple[Amount, ...]

    @cached_property
    def worth(self) -> float:
        return value(self.setting, self.setting.limits.objective, self.chosen)

    @cached_property
    def relever(self) -> float:
        return max(self.setting.limits.relever)

    @cached_property
    def harm_usd(self) -> FloatArray:
        return harm(together(self.setting, self.chosen, self.relever))

    def steps(self, r: int, name: str, by: Sequence[int]) -> tuple[Step, ...]:
        tried = (step(self.setting, self.chosen, r, name, k, self.here, self.worth) for k in by)
        return tuple(s for s in tried if s is not None)

    def beside(self, r: int, name: str, by: int) -> tuple[Setting, IntArray]:
        to = further(self.setting, self.chosen, r, name, by)
        assert to is not None
        return beside(self.setting, self.chosen, r, to)


def binding(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the limits that the shortest breaking step breaks."""
    for size in sorted({abs(s.by) for s in steps}):
        found = [name for s in steps if abs(s.by) == size for name in s.breaks if name != REFUSED]
        if found:
            return tuple(dict.fromkeys(found))
    return ()


def _stepped(looked: _Looked, r: int) -> list[tuple[Change, tuple[Step, ...]]]:
    """Return the parameters of a row that change or bind, with their steps."""
    row, out = looked.setting.menu.rows[r], []
    for change in _changes(looked, r, row):
        changed, name = change.before != change.after, change.field.name
        if not changed and row.subject in looked.setting.limits.keep:
            continue
        every = sizes(looked.setting, r, name)
        short = tuple(by for by in every if abs(by) == min(map(abs, every)))
        # The longer steps of what stays are judged only where the shorter ones bind.
        steps = looked.steps(r, name, every if changed else short)
        # A box that holds what is in force alone is no reason for anything.
        if not changed and not set(binding(steps)) - set(BOX.values()):
            continue
        if not changed:
            steps += looked.steps(r, name, [by for by in every if by not in short])
        out.append((change, tuple(sorted(steps, key=lambda s: s.by))))
    return out


def _changes(looked: _Looked, r: int, row: Row) -> tuple[Change, ...]:
    """Return what a choice sets of a row, changed or not."""
    before, after = row.values(row.current), values_of(looked.setting, looked.chosen, r)
    return tuple(
        Change(row.subject, row.place, row.is_emode, FIELDS[name], before[name], after[name])
        for name in before
    )


def _protects(looked: _Looked, r: int, change: Change, steps: Sequence[Step]) -> tuple[Protected, ...]:
    out = []
    for by in _longest(looked, r, change, steps):
        moved = looked.beside(r, change.field.name, by)
        whom = protected(looked.setting, looked.chosen, moved, looked.harm_usd, looked.relever, by)
        if whom.scenarios:
            out.append(whom)
    return tuple(out)


def _floods(looked: _Looked, r: int, change: Change, steps: Sequence[Step]) -> tuple[Flooded, ...]:
    out = []
    for by in _longest(looked, r, change, steps):
        moved = looked.beside(r, change.field.name, by)
        whom = flooded(looked.setting, looked.chosen, moved, by)
        if whom.floods:
            out.append(whom)
    return tuple(out)


def _longest(looked: _Looked, r: int, change: Change, steps: Sequence[Step]) -> list[int]:
    """Return the longest step down and up, of those that are a setting."""
    every = sizes(looked.setting, r, change.field.name)
    return [by for by in (min(every), max(every)) if by in {s.by for s in steps}]
