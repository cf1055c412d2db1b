"""What is wrong with rows from an exchange: found, told, and kept apart; nothing is repaired.

Rows that cannot be used (no price, low above high, off the time grid, two rows for one time
that disagree) are set aside as faulty.  Gaps and outliers are findings about rows that stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.findings import Finding, FindingKind, Severity
from risk.scenarios.candles import iso

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

OUTLIER_AT_LEAST = 0.10  # log return; calmer bars are never called outliers
OUTLIER_MADS = 25.0  # times the median absolute log return
REVERTED = 0.8  # share of a move taken back by the next bar: a print, not a move
LONGEST_PAUSE_MS = 86_400_000  # venues pay funding every eight hours or more often
SHOWN = 5


@dataclass(frozen=True, eq=False)
class Sorted:
    """Rows by time: those that can be used, those that cannot (with ``fault``), and what was found."""

    good: pd.DataFrame
    faulty: pd.DataFrame
    findings: tuple[Finding, ...]


def sort_rows(rows: pd.DataFrame, step_ms: int | None, subject: str) -> Sorted:
    """Sort rows by time and set the faulty ones apart.

    Parameters
    ----------
    rows : DataFrame
        ``time_ms`` and the columns of a kind, in any order, with duplicates.
    step_ms : int or None
        Rows off multiples of it are faulty; None where the venue sets no grid.
    subject : str
        Named in findings.
    """
    ordered = rows.sort_values("time_ms", kind="stable", ignore_index=True)
    once = ordered.drop_duplicates(ignore_index=True)
    findings = []
    if len(once) < len(ordered):
        findings.append(
            _found(
                FindingKind.INCONSISTENT,
                Severity.INFO,
                subject,
                f"{len(ordered) - len(once)} rows were given twice.",
            )
        )
    fault = np.full(len(once), "", dtype=object)
    time_ms = once["time_ms"].to_numpy(dtype=np.int64)
    if step_ms is not None:
        fault[time_ms % step_ms != 0] = "off the time grid"
    for column in once.columns.drop("time_ms"):
        values = once[column].to_numpy(dtype=np.float64)
        fault[_impossible(column, values)] = f"impossible {column}"
    if "close" in once:
        fault[(fault == "") & _crossed(once)] = "low or high inside the bar"
    fault[(fault == "") & once["time_ms"].duplicated(keep=False).to_numpy()] = "two rows for one time"
    bad = fault != ""
    for name in sorted(set(fault[bad])):
        when = [iso(int(t // 1000)) for t in np.unique(time_ms[fault == name])]
        findings.append(
            _found(FindingKind.OUT_OF_RANGE, Severity.MEDIUM, subject, f"{name}: {_some(when)}; set apart.")
        )
    good = once[~bad].reset_index(drop=True)
    return Sorted(good, once[bad].assign(fault=fault[bad]).reset_index(drop=True), tuple(findings))


def _impossible(column: str, values: FloatArray) -> BoolArray:
    """Return which values cannot be: prices are positive, amounts not negative, rates any number."""
    if column == "funding_rate_fraction":
        return ~np.isfinite(values)
    if column in ("open", "high", "low", "close"):
        return ~(np.isfinite(values) & (values > 0))
    if column == "open_interest_usd":  # often not published
        return values < 0
    return ~(np.isfinite(values) & (values >= 0))


def _crossed(rows: pd.DataFrame) -> BoolArray:
    body = rows[["open", "close"]]
    low, high = body.min(axis=1), body.max(axis=1)
    return np.asarray((rows["low"] > low) | (rows["high"] < high), dtype=bool)


def gap_findings(
    time_ms: IntArray, step_ms: int, start_ms: int, end_ms: int, subject: str
) -> tuple[Finding, ...]:
    """Return a finding for the bars of ``[start, end)`` that are missing, None if all are there."""
    first = -(-start_ms // step_ms) * step_ms
    expected = np.arange(first, end_ms, step_ms, dtype=np.int64)
    missing = expected[~np.isin(expected, time_ms)]
    if len(missing) == 0:
        return ()
    begins = np.concatenate([[0], np.flatnonzero(np.diff(missing) != step_ms) + 1])
    ends = np.concatenate([begins[1:] - 1, [len(missing) - 1]])
    stretches = [f"{iso(int(missing[b] // 1000))} ({e - b + 1})" for b, e in zip(begins, ends, strict=True)]
    text = f"{len(missing)} of {len(expected)} bars are missing, from (how many): {_some(stretches)}."
    severity = Severity.MEDIUM if len(missing) * 100 > len(expected) else Severity.LOW
    return (_found(FindingKind.MISSING, severity, subject, text, "Leave the gap out of any window."),)


def pause_findings(time_ms: IntArray, start_ms: int, end_ms: int, subject: str) -> tuple[Finding, ...]:
    """Return a finding for stretches of more than `LONGEST_PAUSE_MS` without a row in ``[start, end)``.

    For payments, whose grid is the venue's own and may change.
    """
    ends = np.concatenate([[start_ms], np.sort(time_ms), [end_ms]])
    long = np.flatnonzero(np.diff(ends) > LONGEST_PAUSE_MS)
    if len(long) == 0:
        return ()
    told = [f"{iso(int(ends[k] // 1000))} to {iso(int(ends[k + 1] // 1000))}" for k in long]
    text = f"no row for more than a day, {len(long)} times: {_some(told)}."
    return (_found(FindingKind.MISSING, Severity.MEDIUM, subject, text, "Do not sum over such a stretch."),)


def outlier_findings(candles: pd.DataFrame, subject: str) -> tuple[Finding, ...]:
    """Return findings about closes and wicks far out of the ordinary.

    A close that moves by more than `OUTLIER_AT_LEAST` and `OUTLIER_MADS` times the median absolute
    move and is taken back by the next bar is a print that other venues may not have had; one that
    stays is named too, milder.
    """
    if len(candles) < 3:
        return ()
    close = np.log(candles["close"].to_numpy(dtype=np.float64))
    move = np.diff(close)
    usual = float(np.median(np.abs(move)))
    bound = max(OUTLIER_AT_LEAST, OUTLIER_MADS * usual)
    large = np.flatnonzero(np.abs(move) > bound)
    back = np.array([k + 1 < len(move) and -move[k + 1] / move[k] >= REVERTED for k in large], dtype=bool)
    returns = np.isin(large, large[back] + 1) & ~back  # the way back of a print is told with it
    time_s = candles["time_ms"].to_numpy(dtype=np.int64) // 1000
    out = []
    for rows, severity, what in (
        (large[back], Severity.MEDIUM, "taken back by the next bar"),
        (large[~back & ~returns], Severity.LOW, "that stayed"),
    ):
        if len(rows):
            told = [f"{iso(int(time_s[k + 1]))} {np.expm1(move[k]):+.1%}" for k in rows]
            text = f"{len(rows)} moves beyond {bound:.1%} {what}: {_some(told)}."
            out.append(_found(FindingKind.OUT_OF_RANGE, severity, subject, text, "Compare other venues."))
    return tuple(out)


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more


def _found(kind: FindingKind, severity: Severity, subject: str, message: str, remedy: str = "") -> Finding:
    return Finding(kind, severity, subject, message, remedy=remedy)
