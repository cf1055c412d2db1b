"""The guide: the additive model with its limits moved by what exact judgement found it to be off by.

The additive model misjudges a choice of many changes by an amount that is much the same for choices near
it.  For each tail limit and each model that judges it, the sweep for one behaviour of borrowers and the
engine, the guide keeps that *offset*, exact amount less additive amount, and asks of the additive amount
to be no more than the limit less the larger offset.  So it is exact at the choice the offsets are of, in
both directions: limits rise where the additive model overstates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from risk.engine.arrays import IntArray
from risk.solver.amount import Amount
from risk.solver.attempt import Attempt
from risk.solver.evaluate import MIGRATED
from risk.solver.program import Program, TailLimit
from risk.solver.realised import ENGINE

Key = tuple[str, str]  # name of a tail limit, and what judges it: sweep, sweep after migration, engine


@dataclass(frozen=True, slots=True)
class Guide:
    """Offsets of a program's tail limits, USD; 0 where nothing was judged."""

    offsets: Mapping[Key, float] = field(default_factory=dict)

    def anchored(self, program: Program, found: Attempt) -> Guide:
        """Return the guide that is exact at a judged choice; what it was not judged by stays."""
        return Guide({**self.offsets, **_offsets(program, found)})

    def corrected(self, program: Program, found: Attempt) -> Guide:
        """Return the guide after a choice that breaks a limit: it only becomes stricter where that is broken.

        Elsewhere the offset is the mean of old and new, lest limits that were just lowered spring back.
        """
        offsets = dict(self.offsets)
        broken = {key for key, a in _judged(program, found) if not a.kept}
        for key, new in _offsets(program, found).items():
            old = offsets.get(key, 0.0)
            offsets[key] = max(old, new) if key in broken else (old + new) / 2
        return Guide(offsets)

    def towards(self, other: Guide, share: float) -> Guide:
        """Return the guide a share of the way to another."""
        keys = {**self.offsets, **other.offsets}
        mixed = {}
        for key in keys:
            one, two = self.offsets.get(key, 0.0), other.offsets.get(key, 0.0)
            mixed[key] = one + share * (two - one)
        return Guide(mixed)

    def applied(self, program: Program) -> Program:
        """Return the program with its tail limits moved."""
        largest: dict[str, float] = {}
        for (name, _), offset in self.offsets.items():
            largest[name] = max(largest.get(name, -math.inf), offset)
        moved = tuple(replace(t, limit_usd=t.limit_usd - largest.get(t.name, 0.0)) for t in program.tails)
        return replace(program, tails=moved)


def loosened(program: Program, option: IntArray, share: float) -> Program:
    """Return the program with its tail limits a share of the way to where a choice keeps them."""
    tails = (
        replace(t, limit_usd=t.limit_usd + share * max(0.0, t.value(option) - t.limit_usd))
        for t in program.tails
    )
    return replace(program, tails=tuple(tails))


def _offsets(program: Program, found: Attempt) -> dict[Key, float]:
    option = np.append(found.chosen, len(program.row) - 1)
    tails = {t.name: t.value(option) for t in program.tails}
    return {key: a.value - tails[key[0]] for key, a in _judged(program, found)}


def _judged(program: Program, found: Attempt) -> Iterator[tuple[Key, Amount]]:
    for tail in program.tails:
        for amount in found.amounts:
            if judges(amount, tail):
                yield (tail.name, amount.model.partition(",")[0]), amount


def judges(amount: Amount, tail: TailLimit) -> bool:
    """Tell whether an amount is what a tail limit bounds: under its name, for its behaviour of borrowers."""
    name, _, behaviour = tail.name.rpartition(" (follow ")
    same = amount.model == ENGINE or f"follow {behaviour.rstrip(')')} of" in amount.model
    return amount.name.removesuffix(MIGRATED) == name and same
