"""Where nothing is feasible: which limits conflict, and how far one alone would have to give way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from risk.solver.program import Program, solve

PRECISION = 1e-3  # relative, of the nearest relaxation
DOUBLINGS = 60
CONFLICTS = 20  # followed one after the other


@dataclass(frozen=True, slots=True)
class Conflict:
    """Limits that cannot be kept together, none of them superfluous.

    Parameters
    ----------
    names : tuple of str
        Dropping any one of them makes the rest feasible.
    relaxed : mapping of str to float
        For each, the least it would have to be, the others named kept; inf if no value is enough.
    together : mapping of str to float, or None
        Limits that may be more than those named, for others can be in the way as well: all limits are kept
        where these are relaxed so. What gives way least, as a share of its limit, does so first; not proven
        to be the nearest. None if no relaxation was found.
    """

    names: tuple[str, ...]
    relaxed: dict[str, float]
    together: dict[str, float] | None = None


def conflict(program: Program) -> Conflict | None:
    """Return an irreducible set of limits that no choice keeps, None if one keeps all.

    Each limit is left out in turn and stays out if nothing changes (a deletion filter; Chinneck
    and Dravnieks 1991): what remains conflicts, and every part of it is feasible.
    """
    program = replace(program, gain=np.zeros(len(program.row)))
    first = _irreducible(program)
    return first and replace(first, together=_together(program, first))


def _together(program: Program, found: Conflict) -> dict[str, float] | None:
    """Return limits under which all are kept: conflict after conflict, what gives way least does."""
    relaxed: dict[str, float] = {}
    for _ in range(CONFLICTS):
        name = min(found.relaxed, key=lambda n: (found.relaxed[n] - _limit(program, n)) / _size(program, n))
        if math.isinf(found.relaxed[name]):
            return None
        relaxed[name] = found.relaxed[name]
        program = _with(program, name, relaxed[name])
        another = _irreducible(program)
        if another is None:
            return relaxed
        found = another
    return None


def _size(program: Program, name: str) -> float:
    return max(abs(_limit(program, name)), 1.0)


def _irreducible(program: Program) -> Conflict | None:
    """Return the conflict without what must give way beside it."""
    if _feasible(program):
        return None
    kept = _names(program)
    for name in list(kept):
        without = [n for n in kept if n != name]
        if not _feasible(_only(program, without)):
            kept = without
    core = _only(program, kept)
    return Conflict(tuple(kept), {name: _least(core, name) for name in kept})


def _least(program: Program, name: str) -> float:
    """Return the smallest limit under which the program is feasible, by bisection from above."""
    if not _feasible(_only(program, [n for n in _names(program) if n != name])):
        return math.inf
    low = _limit(program, name)
    step = max(abs(low), 1.0)
    for _ in range(DOUBLINGS):
        if _feasible(_with(program, name, low + step)):
            break
        step *= 2
    else:
        return math.inf
    high = low + step
    while high - low > PRECISION * max(abs(high), 1.0):
        middle = (low + high) / 2
        low, high = (low, middle) if _feasible(_with(program, name, middle)) else (middle, high)
    return high


def _feasible(program: Program) -> bool:
    return solve(program).option is not None


def _names(program: Program) -> list[str]:
    parts = (
        (b.name for b in program.budgets),
        (t.name for t in program.tails),
        (c.name for c in program.chances),
    )
    return [name for part in parts for name in part]


def _limit(program: Program, name: str) -> float:
    limits = {b.name: b.limit for b in program.budgets}
    limits |= {t.name: t.limit_usd for t in program.tails} | {c.name: c.limit for c in program.chances}
    return limits[name]


def _only(program: Program, names: Iterable[str]) -> Program:
    wanted = set(names)
    return replace(
        program,
        tails=tuple(t for t in program.tails if t.name in wanted),
        budgets=tuple(b for b in program.budgets if b.name in wanted),
        chances=tuple(c for c in program.chances if c.name in wanted),
    )


def _with(program: Program, name: str, limit: float) -> Program:
    return replace(
        program,
        tails=tuple(replace(t, limit_usd=limit) if t.name == name else t for t in program.tails),
        budgets=tuple(replace(b, limit=limit) if b.name == name else b for b in program.budgets),
        chances=tuple(c.limited(limit) if c.name == name else c for c in program.chances),
    )
