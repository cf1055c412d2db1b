"""Seed haircuts: which buffers the returns of the past ask for, beside today's.

A DIAGNOSTIC, never a proposal.  Per collateral and e-mode row, with b the bonus::

    LT  = q_eps(gross return over the delay, debt-weighted over its pairs) (1 - slip) / (1 + b)
    LTV = LT q_eps'(lowest price over the horizon)

Each unit of collateral value is cut into four slices that sum to one: LTV (what may be
borrowed), user buffer LT - LTV, protocol buffer 1/(1 + b) - LT, and bonus wedge
b/(1 + b).  The haircut is 1 - LTV.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import InputError
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.measures import account_totals
from risk.scenarios.families import tree_of
from risk.solver.pairs import Known, find_returns, pair_debt
from risk.solver.parameters import LABEL, Slices, emode_label, parameters_of, slices
from risk.solver.returns import (
    DAY_S,
    HORIZONS_S,
    HOUR_S,
    Returns,
    Statistic,
    mixture_quantile,
    shipped_returns,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeedOptions:
    """What the buffers have to cover.

    Parameters
    ----------
    delay_s : int
        Time between trigger and sale, s; one of `returns.HORIZONS_S`, as is ``horizon_s``.
    bad_debt_probability : float
        That the return over the delay is worse.
    horizon_s : int
        Time over which a borrower at maximal LTV should stay unliquidated, s.
    liquidation_probability : float
        That the price falls further within the horizon.
    statistic : {"minimum", "terminal"}
        Whether the delay is read at its worst price or at its end.
    """

    delay_s: int = HOUR_S
    bad_debt_probability: float = 0.001
    horizon_s: int = 7 * DAY_S
    liquidation_probability: float = 0.05
    statistic: Statistic = "minimum"

    def __post_init__(self) -> None:
        for horizon in (self.delay_s, self.horizon_s):
            if horizon not in HORIZONS_S:
                raise InputError(f"no returns over {horizon} s.", remedy=f"Choose one of {HORIZONS_S}.")
        for p in (self.bad_debt_probability, self.liquidation_probability):
            if not 0 < p < 1:
                raise InputError(f"probability {p} must be in (0, 1).")


@dataclass(frozen=True, slots=True)
class HaircutRow:
    """One collateral under one set of parameters.

    Parameters
    ----------
    collateral : str
        Asset name.
    emode : str
        Label of the category, empty outside.
    debt_usd : float
        Debt attributed to it.
    coverage : float
        Share of that debt whose pair has returns.
    current : Slices
    needed : Slices or None
        None if no pair has returns.
    worst_debt : str
        The debt asset whose pair alone would ask for the lowest threshold.
    slippage : float
        Used in ``needed``.
    infinite_depth : bool
        Whether ``slippage`` is 0 for want of a curve.
    sources : tuple of str
        Where the returns come from.
    """

    collateral: str
    emode: str
    debt_usd: float
    coverage: float
    current: Slices
    needed: Slices | None
    worst_debt: str
    slippage: float
    infinite_depth: bool
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Haircuts:
    """The table and what was found in making it; ``label`` is always ``diagnostic``."""

    rows: tuple[HaircutRow, ...]
    options: SeedOptions
    findings: tuple[Finding, ...]
    label: str = LABEL

    def frame(self) -> pd.DataFrame:
        """Return one row a collateral and e-mode: current and needed slices, fractions."""
        return pd.DataFrame([_flat(row) for row in self.rows])


def seed_haircuts(
    snapshot: Snapshot,
    *,
    depth: Depth | None = None,
    table: Returns | None = None,
    options: SeedOptions | None = None,
    sale_tokens: FloatArray | None = None,
) -> Haircuts:
    """Return current and needed buffers of every collateral with debt behind it.

    Parameters
    ----------
    snapshot : Snapshot
    depth : Depth, optional
        Infinite by default: slippage 0, and every row says so.
    table : mapping, optional
        Returns of pairs; the shipped ones by default.
    options : SeedOptions, optional
    sale_tokens : (A,) float64, optional
        Size sold at once per reserve; by default what the two largest borrowers of each
        reserve's holders hold of it (they fail together).

    Returns
    -------
    Haircuts
        Sorted by attributed debt, largest first.
    """
    chosen = options or SeedOptions()
    curves = depth or Depth.infinite_for(snapshot)
    known = shipped_returns() if table is None else table
    sizes = cover_two_tokens(snapshot) if sale_tokens is None else sale_tokens
    rows: list[HaircutRow] = []
    findings: list[Finding] = []
    for pairs in _pairs(snapshot, known, chosen):
        i = pairs.collateral
        if parameters_of(snapshot, i, pairs.mode).bonus_bps < 10_000:
            findings.append(_without_bonus(snapshot.asset_names[i]))
            continue
        slip = float(curves.slippage(i, sizes[i : i + 1])[0])
        row = _row(snapshot, pairs, slip, bool(curves.infinite[i]), chosen)
        rows.append(row)
        findings += _findings(snapshot, row, pairs)
    rows.sort(key=lambda r: (-r.debt_usd, r.collateral, r.emode))
    return Haircuts(tuple(rows), chosen, tuple(findings))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The debts against one collateral: USD by debt reserve, and their returns where both are known."""

    collateral: int
    mode: int
    debt_usd: dict[int, float]
    delay: dict[int, Known]
    horizon: dict[int, Known]

    def quantile(self, returns: dict[int, Known], probability: float) -> float:
        """Return the debt-weighted quantile; above one gives no credit.

        The chain itself asks for LT (1 + b) <= 1 and LTV <= LT.
        """
        parts = ((self.debt_usd[j], k.returns) for j, k in returns.items())
        return min(mixture_quantile(parts, probability), 1.0)


