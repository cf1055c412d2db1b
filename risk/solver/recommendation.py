"""`Recommendation`: one parameter, from old to new, and the dates governance can get there.

A schedule obeys the market's `ChangeRules`: every step stays on the grid and within the
bound on one update, and updates of one parameter keep their delay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from abis.errors import InputError
from protocols.change_rules import ChangeRule, StepKind

MAX_STEPS = 10_000


class Label(StrEnum):
    """How far a recommendation may be trusted."""

    DIAGNOSTIC = "diagnostic"  # what a formula asks for; no limit was checked
    PROPOSAL = "proposal"  # solved for, with every limit evaluated


@dataclass(frozen=True, slots=True)
class Step:
    """One update: the value it sets and the earliest unix time it can be made."""

    value: int
    not_before_s: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One change.

    Parameters
    ----------
    parameter : str
        As in `ChangeRule.parameter`, ``liquidation_threshold_bps``.
    subject : str
        Asset name or e-mode label.  Untrusted text.
    old, new : int
        In ``unit``.
    unit : str
        ``bps`` or ``tokens``.
    binding_limit : str
        What keeps it from being better.
    schedule : tuple of Step
        Empty if nothing changes.
    label : Label
    certificate : mapping, optional
        Statistical evidence of a proposal.
    """

    parameter: str
    subject: str
    old: int
    new: int
    unit: str
    binding_limit: str
    schedule: tuple[Step, ...]
    label: Label
    certificate: Mapping[str, Any] | None = None


def stage(old: int, new: int, rule: ChangeRule | None, now_s: int) -> tuple[Step, ...]:
    """Return the shortest schedule from ``old`` to ``new`` that a rule allows.

    Parameters
    ----------
    old, new : int
        In the parameter's unit; ``new`` on the rule's grid as seen from ``old``.
    rule : ChangeRule or None
        None: nothing bounds it, one step at once.
    now_s : int
        Unix time before which nothing can be done.

    Returns
    -------
    tuple of Step
        Moving monotonically; empty if ``old == new``.

    Raises
    ------
    InputError
        If a value is negative or off the grid, or the rule allows no step that way.
    """
    if old < 0 or new < 0:
        raise InputError(f"a parameter cannot go from {old} to {new}.")
    if old == new:
        return ()
    if rule is None:
        return (Step(new, now_s),)
    if (new - old) % rule.grid:
        raise InputError(f"{new} is no multiple of {rule.grid} away from {old}.", remedy="Round to the grid.")
    last = rule.last_change_s
    at = now_s if last is None else max(now_s, last + rule.min_delay_s)
    steps: list[Step] = []
    value = old
    while value != new:
        reach = min(largest_step(value, rule), abs(new - value))
        if reach <= 0 or len(steps) == MAX_STEPS:
            raise InputError(f"{rule.parameter} cannot leave {value} towards {new} within {rule.source}.")
        value += reach if new > value else -reach
        steps.append(Step(value, at + len(steps) * rule.min_delay_s))
    return tuple(steps)


def largest_step(value: int, rule: ChangeRule) -> int:
    """Return the largest change one update may make at ``value``, a multiple of the grid."""
    bound = rule.max_step if rule.step_kind is StepKind.ABSOLUTE else rule.max_step * value // 10_000
    return bound - bound % rule.grid
