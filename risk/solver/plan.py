"""The plan: dated stages from what is in force to what was chosen, each within governance's own bounds.

No stage may worsen a limit that is broken or break one that is kept; nothing more can be asked where today
breaks one already.  No stage may leave a row as the configurator refuses it either: an LTV above the
threshold, threshold times bonus above 100 %; nor a new position or a call on it worse off than before,
where that is limited.  So the steps that are due are tried together, and where that would do so, kind by
kind: caps and LTVs that fall (nobody is liquidated by it, and new leverage stops),
thresholds that rise, bonuses, thresholds that fall, LTVs and caps that rise last.  What is refused waits.
A threshold falls only after the notice period, and after the LTV of its row has begun to, so that borrowers
can adapt.  Only where everything waits is it sent all the same, and the stage says what it worsens.  The
plan is to be solved again at each stage with the book of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from abis.units import percent_mul_half_up
from protocols.change_rules import ChangeRule
from protocols.snapshot import Snapshot
from risk.engine.arrays import IntArray
from risk.proposal.changes import Change
from risk.solver.cap_options import Kind
from risk.solver.evaluate import Amount, Setting, amounts
from risk.solver.limits import Limits
from risk.solver.menu import BPS, Menu, Option, Row, Rule
from risk.solver.parameters import Parameters
from risk.solver.recommendation import Label, Recommendation, largest_step, stage
from risk.solver.returns import DAY_S

# Kinds of steps in the order they are tried: (parameter, rises).
KINDS = (
    ("supply_cap", False),
    ("borrow_cap", False),
    ("ltv", False),
    ("liquidation_threshold", True),
    ("liquidation_bonus", False),
    ("liquidation_bonus", True),
    ("liquidation_threshold", False),
    ("ltv", True),
    ("borrow_cap", True),
    ("supply_cap", True),
)
# Field of a change -> attribute of `Parameters`.
ATTRIBUTES = {"ltv": "ltv_bps", "liquidation_threshold": "threshold_bps", "liquidation_bonus": "bonus_bps"}
WAIT_S = 3 * 86_400  # between two tries of what nothing else delays


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
    moves = [_Move(c, rule_of(setting.snapshot, c), c.before, _first_s(setting.snapshot, c)) for c in changes]
    _give_notice(moves, setting)
    total = sum(len(r.schedule) for r in recommendations(setting.snapshot, changes, ""))
    out: list[Stage] = []
    waiting: list[_Move] = []  # refused since anything was sent
    before = amounts(setting, setting.menu.current, realised=False)
    while unfinished := [m for m in moves if m.value != m.change.after]:
        now_s = min(m.due_s for m in unfinished)
        due = [m for m in unfinished if m.due_s <= now_s]
        sent, here = _admitted(setting, chosen, moves, due, before)
        waiting = [] if sent else [*waiting, *(m for m in due if m not in waiting)]
        if len(waiting) == len(unfinished):
            waiting = []  # everything waits for everything
            sent = _legal_part(setting, moves, due)
            here = _at(setting, chosen, moves, sent)
        if sent:
            sent.sort(key=lambda m: (KINDS.index(m.kind), m.change.name))
            steps = tuple(replace(m.change, before=m.value, after=m.next) for m in sent)
            out.append(Stage(now_s, steps, here, worse(before, here)))
            before = here
        for move in due:
            if move in sent:
                move.value = move.next
            move.due_s = now_s + move.delay_s
        if progress is not None:
            progress(sum(len(s.changes) for s in out), total)
    return tuple(out)


@dataclass(eq=False)
class _Move:
    """One parameter on its way: where it is and when it may go on."""

    change: Change
    rule: ChangeRule | None
    value: int
    due_s: int

    @property
    def kind(self) -> tuple[str, bool]:
        return self.change.field.name, self.change.after > self.change.before

    @property
    def row(self) -> tuple[bool, int]:
        return self.change.is_emode, self.change.place

    @property
    def key(self) -> tuple[bool, int, str]:
        return *self.row, self.change.field.name

    @property
    def delay_s(self) -> int:
        """Return the seconds between two steps."""
        return WAIT_S if self.rule is None else max(self.rule.min_delay_s, 1)

    @property
    def next(self) -> int:
        way = self.change.after - self.value
        reach = abs(way) if self.rule is None else min(abs(way), largest_step(self.value, self.rule))
        return self.value + (reach if way > 0 else -reach)


def _first_s(snapshot: Snapshot, change: Change) -> int:
    rule = rule_of(snapshot, change)
    last = None if rule is None else rule.last_change_s
    now_s = snapshot.block.timestamp_s
    return now_s if rule is None or last is None else max(now_s, last + rule.min_delay_s)


def _admitted(
    setting: Setting, chosen: IntArray, moves: Sequence[_Move], due: list[_Move], before: tuple[Amount, ...]
) -> tuple[list[_Move], tuple[Amount, ...]]:
    """Return the due moves that together worsen nothing, and the amounts with them."""
    if _legal(setting, moves, due):
        here = _at(setting, chosen, moves, due)
        if not worse(before, here):
            return list(due), here
    sent: list[_Move] = []
    kept = before
    for kind in KINDS:
        trial = _joined(setting, moves, due, sent, kind)
        if len(trial) > len(sent):
            here = _at(setting, chosen, moves, trial)
            if not worse(kept, here):
                sent, kept = trial, here
    return sent, kept


def _give_notice(moves: Sequence[_Move], setting: Setting) -> None:
    """Put off the first step of thresholds that fall: by the notice, and behind their row's LTV."""
    notice_s = int(setting.limits["plan.notice_days"] * DAY_S)
    ltv_s = {m.row: m.due_s + m.delay_s for m in moves if m.kind == ("ltv", False)}
    for move in moves:
        if move.kind == ("liquidation_threshold", False):
            published_s = setting.snapshot.block.timestamp_s + notice_s
            move.due_s = max(move.due_s, published_s, ltv_s.get(move.row, 0))


