"""Parameters in force: which numbers govern which collateral, and how they cut its value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Snapshot

IntArray = NDArray[np.int64]

LABEL = "diagnostic"  # of everything in this package that is no proposal


@dataclass(frozen=True, slots=True)
class Slices:
    """The four slices of a unit of collateral value; they sum to one.

    Parameters
    ----------
    ltv : float
        What may be borrowed.
    user_buffer : float
        LT - LTV: protects the borrower.
    protocol_buffer : float
        1/(1 + b) - LT: protects the lenders.
    bonus_wedge : float
        b/(1 + b): goes to liquidators and treasury.
    """

    ltv: float
    user_buffer: float
    protocol_buffer: float
    bonus_wedge: float

    @property
    def haircut(self) -> float:
        """``1 - LTV``."""
        return 1 - self.ltv

    @property
    def threshold(self) -> float:
        """The liquidation threshold."""
        return self.ltv + self.user_buffer


def slices(ltv: float, threshold: float, bonus: float) -> Slices:
    """Return the slices of LTV, LT and bonus (0.05 = 5 %), all fractions."""
    return Slices(ltv, threshold - ltv, 1 / (1 + bonus) - threshold, bonus / (1 + bonus))


@dataclass(frozen=True, slots=True)
class Parameters:
    """LTV, threshold and bonus (including 10000) of a reserve in an e-mode row, bps."""

    ltv_bps: int
    threshold_bps: int
    bonus_bps: int

    @property
    def bonus(self) -> float:
        """The bonus as a fraction, 0.05 = 5 %."""
        return self.bonus_bps / 10_000 - 1

    @property
    def slices(self) -> Slices:
        """The slices these parameters cut."""
        return slices(self.ltv_bps / 10_000, self.threshold_bps / 10_000, self.bonus)


def parameters_of(snapshot: Snapshot, reserve: int, mode: int) -> Parameters:
    """Return what governs a reserve outside e-modes (``mode`` 0) or in the category at ``mode - 1``."""
    if mode == 0:
        r = snapshot.reserves[reserve]
        return Parameters(r.ltv_bps, r.liquidation_threshold_bps, r.liquidation_bonus_bps)
    category = snapshot.emodes[mode - 1]
    ltv_bps = 0 if reserve in category.ltvzero else category.ltv_bps
    return Parameters(ltv_bps, category.liquidation_threshold_bps, category.liquidation_bonus_bps)


def emode_label(snapshot: Snapshot, mode: int) -> str:
    """Return the category's label, empty outside."""
    return snapshot.emodes[mode - 1].label if mode else ""


def emode_row(snapshot: Snapshot) -> IntArray:
    """Return which e-mode row governs each collateral entry, (nnz,).

    0 where the reserve's own parameters hold, else 1 + place of the category: the account
    is in it and the reserve is its collateral.
    """
    block = snapshot.book.collateral
    place = {mode.id: k + 1 for k, mode in enumerate(snapshot.emodes)}
    member = np.zeros((len(snapshot.emodes) + 1, len(snapshot.reserves)), dtype=bool)
    for k, mode in enumerate(snapshot.emodes):
        member[k + 1, list(mode.collateral)] = True
    of_account = np.array([place.get(int(e), 0) for e in snapshot.book.emode], dtype=np.int64)
    row = of_account[block.account]
    return np.where(member[row, block.reserve], row, 0)