def _pairs(snapshot: Snapshot, table: Returns, options: SeedOptions) -> Iterator[_Pairs]:
    tree = tree_of(snapshot)
    rows = pair_debt(snapshot)
    for i, m in rows[["collateral", "emode"]].drop_duplicates().itertuples(index=False):
        own = rows[(rows["collateral"] == i) & (rows["emode"] == m)]
        debts = dict(zip(own["debt"].tolist(), own["debt_usd"].tolist(), strict=True))
        found = {
            j: (
                find_returns(tree, table, i, j, options.delay_s, options.statistic),
                find_returns(tree, table, i, j, options.horizon_s, "minimum"),
            )
            for j in debts
        }
        known = {j: (d, h) for j, (d, h) in found.items() if d is not None and h is not None}
        delay, horizon = ({j: pair[side] for j, pair in known.items()} for side in (0, 1))
        yield _Pairs(int(i), int(m), debts, delay, horizon)


def cover_two_tokens(snapshot: Snapshot) -> FloatArray:
    """Return per reserve what the two of its holders with the largest debts hold of it, (A,) tokens."""
    block = snapshot.book.collateral
    debt, _, _ = account_totals(snapshot)
    tokens = block.amount_raw.astype(np.float64) / snapshot.unit[block.reserve]
    out = np.zeros(len(snapshot.reserves))
    for i in range(len(out)):
        own = np.flatnonzero((block.reserve == i) & block.counted & (debt[block.account] > 0))
        largest = own[np.argsort(-debt[block.account[own]], kind="stable")[:2]]
        out[i] = tokens[largest].sum()
    return out


def _row(snapshot: Snapshot, pairs: _Pairs, slip: float, infinite: bool, options: SeedOptions) -> HaircutRow:
    parameters = parameters_of(snapshot, pairs.collateral, pairs.mode)
    total = sum(pairs.debt_usd.values())
    needed, worst = None, ""
    if pairs.delay:
        fall = pairs.quantile(pairs.delay, options.bad_debt_probability)
        low = pairs.quantile(pairs.horizon, options.liquidation_probability)
        threshold = fall * (1 - slip) / (1 + parameters.bonus)
        needed = slices(threshold * low, threshold, parameters.bonus)
        falls = {j: k.returns.quantile(options.bad_debt_probability) for j, k in pairs.delay.items()}
        worst = snapshot.asset_names[min(falls, key=lambda j: (falls[j], j))]
    return HaircutRow(
        collateral=snapshot.asset_names[pairs.collateral],
        emode=emode_label(snapshot, pairs.mode),
        debt_usd=total,
        coverage=sum(pairs.debt_usd[j] for j in pairs.delay) / total,
        current=parameters.slices,
        needed=needed,
        worst_debt=worst,
        slippage=slip,
        infinite_depth=infinite,
        sources=tuple(sorted({k.returns.source for k in pairs.delay.values()})),
    )


def _without_bonus(asset: str) -> Finding:
    text = "backs debt without a liquidation bonus: no buffers can be stated."
    return Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, asset, text, remedy="Check the parameters.")


def _findings(snapshot: Snapshot, row: HaircutRow, pairs: _Pairs) -> list[Finding]:
    names, subject = snapshot.asset_names, row.collateral
    unknown = [j for j in pairs.debt_usd if j not in pairs.delay]
    proxied = sorted(names[j] for j, k in pairs.delay.items() if not k.exact)
    where = f" in {row.emode}" if row.emode else ""
    out = []
    if unknown:
        owed = sum(pairs.debt_usd[j] for j in unknown)
        listed = ", ".join(names[j] for j in unknown)
        text = f"returns against {listed}{where} are not available: {owed:,.0f} USD of debt not covered."
        remedy = "Give candles of the pair."
        out.append(Finding(FindingKind.MISSING, Severity.LOW, subject, text, owed, remedy))
    if proxied:
        text = f"returns against {', '.join(proxied)}{where} are those of what the tokens follow"
        out.append(Finding(FindingKind.UNVERIFIED, Severity.INFO, subject, f"{text}: no own discount."))
    if row.needed is not None and row.needed.threshold < row.current.threshold:
        text = (
            f"diagnostic{where}: the pairs' returns ask for a protocol buffer of "
            f"{row.needed.protocol_buffer:.1%}, it is {row.current.protocol_buffer:.1%}."
        )
        out.append(Finding(FindingKind.BUFFER, Severity.MEDIUM, subject, text, row.debt_usd))
    return out


def _flat(row: HaircutRow) -> dict[str, object]:
    out: dict[str, object] = {
        "collateral": row.collateral,
        "emode": row.emode,
        "debt_usd": row.debt_usd,
        "coverage": row.coverage,
        "worst_debt": row.worst_debt,
        "slippage": row.slippage,
    }
    for label, cut in (("current", row.current), ("needed", row.needed)):
        names = ("ltv", "user_buffer", "protocol_buffer", "bonus_wedge", "haircut")
        out |= {f"{label}_{n}": getattr(cut, n) if cut is not None else None for n in names}
    return out
