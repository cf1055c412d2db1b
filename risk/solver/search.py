"""The search: additive model to optimality, exact model for what it finds, cuts until both agree.

The additive model adds up what each row changes alone.  What it finds is judged with all rows changed
at once.  A choice that breaks a limit there is cut off, with what is proven to break it too
(`risk.solver.cuts`).  Doing nothing and the starts that were given are judged first; the best that keeps
every limit is the incumbent.  Then

1. a *guide* (`risk.solver.guide`), the additive model moved so that it is exact at the incumbent, proposes
   what is better; where nothing keeps the guide yet, what breaks it least;
2. each row alone is moved as far as is kept, until no such move is both kept and better;
3. the additive model itself is asked, and last the relaxation (`risk.solver.relaxation`), which leaves in
   every choice the limits of the exact model do.

It ends when neither can gain more than the incumbent by more than the gap, or when attempts or time run
out; both gaps are stated.

Of several objectives the first is optimised so; then each further one among the choices that give up no
more of those before it than the stated tolerance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from risk.engine.arrays import FloatArray, IntArray
from risk.solver.additive import chances_of, program_of, static_rules, tails_of
from risk.solver.attempt import Attempt, attempt, excess
from risk.solver.branching import Boxes
from risk.solver.cuts import alike, alone, corrected, proven
from risk.solver.evaluate import Setting, refused
from risk.solver.guide import Guide, loosened
from risk.solver.limits import Objective
from risk.solver.losses import Losses
from risk.solver.objectives import gains
from risk.solver.program import GAP, Budget, Choice, Program, solve
from risk.solver.relaxation import loosened as loosened_tails
from risk.solver.relaxation import loosened_chances, single_row_losses
from risk.solver.settle import settled

ATTEMPTS = 25
SLACK = 1e-9  # relative, of an objective that is to be kept: sums are rounded
FAILURES = 6  # in a row, after which the guide is left
BOXES_A_CHOICE = 2  # looked at where the gap is still open, for each choice that may be judged
HALVINGS = 5  # of how far the guide is loosened where no choice keeps it


@dataclass(frozen=True, slots=True)
class Optimum:
    """How good the choice is by one objective.

    Parameters
    ----------
    objective : Objective
    gain : float
    surrogate_bound, exact_bound : float
        No choice that keeps the limits of both models, and none that keeps those of the exact one,
        gains more, among those that later objectives are left.
    """

    objective: Objective
    gain: float
    surrogate_bound: float
    exact_bound: float


@dataclass(frozen=True, eq=False)
class Search:
    """What came of it.

    Parameters
    ----------
    now : Attempt
        Doing nothing.
    attempts : tuple of Attempt
        In the order they were judged.
    best : Attempt or None
        The best choice found that keeps every limit; None if there is none or it was not found.
    surrogate : Choice
        The first solution of the additive model.
    surrogate_bound, exact_bound : float
        Of the first objective, see `Optimum`.
    stopped : bool
        Whether attempts or time ran out before both gaps were closed.
    program : Program
        The additive model, its limits lowered by what exact judgement found it to understate, without cuts.
    optima : tuple of Optimum
        One an objective.
    """

    now: Attempt
    attempts: tuple[Attempt, ...]
    best: Attempt | None
    surrogate: Choice
    surrogate_bound: float
    exact_bound: float
    stopped: bool
    program: Program
    optima: tuple[Optimum, ...] = ()


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search.

    Parameters
    ----------
    attempts : int
        Most choices judged exactly for each objective.
    seconds : float, optional
        After which no further choice is judged.  Results then depend on the machine.
    gap : float
        Relative, at which the search is content.
    realised : bool
        Whether the engine judges too, or the sweep alone.
    """

    attempts: int = ATTEMPTS
    seconds: float | None = None
    gap: float = GAP
    realised: bool = True


DEFAULT = Effort()


