"""Liquidations on exchanges per hour, from a table: few exchanges publish them, data services do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from abis.errors import MalformedFile
from abis.findings import Finding, FindingKind, Severity
from risk.scenarios.candles import iso, read_table, unix_seconds

COLUMNS = ("time", "asset", "liquidated_usd")


def read_liquidations(path: Path) -> pd.DataFrame:
    """Return ``time_s``, ``asset`` and ``liquidated_usd`` of a CSV or Parquet file.

    Raises
    ------
    MalformedFile
        If it cannot be read, lacks a column, or a time is none.
    """
    rows = read_table(path)
    lacking = next((c for c in COLUMNS if c not in rows.columns), None)
    if lacking is not None:
        raise MalformedFile(
            f"{path.name} has no column '{lacking}'.", remedy=f"Columns: {', '.join(COLUMNS)}."
        )
    return pd.DataFrame(
        {
            "time_s": unix_seconds(rows["time"], path),
            "asset": rows["asset"].astype(str),
            "liquidated_usd": pd.to_numeric(rows["liquidated_usd"], errors="coerce"),
        }
    )


def liquidated_usd_hour(
    rows: pd.DataFrame, asset: str, at_s: int, window_s: int
) -> tuple[float, list[Finding]]:
    """Return US dollars an hour liquidated in the window before a moment, NaN where the table ends before it.

    Parameters
    ----------
    rows : DataFrame
        As `read_liquidations`.
    asset : str
    at_s, window_s : int
        Seconds.
    """
    own = rows[(rows["asset"] == asset) & (rows["time_s"] <= at_s)]
    usd = own["liquidated_usd"]
    good = np.isfinite(usd) & (usd >= 0)
    findings = []
    if not good.all():
        text = f"{int((~good).sum())} rows of liquidations without a possible amount are left out."
        findings.append(Finding(FindingKind.OUT_OF_RANGE, Severity.MEDIUM, asset, text))
    inside = good & (own["time_s"] > at_s - window_s)
    if not inside.any():
        # An empty stretch may be calm, or where the record ends: not told apart, so not called 0.
        text = f"no liquidations listed in the {window_s:,} s before {iso(at_s)}."
        return np.nan, [*findings, Finding(FindingKind.MISSING, Severity.LOW, asset, text)]
    return float(usd[inside].sum()) / window_s * 3_600.0, findings
