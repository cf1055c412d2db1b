"""Figures per reserve: how much is lent out, who supplies it, how much room its caps leave."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from protocols.snapshot import Reserve, Snapshot
from risk.solver.cap_fill import cap_fill, cap_fill_families


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

    ``headroom_usd`` is what may still be supplied, 0 where the reserve is closed, and
    ``fill_power_usd`` that times the largest LTV.  ``fill_loss_usd`` is what worthless
    collateral at oracle par filling the headroom could borrow, at most ``lendable_usd``
    (`risk.solver.cap_fill`); 0 where it is no collateral.
    """

    asset: str
    open: bool
    supply_cap_tokens: str | None
    supplied_tokens: float
    supply_used_share: float | None
    headroom_usd: float | None
    fill_power_usd: float | None
    fill_loss_usd: float
    lendable_usd: float
    borrow_cap_tokens: str | None
    borrowed_tokens: float
    borrow_used_share: float | None


@dataclass(frozen=True, slots=True)
class CapFamilyRow:
    """Assets that follow one coin, filled together; ``headroom_usd`` is None if one has no cap."""

    family: str
    members: tuple[str, ...]
    headroom_usd: float | None
    fill_loss_usd: float
    lendable_usd: float


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


def cap_rows(snapshot: Snapshot) -> tuple[CapRow, ...]:
    """Return one row a reserve with headroom and the loss filling it could cause."""
    fills = {fill.subject: fill for fill in cap_fill(snapshot)}
    rows = []
    for i, reserve in enumerate(snapshot.reserves):
        unit = 10**reserve.decimals
        supply_cap, borrow_cap = reserve.supply_cap_tokens, reserve.borrow_cap_tokens
        is_open = reserve.active and not reserve.frozen and not reserve.paused
        room_raw = max(supply_cap * unit - reserve.total_supply_raw, 0) if is_open else 0
        fill = fills.get(snapshot.asset_names[i])
        rows.append(
            CapRow(
                asset=snapshot.asset_names[i],
                open=is_open,
                supply_cap_tokens=str(supply_cap) if supply_cap else None,
                supplied_tokens=reserve.total_supply_raw / unit,
                supply_used_share=reserve.total_supply_raw / (supply_cap * unit) if supply_cap else None,
                headroom_usd=_usd(snapshot, i, room_raw) if supply_cap or not is_open else None,
                fill_power_usd=(fill.power_usd if math.isfinite(fill.power_usd) else None) if fill else 0.0,
                fill_loss_usd=fill.loss_usd if fill else 0.0,
                lendable_usd=fill.lendable_usd if fill else 0.0,
                borrow_cap_tokens=str(borrow_cap) if borrow_cap else None,
                borrowed_tokens=reserve.total_debt_raw / unit,
                borrow_used_share=reserve.total_debt_raw / (borrow_cap * unit) if borrow_cap else None,
            )
        )
    return tuple(rows)


def cap_family_rows(snapshot: Snapshot) -> tuple[CapFamilyRow, ...]:
    """Return the families of more than one asset, filled together, largest loss first."""
    return tuple(
        CapFamilyRow(
            family=fill.subject,
            members=fill.members,
            headroom_usd=fill.headroom_usd if math.isfinite(fill.headroom_usd) else None,
            fill_loss_usd=fill.loss_usd,
            lendable_usd=fill.lendable_usd,
        )
        for fill in cap_fill_families(snapshot)
    )


def _utilisation(reserve: Reserve) -> float | None:
    total = reserve.total_debt_raw + reserve.available_liquidity_raw
    return reserve.total_debt_raw / total if total and reserve.total_supply_raw else None


def _usd(snapshot: Snapshot, reserve: int, raw: int) -> float:
    return float(raw / 10 ** snapshot.reserves[reserve].decimals * snapshot.price_usd[reserve])