def _legal_part(setting: Setting, moves: Sequence[_Move], due: Sequence[_Move]) -> list[_Move]:
    """Return what of the due moves the configurator accepts, kind by kind; all where it accepts none."""
    sent: list[_Move] = []
    for kind in KINDS:
        sent = _joined(setting, moves, due, sent, kind)
    return sent or list(due)


def _joined(
    setting: Setting,
    moves: Sequence[_Move],
    due: Sequence[_Move],
    sent: Sequence[_Move],
    kind: tuple[str, bool],
) -> list[_Move]:
    """Return the moves sent, and those of a kind that are legal beside them: rows do not touch each other."""
    fit = (m for m in due if m.kind == kind and _legal(setting, moves, [*sent, m]))
    return [*sent, *fit]


def _legal(setting: Setting, moves: Sequence[_Move], sent: Sequence[_Move]) -> bool:
    """Tell whether every row the moves leave is one the configurator accepts, and no limit on rows refuses.

    A row refused as it is today may stay so, but not become worse.
    """
    before = {m.key: m.value for m in moves}
    after = before | {m.key: m.next for m in sent}
    end = {m.key: m.change.after for m in moves}
    for row in setting.menu.rows:
        if row.kind is not Kind.COLLATERAL:
            continue
        old, new = _between(row, before), _between(row, after)
        if new == old:
            continue
        if not (
            _accepted(setting.snapshot, new) and _no_worse(setting.limits, row, old, new, _between(row, end))
        ):
            return False
    return True


def _accepted(snapshot: Snapshot, p: Parameters) -> bool:
    """Tell whether the configurator accepts LTV, threshold and bonus."""
    most = snapshot.change_rules.max_threshold_times_bonus_bps
    return p.ltv_bps <= p.threshold_bps and percent_mul_half_up(p.threshold_bps, p.bonus_bps) <= most


def _no_worse(limits: Limits, row: Row, old: Parameters, new: Parameters, end: Parameters) -> bool:
    """Tell whether a step neither breaks a limit on its row nor breaks it further.

    Both ends of the way may keep what lies between does not: an LTV that runs ahead of its threshold lets
    a new position start closer to it than before and after.
    """
    if limits["new_position.probability"] < 1:
        ends = (row.options[row.current], *(o for o in row.options if o.parameters == end))
        safe = [o.parameters for o in ends if Rule.NEW_POSITION not in o.broken]
        if _closeness(new) > max(map(_closeness, [old, *safe])):
            return False
    most = limits["toxicity.max_threshold_times_bonus"] * BPS**2
    return new.threshold_bps * new.bonus_bps <= max(most, old.threshold_bps * old.bonus_bps)


def _closeness(p: Parameters) -> Fraction:
    """Return how close a position at maximal LTV is to its liquidation."""
    return Fraction(p.ltv_bps, p.threshold_bps)


def worse(before: Sequence[Amount], after: Sequence[Amount]) -> tuple[Amount, ...]:
    """Return the limits broken after and not before, or further than before."""
    return tuple(b for a, b in zip(before, after, strict=True) if not b.kept and _more(b, a))


def _more(after: Amount, before: Amount) -> bool:
    return after.value > before.value + 1e-9 * max(1.0, abs(before.value))


def _at(
    setting: Setting, chosen: IntArray, moves: Sequence[_Move], sent: Sequence[_Move]
) -> tuple[Amount, ...]:
    """Return the amounts after some moves: a menu of two options a row, now and then."""
    wanted = {m.key: m.next if m in sent else m.value for m in moves}
    places = chosen - setting.menu.first[:-1]
    rows = tuple(
        _row(row, row.options[int(k)], wanted) for row, k in zip(setting.menu.rows, places, strict=True)
    )
    menu = Menu(rows)
    return amounts(replace(setting, menu=menu), menu.first[:-1] + 1, realised=False)


def _row(row: Row, option: Option, wanted: Mapping[tuple[bool, int, str], int]) -> Row:
    now = row.options[row.current]
    if row.kind is not Kind.COLLATERAL:
        cap = wanted.get((row.is_emode, row.place, row.kind.value), now.cap_tokens)
        return replace(row, options=(now, replace(now, cap_tokens=cap)), current=0)
    # Rules without scenarios are judged at the end of the plan; on the way no step is sent that worsens one.
    broken = option.broken | now.broken
    return replace(row, options=(now, Option(_between(row, wanted), broken)), current=0)


def _between(row: Row, wanted: Mapping[tuple[bool, int, str], int]) -> Parameters:
    """Return a row on its way: what is wanted, else what is in force."""
    now = row.options[row.current].parameters
    values = {
        attribute: wanted.get((row.is_emode, row.place, name), getattr(now, attribute))
        for name, attribute in ATTRIBUTES.items()
    }
    return Parameters(**values)


def _parameter(change: Change) -> str:
    return ("emode_" if change.is_emode else "") + change.field.attribute


def dates(plan: Sequence[Stage]) -> tuple[str, ...]:
    """Return the day of each stage, ISO."""
    return tuple(str(np.datetime64(s.not_before_s, "s").astype("datetime64[D]")) for s in plan)
