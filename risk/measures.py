"""Measures: numbers that summarise losses, exposures and books.

Losses are USD, larger is worse.  Weights are non-negative and need not sum to one.
Sources: Rockafellar and Uryasev (2002) for CVaR with atoms; "liquidations at risk" is the
quantile of the debt liquidated, as practitioners of lending markets use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.outcome import Outcome

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Fall of all collateral against all debt until the health factor is 1.
DISTANCE_EDGES = (0.0, 0.01, 0.025, 0.05, 0.10, 0.20, 0.30, 0.50)


def weighted_quantile(values: FloatArray, level: float, weight: FloatArray | None = None) -> float:
    """Return the smallest value at or below which at least ``level`` of the weight lies.

    Parameters
    ----------
    values : (n,) float64
        Finite.
    level : float
        In [0, 1].
    weight : (n,) float64, optional
        1 each by default.

    Raises
    ------
    InputError
        If there are no values, one is not finite, weights do not fit, or the level is outside.
    """
    x, w = _sorted(values, weight)
    if not 0 <= level <= 1:
        raise InputError(f"level {level} must be in [0, 1].")
    cumulative = np.cumsum(w)
    # A whisker of tolerance, so that 0.9 of ten equal weights is the ninth value.
    place = int(np.searchsorted(cumulative, level * cumulative[-1] * (1 - 1e-12), side="left"))
    return float(x[min(place, len(x) - 1)])


def value_at_risk(losses: FloatArray, level: float, weight: FloatArray | None = None) -> float:
    """Return the loss not exceeded with probability ``level``; as `weighted_quantile`."""
    return weighted_quantile(losses, level, weight)


def expected_shortfall(losses: FloatArray, level: float, weight: FloatArray | None = None) -> float:
    """Return the mean of the worst ``1 - level`` of the weight (CVaR).

    The scenario on the border counts with the part of its weight that is needed, which is
    the minimum of ``eta + E[(L - eta)+] / (1 - level)`` over eta.

    Parameters
    ----------
    losses, weight
        As in `weighted_quantile`.
    level : float
        In [0, 1).

    Raises
    ------
    InputError
        As `weighted_quantile`.
    """
    if not 0 <= level < 1:
        raise InputError(f"level {level} must be in [0, 1).")
    x, w = _sorted(losses, weight)
    x, w = x[::-1], w[::-1] / w.sum()
    before = np.concatenate([[0.0], np.cumsum(w)[:-1]])
    taken = np.clip(1 - level - before, 0.0, w)
    return float((x * taken).sum() / taken.sum())


def _sorted(values: FloatArray, weight: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    x = np.asarray(values, dtype=np.float64)
    w = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0 or w.shape != x.shape:
        raise InputError(
            f"{x.shape} values and {w.shape} weights do not fit.", remedy="Give one weight a value."
        )
    if not (np.isfinite(x).all() and np.isfinite(w).all() and (w >= 0).all() and w.sum() > 0):
        raise InputError("values and weights must be finite, weights non-negative and not all zero.")
    order = np.argsort(x, kind="stable")
    return x[order], w[order]


def liquidations_at_risk(outcome: Outcome, level: float) -> float:
    """Return the quantile of the debt that becomes eligible for liquidation, USD."""
    return weighted_quantile(outcome.eligible_debt_usd.sum(axis=1), level, outcome.weight)


def top_share(amounts: FloatArray, n: int) -> float:
    """Return the share of the ``n`` largest amounts in the total; 0 if the total is 0."""
    x = np.sort(np.asarray(amounts, dtype=np.float64))[::-1]
    return float(x[:n].sum() / x.sum()) if x.sum() > 0 else 0.0


def herfindahl(amounts: FloatArray) -> float:
    """Return the Herfindahl index ``sum(share^2)``: 1/n if equal, 1 if one holds all, 0 if none."""
    x = np.asarray(amounts, dtype=np.float64)
    return float(((x / x.sum()) ** 2).sum()) if x.sum() > 0 else 0.0


def account_totals(snapshot: Snapshot) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return debt, counted collateral and threshold-weighted collateral of every account.

    Returns
    -------
    debt_usd, collateral_usd, weighted_usd : (n_accounts,) float64
        At oracle prices, USD; estimates in floating point, the engine decides exactly.
    """
    book, n = snapshot.book, len(snapshot.book)
    c = book.collateral
    value = snapshot.collateral_usd * c.counted
    weighted = value * c.threshold_bps / 10_000
    return (
        _per_account(book.debt.account, snapshot.debt_usd, n),
        _per_account(c.account, value, n),
        _per_account(c.account, weighted, n),
    )


def _per_account(account: IntArray, value: FloatArray, n: int) -> FloatArray:
    return np.bincount(account, weights=value, minlength=n).astype(np.float64)


def distance_to_liquidation(snapshot: Snapshot) -> FloatArray:
    """Return ``1 - 1 / HF``: the fall of collateral against debt that liquidates, (n_accounts,).

    Negative for accounts already liquidatable, 1 for accounts without debt.  All collateral
    falls together against all debt: for accounts that hold and owe the same family of
    assets it says how far the *ratio* is from the trigger.
    """
    debt, _, weighted = account_totals(snapshot)
    safe = np.where(weighted > 0, weighted, 1.0)
    return np.where(debt <= 0, 1.0, np.where(weighted > 0, 1 - debt / safe, -np.inf))


