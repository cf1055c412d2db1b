"""A local HTTP server that answers as exchanges do, with the faults they have.

Formats follow the venues' public documentation: Binance spot and USD-margined futures REST,
OKX v5, Kraken public REST.  ``faults`` are taken one a request, before the answer.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Bar = tuple[float, float, float, float, float]


@dataclass
class Served:
    """What the venues have: 5-minute bars by opening time in ms, and what goes wrong."""

    bars: dict[int, Bar] = field(default_factory=dict)
    twice: list[tuple[int, Bar]] = field(default_factory=list)  # rows added to the page of their time
    funding: dict[int, float] = field(default_factory=dict)
    open_interest: dict[int, tuple[float, float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    shuffled: bool = False
    requests: list[str] = field(default_factory=list)
    stop_after: int | None = None  # requests of candles, then the connection is cut

    def page(self, start: int, limit: int) -> list[tuple[int, Bar]]:
        """Return bars from ``start`` on, and those given twice among them."""
        rows = [(t, self.bars[t]) for t in sorted(self.bars) if t >= start][:limit]
        if rows:
            rows += [(t, bar) for t, bar in self.twice if rows[0][0] <= t <= rows[-1][0]]
        return rows[::-1] if self.shuffled else rows


BINANCE_SPOT = {
    "timezone": "UTC",
    "symbols": [
        {
            "symbol": f"{base}USDT",
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": "USDT",
            "permissions": ["SPOT"],
            "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.01"}],
        }
        for base in ("BTC", "ETH")
    ],
}
BINANCE_LINEAR = {
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "filters": [],
        }
    ]
}
OKX_SPOT = {
    "code": "0",
    "msg": "",
    "data": [
        {
            "instType": "SPOT",
            "instId": "BTC-USDT",
            "baseCcy": "BTC",
            "quoteCcy": "USDT",
            "state": "live",
            "tickSz": "0.1",
            "lotSz": "0.00000001",
            "minSz": "0.00001",
            "listTime": "1548133413000",
        }
    ],
}
KRAKEN_PAIRS = {
    "error": [],
    "result": {
        "XBTUSDT": {
            "altname": "XBTUSDT",
            "wsname": "XBT/USDT",
            "base": "XXBT",
            "quote": "USDT",
            "pair_decimals": 1,
            "lot_decimals": 8,
            "fees": [[0, 0.26]],
            "fees_maker": [[0, 0.16]],
            "ordermin": "0.0001",
            "status": "online",
        }
    },
}


def answer(served: Served, path: str, query: dict[str, str]) -> Any:
    """Return the JSON of one request; an unknown path is refused as OKX does."""
    if path == "/api/v3/exchangeInfo":
        return BINANCE_SPOT
    if path == "/fapi/v1/exchangeInfo":
        return BINANCE_LINEAR
    if path == "/dapi/v1/exchangeInfo":
        return {"symbols": []}
    if path in ("/api/v3/klines", "/fapi/v1/klines"):
        rows = served.page(int(query["startTime"]), int(query["limit"]))
        return [[t, *map(str, bar), t + 299_999, "0", 1, "0", "0", "0"] for t, bar in rows]
    if path == "/api/v3/depth":
        return {"lastUpdateId": 1, "bids": [["100.0", "2.5"], ["99.5", "4"]], "asks": [["100.5", "1.5"]]}
    if path == "/fapi/v1/fundingRate":
        rows_f = [(t, r) for t, r in sorted(served.funding.items()) if t >= int(query["startTime"])]
        limit = int(query.get("limit", 100))
        return [{"symbol": "BTCUSDT", "fundingTime": t, "fundingRate": str(r)} for t, r in rows_f[:limit]]
    if path == "/futures/data/openInterestHist":
        rows_o = [(t, v) for t, v in sorted(served.open_interest.items()) if t >= int(query["startTime"])]
        return [
            {"symbol": "BTCUSDT", "sumOpenInterest": str(a), "sumOpenInterestValue": str(v), "timestamp": t}
            for t, (a, v) in rows_o[: int(query.get("limit", 30))]
        ]
    if path == "/api/v5/public/instruments":
        return OKX_SPOT if query["instType"] == "SPOT" else {"code": "0", "msg": "", "data": []}
    if path in ("/api/v5/market/history-candles", "/api/v5/market/candles"):
        low, high = int(query["before"]), int(query["after"])
        rows = [(t, b) for t, b in served.page(0, 10**9) if low < t < high]
        newest = sorted(rows, key=lambda r: -r[0])[: int(query["limit"])]
        data = [[str(t), *map(str, bar), "0", "0", "1"] for t, bar in newest]
        return {"code": "0", "msg": "", "data": data}
    if path == "/0/public/AssetPairs":
        return KRAKEN_PAIRS
    if path == "/0/public/OHLC":
        rows = [r for r in served.page(0, 10**9) if r[0] // 1000 >= int(query["since"])][-720:]
        ohlc = [[t // 1000, *map(str, (o, h, low, c)), "0", str(v), 1] for t, (o, h, low, c, v) in rows]
        return {"error": [], "result": {"XBTUSDT": ohlc, "last": 0}}
    return {"code": "51000", "msg": "Parameter error.", "data": []}


@contextmanager
def venue_server(served: Served) -> Iterator[str]:
    """Serve on a free loopback port and yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
            served.requests.append(self.path)
            candles = url.path.endswith(("klines", "candles", "OHLC"))
            if candles and served.stop_after is not None:
                served.stop_after -= 1
                if served.stop_after < 0:
                    self.close_connection = True
                    self.connection.close()
                    return
            fault = served.faults.pop(0) if served.faults and candles else ""
            body = json.dumps(answer(served, url.path, query)).encode()
            status, headers = 200, {}
            if fault == "429":
                status, headers, body = (
                    429,
                    {"Retry-After": "3"},
                    b'{"code":-1003,"msg":"Too many requests."}',
                )
            elif fault == "503":
                status, body = 503, b"<html>Service Unavailable</html>"
            elif fault == "truncated":
                body = body[: len(body) // 2]
            elif fault in ("null", "{}", "7"):
                body = fault.encode()
            elif fault == "badly packed":
                headers, body = {"Content-Encoding": "gzip"}, b"no gzip"
            elif fault == "html":
                body = b"<html>maintenance</html>"
            elif fault == "cut":
                headers = {"Content-Length": str(len(body))}
                body = body[: len(body) // 2]
            elif fault == "bad request":
                status, body = 400, b'{"code":-1100,"msg":"Illegal characters found in parameter."}'
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if fault == "cut":
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
