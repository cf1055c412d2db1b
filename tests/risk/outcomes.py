"""Outcomes made from given losses."""

from __future__ import annotations

import numpy as np

from risk.outcome import LEDGER, Outcome


def outcome(bad_debt_usd: list[list[float]], weight: list[float] | None = None) -> Outcome:
    """Return an outcome of given bad debt (scenario, reserve); eligible debt is ten times that."""
    loss = np.array(bad_debt_usd, dtype=np.float64)
    s, a = loss.shape
    zero, zeros = np.zeros((s, a)), np.zeros(s)
    return Outcome(
        names=tuple(f"scenario {i}" for i in range(s)),
        groups=("grid",) * s,
        weight=np.ones(s) if weight is None else np.array(weight),
        assets=tuple(f"A{i}" for i in range(a)),
        emodes=("none",),
        eligible_accounts=zeros.astype(np.int64),
        liquidated_accounts=zeros.astype(np.int64),
        eligible_debt_usd=10 * loss,
        eligible_collateral_usd=zero,
        repaid_usd=zero,
        seized_usd=zero,
        bad_debt_usd=loss,
        deficit_usd=zero,
        avoidable_loss_usd=zero,
        **{f"{name}_emode_usd": np.zeros((s, 1)) for name in LEDGER},
        loss_dislocation_usd=zeros,
        loss_excess_usd=zeros,
        loss_bonus_usd=zeros,
        toxic_usd=zero,
        over_liquidated_usd=zeros,
        under_liquidation_usd_hours=zeros,
        unprofitable_debt_usd=zeros,
        liquidator_profit_usd=zeros,
        sold_tokens=zero,
        infinite_depth=False,
        first_liquidation_s=np.full(s, np.inf),
    )
