"""What cutting a liquidation threshold would make liquidatable by itself, prices unchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocols.snapshot import Snapshot
from risk.report.parameters import ParameterRow
from risk.solver.curves import threshold_curve

CUTS_BPS = (0, 10, 25, *range(50, 501, 50))
NAMED_CUTS_BPS = (50, 100, 300)  # one steward step, two, and the customary most of one proposal


@dataclass(frozen=True, slots=True)
class ThresholdCurve:
    """Accounts and their debt that a cut of one threshold adds to the liquidatable, by size of the cut.

    ``emode`` is empty for a reserve's own threshold.
    """

    subject: str
    emode: str
    liquidation_threshold_bps: int
    collateral_usd: float
    cut_bps: tuple[int, ...]
    debt_usd: tuple[float, ...]
    accounts: tuple[int, ...]


def threshold_curves(snapshot: Snapshot, rows: tuple[ParameterRow, ...]) -> tuple[ThresholdCurve, ...]:
    """Return the curve of every threshold some collateral counts under, largest debt first.

    Parameters
    ----------
    snapshot : Snapshot
    rows : tuple of ParameterRow
        `parameter_rows` of the snapshot.
    """
    found = [_curve(snapshot, row) for row in rows if row.collateral_usd > 0]
    return tuple(sorted(found, key=lambda f: (-f.debt_usd[-1], -f.collateral_usd, f.subject, f.emode)))


def _curve(snapshot: Snapshot, row: ParameterRow) -> ThresholdCurve:
    cuts = [cut for cut in CUTS_BPS if cut < row.liquidation_threshold_bps]
    curve = threshold_curve(
        snapshot,
        reserve=row.place if not row.emode else None,
        emode=row.place if row.emode else None,
        candidates_bps=[row.liquidation_threshold_bps - cut for cut in cuts],
    )
    added = curve.frame().set_index("threshold_bps").loc[np.array(row.liquidation_threshold_bps) - cuts]
    return ThresholdCurve(
        subject=row.subject,
        emode=row.emode,
        liquidation_threshold_bps=row.liquidation_threshold_bps,
        collateral_usd=row.collateral_usd,
        cut_bps=tuple(cuts),
        debt_usd=tuple(float(v) for v in added["added_debt_usd"]),
        accounts=tuple(int(v) for v in added["added_accounts"]),
    )
