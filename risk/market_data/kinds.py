"""What can be fetched, as plain rows: candles, funding rates, open interest, order books.

Times are the venue's own, milliseconds since 1970 UTC.  Prices and sizes are floats, as
exchanges publish them; a missing number stays missing (NaN).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from risk.market_data.venue import Venue

CANDLE = ("time_ms", "open", "high", "low", "close", "volume_base")
PAGE = 1000
BOOK_LEVELS = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """A series in time.

    Parameters
    ----------
    name : str
    columns : tuple of str
        ``time_ms`` first.
    page : callable (venue, symbol, interval, since_ms) -> rows
        At most one page from ``since_ms`` on, in any order.
    step_s : int or None
        Seconds between two rows; None is that of the interval.
    perpetual : bool
        Whether only perpetuals have it.
    on_grid : bool
        Whether rows lie on multiples of the step; venues change how often they fund.
    """

    name: str
    columns: tuple[str, ...]
    page: Callable[[Venue, str, str, int], list[list[Any]]]
    step_s: int | None
    perpetual: bool
    on_grid: bool = True


def _candles(venue: Venue, symbol: str, interval: str, since_ms: int) -> list[list[Any]]:
    limit = _page_limit(venue, symbol)
    rows = venue.call("fetch_ohlcv", symbol, interval, since_ms, limit)
    return [[int(row[0]), *(_number(v) for v in row[1:6])] for row in rows]


def _page_limit(venue: Venue, symbol: str) -> int:
    kind = "spot" if ":" not in symbol else "swap"
    features = venue.exchange.features or {}
    entry = features.get(kind) or {}
    if "linear" in entry:
        entry = entry["linear"] or {}
    stated = (entry.get("fetchOHLCV") or {}).get("limit")
    return int(stated or PAGE)


def _funding(venue: Venue, symbol: str, _interval: str, since_ms: int) -> list[list[Any]]:
    rows = venue.call("fetch_funding_rate_history", symbol, since_ms, 100)
    return [[int(row["timestamp"]), _number(row.get("fundingRate"))] for row in rows]


def _open_interest(venue: Venue, symbol: str, interval: str, since_ms: int) -> list[list[Any]]:
    rows = venue.call("fetch_open_interest_history", symbol, interval, since_ms, 100)
    return [
        [
            int(row["timestamp"]),
            _number(row.get("openInterestAmount")),
            _number(row.get("openInterestValue")),
        ]
        for row in rows
    ]


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


KINDS: Mapping[str, Kind] = {
    "candles": Kind("candles", CANDLE, _candles, None, False),
    "funding": Kind("funding", ("time_ms", "funding_rate_fraction"), _funding, 8 * 3600, True, False),
    "open-interest": Kind(
        "open-interest",
        ("time_ms", "open_interest_base", "open_interest_usd"),
        _open_interest,
        None,
        True,
    ),
}


def fetch_book(venue: Venue, symbol: str, levels: int = BOOK_LEVELS) -> pd.DataFrame:
    """Return one order book: columns ``side`` (bid, ask), ``price``, ``size_base``, best first.

    Raises
    ------
    InputError, ExchangeUnreachable
        As `Venue.call`.
    """
    venue.market(symbol)
    book = venue.call("fetch_order_book", symbol, levels)
    rows = [(side, *_level(level)) for side in ("bid", "ask") for level in book[f"{side}s"]]
    frame = pd.DataFrame(rows, columns=["side", "price", "size_base"])
    stamp = book.get("timestamp") or venue.exchange.milliseconds()
    frame.insert(0, "time", pd.to_datetime([int(stamp)] * len(frame), unit="ms", utc=True).as_unit("us"))
    return frame


def _level(level: Sequence[Any]) -> tuple[float, float]:
    return float(level[0]), float(level[1])
