"""The joint choice: one option a row, tail limits over all rows together, to global optimality.

A row is one set of parameters (a collateral, or a category); its options are what it may be set
to.  Losses are taken to add up over rows.  With ``z_ik`` choosing option k of row i::

    max  sum gain_ik z_ik      sum_k z_ik = 1       z binary
    s.t. eta + sum_s w_s u_s / (1 - level) <= limit     u_s >= sum L_iks z_ik - eta,  u_s >= 0
         sum cost_ik z_ik <= budget

The second line is a bound on CVaR (Rockafellar and Uryasev 2002), the third any amount that adds
up without scenarios.  Scenarios that cannot enter a tail are left out: with ``low`` and ``high`` the
least and greatest loss any choice gives in a scenario, no choice's quantile is below the quantile
``v`` of ``low``, so scenarios with ``high <= v`` add nothing to the excess over ``eta >= v``.
Solved by HiGHS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from abis.errors import InputError
from risk.engine.arrays import FloatArray, IntArray
from risk.measures import expected_shortfall, weighted_quantile

BoolArray = NDArray[np.bool_]

GAP = 1e-4  # relative, at which the search stops
ROUNDING = 1e-9  # relative: a sum that exceeds a size by less does not
LEAST_SHARE = 1e-6  # of the largest loss: below it a limit counts as nothing
INFEASIBLE = 2  # a status of scipy.optimize.milp


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
    """

    name: str
    loss_usd: FloatArray
    weight: FloatArray
    level: float
    limit_usd: float
    cover_usd: float = 0.0

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
        Scenarios of each tail limit that may matter, and all of them.
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
    screens = [_screen(program, tail) for tail in program.tails]
    rows, columns = _rows(program, screens)
    unsure = [_exceeding(program, chance) for chance in program.chances]
    first_chance = columns
    columns += sum(int(may.sum()) for _, may in unsure)
    rows = [_widened(row, columns) for row in rows]
    cost = np.zeros(columns)
    cost[: len(program.row)] = -program.gain
    low = np.zeros(columns)
    high = np.full(columns, np.inf)
    high[: len(program.row)] = 1.0
    at = len(program.row)
    for (floor, keep), tail in zip(screens, program.tails, strict=True):
        low[at] = floor * _scale(tail)  # eta; see the module
        at += 1 + int(keep.sum())
    high[first_chance:] = 1.0
    integer = np.zeros(columns, dtype=np.int64)
    integer[: len(program.row)] = 1
    integer[first_chance:] = 1
    at = first_chance
    for chance, (sure, may) in zip(program.chances, unsure, strict=True):
        rows += _chance_rows(program, chance, sure, may, at, columns)
        at += int(may.sum())
    got = milp(
        cost,
        integrality=integer,
        bounds=Bounds(low, high),
        constraints=rows,
        options={"mip_rel_gap": gap, "time_limit": np.inf if seconds is None else seconds},
    )
    kept = {t.name: int(k.sum()) for t, (_, k) in zip(program.tails, screens, strict=True)}
    scenarios = {t.name: len(t.weight) for t in program.tails}
    if got.x is None:
        bound = -np.inf if got.status == INFEASIBLE else _bound(got.mip_dual_bound)
        return Choice(None, -np.inf, bound, kept, scenarios)
    chosen = np.flatnonzero(got.x[: len(program.row)] > 0.5)
    gain = float(program.gain[chosen].sum())
    return Choice(chosen, gain, max(gain, _bound(got.mip_dual_bound)), kept, scenarios)


def _bound(dual: float | None) -> float:
    """Return what no choice exceeds; inf where the search was stopped before it knew."""
    return np.inf if dual is None else -float(dual)


def _screen(program: Program, tail: TailLimit) -> tuple[float, BoolArray]:
    """Return the floor of eta and which scenarios may matter."""
    first = np.searchsorted(program.row, np.arange(program.rows))
    low = np.minimum.reduceat(tail.loss_usd, first, axis=0).sum(axis=0)
    high = np.maximum.reduceat(tail.loss_usd, first, axis=0).sum(axis=0)
    floor = weighted_quantile(low, tail.level, tail.weight)
    if tail.cover_usd:  # the quantile of what is 0 at least is
        floor = max(floor - tail.cover_usd, 0.0)
    return floor, (high - tail.cover_usd > floor) & (tail.weight > 0)


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


def _widened(row: LinearConstraint, columns: int) -> LinearConstraint:
    """Return a constraint with columns of nothing behind its own."""
    assert isinstance(row.A, csr_array)  # as `_matrix` makes them
    narrow = row.A
    wide = csr_array((narrow.data, narrow.indices, narrow.indptr), shape=(narrow.shape[0], columns))
    return LinearConstraint(wide, row.lb, row.ub)


def _rows(program: Program, screens: Sequence[tuple[float, BoolArray]]) -> tuple[list[LinearConstraint], int]:
    """Return the constraints over ``z``, then ``eta`` and ``u`` of each tail."""
    options = len(program.row)
    columns = options + sum(1 + int(keep.sum()) for _, keep in screens)
    each = np.arange(options)
    rows = [LinearConstraint(_matrix(np.ones(options), program.row, each, (program.rows, columns)), 1, 1)]
    for budget in program.budgets:
        wide = _matrix(budget.cost, np.zeros(options, dtype=np.int64), each, (1, columns))
        rows.append(LinearConstraint(wide, -np.inf, budget.limit))
    for cut in program.cuts:
        wide = _matrix(np.ones(len(cut)), np.zeros(len(cut), dtype=np.int64), cut, (1, columns))
        rows.append(LinearConstraint(wide, -np.inf, program.rows - 1))
    eta = options
    for (_, keep), tail in zip(screens, program.tails, strict=True):
        rows += _tail_rows(tail, keep, eta, columns)
        eta += 1 + int(keep.sum())
    return rows, columns


def _tail_rows(tail: TailLimit, keep: BoolArray, eta: int, columns: int) -> list[LinearConstraint]:
    """Return the excess of every kept scenario and the bound on their mean; ``u`` follows ``eta``."""
    options, count = len(tail.loss_usd), int(keep.sum())
    scale, each = _scale(tail), np.arange(count)
    excess = _matrix(
        np.concatenate([-scale * tail.loss_usd[:, keep].ravel(), np.ones(2 * count)]),
        np.concatenate([np.tile(each, options), each, each]),
        np.concatenate([np.repeat(np.arange(options), count), np.full(count, eta), eta + 1 + each]),
        (count, columns),
    )
    share = tail.weight[keep] / tail.weight.sum() / (1 - tail.level)
    mean = _matrix(
        np.concatenate([[1.0], share]),
        np.zeros(1 + count, dtype=np.int64),
        eta + np.arange(1 + count),
        (1, columns),
    )
    rows = [LinearConstraint(mean, -np.inf, scale * tail.limit_usd)]
    return [LinearConstraint(excess, -scale * tail.cover_usd, np.inf), *rows] if count else rows


def _scale(tail: TailLimit) -> float:
    """Return the unit in which ``eta`` and ``u`` are counted, per USD: the search drops tiny numbers."""
    largest = float(np.abs(tail.loss_usd).max(initial=0.0))
    return 1 / max(abs(tail.limit_usd), LEAST_SHARE * largest, 1.0)


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
