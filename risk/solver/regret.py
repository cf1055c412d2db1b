"""Policy regret: what a rule would have set on past dates, and what it would have cost, beside what was set.

A market of one collateral and one stable debt.  On each date the rule knows the vaults and the prices up
to then, and sets the highest threshold whose daily losses stay within shares of the debt; then the path
that came is replayed for both.  Vaults stay as they were on the date: neither rule is credited with what
borrowers did in time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from abis.errors import InputError
from risk.engine.arrays import FloatArray
from risk.engine.pair_sweep import Calls, Options, PairBook, pair_sweep
from risk.measures import expected_shortfall
from risk.solver.losses import MEASURES
from risk.solver.program import Budget, Program, TailLimit, solve


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What the rule tolerates, as shares of the debt.

    Parameters
    ----------
    level : float
        Of the CVaRs.
    eligible, bad_debt, avoidable : float
        CVaR of a day's losses.
    enacted : float
        Debt the change itself makes liquidatable.
    """

    level: float
    eligible: float
    bad_debt: float
    avoidable: float
    enacted: float


@dataclass(frozen=True, slots=True)
class Harm:
    """What a path did under one threshold, USD.

    Parameters
    ----------
    power_usd : float
        Collateral at the start times the threshold.
    liquidated_usd, bad_debt_usd, avoidable_usd : float
    """

    power_usd: float
    liquidated_usd: float
    bad_debt_usd: float
    avoidable_usd: float


def lagged(ratio: FloatArray, steps: int) -> FloatArray:
    """Return paths (S, T) as an oracle shows them that many steps later, the first price before."""
    if steps == 0:
        return ratio
    return np.concatenate([np.repeat(ratio[:, :1], steps, axis=1), ratio[:, :-steps]], axis=1)[
        :, : ratio.shape[1]
    ]


def implied_tolerance(
    book: PairBook, ratio: FloatArray, threshold: float, bonus: float, calls: Calls, *, level: float, lag: int
) -> Tolerance:
    """Return what a threshold in force tolerates: its own CVaRs, as shares of the debt; nothing enacted.

    Parameters
    ----------
    book : PairBook
    ratio : (S, T) float64
        Drawn paths of a day, 1 at the start.
    threshold, bonus : float
    calls : Calls
    level : float
    lag : int
        Steps by which the oracle is late.
    """
    swept = pair_sweep(
        book, lagged(ratio, lag), ratio, Options(np.array([threshold]), np.array([bonus])), calls
    )
    total = float(book.debt_usd.sum())
    eligible, bad_debt, avoidable = (
        expected_shortfall(getattr(swept, m)[0], level) / total for m in MEASURES
    )
    return Tolerance(level, eligible, bad_debt, avoidable, enacted=0.0)


def best_threshold(
    book: PairBook,
    ratio: FloatArray,
    thresholds: FloatArray,
    bonus: float,
    calls: Calls,
    tolerance: Tolerance,
    *,
    now: float,
    lag: int,
) -> float | None:
    """Return the highest threshold within a tolerance; None if none is.

    Parameters
    ----------
    book : PairBook
        Ratio 1 is the price of the date.
    ratio : (S, T) float64
    thresholds : (K,) float64
        To choose from.
    bonus : float
    calls : Calls
    tolerance : Tolerance
    now : float
        The threshold in force: who is liquidatable under it already is not counted as enacted.
    lag : int

    Raises
    ------
    InputError
        If there is nothing to choose from.
    """
    if not len(thresholds):
        raise InputError("there is no threshold to choose from.", remedy="Give at least one.")
    options = Options(np.asarray(thresholds), np.full(len(thresholds), bonus))
    swept = pair_sweep(book, lagged(ratio, lag), ratio, options, calls)
    total, weight = float(book.debt_usd.sum()), np.ones(len(ratio))
    shares = (tolerance.eligible, tolerance.bad_debt, tolerance.avoidable)
    tails = tuple(
        # A share is met up to the rounding of sums: what is in force meets what it implies.
        TailLimit(name, getattr(swept, name), weight, tolerance.level, share * total * (1 + 1e-9))
        for name, share in zip(MEASURES, shares, strict=True)
        if math.isfinite(share)
    )
    enacted = np.array([_owed_above(book, t) for t in thresholds]) - _owed_above(book, now)
    budget = Budget("enacted", np.maximum(enacted, 0.0), tolerance.enacted * total)
    gain = np.asarray(thresholds) * float(book.collateral_usd.sum())
    found = solve(Program(np.zeros(len(thresholds), dtype=np.int64), gain, tails, (budget,)))
    return None if found.option is None else float(thresholds[int(found.option[0])])


def _owed_above(book: PairBook, threshold: float) -> float:
    return float(book.debt_usd[book.owed > threshold].sum())


def replay(
    book: PairBook, path: FloatArray, threshold: float, bonus: float, calls: Calls, *, lag: int
) -> Harm:
    """Return what a path that came does under a threshold.

    Parameters
    ----------
    book : PairBook
    path : (T,) float64
        Price over that of the date.
    threshold, bonus : float
    calls : Calls
    lag : int
    """
    ratio = np.asarray(path, dtype=np.float64)[None, :]
    options = Options(np.array([threshold]), np.array([bonus]))
    swept = pair_sweep(book, lagged(ratio, lag), ratio, options, calls)
    return Harm(
        power_usd=threshold * float(book.collateral_usd.sum()),
        liquidated_usd=float(swept.eligible_usd[0, 0]),
        bad_debt_usd=float(swept.bad_debt_usd[0, 0]),
        avoidable_usd=float(swept.avoidable_usd[0, 0]),
    )
