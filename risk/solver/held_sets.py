"""Accounts that hold older parameters than those in force, and what the solver makes of them.

Aave v4 keeps every set of a reserve's dynamic parameters under a key, and a position stores the key it was
last refreshed with (Spoke.sol, DynamicConfiguration.md): a new set liquidates nobody who has not refreshed.
An entry of a snapshot's book carries the parameters of its own key.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.solver.parameters import emode_row, parameters_of


def holds_older(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Return which collateral entries have another threshold or bonus than is in force, (nnz,)."""
    block, mode = snapshot.book.collateral, emode_row(snapshot)
    older = np.zeros(len(block.reserve), dtype=bool)
    for m, i in sorted(set(zip(mode.tolist(), block.reserve.tolist(), strict=True))):
        now = parameters_of(snapshot, i, m)
        same = (block.threshold_bps == now.threshold_bps) & (block.bonus_bps == now.bonus_bps)
        older |= (mode == m) & (block.reserve == i) & ~same
    return np.asarray(older & block.counted)


def older_findings(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return one finding a collateral of which some is held under older parameters."""
    block, older = snapshot.book.collateral, holds_older(snapshot)
    out = []
    for i in np.unique(block.reserve[older]).tolist():
        own = older & (block.reserve == i)
        usd = float(snapshot.collateral_usd[own].sum())
        accounts = len(np.unique(block.account[own]))
        out.append(
            Finding(
                FindingKind.UNSUPPORTED,
                Severity.MEDIUM,
                snapshot.asset_names[i],
                f"{accounts:,} accounts hold {usd:,.0f} USD of it under older parameters than those in "
                "force: a change does not reach them until they refresh. The engine and exact integers judge "
                "them by their own parameters, the sweep by those in force.",
                usd,
                "Compare the engine's amounts with the sweep's.",
            )
        )
    return tuple(out)
