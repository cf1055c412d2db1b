"""How much can be withdrawn from a reserve: what redemptions and flash loans live on."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray


class Liquidity(StrEnum):
    """What is taken to be withdrawable when a path begins.

    Along the path repaid debt comes in and seized collateral goes out, or stays where it cannot.
    Withdrawals and new loans of others are not modelled.
    """

    UNLIMITED = "unlimited"  # redemptions and flash loans never stop
    SNAPSHOT = "snapshot"  # the snapshot's available liquidity
    NONE = "none"  # utilisation 100 %: they have stopped


def withdrawable_raw(snapshot: Snapshot, liquidity: Liquidity) -> FloatArray:
    """Return what can be withdrawn of each reserve, (A,) smallest units."""
    if liquidity is Liquidity.SNAPSHOT:
        return np.array([float(r.available_liquidity_raw) for r in snapshot.reserves])
    return np.full(len(snapshot.reserves), np.inf if liquidity is Liquidity.UNLIMITED else 0.0)
