"""The parameters in force and the buffers they leave, per collateral and e-mode category.

A unit of collateral value is cut into four slices: borrowable (LTV), user buffer
(LT - LTV), protocol buffer (1/(1+b) - LT) and bonus wedge.  One repaid dollar removes
``lambda = LT (1+b)`` of weighted collateral, so a call lowers the health factor of an
account below lambda: it is toxic there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocols.liquidation_rules import LiquidationRules, SizingRule
from protocols.snapshot import Snapshot
from risk.solver.parameters import emode_row

WAD = 10**18
ORDINARY_LAMBDA = 0.95  # at or below it an account is far from health 1 before calls turn toxic


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """Parameters of one collateral outside e-mode (``emode`` empty) or of one category.

    ``toxic_from_health`` and ``toxic_to_health`` bound the health factors at which a partial
    call is toxic; None where there are none.  ``collateral_usd`` is counted collateral under
    these parameters; ``place`` is the reserve's index, or the category's in the list of them.
    """

    place: int
    subject: str
    emode: str
    ltv_bps: int
    liquidation_threshold_bps: int
    bonus_bps: int
    user_buffer_bps: int
    protocol_buffer_bps: float
    lambda_share: float
    toxic_from_health: float | None
    toxic_to_health: float | None
    collateral_usd: float


def parameter_rows(snapshot: Snapshot) -> tuple[ParameterRow, ...]:
    """Return the reserves that are collateral, then the e-mode categories, as they are listed."""
    c = snapshot.book.collateral
    counted = np.where(c.counted, snapshot.collateral_usd, 0.0)
    governed = emode_row(snapshot)
    rows = []
    for i, r in enumerate(snapshot.reserves):
        if r.liquidation_threshold_bps:
            own = (c.reserve == i) & (governed == 0)
            values = (r.ltv_bps, r.liquidation_threshold_bps, r.liquidation_bonus_bps)
            rows.append(
                _row(i, snapshot.asset_names[i], "", values, snapshot.rules, float(counted[own].sum()))
            )
    for k, e in enumerate(snapshot.emodes):
        own = governed == k + 1
        name = e.label or f"e-mode {e.id}"
        values = (e.ltv_bps, e.liquidation_threshold_bps, e.liquidation_bonus_bps)
        if e.liquidation_threshold_bps:
            rows.append(_row(k, name, name, values, snapshot.rules, float(counted[own].sum())))
    return tuple(rows)


def _row(
    place: int,
    subject: str,
    emode: str,
    values: tuple[int, int, int],
    rules: LiquidationRules,
    collateral_usd: float,
) -> ParameterRow:
    ltv, threshold, with_bonus = values
    lam = threshold * with_bonus / 1e8
    partial_above = 0.0 if rules.sizing is SizingRule.HALF_OF_RESERVE else rules.full_close_below_wad / WAD
    toxic = lam > max(partial_above, ORDINARY_LAMBDA)
    return ParameterRow(
        place=place,
        subject=subject,
        emode=emode,
        ltv_bps=ltv,
        liquidation_threshold_bps=threshold,
        bonus_bps=max(with_bonus - 10_000, 0),
        user_buffer_bps=threshold - ltv,
        protocol_buffer_bps=1e8 / with_bonus - threshold if with_bonus else 0.0,
        lambda_share=lam,
        toxic_from_health=partial_above if toxic else None,
        toxic_to_health=lam if toxic else None,
        collateral_usd=collateral_usd,
    )
