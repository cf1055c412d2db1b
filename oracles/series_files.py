"""Rounds and candles in files: Parquet or CSV, one series chosen among several.

A file of rounds has a row per update of a feed::

    block,time,answer,decimals
    17000000,2023-04-08T00:00:11Z,186513000000,8

``time`` (or ``updated_at``) is a timestamp with or without zone, UTC, or Unix seconds;
``answer`` (or ``answer_raw``, ``current``) is the raw integer of ``AnswerUpdated``.
Optional are ``decimals``, ``feed`` (a name, where a file holds several), ``phase_id`` and
``aggregator_round_id``.  A file of candles has ``time`` (opening), ``open``, ``high``,
``low``, ``close``; a unit may follow each price (``open_usdt``).  Other columns tell series
apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from abis.errors import InputError, MalformedFile
from oracles.feed import MAX_DECIMALS
from oracles.history import Candles, RoundHistory, read_candles, read_rounds

_NAMES = {"updated_at": "time", "timestamp": "time", "answer": "answer_raw", "current": "answer_raw"}
_PRICES = ("open", "high", "low", "close")
_TELLING = ("symbol", "interval", "market", "venue", "pair", "feed")
_SHOWN = 12


def load_table(path: Path) -> pd.DataFrame:
    """Return the rows of a .csv or .parquet file, CSV cells as text.

    Raises
    ------
    MalformedFile
        If the file is missing, of another kind, or cannot be read.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise MalformedFile(f"'{path.name}' is neither .csv nor .parquet.", remedy="Convert the file.")
    try:
        if kind == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pandas' and pyarrow's own errors derive from these
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0][:200]
        raise MalformedFile(f"'{path.name}' cannot be read: {reason}.", remedy="Check the file.") from error


def rounds_from_table(
    table: pd.DataFrame, feed: str | None = None, decimals: int | None = None
) -> tuple[RoundHistory, str]:
    """Return the rounds of one feed, and its name (``feed`` where the table has none).

    Parameters
    ----------
    table : DataFrame
        As the module describes.
    feed : str, optional
        Which feed of the table; needed where it holds several.
    decimals : int, optional
        Decimals of the answers; needed where the table does not say.

    Raises
    ------
    InputError
        If the feed is not there, or not named and one of several.
    MalformedFile
        As `oracles.history.read_rounds`.
    """
    rows = table.rename(columns={old: new for old, new in _NAMES.items() if new not in table})
    if "feed" in rows:
        feed = _one_feed([str(name) for name in rows["feed"].dropna().unique()], feed)
        rows = rows[rows["feed"].astype(str) == feed]
    rows = rows.assign(decimals=_decimals(rows, decimals))
    return read_rounds(rows), feed or "feed"


def candles_from_table(table: pd.DataFrame, where: Mapping[str, str]) -> Candles:
    """Return one series of candles.

    Parameters
    ----------
    table : DataFrame
        As the module describes.
    where : mapping
        Column to the value that rows must have.

    Raises
    ------
    InputError
        If a column of ``where`` is missing, or no row or more than one series is left.
    MalformedFile
        As `oracles.history.read_candles`.
    """
    rows = table
    for column, value in where.items():
        if column not in table:
            raise InputError(f"the candles have no column {column!r}.", remedy=_columns(table))
        known = _some(table[column])
        rows = rows[rows[column].astype(str) == value]
        if rows.empty:
            raise InputError(f"no candle has {column}={value}.", remedy=f"There are {known}.")
    for column in _TELLING:
        if column in rows and rows[column].nunique() > 1:
            raise InputError(
                f"candles of several series: {column} is {_some(rows[column])}.",
                remedy=f"Choose one with --where {column}=VALUE.",
            )
    return read_candles(rows.rename(columns=_plain_prices(rows)))


def _one_feed(names: list[str], feed: str | None) -> str:
    matching = [
        n for n in names if feed is None or n.replace(" ", "").lower() == feed.replace(" ", "").lower()
    ]
    if len(matching) == 1:
        return matching[0]
    listed = ", ".join(sorted(names)[:_SHOWN])
    if feed is None:
        raise InputError(f"rounds of {len(names)} feeds: {listed}.", remedy="Choose one with --feed.")
    raise InputError(f"no rounds of {feed!r}.", remedy=f"The file has {listed}.")


def _decimals(rows: pd.DataFrame, decimals: int | None) -> int | pd.Series:
    if decimals is not None:
        if "decimals" in rows and {str(d) for d in rows["decimals"]} != {str(decimals)}:
            raise InputError(
                f"the file says other decimals than {decimals}.", remedy="Leave --decimals away."
            )
        return decimals
    if "decimals" not in rows:
        raise InputError("the file says no decimals.", remedy="Add a column decimals or give --decimals.")
    found = pd.to_numeric(rows["decimals"], errors="coerce")
    if not found.between(0, MAX_DECIMALS).all() or (found % 1 != 0).any():
        raise MalformedFile("a row without usable decimals.", remedy=f"Give 0 to {MAX_DECIMALS} in each row.")
    return found.astype("int64")


def _plain_prices(rows: pd.DataFrame) -> dict[str, str]:
    """Return ``open_usdt`` to ``open`` and so on, where there is one column of each kind."""
    found = {}
    for price in _PRICES:
        columns = [c for c in rows.columns if str(c) == price or str(c).startswith(f"{price}_")]
        if len(columns) == 1:
            found[columns[0]] = price
    return found


def _columns(table: pd.DataFrame) -> str:
    return f"Its columns are {', '.join(str(c) for c in table.columns[:_SHOWN])}."


def _some(column: pd.Series) -> str:
    values = sorted({str(v) for v in column.dropna()})
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(values[:_SHOWN]) + more
