"""The joint choice: one option a row, tail limits over all rows together, to global optimality.

A row is one set of parameters (a collateral, or a category); its options are what it may be set
to.  Losses are taken to add up over rows.  With ``z_ik`` choosing option k of row i::

    max  sum gain_ik z_ik      sum_k z_ik = 1       z binary
    s.t. CVaR(sum L_iks z_ik) <= limit
         sum cost_ik z_ik <= budget

The second line is no row a scenario: what the program proposes is held against all scenarios, and where
it breaks a limit the tail it breaks it by is added as one cut (`risk.solver.tail_cuts`), first on mixtures
of options, then on choices.  Cuts leave in every choice within the limit, so what keeps it at last is the
best of all, and its bound holds.  The third line is any amount that adds up without scenarios.
Solved by HiGHS.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from abis.errors import InputError
from risk.engine.arrays import FloatArray, IntArray
from risk.measures import expected_shortfall
from risk.solver.tail_cuts import TailCut, TailCuts, tail_cut

BoolArray = NDArray[np.bool_]

GAP = 1e-4  # relative, at which the search stops
ROUNDING = 1e-9  # relative: a sum that exceeds a size by less does not
INFEASIBLE = 2  # a status of scipy.optimize.milp
UNIT = 100.0  # the most a cut's row sums to: HiGHS allows 1e-6 more
BEYOND = 1e-7  # relative to what a limit leaves to be decided: more breaks it
MIXED_BEYOND, MIXED_ROUNDS = 1e-3, 80  # how well and how long mixtures of options are followed


@dataclass(frozen=True, eq=False, slots=True)
class TailLimit:
    """A bound on the CVaR of a loss.

    Parameters
    ----------
    name : str
    loss_usd : (M, S) float64
        Of each option of every row, rows one after the other.
    weight : (S,) float64
        Of the scenarios.
    level : float
        In [0, 1).
    limit_usd : float
    cover_usd : float
        Subtracted from every scenario's loss, which is 0 at least then; 0 subtracts nothing.
    cuts : TailCuts
        What solving has learned of it.
    """

    name: str
    loss_usd: FloatArray
    weight: FloatArray
    level: float
    limit_usd: float
    cover_usd: float = 0.0
    cuts: TailCuts = field(default_factory=TailCuts, repr=False)

    def value(self, option: IntArray) -> float:
        """Return the CVaR at a choice."""
        loss = self.loss_usd[option].sum(axis=0)
        if self.cover_usd:
            loss = np.maximum(loss - self.cover_usd, 0.0)
        return expected_shortfall(loss, self.level, self.weight)


@dataclass(frozen=True, eq=False, slots=True)
class ChanceLimit:
    """A bound on the probability that a loss exceeds a size: ``sum w_s y_s <= p sum w_s``, y binary.

    Parameters
    ----------
    name : str
    loss_usd : (M, S) float64
    weight : (S,) float64
    size_usd : float
    probability : float
    is_quantile : bool
        Whether the size is what a team limits, and the probability follows from the level.
    """

    name: str
    loss_usd: FloatArray
    weight: FloatArray
    size_usd: float
    probability: float
    is_quantile: bool = False

    @property
    def limit(self) -> float:
        """Return what a team limits: a size or a probability."""
        return self.size_usd if self.is_quantile else self.probability

    def limited(self, limit: float) -> ChanceLimit:
        """Return the same with another limit."""
        return replace(self, size_usd=limit) if self.is_quantile else replace(self, probability=limit)

    def value(self, option: IntArray) -> float:
        """Return the probability at a choice."""
        above = self.loss_usd[option].sum(axis=0) > self.size_usd * (1 + ROUNDING)
        return float(self.weight[above].sum() / self.weight.sum())


@dataclass(frozen=True, eq=False, slots=True)
class Budget:
    """A bound on an amount that adds up over rows.

    Parameters
    ----------
    name : str
    cost : (M,) float64
    limit : float
    """

    name: str
    cost: FloatArray
    limit: float


@dataclass(frozen=True, eq=False)
class Program:
    """What to choose from.

    Parameters
    ----------
    row : (M,) int64
        Row of every option, ascending.
    gain : (M,) float64
        What it adds to the objective.
    tails : tuple of TailLimit
    budgets : tuple of Budget
    cuts : tuple of (K,) int64
        Sets of options; a choice within one set is forbidden.
    chances : tuple of ChanceLimit
    """

    row: IntArray
    gain: FloatArray
    tails: tuple[TailLimit, ...] = ()
    budgets: tuple[Budget, ...] = ()
    cuts: tuple[IntArray, ...] = ()
    chances: tuple[ChanceLimit, ...] = ()

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return int(self.row[-1]) + 1 if len(self.row) else 0


@dataclass(frozen=True, eq=False)
class Choice:
    """What the search found.

    Parameters
    ----------
    option : (R,) int64 or None
        Place of each row's option among all M; None if no choice keeps the limits.
    gain : float
        Of it; -inf if there is none.
    bound : float
        No choice gains more.
    kept, scenarios : dict of str to int
        Scenarios of each tail limit that stand in a cut, and all of them.
    """

    option: IntArray | None
    gain: float
    bound: float
    kept: dict[str, int] = field(default_factory=dict)
    scenarios: dict[str, int] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """Return ``(bound - gain) / |gain|``: how much better a choice could be at most."""
        if self.option is None:
            return np.inf
        return max(0.0, self.bound - self.gain) / max(abs(self.gain), 1e-12)


def solve(program: Program, *, gap: float = GAP, seconds: float | None = None) -> Choice:
    """Return the best choice within all limits.

    Parameters
    ----------
    program : Program
    gap : float
        Relative, at which the search may stop.
    seconds : float, optional
        After which the best choice so far is returned, with its bound.

    Raises
    ------
    InputError
        If the program does not fit together or holds a number that is not finite.
    """
    _check(program)
    until = np.inf if seconds is None else time.monotonic() + seconds
    model = _Model(program)
    for tail in program.tails:
        for cut in tail.cuts.known(tail):
            model.add(tail, cut)
    for _ in range(MIXED_ROUNDS):
        mixed = model.ask(until, 0.0, whole=False).x
        if mixed is None or model.seen(mixed) or not model.learn(mixed[: len(program.row)], MIXED_BEYOND):
            break
    while True:
        got = model.ask(until, gap, whole=True)
        if got.x is None:
            bound = -np.inf if got.status == INFEASIBLE else _bound(got.mip_dual_bound)
            return Choice(None, -np.inf, bound, *_counted(program))
        z = np.round(got.x[: len(program.row)])
        if not model.learn(z, BEYOND):
            break
    chosen = np.flatnonzero(z > 0.5)
    gain = float(program.gain[chosen].sum())
    return Choice(chosen, gain, max(gain, _bound(got.mip_dual_bound)), *_counted(program))


def _bound(dual: float | None) -> float:
    """Return what no choice exceeds; inf where the search was stopped before it knew."""
    return np.inf if dual is None else -float(dual)


def _counted(program: Program) -> tuple[dict[str, int], dict[str, int]]:
    """Return the scenarios of each tail that stand in a cut, and all."""
    kept: dict[str, int] = {}
    for tail in program.tails:
        seen = [cut.scenarios for cut in tail.cuts.cuts]
        kept[tail.name] = len(np.unique(np.concatenate(seen))) if seen else 0
    return kept, {tail.name: len(tail.weight) for tail in program.tails}


class _Model:
    """The program as HiGHS sees it, and the cuts so far."""

    def __init__(self, program: Program) -> None:
        self.program = program
        options = len(program.row)
        unsure = [_exceeding(program, chance) for chance in program.chances]
        self.columns = options + sum(int(may.sum()) for _, may in unsure)
        self.rows = _rows(program, self.columns)
        at = options
        for chance, (sure, may) in zip(program.chances, unsure, strict=True):
            self.rows += _chance_rows(program, chance, sure, may, at, self.columns)
            at += int(may.sum())
        self.first = np.searchsorted(program.row, np.arange(program.rows))
        self.high = np.ones(self.columns)
        self.cuts: list[FloatArray] = []
        self.most: list[float] = []
        self.proposed: set[bytes] = set()

    def ask(self, until: float, gap: float, *, whole: bool) -> Any:
        """Return what HiGHS proposes: a choice, or a mixture of options if not ``whole``."""
        cost = np.zeros(self.columns)
        cost[: len(self.program.row)] = -self.program.gain
        rows = list(self.rows)
        if self.cuts:
            wide = np.zeros((len(self.cuts), self.columns))
            wide[:, : len(self.program.row)] = self.cuts
            rows.append(LinearConstraint(csr_array(wide), -np.inf, np.array(self.most)))
        left = max(0.0, until - time.monotonic())
        return milp(
            cost,
            integrality=np.full(self.columns, int(whole)),
            bounds=Bounds(np.zeros(self.columns), self.high),
            constraints=rows,
            options={"mip_rel_gap": gap, "time_limit": left},
        )

    def seen(self, x: FloatArray) -> bool:
        """Tell whether the same was proposed before."""
        return x[: len(self.program.row)].tobytes() in self.proposed

    def learn(self, z: FloatArray, beyond: float) -> bool:
        """Hold a proposal against all scenarios; return whether it breaks a limit, and cut it off if so."""
        broken, again = False, z.tobytes() in self.proposed
        self.proposed.add(z.tobytes())
        for tail in self.program.tails:
            amount, cut = tail_cut(tail, z)
            if amount > tail.limit_usd + beyond * self._open(tail, cut):
                broken = True
                tail.cuts.cuts.append(cut)
                self.add(tail, cut)
        if broken and again:  # its cut is kept but for what HiGHS calls 0
            self.cuts.append(np.where(z > 0.5, 1.0, 0.0))
            self.most.append(self.program.rows - 1.0)
        return broken

    def add(self, tail: TailLimit, cut: TailCut) -> None:
        """Add a cut, in the unit of what the limit leaves to be decided.

        Of each row's options what the least of them costs is no decision; an option that costs more
        than is left beside the least of all other rows is none.
        """
        least = np.minimum.reduceat(cut.cost, self.first)
        over = cut.cost - least[self.program.row]
        room = tail.limit_usd + cut.constant - float(least.sum())
        unit = max(self._open(tail, cut), 1e-300)
        self.high[: len(over)][over > room + BEYOND * unit] = 0.0
        self.cuts.append(np.where(self.high[: len(over)] > 0, over, 0.0) * (UNIT / unit))
        self.most.append(room * (UNIT / unit))

    def _open(self, tail: TailLimit, cut: TailCut) -> float:
        """Return what a limit leaves to be decided beyond the cheapest options; never nothing."""
        least = float(np.minimum.reduceat(cut.cost, self.first).sum())
        size = max(abs(tail.limit_usd), float(np.abs(cut.cost).max(initial=0.0)))
        return max(tail.limit_usd + cut.constant - least, 1e-3 * size, 1e-9)


def _exceeding(program: Program, chance: ChanceLimit) -> tuple[float, BoolArray]:
    """Return the weight of scenarios every choice exceeds the size in, and which some but not all do in."""
    first = np.searchsorted(program.row, np.arange(program.rows))
    low = np.minimum.reduceat(chance.loss_usd, first, axis=0).sum(axis=0)
    high = np.maximum.reduceat(chance.loss_usd, first, axis=0).sum(axis=0)
    size = chance.size_usd * (1 + ROUNDING)
    surely = low > size
    return float(chance.weight[surely].sum()), (high > size) & ~surely & (chance.weight > 0)


def _chance_rows(
    program: Program, chance: ChanceLimit, sure: float, may: BoolArray, at: int, columns: int
) -> list[LinearConstraint]:
    """Return ``L_s - (high_s - size) y_s <= size`` for unsure scenarios, and the bound on their weight."""
    options, count, each = len(chance.loss_usd), int(may.sum()), np.arange(int(may.sum()))
    total = float(chance.weight.sum())
    weighed = _matrix(chance.weight[may] / total, np.zeros(count, dtype=np.int64), at + each, (1, columns))
    rows = [LinearConstraint(weighed, -np.inf, chance.probability - sure / total + 1e-12)]
    if not count:
        return rows
    loss = chance.loss_usd[:, may]
    first = np.searchsorted(program.row, np.arange(program.rows))
    size = chance.size_usd * (1 + ROUNDING)
    beyond = np.maximum.reduceat(loss, first, axis=0).sum(axis=0) - size
    # Each scenario in its own unit: the search drops tiny numbers and is lost with huge ones.
    unit = np.maximum(np.abs(loss).max(axis=0), max(size, 1.0))
    wide = _matrix(
        np.concatenate([(loss / unit).ravel(), -beyond / unit]),
        np.concatenate([np.tile(each, options), each]),
        np.concatenate([np.repeat(np.arange(options), count), at + each]),
        (count, columns),
    )
    return [LinearConstraint(wide, -np.inf, size / unit), *rows]


def _rows(program: Program, columns: int) -> list[LinearConstraint]:
    """Return one option a row, the budgets and the cuts."""
    options = len(program.row)
    each = np.arange(options)
    rows = [LinearConstraint(_matrix(np.ones(options), program.row, each, (program.rows, columns)), 1, 1)]
    for budget in program.budgets:
        wide = _matrix(budget.cost, np.zeros(options, dtype=np.int64), each, (1, columns))
        rows.append(LinearConstraint(wide, -np.inf, budget.limit))
    for cut in program.cuts:
        wide = _matrix(np.ones(len(cut)), np.zeros(len(cut), dtype=np.int64), cut, (1, columns))
        rows.append(LinearConstraint(wide, -np.inf, program.rows - 1))
    return rows


def _matrix(values: FloatArray, row: IntArray, column: IntArray, shape: tuple[int, int]) -> csr_array[Any]:
    return csr_array((values, (row, column)), shape=shape)


def _check(program: Program) -> None:
    row, options = program.row, len(program.row)
    ordered = not (np.diff(row) < 0).any() and np.array_equal(np.unique(row), np.arange(program.rows))
    if not options or not ordered:
        raise InputError(
            "the options' rows are not 0, 1, 2, ... in order.", remedy="Give each row an option."
        )
    for name, values in (
        ("gain", program.gain),
        *((b.name, b.cost) for b in program.budgets),
        *((t.name, t.loss_usd) for t in program.tails),
        *((c.name, c.loss_usd) for c in program.chances),
    ):
        if len(values) != options or not np.isfinite(values).all():
            raise InputError(
                f"{name} has {len(values)} entries for {options} options, or one that is not finite."
            )
    for tail in program.tails:
        if not 0 <= tail.level < 1 or tail.loss_usd.shape[1:] != tail.weight.shape or tail.weight.sum() <= 0:
            raise InputError(
                f"{tail.name}: level {tail.level} or {len(tail.weight)} weights do not fit "
                f"losses of shape {tail.loss_usd.shape}.",
                remedy="Give a level in [0, 1) and one weight a scenario, not all 0.",
            )


def value(program: Program, option: IntArray) -> dict[str, float]:
    """Return every limited amount at a choice, by name."""
    amounts = {b.name: float(b.cost[option].sum()) for b in program.budgets}
    for tail in program.tails:
        amounts[tail.name] = tail.value(option)
    for chance in program.chances:
        amounts[chance.name] = chance.value(option)
    return amounts
