"""Past rounds and candles, checked and cut at their gaps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import MalformedFile
from abis.findings import Finding, FindingKind, Severity
from oracles.feed import INT64_MAX

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_INTEGER = re.compile(r"[+-]?\d{1,80}")
_GAP_TIMES = 2.0  # an interval this many times the longest customary one is a gap
_LONG_QUANTILE = 0.99


@dataclass(frozen=True, eq=False, slots=True)
class RoundHistory:
    """Rounds of one feed in order of time.

    Parameters
    ----------
    time_s : (r,) float64
        Unix time of the update.
    answer_raw : (r,) int64
    decimals : int
    segment : (r,) int64
        Number of the gapless stretch each round belongs to.
    notes : tuple of Finding
        What reading them met: rows left out, above all.
    """

    time_s: Floats
    answer_raw: Ints
    decimals: int
    segment: Ints
    notes: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return every note, and a finding for each gap."""
        return (*self.notes, *(_gap_finding("rounds", *gap) for gap in self.gaps()))

    def between(self, start_s: float, end_s: float) -> RoundHistory:
        """Return the rounds of ``[start_s, end_s]``; notes stay as they are."""
        keep = (self.time_s >= start_s) & (self.time_s <= end_s)
        return replace(
            self, time_s=self.time_s[keep], answer_raw=self.answer_raw[keep], segment=self.segment[keep]
        )

    def segments(self) -> Iterator[slice]:
        """Yield each gapless stretch."""
        edges = np.flatnonzero(np.diff(self.segment)) + 1
        bounds = [0, *(int(k) for k in edges), len(self)]
        for lo, hi in pairwise(bounds):
            if hi > lo:
                yield slice(lo, hi)

    def gaps(self) -> list[tuple[float, float]]:
        """Return the stretches between segments, as (from, to)."""
        edges = np.flatnonzero(np.diff(self.segment))
        return [(float(self.time_s[k]), float(self.time_s[k + 1])) for k in edges]

    def steps(self) -> tuple[Ints, Floats, Floats]:
        """Return every step within a segment: index of its later round, seconds, relative move."""
        later = np.flatnonzero(np.diff(self.segment) == 0) + 1
        answers = self.answer_raw.astype(np.float64)
        moves = np.abs(answers[later] - answers[later - 1]) / answers[later - 1]
        return later, self.time_s[later] - self.time_s[later - 1], moves


