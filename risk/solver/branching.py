"""Branch and bound over boxes of choices: how much a choice within the exact limits can gain at most.

In a box the relaxation (`risk.solver.relaxation`) also holds what accounts under several rows lose at
least, whatever is chosen of it (`risk.solver.intervals`).  A box in which that keeps no limit is thrown
away, and so is one that promises nothing better than the best choice known; of the others the one that
promises most is split in two.  What is left promises no less than any choice within the limits gains.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from risk.engine.arrays import FloatArray
from risk.engine.book_sweep import Accounts, BookSwept, RowOptions
from risk.engine.pair_sweep import Swept
from risk.solver.additive import chances_of, tails_of
from risk.solver.evaluate import Setting
from risk.solver.intervals import Box, least_losses
from risk.solver.losses import MEASURES, Losses, calls_of, multiples
from risk.solver.parts import accounts_of_part
from risk.solver.program import Budget, Program, solve
from risk.solver.relaxation import loosened, loosened_chances, under_several_rows

WORK = 4e9  # steps of accounts under several rows, by option, that a box may cost
NUMBERS = 5e7  # held in memory


@dataclass(frozen=True, eq=False)
class Boxes:
    """A market's boxes: what is lost in them, and what they promise.

    Parameters
    ----------
    setting : Setting
    single : sequence of Losses
        Of the accounts under one row.
    gap : float
        Relative, of the programs solved.
    deadline_s : float
        Of `time.monotonic`; nothing is looked at after it.
    """

    setting: Setting
    single: Sequence[Losses]
    gap: float
    deadline_s: float = math.inf

    @cached_property
    def accounts(self) -> Accounts:
        """Return the accounts under several rows."""
        return under_several_rows(self.setting.accounts)

    @cached_property
    def paths(self) -> list[tuple[FloatArray, FloatArray]]:
        """Return oracle and fair multiples of every block, produced once."""
        s = self.setting
        return [multiples(s.snapshot, s.scenarios, block, s.oracles) for block in s.scenarios.blocks()]

    @cached_property
    def reach(self) -> FloatArray:
        """Return the collateral of accounts under several rows by row, USD, (R,)."""
        a = self.accounts
        governed = a.c_row >= 0
        rows = len(self.setting.menu.rows)
        return np.bincount(a.c_row[governed], a.c_usd[governed], minlength=rows).astype(np.float64)

    def affordable(self) -> bool:
        """Tell whether there are such accounts, and a box of them takes seconds and little memory."""
        scenarios, options = self.setting.scenarios, len(self.setting.menu.options)
        paths = len(scenarios) * len(scenarios.time_s)
        books = sum(1 + len(losses.parts) for losses in self.single)
        each = options / max(len(self.setting.menu.rows), 1)
        entries = len(self.accounts.c_row)
        numbers = paths * len(scenarios.assets) + books * options * len(scenarios)
        return bool(entries) and books * entries * each * paths <= WORK and numbers <= NUMBERS

    def bound(self, program: Program, promising: Callable[[float], bool], boxes: int) -> float:
        """Return what no choice within the limits gains more than, as far as ``promising`` goes.

        Parameters
        ----------
        program : Program
            The relaxation, with all cuts.
        promising : callable
            Whether a gain is better than what is known.
        boxes : int
            Most that are looked at.
        """
        whole = Box(np.ones(len(self.setting.menu.options), dtype=np.bool_))
        first = self.promise(program, whole)
        left = [(-first, 0, whole)] if first > -math.inf else []
        seen = 1
        while left and promising(-left[0][0]) and seen < boxes and time.monotonic() < self.deadline_s:
            halves = self.halves(left[0][2])
            if not halves:
                break
            most = -heapq.heappop(left)[0]
            for half in halves:
                promise = min(most, self.promise(program, half))
                if promise > -math.inf:
                    heapq.heappush(left, (-promise, seen, half))
                seen += 1
        return -left[0][0] if left else -math.inf

    def promise(self, program: Program, box: Box) -> float:
        """Return the most that a choice of the box may gain; -inf where none keeps the limits."""
        losses = [self._held(one, box) for one in self.single]
        outside = Budget("outside the box", np.append(~box.inside, False).astype(np.float64), 0.5)
        held = replace(
            program,
            tails=loosened(tails_of(self.setting, losses)),
            chances=loosened_chances(chances_of(self.setting, losses)),
            budgets=(*program.budgets, outside),
        )
        return solve(held, gap=self.gap, seconds=self.deadline_s - time.monotonic()).bound

    def halves(self, box: Box) -> tuple[Box, ...]:
        """Return the two halves of a box, split where most collateral hangs on how far options differ."""
        menu = self.setting.menu
        options = menu.row_options(max(self.setting.limits.relever))
        width = self.reach + 1.0
        width = width * sum(high - low for low, high in self._extents(box, options))
        several = np.add.reduceat(box.inside, menu.first[:-1], dtype=np.int64) > 1
        if not several.any():
            return ()
        row = int(np.argmax(np.where(several, width, -1.0)))
        own = np.flatnonzero(box.inside & (menu.row == row))
        own = own[np.lexsort((options.bonus[own], options.owed[own], options.threshold[own]))]
        return tuple(_without(box, gone) for gone in (own[len(own) // 2 :], own[: len(own) // 2]))

    def _extents(self, box: Box, options: RowOptions) -> list[tuple[FloatArray, FloatArray]]:
        first = self.setting.menu.first
        return [box.ranges(v, first) for v in (options.threshold, options.bonus, options.owed)]

    def _held(self, single: Losses, box: Box) -> Losses:
        """Return losses of one behaviour with what accounts under several rows lose at least."""
        s = self.setting
        options = s.menu.row_options(single.relever)
        parts = {
            part: self._added(own, accounts_of_part(s.snapshot, s.menu, self.accounts, part), options, box)
            for part, own in single.parts.items()
        }
        swept = self._added(single.swept, self.accounts, options, box)
        return Losses(single.relever, swept, MappingProxyType(parts))

    def _added(self, own: BookSwept, accounts: Accounts, options: RowOptions, box: Box) -> BookSwept:
        calls = calls_of(self.setting.limits, self.setting.scenarios)
        blocks = [least_losses(accounts, o, f, options, calls, box) for o, f in self.paths]
        more = (np.concatenate([getattr(b, m) for b in blocks], axis=1) for m in MEASURES)
        return BookSwept(
            own.now, Swept(*(getattr(own.change, m) + x for m, x in zip(MEASURES, more, strict=True)))
        )


def _without(box: Box, gone: NDArray[np.int64]) -> Box:
    inside = box.inside.copy()
    inside[gone] = False
    return Box(inside)