def distance_buckets(snapshot: Snapshot, edges: Sequence[float] = DISTANCE_EDGES) -> pd.DataFrame:
    """Return accounts and debt by distance to liquidation.

    Parameters
    ----------
    snapshot : Snapshot
    edges : sequence of float
        Increasing; a bucket holds ``from <= distance < to``.

    Returns
    -------
    DataFrame
        Columns ``from``, ``to``, ``accounts``, ``debt_usd``; the first bucket is open below,
        the last above.  Accounts without debt are left out.
    """
    debt, _, _ = account_totals(snapshot)
    owing = debt > 0
    bucket = np.searchsorted(np.asarray(edges), distance_to_liquidation(snapshot)[owing], side="right")
    n = len(edges) + 1
    return pd.DataFrame(
        {
            "from": [-np.inf, *edges],
            "to": [*edges, np.inf],
            "accounts": np.bincount(bucket, minlength=n),
            "debt_usd": np.bincount(bucket, weights=debt[owing], minlength=n),
        }
    )


@dataclass(frozen=True, slots=True)
class CoverTwo:
    """The two largest borrowers fail together.

    Parameters
    ----------
    accounts : tuple of str
        Up to two, largest debt first.
    debt_usd, collateral_usd : float
        Sums at oracle prices.
    shortfall_usd : float
        Debt beyond what selling all their collateral together fetches.
    infinite_depth : bool
        Whether some of that collateral was taken to be infinitely deep.
    """

    accounts: tuple[str, ...]
    debt_usd: float
    collateral_usd: float
    shortfall_usd: float
    infinite_depth: bool


def cover_two(
    snapshot: Snapshot, depth: Depth | None = None, price_factor: FloatArray | None = None
) -> CoverTwo:
    """Return what it costs if the two largest borrowers fail together.

    Their collateral is sold asset by asset in one go and each gets its share of the
    proceeds; what an account's share lacks to its debt is the shortfall.

    Parameters
    ----------
    snapshot : Snapshot
    depth : Depth, optional
        Infinite by default.
    price_factor : (A,) float64, optional
        Prices over the snapshot's; 1 by default.
    """
    n_assets = len(snapshot.reserves)
    factor = np.ones(n_assets) if price_factor is None else np.asarray(price_factor, dtype=np.float64)
    curves = depth or Depth.infinite_for(snapshot)
    book = snapshot.book
    owed_now, _, _ = account_totals(snapshot)
    largest = [int(i) for i in np.argsort(-owed_now, kind="stable")[:2] if owed_now[i] > 0]
    tokens = np.zeros((len(largest), n_assets))
    debt = np.zeros(len(largest))
    amount = book.collateral.amount_raw.astype(np.float64) / snapshot.unit[book.collateral.reserve]
    for row, account in enumerate(largest):
        own = (book.collateral.account == account) & book.collateral.counted
        np.add.at(tokens[row], book.collateral.reserve[own], amount[own])
        owes = book.debt.account == account
        debt[row] = (snapshot.debt_usd[owes] * factor[book.debt.reserve[owes]]).sum()
    sold = tokens.sum(axis=0)
    got = np.array([float(curves.proceeds(a, sold[a : a + 1], factor[a])[0]) for a in range(n_assets)])
    share = tokens / np.where(sold > 0, sold, 1.0)
    return CoverTwo(
        accounts=tuple(book.accounts[i] for i in largest),
        debt_usd=float(debt.sum()),
        collateral_usd=float((sold * snapshot.price_usd * factor).sum()),
        shortfall_usd=float(np.maximum(debt - share @ got, 0.0).sum()),
        infinite_depth=bool((curves.infinite & (sold > 0)).any()),
    )


@dataclass(frozen=True, slots=True)
class ReverseStress:
    """The mildest scenario along a line whose loss exceeds a cover.

    Parameters
    ----------
    reached : bool
        Whether any does; the other fields then speak of the first, else of the worst.
    scenario : int
        Index into the outcome.
    name : str
    loss_usd, cover_usd : float
    stays : bool
        Whether every scenario beyond it exceeds the cover too (losses need not be monotone).
    """

    reached: bool
    scenario: int
    name: str
    loss_usd: float
    cover_usd: float
    stays: bool


def reverse_stress(
    outcome: Outcome, scenarios: Sequence[int], cover_usd: float, by: str = "bad_debt_usd"
) -> ReverseStress:
    """Return the smallest shock of a line that exhausts a cover.

    Every scenario is looked at: with feedback the loss is not monotone, so bisection could
    step over the answer.

    Parameters
    ----------
    outcome : Outcome
        Of a grid.
    scenarios : sequence of int
        Indices along the line, mildest first (``range(len(outcome))`` for one grid).
    cover_usd : float
        Reserves that may be lost, >= 0.
    by : str
        An (S, A) or (S,) field of the outcome; summed over reserves.

    Raises
    ------
    InputError
        If the line is empty or the cover is negative or not finite.
    """
    if not scenarios or not (np.isfinite(cover_usd) and cover_usd >= 0):
        raise InputError(
            f"no line of scenarios, or cover {cover_usd}.", remedy="Give a grid and a cover >= 0."
        )
    field = np.asarray(getattr(outcome, by), dtype=np.float64)
    loss = (field.sum(axis=1) if field.ndim == 2 else field)[list(scenarios)]
    over = loss > cover_usd
    reached = bool(over.any())
    place = int(np.argmax(over)) if reached else int(np.argmax(loss))
    index = int(scenarios[place])
    stays = reached and bool(over[place:].all())
    return ReverseStress(reached, index, outcome.names[index], float(loss[place]), float(cover_usd), stays)
