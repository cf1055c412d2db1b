"""New-position test: how likely an account opened at maximal LTV is liquidated soon.

A DIAGNOSTIC at today's parameters, per collateral, e-mode row and debt.  Such an account
is liquidated when the pair's price falls to LTV / LT of its start; interest is neglected.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.scenarios.families import tree_of
from risk.solver.closed_forms import gbm_hit
from risk.solver.pairs import find_returns
from risk.solver.parameters import LABEL, emode_label, parameters_of
from risk.solver.returns import DAY_S, HORIZONS_S, Returns, shipped_returns

YEAR_S = 365 * DAY_S


@dataclass(frozen=True, slots=True)
class NewPosition:
    """One account opened at maximal LTV.

    Parameters
    ----------
    collateral, emode, debt : str
        Names; ``emode`` is empty outside.
    level : float
        LTV / LT: the price, relative to the start, that liquidates.
    empirical : float or None
        Share of past windows in which it was reached; None if the pair has no returns.
    gbm : float or None
        The same under geometric Brownian motion of the pair's volatility, zero drift.
    exact : bool
        Whether the returns are of the tokens themselves.
    source : str
    label : str
        Always ``diagnostic``.
    """

    collateral: str
    emode: str
    debt: str
    level: float
    empirical: float | None
    gbm: float | None
    exact: bool
    source: str
    label: str = LABEL


def new_positions(
    snapshot: Snapshot, *, horizon_s: int = 7 * DAY_S, table: Returns | None = None
) -> tuple[NewPosition, ...]:
    """Return the test of every collateral, e-mode row and debt that can be opened today.

    Parameters
    ----------
    snapshot : Snapshot
    horizon_s : int
        One of `returns.HORIZONS_S`.
    table : mapping, optional
        Returns of pairs; the shipped ones by default.

    Returns
    -------
    tuple of NewPosition
        Most likely first; pairs without returns last.

    Raises
    ------
    InputError
        If there are no returns over the horizon.
    """
    if horizon_s not in HORIZONS_S:
        raise InputError(f"no returns over {horizon_s} s.", remedy=f"Choose one of {HORIZONS_S}.")
    known = table if table is not None else shipped_returns()
    tree, names = tree_of(snapshot), snapshot.asset_names
    out = []
    for i, m, j in _openable(snapshot):
        parameters = parameters_of(snapshot, i, m)
        level = parameters.ltv_bps / parameters.threshold_bps
        found = find_returns(tree, known, i, j, horizon_s, "minimum")
        out.append(
            NewPosition(
                collateral=names[i],
                emode=emode_label(snapshot, m),
                debt=names[j],
                level=level,
                empirical=None if found is None else found.returns.probability(level),
                gbm=None if found is None else _gbm(level, found.returns.sigma, horizon_s),
                exact=found is not None and found.exact,
                source="" if found is None else found.returns.source,
            )
        )
    return tuple(sorted(out, key=lambda p: (p.empirical is None, -(p.empirical or 0.0))))


def _gbm(level: float, sigma: float, horizon_s: int) -> float | None:
    return gbm_hit(level, sigma, horizon_s / YEAR_S) if sigma > 0 else None


def _openable(snapshot: Snapshot) -> list[tuple[int, int, int]]:
    """Return (collateral, e-mode row, debt) with LTV above 0 and a debt that may be borrowed."""
    reserves = snapshot.reserves
    lendable = {
        j for j, r in enumerate(reserves) if r.borrowing_enabled and r.active and not (r.frozen or r.paused)
    }
    rows = [(i, 0, lendable) for i in range(len(reserves))]
    rows += [
        (i, k + 1, lendable & set(mode.borrowable))
        for k, mode in enumerate(snapshot.emodes)
        for i in mode.collateral
    ]
    return [(i, m, j) for i, m, debts in rows if _accepts(snapshot, i, m) for j in sorted(debts) if i != j]


def _accepts(snapshot: Snapshot, i: int, m: int) -> bool:
    reserve = snapshot.reserves[i]
    parameters = parameters_of(snapshot, i, m)
    open_now = reserve.active and not (reserve.frozen or reserve.paused)
    return open_now and parameters.ltv_bps > 0 and parameters.threshold_bps > 0


def frame(positions: tuple[NewPosition, ...]) -> pd.DataFrame:
    """Return one row a position."""
    columns = ("collateral", "emode", "debt", "level", "empirical", "gbm", "exact", "source")
    return pd.DataFrame([{c: getattr(p, c) for c in columns} for p in positions], columns=list(columns))
