"""The optional table of single calls: one row each, filled by the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.calls import Harm, oracle_usd
from risk.engine.choice import Call
from risk.engine.jit import leaf
from risk.engine.model import Model, Moment

COLUMNS = (
    "scenario",
    "time_s",
    "account",
    "collateral",
    "debt",
    "offer_raw",
    "repaid_raw",
    "seized_raw",
    "fee_raw",
    "health_before",
    "health_after",
    "repaid_usd",
    "seized_usd",
    "proceeds_usd",
    "profit_usd",
    "deficit_usd",
    "loss_dislocation_usd",
    "loss_excess_usd",
    "loss_bonus_usd",
    "over_liquidated_usd",
    "toxic",
    "kept",
)


class EventLog(NamedTuple):
    """Room for events: scenario ``s`` fills ``rows[ptr[s]:ptr[s + 1]]``; no rows, no log."""

    ptr: IntArray
    rows: FloatArray


def no_log(scenarios: int) -> EventLog:
    """Return a log that takes nothing."""
    return log_for(np.zeros(scenarios, dtype=np.int64))


def log_for(calls: IntArray) -> EventLog:
    """Return room for ``calls`` (S,) events a scenario."""
    ptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(calls)])
    return EventLog(ptr, np.zeros((int(ptr[-1]), len(COLUMNS))))


@leaf
def log_call(
    row: FloatArray,
    where: tuple[int, int],
    call: Call,
    health: tuple[float, float],
    deficit_usd: float,
    harm: Harm,
    model: Model,
    moment: Moment,
) -> None:
    """Write one call; ``where`` is (scenario, account), ``health`` before and after."""
    i, j = model.collateral[call.c].asset, model.debt[call.d].asset
    row[0], row[1], row[2] = where[0], moment.time_s, where[1]
    row[3], row[4], row[5] = i, j, call.offer
    row[6], row[7], row[8] = call.repaid, call.seized, call.fee
    row[9], row[10] = health
    row[11], row[12] = oracle_usd(call, model, moment)
    row[13], row[14], row[15] = call.proceeds_usd, call.profit_usd, deficit_usd
    row[16], row[17], row[18] = harm.dislocation, harm.excess, harm.bonus
    row[19], row[20] = harm.over_liquidated, 1.0 if harm.toxic else 0.0
    row[21] = 1.0 if call.kept else 0.0


def table_of(
    logs: Sequence[tuple[int, EventLog]], accounts: Sequence[str], assets: Sequence[str]
) -> pd.DataFrame:
    """Return the logged calls as a table, in order of scenario, then time and call.

    Parameters
    ----------
    logs : sequence of (first scenario, EventLog)
        In the order of time within a block.
    accounts, assets : sequence of str
        Names of the indices.
    """
    parts = [rows + np.eye(1, len(COLUMNS)) * first for first, (_, rows) in logs]
    rows = np.concatenate(parts) if parts else np.zeros((0, len(COLUMNS)))
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for name, names in (("account", accounts), ("collateral", assets), ("debt", assets)):
        index = table[name].to_numpy().astype(np.int64)
        table[name] = pd.Categorical.from_codes(index, categories=pd.Index(list(names)))
    table["scenario"] = table["scenario"].astype(np.int64)
    for name in ("toxic", "kept"):
        table[name] = table[name].astype(bool)
    return table
