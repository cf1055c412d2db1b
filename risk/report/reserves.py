"""Figures per reserve: how much is lent out, who supplies it, how much room its caps leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocols.snapshot import Reserve, Snapshot


@dataclass(frozen=True, slots=True)
class ReserveRow:
    """One reserve.

    ``utilisation_share`` is debt / (debt + withdrawable), None for an asset nobody supplies
    (minted to borrowers); supplier shares are of the supply found in the book;
    ``largest_can_leave`` says whether the withdrawable liquidity covers the largest supplier.
    """

    asset: str
    price_usd: float
    supply_usd: float
    debt_usd: float
    available_usd: float
    utilisation_share: float | None
    suppliers: int
    largest_supplier: str
    largest_supplier_usd: float
    largest_supplier_share: float | None
    top3_supplier_share: float | None
    largest_can_leave: bool | None
    ltv_bps: int
    liquidation_threshold_bps: int
    bonus_bps: int
    frozen: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class CapRow:
    """Supply and borrow caps of one reserve; None where there is no cap.

    ``fill_loss_usd`` is headroom x LTV x price: what worthless collateral at oracle par
    could take out; ``fill_reachable_usd`` the part the withdrawable liquidity allows.
    """

    asset: str
    supply_cap_tokens: str | None
    supplied_tokens: float
    supply_used_share: float | None
    headroom_usd: float | None
    ltv_bps: int
    fill_loss_usd: float | None
    fill_reachable_usd: float
    borrow_cap_tokens: str | None
    borrowed_tokens: float
    borrow_used_share: float | None
    open: bool


def reserve_rows(snapshot: Snapshot) -> tuple[ReserveRow, ...]:
    """Return one row a reserve, in the snapshot's order."""
    c = snapshot.book.collateral
    rows = []
    for i, reserve in enumerate(snapshot.reserves):
        entries = np.flatnonzero((c.reserve == i) & (c.amount_raw > 0))
        amounts = c.amount_raw[entries].astype(np.float64)
        order = np.argsort(-amounts, kind="stable")
        found = float(amounts.sum())
        first = int(entries[order[0]]) if len(entries) else -1
        rows.append(
            ReserveRow(
                asset=snapshot.asset_names[i],
                price_usd=float(snapshot.price_usd[i]),
                supply_usd=_usd(snapshot, i, reserve.total_supply_raw),
                debt_usd=_usd(snapshot, i, reserve.total_debt_raw),
                available_usd=_usd(snapshot, i, reserve.available_liquidity_raw),
                utilisation_share=_utilisation(reserve),
                suppliers=len(entries),
                largest_supplier=snapshot.book.accounts[int(c.account[first])] if first >= 0 else "",
                largest_supplier_usd=float(snapshot.collateral_usd[first]) if first >= 0 else 0.0,
                largest_supplier_share=float(amounts[order[0]]) / found if found else None,
                top3_supplier_share=float(amounts[order[:3]].sum()) / found if found else None,
                largest_can_leave=int(c.amount_raw[first]) <= reserve.available_liquidity_raw
                if first >= 0
                else None,
                ltv_bps=reserve.ltv_bps,
                liquidation_threshold_bps=reserve.liquidation_threshold_bps,
                bonus_bps=max(reserve.liquidation_bonus_bps - 10_000, 0),
                frozen=reserve.frozen,
                paused=reserve.paused,
            )
        )
    return tuple(rows)


def largest_ltv_bps(snapshot: Snapshot, reserve: int) -> int:
    """Return the largest LTV any account can borrow at against ``reserve``, e-modes included."""
    inside = [e.ltv_bps for e in snapshot.emodes if reserve in e.collateral and reserve not in e.ltvzero]
    return max([snapshot.reserves[reserve].ltv_bps, *inside])


def cap_rows(snapshot: Snapshot) -> tuple[CapRow, ...]:
    """Return one row a reserve with headroom and the loss filling it could cause."""
    cash = sum(_usd(snapshot, i, r.available_liquidity_raw) for i, r in enumerate(snapshot.reserves))
    rows = []
    for i, reserve in enumerate(snapshot.reserves):
        unit = 10**reserve.decimals
        supply_cap, borrow_cap = reserve.supply_cap_tokens, reserve.borrow_cap_tokens
        is_open = reserve.active and not reserve.frozen and not reserve.paused
        ltv = largest_ltv_bps(snapshot, i)
        room_raw = max(supply_cap * unit - reserve.total_supply_raw, 0) if is_open else 0
        headroom = _usd(snapshot, i, room_raw) if supply_cap or not is_open else None
        loss = None if headroom is None else headroom * ltv / 1e4
        # What is borrowed against the filled collateral must be there to be borrowed.
        others = cash - _usd(snapshot, i, reserve.available_liquidity_raw)
        reachable = others if loss is None and ltv else min(loss or 0.0, others)
        rows.append(
            CapRow(
                asset=snapshot.asset_names[i],
                supply_cap_tokens=str(supply_cap) if supply_cap else None,
                supplied_tokens=reserve.total_supply_raw / unit,
                supply_used_share=reserve.total_supply_raw / (supply_cap * unit) if supply_cap else None,
                headroom_usd=headroom,
                ltv_bps=ltv,
                fill_loss_usd=loss if ltv else 0.0,
                fill_reachable_usd=reachable,
                borrow_cap_tokens=str(borrow_cap) if borrow_cap else None,
                borrowed_tokens=reserve.total_debt_raw / unit,
                borrow_used_share=reserve.total_debt_raw / (borrow_cap * unit) if borrow_cap else None,
                open=is_open,
            )
        )
    return tuple(rows)


def _utilisation(reserve: Reserve) -> float | None:
    total = reserve.total_debt_raw + reserve.available_liquidity_raw
    return reserve.total_debt_raw / total if total and reserve.total_supply_raw else None


def _usd(snapshot: Snapshot, reserve: int, raw: int) -> float:
    return float(raw / 10 ** snapshot.reserves[reserve].decimals * snapshot.price_usd[reserve])