@dataclass(frozen=True, eq=False, slots=True)
class Candles:
    """Equally long candles in order of time; missing ones are simply absent.

    Parameters
    ----------
    time_s : (c,) float64
        Unix time each opens.
    open, high, low, close : (c,) float64
    width_s : float
        Length of one candle.
    notes : tuple of Finding
        What reading them met: rows left out, above all.
    """

    time_s: Floats
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    width_s: float
    notes: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return every note, and a finding for each stretch without candles."""
        return (*self.notes, *(_gap_finding("candles", *gap) for gap in self.gaps()))

    def gaps(self) -> list[tuple[float, float]]:
        """Return the stretches without candles between the first and the last, as (from, to)."""
        ends = self.time_s[:-1] + self.width_s
        holes = np.flatnonzero(self.time_s[1:] > ends)
        return [(float(ends[k]), float(self.time_s[k + 1])) for k in holes]

    def between(self, start_s: float, end_s: float) -> Candles:
        """Return the candles that open in ``[start_s, end_s)``."""
        keep = (self.time_s >= start_s) & (self.time_s < end_s)
        prices = {name: getattr(self, name)[keep] for name in ("open", "high", "low", "close")}
        return replace(self, time_s=self.time_s[keep], **prices)


def read_rounds(table: pd.DataFrame) -> RoundHistory:
    """Return the rounds of a table.

    Parameters
    ----------
    table : DataFrame
        Columns ``time`` (UTC timestamps of updates), ``answer_raw`` (integers, as text or
        numbers) and ``decimals``, of one feed.  With ``aggregator_round_id`` too, rounds
        are ordered by it and a jump in it is a gap.  Without it, a gap is an interval more
        than twice as long as 99 % of them.

    Returns
    -------
    RoundHistory
        Rows with an answer of 0 or less, beyond int64 or unreadable, or without a readable
        time, become findings.

    Raises
    ------
    MalformedFile
        If a column is missing, decimals differ or fewer than two rounds remain.
    """
    _need(table, ("time", "answer_raw", "decimals"), "rounds")
    decimals = {int(d) for d in table["decimals"].unique()}
    if len(decimals) > 1:
        raise MalformedFile(
            f"rounds with decimals {sorted(decimals)}.", remedy="Give the rounds of one feed."
        )
    order = ["time"] + (["aggregator_round_id"] if "aggregator_round_id" in table else [])
    readable, findings = _readable(table, order)
    rows = table[readable].assign(time=_stamps(table["time"])[readable]).sort_values(order, kind="stable")
    answers = [int(str(text)) for text in rows["answer_raw"]]
    good = np.array([0 < a <= INT64_MAX for a in answers], dtype=bool)
    findings += [
        _left_out(f"round of {rows['time'].iloc[k]}", f"answer {answers[k]} is no price")
        for k in np.flatnonzero(~good)
    ]
    if good.sum() < 2:
        raise MalformedFile(f"{int(good.sum())} usable rounds.", remedy="Give at least two.")
    times = _seconds(rows["time"])[good]
    ids = rows["aggregator_round_id"].to_numpy(dtype=np.int64)[good] if len(order) > 1 else None
    return RoundHistory(
        time_s=times,
        answer_raw=np.array([a for a, ok in zip(answers, good, strict=True) if ok], dtype=np.int64),
        decimals=decimals.pop(),
        segment=np.concatenate([[0], np.cumsum(_breaks(times, ids))]).astype(np.int64),
        notes=tuple(findings),
    )


def read_candles(table: pd.DataFrame) -> Candles:
    """Return the candles of a table.

    Parameters
    ----------
    table : DataFrame
        Columns ``time`` (UTC timestamps of the opening), ``open``, ``high``, ``low``,
        ``close``, of one series.

    Returns
    -------
    Candles
        Rows with an impossible price (not positive, or a high below another price, or a
        low above one) become findings, and so do missing candles.

    Raises
    ------
    MalformedFile
        If a column is missing, an opening time repeats or fewer than two candles remain.
    """
    _need(table, ("time", "open", "high", "low", "close"), "candles")
    rows = table.assign(time=_stamps(table["time"])).sort_values("time", kind="stable")
    times = _seconds(rows["time"])
    if (np.diff(times) == 0).any():
        k = int(np.argmin(np.diff(times)))
        raise MalformedFile(f"two candles open at {rows['time'].iloc[k]}.", remedy="Give one series.")
    o, h, low, c = (
        pd.to_numeric(rows[n], errors="coerce").to_numpy(dtype=np.float64)
        for n in ("open", "high", "low", "close")
    )
    good = (low > 0) & (h < np.inf) & (low <= np.minimum(o, c)) & (h >= np.maximum(o, c))
    findings = [
        Finding(
            FindingKind.OUT_OF_RANGE,
            Severity.LOW,
            f"candle of {rows['time'].iloc[k]}",
            f"open {o[k]:g}, high {h[k]:g}, low {low[k]:g}, close {c[k]:g} contradict; it is left out.",
        )
        for k in np.flatnonzero(~good)
    ]
    if good.sum() < 2:
        raise MalformedFile(f"{int(good.sum())} usable candles.", remedy="Give at least two.")
    kept = times[good]
    width_s = float(np.median(np.diff(kept)))
    return Candles(kept, o[good], h[good], low[good], c[good], width_s, tuple(findings))


def _need(table: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    missing = [c for c in columns if c not in table]
    if missing:
        raise MalformedFile(f"{what} without {', '.join(missing)}.", remedy=f"Columns: {', '.join(columns)}.")


def _readable(table: pd.DataFrame, order: list[str]) -> tuple[NDArray[np.bool_], list[Finding]]:
    """Return which rows of rounds can be read, and a finding for each of the others."""
    stamped = _stamps(table["time"]).notna().to_numpy(dtype=bool)
    whole = np.array([_INTEGER.fullmatch(str(a)) is not None for a in table["answer_raw"]], dtype=bool)
    numbered = np.ones(len(table), dtype=bool)
    if len(order) > 1:
        numbered = np.array([_INTEGER.fullmatch(str(i)) is not None for i in table[order[1]]], dtype=bool)
    findings = []
    for k in np.flatnonzero(~(stamped & whole & numbered)):
        column = "time" if not stamped[k] else "answer_raw" if not whole[k] else order[1]
        findings.append(
            _left_out(f"row {k + 1}", f"{column} {str(table[column].iloc[k])[:40]!r} is unreadable")
        )
    return stamped & whole & numbered, findings


def _left_out(subject: str, why: str) -> Finding:
    return Finding(FindingKind.OUT_OF_RANGE, Severity.LOW, subject, f"{why}; the round is left out.")


def _stamps(column: pd.Series) -> pd.Series:
    """Return UTC timestamps of text or Unix seconds; NaT where there is none."""
    if not pd.api.types.is_datetime64_any_dtype(column):
        unix = pd.to_numeric(column, errors="coerce")
        seconds = pd.to_datetime(unix, unit="s", utc=True, errors="coerce")
        text = column.astype(str).where(unix.isna())
        return seconds.fillna(pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601"))
    return pd.to_datetime(column, utc=True)


def _seconds(column: pd.Series) -> Floats:
    stamps = _stamps(column)
    if stamps.isna().any():
        raise MalformedFile("a row without a time.", remedy="Give every row a UTC timestamp.")
    return np.asarray(stamps.dt.as_unit("ms").astype("int64").to_numpy() / 1_000, dtype=np.float64)


def _breaks(times: Floats, ids: Ints | None) -> NDArray[np.bool_]:
    if ids is not None:
        return np.asarray(np.diff(ids) != 1)
    intervals = np.diff(times)
    return np.asarray(intervals > _GAP_TIMES * np.quantile(intervals, _LONG_QUANTILE))


def _gap_finding(what: str, start_s: float, end_s: float) -> Finding:
    start, end = (pd.Timestamp(t, unit="s").isoformat(sep=" ", timespec="seconds") for t in (start_s, end_s))
    return Finding(FindingKind.MISSING, Severity.INFO, what, f"none from {start} to {end} UTC.")
