"""Pair sweep: what every threshold would have done to all accounts of one collateral and one debt.

An account with collateral C and debt D, both in USD of the snapshot, is liquidated on a path of the
pair's price ratio ``rho`` (collateral over debt, 1 at the snapshot) the first time that
``LT C rho < D``.  So one number an account, ``D / C``, and one number a step, the lowest ratio so
far, decide; sorted once, all accounts of a step that are liquidated lie behind one place of the
book, and sums over them are differences of running sums.  Per option and scenario:

* *eligible debt*: of all accounts liquidated;
* *potential bad debt*: ``(D - C rho / (1 + b))+`` at the lowest ratio, as the contract reads it or
  at fair prices, up to the moment the call is executed, the trigger plus a delay, or the end of the
  path if there is none: at a wrong price the collateral is gone, at a late one it is worth less;
* *avoidable loss*: of the first call on each account, ``(Lambda - s r)+`` with ``Lambda`` what the
  borrower loses at fair prices, ``s`` the reference cost and ``r`` the repayment that would have
  restored health at fair prices.

All are in USD at the snapshot's price of the debt: exact where debt is stable, an approximation
that an exact run corrects where it is not.  The first two rise with the ratio's fall and are
monotone in the threshold; the third is neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from abis.errors import InputError
from risk.engine.arrays import FloatArray
from risk.engine.jit import kernel, over_scenarios
from risk.engine.ledger import r_reference

FULL_CLOSE_BELOW = 0.95  # health factor under which the whole debt may be repaid


@dataclass(frozen=True, eq=False, slots=True)
class PairBook:
    """Accounts of one pair, sorted by what they owe a dollar of collateral.

    Parameters
    ----------
    owed : (N,) float64
        ``D / C``, ascending.
    debt_usd, collateral_usd : (N,) float64
        In that order.
    debt_sum, collateral_sum : (N + 1,) float64
        Running sums, from 0.
    """

    owed: FloatArray
    debt_usd: FloatArray
    collateral_usd: FloatArray
    debt_sum: FloatArray
    collateral_sum: FloatArray

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self.owed)


@dataclass(frozen=True, eq=False, slots=True)
class Options:
    """Candidates of one row: K combinations of threshold and bonus, as fractions.

    Parameters
    ----------
    threshold, bonus : (K,) float64
        ``bonus`` is the part above 1.
    """

    threshold: FloatArray
    bonus: FloatArray


@dataclass(frozen=True, slots=True)
class Calls:
    """How a liquidation comes about.

    Parameters
    ----------
    delay_steps : int
        Steps between trigger and execution, for potential bad debt.
    close_factor : float
        Share of the debt one call may repay while health is above `FULL_CLOSE_BELOW`.
    reference_cost : float
        Of selling, as a fraction of what is sold.
    """

    delay_steps: int = 0
    close_factor: float = 0.5
    reference_cost: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class Swept:
    """What each option does in each scenario, USD, (K, S) float64 each."""

    eligible_usd: FloatArray
    bad_debt_usd: FloatArray
    avoidable_usd: FloatArray


def pair_book(collateral_usd: ArrayLike, debt_usd: ArrayLike) -> PairBook:
    """Sort a pair's accounts once.

    Parameters
    ----------
    collateral_usd, debt_usd : (N,) array_like of float
        Positive; accounts without debt or collateral do not belong here.

    Raises
    ------
    InputError
        If lengths differ or a number is not positive and finite.
    """
    c, d = (np.asarray(x, dtype=np.float64).ravel() for x in (collateral_usd, debt_usd))
    if len(c) != len(d):
        raise InputError(f"{len(c)} collaterals and {len(d)} debts.", remedy="Give one of each an account.")
    for name, values in (("collateral", c), ("debt", d)):
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            k = int(np.argmax(bad))
            raise InputError(f"{name}[{k}] is {float(values[k])!r}.", remedy="Give positive numbers of USD.")
    order = np.argsort(d / c, kind="stable")
    c, d = c[order], d[order]
    return PairBook(d / c, d, c, *(np.concatenate([[0.0], np.cumsum(x)]) for x in (d, c)))


def pair_sweep(book: PairBook, oracle: FloatArray, fair: FloatArray, options: Options, calls: Calls) -> Swept:
    """Return what every option does on every path.

    Parameters
    ----------
    book : PairBook
    oracle, fair : (S, T) float64
        The pair's ratio as the contract reads it and at fair prices, 1 at the snapshot.
    options : Options
        K of them.
    calls : Calls

    Returns
    -------
    Swept
        Arrays (K, S).

    Raises
    ------
    InputError
        If the paths differ in shape or hold something that is not positive, or a threshold or
        bonus is impossible.
    """
    _check(oracle, fair, options)
    eligible, bad, avoidable = (np.zeros((len(options.threshold), len(oracle))) for _ in range(3))
    over_scenarios(
        _sweep,
        len(oracle),
        (book.owed, book.debt_usd, book.collateral_usd, book.debt_sum, book.collateral_sum),
        np.ascontiguousarray(oracle, dtype=np.float64),
        np.ascontiguousarray(fair, dtype=np.float64),
        options.threshold,
        options.bonus,
        (calls.delay_steps, calls.close_factor, calls.reference_cost),
        (eligible, bad, avoidable),
    )
    return Swept(eligible, bad, avoidable)


def _check(oracle: FloatArray, fair: FloatArray, options: Options) -> None:
    if oracle.shape != fair.shape or oracle.ndim != 2 or not oracle.shape[1]:
        raise InputError(f"oracle paths are {oracle.shape} and fair ones {fair.shape}.")
    for name, paths in (("oracle", oracle), ("fair", fair)):
        bad = ~(np.isfinite(paths) & (paths > 0))
        if bad.any():
            s, t = np.argwhere(bad)[0]
            raise InputError(f"the {name} ratio of scenario {s} at step {t} is {float(paths[s, t])!r}.")
    lt, b = options.threshold, options.bonus
    if lt.shape != b.shape or not ((lt > 0) & (lt <= 1) & (b >= 0)).all():
        raise InputError(
            f"thresholds {lt.tolist()} and bonuses {b.tolist()}.",
            remedy="Give as many of each, thresholds in (0, 1] and bonuses of 0 or more.",
        )


@kernel
def _sweep(first, last, book, oracle, fair, threshold, bonus, calls, out):  # type: ignore[no-untyped-def]
    owed, debts, collaterals, debt, collateral = book
    delay, close_factor, cost = calls
    eligible, bad, avoidable = out
    steps = oracle.shape[1]
    lowest, worth_least = np.empty(steps), np.empty(steps)
    for s in range(first, last):
        low = fallen = np.inf
        for t in range(steps):
            low = min(low, oracle[s, t])
            fallen = min(fallen, low, fair[s, t])
            lowest[t], worth_least[t] = low, fallen
        for k in range(len(threshold)):
            lt, b = threshold[k], bonus[k]
            safe = len(owed)  # accounts before this place have not been liquidated
            for t in range(steps):
                if t and lowest[t] == lowest[t - 1]:
                    continue
                place = np.searchsorted(owed[:safe], lt * lowest[t], side="right")
                if place == safe:
                    continue
                eligible[k, s] += debt[safe] - debt[place]
                floor = worth_least[min(t + delay, steps - 1)] / (1.0 + b)
                # Who owes no more than what the collateral fetches leaves nothing.
                from_ = max(place, np.searchsorted(owed[:safe], floor, side="right"))
                bad[k, s] += (debt[safe] - debt[from_]) - floor * (collateral[safe] - collateral[from_])
                for u in range(place, safe):
                    d, c = debts[u], collaterals[u]
                    health = lt * (c * oracle[s, t]) / d
                    share = 1.0 if health < FULL_CLOSE_BELOW else close_factor
                    repaid = min(share * d, c * oracle[s, t] / (1.0 + b))
                    lost = repaid * ((1.0 + b) * fair[s, t] / oracle[s, t] - 1.0)
                    worth = c * fair[s, t]
                    needed = r_reference(d, worth, lt * worth / d, lt, cost)
                    avoidable[k, s] += max(0.0, lost - cost * needed)
                safe = place
            # Never liquidated, yet worth less than owed: where the bonus leaves no room for it.
            floor = worth_least[steps - 1] / (1.0 + b)
            from_ = np.searchsorted(owed[:safe], floor, side="right")
            bad[k, s] += (debt[safe] - debt[from_]) - floor * (collateral[safe] - collateral[from_])
