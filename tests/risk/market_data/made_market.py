"""A folder as `fetch` writes it, out of made-up numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from risk.market_data.parts import Series, part_name, write_part

START_S = 1_764_547_200  # 2025-12-01
BAR_S = 300


def times(start_s: int, n: int, step_s: int) -> pd.DatetimeIndex:
    """Return times as parts hold them."""
    return pd.to_datetime(start_s + step_s * np.arange(n), unit="s", utc=True).as_unit("us")


def put(root: Path, series: Series, rows: pd.DataFrame, start_s: int = START_S) -> None:
    """Write one part."""
    write_part(series.folder(root) / part_name(start_s), rows, series, (start_s * 1000, start_s * 1000))


def candles(root: Path, venue: str, closes: Sequence[float], symbol: str = "BTC/USDT") -> None:
    """Write bars of five minutes."""
    rows = pd.DataFrame({"time": times(START_S, len(closes), BAR_S), "close": closes})
    put(root, Series(venue, symbol, "candles", "5m"), rows)


def book(
    root: Path, at_s: int, bids: Sequence[tuple[float, float]], asks: Sequence[tuple[float, float]],
    venue: str = "a", symbol: str = "BTC/USDT",
) -> None:  # fmt: skip
    """Write one order book of ``(price, size)``."""
    levels = [("bid", *x) for x in bids] + [("ask", *x) for x in asks]
    rows = pd.DataFrame(levels, columns=["side", "price", "size_base"])
    rows.insert(0, "time", times(at_s, 1, 1).repeat(len(rows)))
    put(root, Series(venue, symbol, "book", ""), rows, at_s)


def open_interest(root: Path, base: Sequence[float], usd: Sequence[float], venue: str = "a") -> None:
    """Write hours of open interest."""
    rows = pd.DataFrame(
        {"time": times(START_S, len(base), 3_600), "open_interest_base": base, "open_interest_usd": usd}
    )
    put(root, Series(venue, "BTC/USDT:USDT", "open-interest", "1h"), rows)


def funding(root: Path, rates: Sequence[float], step_s: int = 28_800, venue: str = "a") -> None:
    """Write payments."""
    rows = pd.DataFrame({"time": times(START_S, len(rates), step_s), "funding_rate_fraction": rates})
    put(root, Series(venue, "BTC/USDT:USDT", "funding", ""), rows)
