"""What a market can lend before and after: borrowing power by collateral, and how full caps are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Reserve, Snapshot
from risk.proposal.changes import Change

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PowerRow:
    """What counted collateral in one asset lets its owners borrow, USD at the snapshot's prices."""

    asset: str
    before_usd: float
    after_usd: float


@dataclass(frozen=True, slots=True)
class CapUse:
    """One cap of one reserve.

    Parameters
    ----------
    asset : str
        Untrusted text.
    side : str
        ``supply`` or ``borrow``.
    used_tokens : str
        Whole tokens and their parts, exact decimal.
    before_tokens, after_tokens : int
        0 is no cap.
    before_share, after_share : float or None
        Used over cap; None without a cap.
    """

    asset: str
    side: str
    used_tokens: str
    before_tokens: int
    after_tokens: int
    before_share: float | None
    after_share: float | None


def borrow_power_usd(snapshot: Snapshot) -> float:
    """Return counted collateral times LTV at the snapshot's prices, USD."""
    return float(_power(snapshot).sum())


def power_rows(before: Snapshot, after: Snapshot) -> tuple[PowerRow, ...]:
    """Return borrowing power by collateral asset where there is any, largest change first."""
    n = len(before.reserves)
    then, now = (
        np.bincount(s.book.collateral.reserve, weights=_power(s), minlength=n) for s in (before, after)
    )
    rows = [
        PowerRow(name, float(then[i]), float(now[i]))
        for i, name in enumerate(before.asset_names)
        if then[i] > 0 or now[i] > 0
    ]
    return tuple(sorted(rows, key=lambda r: (-abs(r.after_usd - r.before_usd), -r.before_usd, r.asset)))


def cap_uses(before: Snapshot, after: Snapshot, changes: Sequence[Change]) -> tuple[CapUse, ...]:
    """Return both caps of every reserve that a change touches, in the snapshot's order."""
    touched = {place for c in changes for place in _reserves(before, c)}
    return tuple(
        _use(before, after, place, side) for place in sorted(touched) for side in ("supply", "borrow")
    )


def _reserves(snapshot: Snapshot, change: Change) -> tuple[int, ...]:
    return snapshot.emodes[change.place].collateral if change.is_emode else (change.place,)


def _use(before: Snapshot, after: Snapshot, place: int, side: str) -> CapUse:
    then, now = before.reserves[place], after.reserves[place]
    used_raw = then.total_supply_raw if side == "supply" else then.total_debt_raw
    caps = [getattr(r, f"{side}_cap_tokens") for r in (then, now)]
    shares = [used_raw / (cap * 10**then.decimals) if cap else None for cap in caps]
    return CapUse(before.asset_names[place], side, decimal_tokens(used_raw, then), *caps, *shares)


def decimal_tokens(raw: int, reserve: Reserve) -> str:
    """Return smallest units as whole tokens with all decimals, trailing zeros cut: exact."""
    whole, part = divmod(raw, 10**reserve.decimals)
    digits = f"{part:0{reserve.decimals}d}".rstrip("0") if reserve.decimals else ""
    return f"{whole}.{digits}" if digits else str(whole)


def _power(snapshot: Snapshot) -> FloatArray:
    block = snapshot.book.collateral
    return np.asarray(snapshot.collateral_usd * block.counted * block.ltv_bps / 10_000)
