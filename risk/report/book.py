"""Figures that need the snapshot alone: completeness, distance to liquidation, who holds what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Snapshot
from risk.report.positions import Positions

IndexArray = NDArray[np.intp]

TOP = 20  # rows of a first-page table
LISTED = 300  # accounts of each kind in the searchable list: bounded whatever the book's size
DUST_USD = 100.0  # accounts below are counted in totals but not listed as closest
DISTANCES = (0.0, 0.01, 0.03, 0.05, 0.10, 0.20, 0.30, 0.50, 1.0)


@dataclass(frozen=True, slots=True)
class CompletenessRow:
    """Whether one token's entries add up; ``found_share`` is found / total, None if the total is 0."""

    asset: str
    side: str
    found_share: float | None
    missing_usd: float
    found_scaled_raw: str
    total_scaled_raw: str


@dataclass(frozen=True, slots=True)
class CompletenessFigures:
    """How much of the book was found, by value; None where nothing was checked."""

    supply_share: float | None
    debt_share: float | None
    missing_supply_usd: float
    missing_debt_usd: float
    rows: tuple[CompletenessRow, ...]


@dataclass(frozen=True, slots=True)
class DistanceRow:
    """Debt of accounts whose distance lies in ``(from_share, to_share]``; first row: liquidatable now."""

    label: str
    from_share: float | None
    to_share: float | None
    accounts: int
    debt_usd: float
    debt_emode_usd: float
    debt_other_usd: float
    debt_share: float
    cumulative_debt_share: float


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account; ``distance_share`` and ``health_factor`` are None without debt."""

    account: str
    emode: str
    collateral_usd: float
    debt_usd: float
    debt_share: float
    health_factor: float | None
    distance_share: float | None
    leverage: float | None
    main_collateral: str
    main_collateral_share: float | None
    main_debt: str
    main_debt_share: float | None


@dataclass(frozen=True, slots=True)
class SupplierRow:
    """One of the largest suppliers and the reserve it matters most to."""

    account: str
    supply_usd: float
    supply_share: float
    main_asset: str
    main_asset_usd: float
    share_of_reserve: float
    debt_usd: float


def completeness(snapshot: Snapshot) -> CompletenessFigures:
    """Return the share of supply and debt whose owners were found.

    Each token's share is found / total scaled balance; sides are weighted by oracle value.
    """
    rows = []
    totals = {"supply": [0.0, 0.0], "debt": [0.0, 0.0]}
    checked = set()
    for c in snapshot.completeness:
        share = c.found_scaled_raw / c.total_scaled_raw if c.total_scaled_raw else None
        rows.append(
            CompletenessRow(
                snapshot.asset_names[c.reserve],
                c.side,
                share,
                c.missing_usd,
                str(c.found_scaled_raw),
                str(c.total_scaled_raw),
            )
        )
        missing = c.missing_scaled_raw / c.total_scaled_raw if c.total_scaled_raw else 0.0
        # The token's value follows from what is missing; complete tokens from the book itself.
        value = c.missing_usd / missing if missing else _found_usd(snapshot, c.reserve, c.side)
        totals[c.side][0] += value
        totals[c.side][1] += c.missing_usd
        checked.add(c.side)
    shares = {
        side: 1.0 - missing / value if side in checked and value > 0 else None
        for side, (value, missing) in totals.items()
    }
    return CompletenessFigures(
        shares["supply"], shares["debt"], totals["supply"][1], totals["debt"][1], tuple(rows)
    )


def _found_usd(snapshot: Snapshot, reserve: int, side: str) -> float:
    if side == "supply":
        return float(snapshot.collateral_usd[snapshot.book.collateral.reserve == reserve].sum())
    return float(snapshot.debt_usd[snapshot.book.debt.reserve == reserve].sum())


def distance_table(snapshot: Snapshot, at: Positions) -> tuple[DistanceRow, ...]:
    """Return debt and accounts by distance to liquidation, nearest first."""
    borrows = at.debt_usd > 0
    emode = borrows & (snapshot.book.emode > 0)
    total = float(at.debt_usd.sum())
    masks: list[tuple[str, float | None, float | None, NDArray[np.bool_]]] = [
        ("liquidatable now", None, None, borrows & at.liquidatable)
    ]
    healthy = borrows & ~at.liquidatable
    for low, high in pairwise(DISTANCES):
        above = at.distance > low if low > 0 else np.ones_like(borrows)
        name = f"{low * 100:.0f}–{high * 100:.0f} %"
        masks.append((name, low, high, healthy & above & (at.distance <= high)))
    rows, cumulative = [], 0.0
    for name, low_share, high_share, mask in masks:
        debt = float(at.debt_usd[mask].sum())
        in_emode = float(at.debt_usd[mask & emode].sum())
        cumulative += debt
        rows.append(
            DistanceRow(
                name,
                low_share,
                high_share,
                int(mask.sum()),
                debt,
                in_emode,
                debt - in_emode,
                debt / total if total else 0.0,
                min(cumulative / total, 1.0) if total else 0.0,
            )
        )
    return tuple(rows)


def largest_borrowers(at: Positions, n: int = TOP) -> IndexArray:
    """Return account indices by debt, largest first, without accounts that owe nothing."""
    order = np.argsort(-at.debt_usd, kind="stable")[:n]
    return order[at.debt_usd[order] > 0]


def listed_accounts(at: Positions, n: int = LISTED) -> IndexArray:
    """Return the largest borrowers and those closest to liquidation, by debt, at most ``2 n``."""
    matters = np.where(at.debt_usd >= DUST_USD, at.distance, np.inf)
    closest = np.argsort(matters, kind="stable")[:n]
    closest = closest[np.isfinite(matters[closest])]
    both = np.union1d(largest_borrowers(at, n), closest)
    return both[np.argsort(-at.debt_usd[both], kind="stable")]


def account_rows(snapshot: Snapshot, at: Positions, chosen: IndexArray) -> tuple[AccountRow, ...]:
    """Return one `AccountRow` an index of ``chosen``."""
    labels = {0: "", **{e.id: e.label or f"e-mode {e.id}" for e in snapshot.emodes}}
    total = float(at.debt_usd.sum())
    return tuple(_account_row(snapshot, at, int(i), labels, total) for i in chosen)


def _account_row(
    snapshot: Snapshot, at: Positions, i: int, labels: dict[int, str], total_debt_usd: float
) -> AccountRow:
    c, d = snapshot.book.collateral, snapshot.book.debt
    counted = np.where(c.counted, snapshot.collateral_usd, 0.0)[c.indptr[i] : c.indptr[i + 1]]
    collateral, collateral_share = _main(snapshot, c.reserve[c.indptr[i] : c.indptr[i + 1]], counted)
    owed = slice(d.indptr[i], d.indptr[i + 1])
    debt, debt_share = _main(snapshot, d.reserve[owed], snapshot.debt_usd[owed])
    equity = float(at.counted_usd[i] - at.debt_usd[i])
    borrows = at.debt_usd[i] > 0
    emode = int(snapshot.book.emode[i])
    return AccountRow(
        account=snapshot.book.accounts[i],
        emode=labels.get(emode, f"e-mode {emode}"),
        collateral_usd=float(at.counted_usd[i]),
        debt_usd=float(at.debt_usd[i]),
        debt_share=float(at.debt_usd[i]) / total_debt_usd if total_debt_usd else 0.0,
        health_factor=float(at.health[i]) if borrows and np.isfinite(at.health[i]) else None,
        distance_share=float(at.distance[i]) if borrows and np.isfinite(at.distance[i]) else None,
        leverage=float(at.counted_usd[i]) / equity if borrows and equity > 0 else None,
        main_collateral=collateral,
        main_collateral_share=collateral_share,
        main_debt=debt,
        main_debt_share=debt_share,
    )


def _main(
    snapshot: Snapshot, reserve: NDArray[np.int64], value_usd: NDArray[np.float64]
) -> tuple[str, float | None]:
    total = float(value_usd.sum())
    if not total > 0:
        return "", None
    k = int(np.argmax(value_usd))
    return snapshot.asset_names[int(reserve[k])], float(value_usd[k]) / total


def largest_suppliers(snapshot: Snapshot, at: Positions, n: int = TOP) -> tuple[SupplierRow, ...]:
    """Return the largest suppliers by everything they supply, collateral or not."""
    c = snapshot.book.collateral
    per_reserve = np.bincount(c.reserve, snapshot.collateral_usd, minlength=len(snapshot.reserves))
    total = float(at.collateral_usd.sum())
    rows = []
    for i in np.argsort(-at.collateral_usd, kind="stable")[:n]:
        if not at.collateral_usd[i] > 0:
            break
        entries = slice(c.indptr[i], c.indptr[i + 1])
        value = snapshot.collateral_usd[entries]
        k = int(np.argmax(value))
        reserve = int(c.reserve[entries][k])
        rows.append(
            SupplierRow(
                account=snapshot.book.accounts[i],
                supply_usd=float(at.collateral_usd[i]),
                supply_share=float(at.collateral_usd[i]) / total,
                main_asset=snapshot.asset_names[reserve],
                main_asset_usd=float(value[k]),
                share_of_reserve=float(value[k] / per_reserve[reserve]),
                debt_usd=float(at.debt_usd[i]),
            )
        )
    return tuple(rows)