def search(
    setting: Setting,
    losses: Sequence[Losses],
    *,
    effort: Effort = DEFAULT,
    single: Sequence[Losses] | None = None,
    starts: Sequence[IntArray] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Return the best choice within all limits, never worse than doing nothing or a start that keeps them.

    Parameters
    ----------
    setting : Setting
    losses : sequence of Losses
        Of the same scenarios.
    effort : Effort
    single : sequence of Losses, optional
        Of the accounts under one row, for the exact bound; swept here if not given.
    starts : sequence of (R,) int64
        Choices to begin with, beside doing nothing.
    progress : callable (done, most), optional
    """
    now = attempt(setting, setting.menu.current, whole=True, realised=effort.realised)
    hunt = _hunt(setting, losses, single_row_losses(setting) if single is None else single, effort, progress)
    hunt.start(setting.menu.current, now)
    hunt.guide = Guide().anchored(hunt.additive, now)
    for chosen in starts:
        hunt.start(chosen)
    found = [hunt.run(0)]
    for place in range(1, len(setting.limits.objectives)):
        last = found[-1].best
        if last is None:
            break
        hunt.keep(place - 1, last)
        found.append(hunt.run(place))
    best = found[-1].best
    if best is not None:
        best = settled(setting, best, hunt.judge)
    return Search(
        now=now,
        attempts=tuple(hunt.tried),
        best=best,
        surrogate=found[0].first,
        surrogate_bound=found[0].bounds[0],
        exact_bound=found[0].bounds[1],
        stopped=hunt.stopped,
        program=hunt.understated(),
        optima=tuple(
            Optimum(objective, -math.inf if best is None else best.values[k], *f.bounds)
            for k, (objective, f) in enumerate(zip(setting.limits.objectives, found, strict=False))
        ),
    )


@dataclass(frozen=True, eq=False)
class _Found:
    best: Attempt | None
    first: Choice
    bounds: tuple[float, float]


@dataclass(eq=False)
class _Hunt:
    """Two programs that share their cuts, the guide, and what was judged so far."""

    setting: Setting
    additive: Program
    relaxed: Program
    boxes: Boxes  # the relaxed program's
    gains: tuple[tuple[FloatArray, FloatArray], ...]  # of every objective: additive, relaxed
    most: int
    deadline_s: float
    gap: float
    realised: bool
    progress: Callable[[int, int], None] | None
    guide: Guide = field(default_factory=Guide)
    tried: list[Attempt] = field(default_factory=list)
    known: dict[bytes, Attempt] = field(default_factory=dict)
    floors: list[tuple[int, float]] = field(default_factory=list)
    stopped: bool = False
    place: int = 0  # of the objective
    left: int = 0  # choices that may still be judged
    best: Attempt | None = None
    seen: list[IntArray] = field(default_factory=list)  # kept, and not to be proposed again

    def judge(self, chosen: IntArray) -> Attempt:
        """Return what a choice amounts to, judged once."""
        key = chosen.tobytes()
        if key not in self.known:
            self.known[key] = attempt(self.setting, chosen, realised=self.realised)
        return self.known[key]

    def start(self, chosen: IntArray, found: Attempt | None = None) -> None:
        """Take note of a choice that was not proposed by any program."""
        found = self.judge(chosen) if found is None else found
        self.known[chosen.tobytes()] = found
        self._note(found)

    def run(self, place: int) -> _Found:
        """Search for the best choice by one objective."""
        self.place, self.left = place, self.most
        additive, relaxed = self.gains[place]
        self.additive = replace(self.additive, gain=additive)
        self.relaxed = replace(self.relaxed, gain=relaxed)
        self.best = max((a for a in self.known.values() if self._allowed(a)), key=self._worth, default=None)
        if self.best is not None:
            self.guide = self.guide.anchored(self.additive, self.best)
        first = solve(replace(self.additive, cuts=()), gap=self.gap)
        self._climb()
        self._step()
        closed = [self._close(program) for program in ("additive", "relaxed")]
        closed[1] = self._branch(*closed[1])
        self.stopped |= not all(done for done, _ in closed)
        best = -math.inf if self.best is None else self._worth(self.best)
        return _Found(self.best, first, (max(best, closed[0][1]), max(best, closed[1][1])))

    def keep(self, place: int, best: Attempt) -> None:
        """Let what follows give up no more of an objective than the tolerance."""
        name, worth = f"objective {self.setting.limits.objectives[place]}", best.values[place]
        floor = worth - max(self.setting.limits["objective.tolerance"], SLACK) * abs(worth)
        self.floors.append((place, floor))
        additive, relaxed = self.gains[place]
        for program, gain in (("additive", additive), ("relaxed", relaxed)):
            kept: Program = getattr(self, program)
            setattr(self, program, replace(kept, budgets=(*kept.budgets, Budget(name, -gain, -floor))))

    def _climb(self) -> None:
        """Follow the guide as long as it finds what is better; after a failure try half-way back to it."""
        anchor = self.guide  # exact at the best choice, or at doing nothing
        failures = 0
        while self._more() and (self.best is None or failures <= FAILURES):
            option = self._solve(self.guide.applied(self.additive)).option
            if option is None and self.best is None:
                option = self._least_broken()
            if option is not None and self._promised(option):
                found = self._try(option)
                if found.kept:
                    anchor = self.guide = self.guide.anchored(self.additive, found)
                    failures = 0
                    continue
                self.guide = self.guide.corrected(self.additive, found)
            elif not failures or self.best is None:
                return
            else:
                self.guide = self.guide.towards(anchor, 0.5)
            failures += 1

    def _promised(self, option: IntArray) -> bool:
        return self._promising(float(self.additive.gain[option].sum()))

    def _least_broken(self) -> IntArray | None:
        """Return what the guide proposes where it is loosened just as far as it must be.

        At most as far as the choice that breaks the limits least, of those judged, keeps it.
        """
        program = self.guide.applied(self.additive)
        near = min(self.known.values(), key=excess)
        base = alone(program, near.chosen)
        found = self._solve(loosened(program, base, 1.0)).option
        low, high = 0.0, 1.0
        for _ in range(HALVINGS if found is not None else 0):
            middle = (low + high) / 2
            option = self._solve(loosened(program, base, middle)).option
            if option is None:
                low = middle
            else:
                found, high = option, middle
        return found

    def _step(self) -> None:
        """Move one row at a time, as far as that is kept, until no single move is both kept and better."""
        moved = True
        while moved and self.best is not None:
            moved = False
            for moves in self._single_moves(self.best):
                moved |= self._far(moves)
                if moved or not self._more():
                    break

    def _far(self, moves: list[IntArray]) -> bool:
        """Judge moves of one row, what gains most first; after a failure half-way to what gains least."""
        moves = [m for m in moves if m.tobytes() not in self.known and not refused(self.setting, m)]
        low, high = 0, len(moves) - 1
        while low <= high and self._more():
            if self._try(moves[low]).kept:
                return True
            low = (low + high) // 2 + 1
        return False

    def _single_moves(self, best: Attempt) -> list[list[IntArray]]:
        """Return for each row the moves that promise more, what gains most first; the best row first."""
        menu, gain = self.setting.menu, self.additive.gain
        by_row: list[list[tuple[float, IntArray]]] = [[] for _ in menu.rows]
        for k, row in enumerate(menu.row.tolist()):
            more = float(gain[k] - gain[best.chosen[row]])
            if self._promising(self._worth(best) + more):
                trial = best.chosen.copy()
                trial[row] = k
                by_row[row].append((-more, trial))
        sorted_rows = sorted((sorted(r, key=lambda m: m[0]) for r in by_row if r), key=lambda r: r[0][0])
        return [[trial for _, trial in row] for row in sorted_rows]

    def _close(self, name: str) -> tuple[bool, float]:
        """Ask a program until it promises nothing better; return whether it got there, and its bound."""
        while True:
            choice = self._solve(getattr(self, name))
            if choice.option is None or not self._promising(choice.bound):
                return True, choice.bound
            if not self._more():
                return False, choice.bound
            self._try(choice.option)

    def _branch(self, closed: bool, bound: float) -> tuple[bool, float]:
        """Where no more may be judged, let boxes say what of the relaxation's promise no choice can hold."""
        if closed or not self.boxes.affordable():
            return closed, bound
        looked_at = BOXES_A_CHOICE * self.most
        bound = min(bound, self.boxes.bound(self._unknown(self.relaxed), self._promising, looked_at))
        return bound == -math.inf or not self._promising(bound), bound

    def _solve(self, program: Program) -> Choice:
        return solve(self._unknown(program), gap=self.gap)

    def _unknown(self, program: Program) -> Program:
        """Return the program without what was found to keep the limits, and is known."""
        cuts = (*program.cuts, *(alone(program, chosen) for chosen in self.seen))
        return replace(program, cuts=cuts)

    def _try(self, option: IntArray) -> Attempt:
        found = self.judge(option[: len(self.setting.menu.rows)])
        self.left -= 1
        self.tried.append(found)
        if self.progress is not None:
            self.progress(self.most - self.left, self.most)
        self._note(found)
        return found

    def _note(self, found: Attempt) -> None:
        """Let no program propose a choice again, nor what is proven to fail with it; it may be the best."""
        if found.kept:
            self.seen.append(found.chosen)
        else:
            self._cut(found)
        if self._allowed(found) and (self.best is None or self._worth(found) > self._worth(self.best)):
            self.best = found

    def _cut(self, found: Attempt) -> None:
        sets = (*proven(self.setting, found), alike(self.setting, found))
        for name in ("additive", "relaxed"):
            program: Program = getattr(self, name)
            setattr(self, name, replace(program, cuts=(*program.cuts, *sets)))

    def _more(self) -> bool:
        return self.left > 0 and time.monotonic() < self.deadline_s

    def _allowed(self, found: Attempt) -> bool:
        return found.kept and all(found.values[place] >= floor for place, floor in self.floors)

    def _worth(self, found: Attempt) -> float:
        return found.values[self.place]

    def _promising(self, gain: float) -> bool:
        """Tell whether a gain is better than the incumbent's by more than the gap."""
        if self.best is None:
            return True
        worth = self._worth(self.best)
        return gain > worth + self.gap * abs(worth) + 1e-9

    def understated(self) -> Program:
        """Return the additive model with limits lowered by what exact judgement found, without cuts."""
        program = replace(self.additive, cuts=())
        for found in self.tried:
            if not found.kept:
                program = corrected(program, found)
        return program


def _hunt(
    setting: Setting,
    losses: Sequence[Losses],
    single: Sequence[Losses],
    effort: Effort,
    progress: Callable[[int, int], None] | None,
) -> _Hunt:
    program = program_of(setting, losses)
    relaxed = replace(
        program,
        tails=loosened_tails(tails_of(setting, single)),
        chances=loosened_chances(chances_of(setting, single)),
        budgets=static_rules(setting),
    )
    objectives = setting.limits.objectives
    deadline_s = math.inf if effort.seconds is None else time.monotonic() + effort.seconds
    return _Hunt(
        setting=setting,
        additive=program,
        relaxed=relaxed,
        boxes=Boxes(setting, single, effort.gap, deadline_s),
        gains=tuple((gains(setting, o, losses), gains(setting, o, single)) for o in objectives),
        most=effort.attempts,
        deadline_s=deadline_s,
        gap=effort.gap,
        realised=effort.realised,
        progress=progress,
    )
