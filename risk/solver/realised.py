"""Amounts of the engine: every call made and every sale, debts as they are.

Where the sweep knows a loss too, the engine's is judged beside it; some only the engine knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray
from risk.measures import expected_shortfall
from risk.outcome import Outcome
from risk.solver.amount import Amount
from risk.solver.limits import Limits
from risk.solver.parts import PartKind, check_part
from risk.solver.scenario_limits import ScenarioLimit, scenario_limits

ENGINE = "engine"
# Measure of the sweep -> what the engine says of it, by reserve and by category.  Eligible debt is the
# sweep's alone: who is liquidatable is no matter of calls and sales.
_LOSSES = {
    "bad_debt_usd": ("bad_debt_usd", "bad_debt_emode_usd"),
    "avoidable_usd": ("avoidable_loss_usd", "avoidable_loss_emode_usd"),
}
# Limit -> field of `Outcome` that nothing but the engine knows; a CVaR.
ENGINE_ONLY = {
    "avoidable_loss.per_account_usd": "largest_account_loss_usd",
    "under_liquidation.usd_hours": "under_liquidation_usd_hours",
    "under_liquidation.unprofitable_usd": "unprofitable_debt_usd",
    "toxicity.cvar_usd": "toxic_usd",
}


def realised(snapshot: Snapshot, outcome: Outcome, limits: Limits) -> Iterator[Amount]:
    """Yield every amount the engine judges."""
    level = limits["tail.level"]
    for one in scenario_limits(limits, unlimited=True):
        if one.measure in _LOSSES:
            loss = _loss(snapshot, outcome, one)
            yield Amount(one.name, one.value(loss, level, outcome.weight), one.limit, ENGINE)
    for name, field in ENGINE_ONLY.items():
        if math.isfinite(limits[name]):
            values = np.asarray(getattr(outcome, field), dtype=np.float64)
            total = values.sum(axis=1) if values.ndim == 2 else values
            yield Amount(name, expected_shortfall(total, level, outcome.weight), limits[name], ENGINE)


def engine_alone(limits: Limits) -> tuple[str, ...]:
    """Return the limits that are not judged where the engine does not run."""
    return tuple(name for name in ENGINE_ONLY if math.isfinite(limits[name]))


def _loss(snapshot: Snapshot, outcome: Outcome, one: ScenarioLimit) -> FloatArray:
    by_reserve, by_emode = _LOSSES[one.measure]
    if one.part is None:
        return np.asarray(getattr(outcome, by_reserve).sum(axis=1))
    place = check_part(snapshot, one.part)
    if one.part.kind is PartKind.EMODE:  # the first column is of accounts in none
        return np.asarray(getattr(outcome, by_emode)[:, place + 1])
    return np.asarray(getattr(outcome, by_reserve)[:, place])
