"""Depth against the largest borrower: whether what backs the largest debt sells within the bonus.

The rule as the "Aave Risk Framework" proposal states it: depth must clear the largest borrower
within the liquidation bonus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.measures import account_totals

FloatArray = NDArray[np.float64]
BPS = 10_000


@dataclass(frozen=True, slots=True)
class LargestBorrower:
    """The largest debt behind one collateral, and what selling that collateral fetches.

    Parameters
    ----------
    asset, account : str
        Untrusted text.
    debt_usd : float
        Its debt that this collateral backs: spread over its collateral by weighted value.
    sale_tokens, sale_usd : float
        What repaying that debt seizes: debt times (1 + bonus), at most what it supplied.
    bonus_share : float
        Of the bonus, what the protocol's fee leaves to the liquidator.
    absorbable_usd : float or None
        Largest sale whose slippage that bonus pays for; None without a depth curve.
    slippage_share : float or None
        Of this sale.
    clears : bool or None
    depth_source : str
    """

    asset: str
    account: str
    debt_usd: float
    sale_tokens: float
    sale_usd: float
    bonus_share: float
    absorbable_usd: float | None
    slippage_share: float | None
    clears: bool | None
    depth_source: str


def largest_borrower_rows(snapshot: Snapshot, depth: Depth) -> tuple[LargestBorrower, ...]:
    """Return the largest borrower of every collateral with debt behind it, largest first."""
    block = snapshot.book.collateral
    debt_usd, _, weighted_usd = account_totals(snapshot)
    own = snapshot.collateral_usd * block.counted * block.threshold_bps / BPS
    total = weighted_usd[block.account]
    backed = np.where(total > 0, own / np.where(total > 0, total, 1.0), 0.0) * debt_usd[block.account]
    rows = []
    for i in range(len(snapshot.reserves)):
        entries = np.flatnonzero((block.reserve == i) & (backed > 0))
        if len(entries):
            rows.append(_row(snapshot, depth, int(entries[np.argmax(backed[entries])]), backed))
    return tuple(sorted(rows, key=lambda r: (-r.debt_usd, r.asset)))


def _row(snapshot: Snapshot, depth: Depth, entry: int, backed: FloatArray) -> LargestBorrower:
    block = snapshot.book.collateral
    i = int(block.reserve[entry])
    reserve, price = snapshot.reserves[i], float(snapshot.price_usd[i])
    bonus = max(int(block.bonus_bps[entry]) - BPS, 0) / BPS
    kept = bonus * (1 - reserve.liquidation_protocol_fee_bps / BPS)
    debt, supplied = float(backed[entry]), float(snapshot.collateral_usd[entry])
    sale_usd = min(debt * (1 + bonus), supplied)
    tokens = sale_usd / price if price > 0 else 0.0
    absorbable = slippage = clears = None
    if not depth.infinite[i]:
        size = depth.size_within(i, kept / (1 + kept))
        absorbable, clears = size * price, tokens <= size
        slippage = float(depth.slippage(i, np.array(tokens)))
    return LargestBorrower(
        asset=snapshot.asset_names[i],
        account=snapshot.book.accounts[int(block.account[entry])],
        debt_usd=debt,
        sale_tokens=tokens,
        sale_usd=sale_usd,
        bonus_share=kept,
        absorbable_usd=absorbable,
        slippage_share=slippage,
        clears=clears,
        depth_source=depth.source[i],
    )
