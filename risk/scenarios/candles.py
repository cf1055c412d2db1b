"""Reads price candles from CSV or Parquet, one gap-checked series a symbol.

Columns: ``time`` (opening time of the bar), ``symbol``, and a price column such as
``close`` or ``close_usdt``; ``interval`` and ``market`` choose among several series of one
symbol.  Times are ISO text, timestamps, or unix seconds, or thousandths, millionths or
billionths of one; without a zone they are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import MalformedFile, ScenarioError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
QUOTES = ("usdt", "usdc", "usd")  # of price columns such as close_usdt
FINER_FROM = 10**11  # unix seconds stay below this until the year 5138, finer units are above it since 1973


@dataclass(frozen=True, eq=False)
class Candles:
    """One series.

    Parameters
    ----------
    symbol : str
    end_s : (n,) int64
        Unix time each bar ends, strictly increasing: when its close is known.
    price : (n,) float64
        The chosen price of each bar, in the quote currency, positive.
    step_s : int
        Length of a bar: what the file's ``interval`` says, else the shortest distance of two.
    """

    symbol: str
    end_s: IntArray
    price: FloatArray
    step_s: int

    def at(self, time_s: IntArray, max_gap_s: int = 0) -> FloatArray:
        """Return the last price known at each time, (n,).

        Parameters
        ----------
        time_s : (n,) int64
            Unix times.
        max_gap_s : int
            How old beyond one bar the last price may be.

        Raises
        ------
        ScenarioError
            If the series has a longer gap there, or does not cover the time.
        """
        place = np.searchsorted(self.end_s, time_s, side="right") - 1
        known = np.where(place >= 0, self.end_s[np.maximum(place, 0)], np.iinfo(np.int64).min // 2)
        stale = time_s - known >= self.step_s + max_gap_s
        if stale.any():
            when = iso(int(time_s[int(np.argmax(stale))]))
            raise ScenarioError(
                f"{self.symbol} has no bar for {when}.",
                remedy="Choose a window without the gap, or allow it with max_gap_s.",
            )
        return np.asarray(self.price[place], dtype=np.float64)


def read_candles(
    paths: Sequence[Path], *, price: str = "close", market: str = "spot", interval: str | None = None
) -> dict[str, Candles]:
    """Return every series of the files by symbol.

    Parameters
    ----------
    paths : sequence of Path
        Read together: a symbol may go on in the next file.
    price : {"close", "low", "high", "open"}
    market : str
        Which ``market`` to take where the files have that column.
    interval : str, optional
        Which ``interval`` to take; needed only where a symbol has several.

    Raises
    ------
    MalformedFile
        If a file is missing, unreadable or lacks a column, a price is not positive, or rows
        are unsorted or double.
    ScenarioError
        If a symbol has several intervals and none is chosen.
    """
    frame = pd.concat([_read(Path(p), price, market, interval) for p in paths], ignore_index=True)
    return {str(symbol): _series(str(symbol), rows) for symbol, rows in frame.groupby("symbol", sort=True)}


def nothing_chosen(market: str, interval: str | None) -> ScenarioError:
    """Return the error for files in which no bar is of the market and interval."""
    wanted = f"market '{market}'" + (f" and interval '{interval}'" if interval else "")
    return ScenarioError(f"the files have no bars of {wanted}.", remedy="Choose others, or give other files.")


def _read(path: Path, price: str, market: str, interval: str | None) -> pd.DataFrame:
    if price not in PRICES:
        raise ScenarioError(
            f"'{price}' is no price of a candle.", remedy=f"Choose one of {', '.join(PRICES)}."
        )
    rows = read_table(path).reset_index(drop=True)  # so that a label is the row in the file
    named = (price, *(f"{price}_{quote}" for quote in QUOTES))  # not close_time
    column = next((c for c in named if c in rows.columns), None)
    for needed in ("time", "symbol"):
        if needed not in rows.columns or column is None:
            missing = needed if needed not in rows.columns else price
            raise MalformedFile(f"{path.name} has no column '{missing}'.", remedy="See docs/scenarios.md.")
    if "market" in rows.columns:
        rows = rows[rows["market"].astype(str) == market]
    if "interval" in rows.columns and interval is not None:
        rows = rows[rows["interval"].astype(str) == interval]
    out = pd.DataFrame({"symbol": rows["symbol"].astype(str), "file": path.name})
    out["interval"] = rows["interval"].astype(str) if "interval" in rows.columns else ""
    out["time_s"] = unix_seconds(rows["time"], path)
    out["price"] = pd.to_numeric(rows[str(column)], errors="coerce")
    bad = ~(np.isfinite(out["price"]) & (out["price"] > 0))
    if bad.any():
        row = int(out.index[bad][0])
        raise MalformedFile(f"{path.name} row {row}: {price} is '{rows[str(column)][row]}', no price.")
    return out


def read_table(path: Path) -> pd.DataFrame:
    """Return a CSV (``.csv``) or Parquet file as it is.

    Raises
    ------
    MalformedFile
        If it is missing or unreadable.
    """
    try:
        if path.suffix == ".csv":
            return pd.read_csv(path, encoding="utf-8")
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pandas and arrow parse errors are ValueErrors
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise MalformedFile(f"{path.name} {reason}.", remedy="Give a CSV or Parquet file.") from error


def unix_seconds(times: pd.Series, path: Path) -> pd.Series:
    """Return times as unix seconds, int64.

    Raises
    ------
    MalformedFile
        If a value is no time.
    """
    try:
        if pd.api.types.is_numeric_dtype(times):
            whole = times.astype("int64")
            for _ in range(3):
                whole = whole.where(whole.abs() < FINER_FROM, whole // 1000)
            return whole
        stamps = pd.to_datetime(times, utc=True, format="ISO8601")
        if stamps.isna().any():
            raise ValueError("a time is empty")
        return stamps.dt.as_unit("s").astype("int64")
    except (TypeError, ValueError) as error:
        raise MalformedFile(
            f"{path.name}: a time cannot be read: {str(error).splitlines()[0]}.", remedy="Use ISO 8601."
        ) from error


def _series(symbol: str, rows: pd.DataFrame) -> Candles:
    if rows["interval"].nunique() > 1:
        found = ", ".join(sorted(rows["interval"].unique()))
        raise ScenarioError(f"{symbol} has bars of {found}.", remedy="Choose one interval.")
    time_s = rows["time_s"].to_numpy(dtype=np.int64)
    steps, named = np.diff(time_s), length_s(str(rows["interval"].iloc[0]))
    if len(time_s) < 2 and named is None:
        raise MalformedFile(f"{rows['file'].iloc[0]}: {symbol} has {len(time_s)} bar, a path needs two.")
    if (steps <= 0).any():
        k = int(np.argmax(steps <= 0)) + 1
        fault = "double" if steps[k - 1] == 0 else "out of order"
        raise MalformedFile(
            f"{rows['file'].iloc[k]}: {symbol} at {iso(int(time_s[k]))} is {fault}.",
            remedy="Sort by time and drop duplicates.",
        )
    step_s = int(steps.min()) if named is None else named
    if len(steps) and steps.min() < step_s:
        k = int(np.argmin(steps)) + 1
        raise MalformedFile(
            f"{rows['file'].iloc[k]}: {symbol} at {iso(int(time_s[k]))} begins within a bar of {step_s} s.",
            remedy="Give bars of the interval that the file states.",
        )
    return Candles(symbol, time_s + step_s, rows["price"].to_numpy(dtype=np.float64), step_s)


def length_s(interval: str) -> int | None:
    """Return the seconds of an interval such as ``5m``; None if it is no multiple of seconds to days."""
    number, unit = interval[:-1], interval[-1:]
    return int(number) * UNITS_S[unit] if number.isascii() and number.isdigit() and unit in UNITS_S else None


def iso(time_s: int) -> str:
    """Return a unix time as ISO text, UTC."""
    return pd.Timestamp(time_s, unit="s", tz="UTC").isoformat()
