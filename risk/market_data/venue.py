"""One exchange, reached through ccxt: opened leniently, called strictly.

Calls keep the venue's own rate limit, wait where it says "too many", and try again where the
answer is lost or cut.  An answer that is no JSON, or JSON that says nothing, is a failed call, never an
empty one.
"""

from __future__ import annotations

import difflib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from abis.errors import ExchangeUnreachable, InputError

ATTEMPTS = 6
LONGEST_WAIT_S = 60.0
TIMEOUT_MS = 20_000
TOO_MANY = (418, 429)  # Binance answers 418 to who does not heed 429
_URL = re.compile(r"\w+://\S+")

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Venue:
    """An open exchange.

    Parameters
    ----------
    name : str
        Its ccxt id, ``binance``.
    exchange : ccxt.Exchange
    sleep : callable, optional
        How to wait; tests do not.
    """

    name: str
    exchange: Any
    sleep: Sleep = field(default=time.sleep)

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Return what a ccxt method answers, tried up to `ATTEMPTS` times.

        Raises
        ------
        InputError
            If the venue has no such data, does not list the symbol, or refuses the request.
        ExchangeUnreachable
            If no attempt got a usable answer.
        """
        import ccxt
        from requests.exceptions import RequestException

        if not self.exchange.has.get(_camel(method)):
            raise InputError(
                f"{self.name} offers no {method.removeprefix('fetch_').replace('_', ' ')}.",
                remedy="Leave this venue out, or ask for another kind.",
            )
        last = ""
        for attempt in range(ATTEMPTS):
            try:
                return getattr(self.exchange, method)(*arguments, **options)
            except ccxt.BadSymbol as error:
                raise self._unknown(str(arguments[0])) from error
            except ccxt.OperationFailed as error:  # network, rate limit, maintenance, cut answers
                last = f"{type(error).__name__}: {masked(str(error))}"
                if attempt + 1 < ATTEMPTS:
                    self.sleep(self._wait_s(error, attempt))
            except ccxt.BaseError as error:
                if not isinstance(error.__cause__, RequestException):
                    raise InputError(
                        f"{self.name} refuses the request: {type(error).__name__}: {masked(str(error))}.",
                        remedy="Check symbol, timeframe and period.",
                    ) from error
                # No answer that could be read, such as a broken certificate or compression.
                last = f"{type(error.__cause__).__name__}: {masked(str(error))}"
                if attempt + 1 < ATTEMPTS:
                    self.sleep(self._wait_s(error, attempt))
        raise ExchangeUnreachable(
            f"{self.name} gave no usable answer in {ATTEMPTS} attempts; the last: {last}.",
            remedy="Try again later: what was fetched is kept.",
        )

    def _wait_s(self, error: Exception, attempt: int) -> float:
        """Return how long to wait: what the venue says, else twice as long each time."""
        import ccxt

        if isinstance(error, (ccxt.RateLimitExceeded, ccxt.DDoSProtection)):
            headers = getattr(self.exchange, "last_response_headers", None) or {}
            stated = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
            if str(stated).isdigit():
                return min(float(stated), LONGEST_WAIT_S)
        return float(min(2.0**attempt, LONGEST_WAIT_S))

    def market(self, symbol: str) -> Mapping[str, Any]:
        """Return the venue's description of a symbol.

        Raises
        ------
        InputError
            If it does not list it; names the nearest.
        ExchangeUnreachable
            As `call`.
        """
        if not self.exchange.markets:
            self.call("load_markets")
        if symbol not in self.exchange.markets:
            raise self._unknown(symbol)
        return dict(self.exchange.markets[symbol])

    def _unknown(self, symbol: str) -> InputError:
        known = list(self.exchange.markets or {})
        near = difflib.get_close_matches(symbol, known, n=3, cutoff=0.5)
        remedy = f"Nearest: {', '.join(near)}." if near else "Write it BASE/QUOTE, perpetuals BTC/USDT:USDT."
        return InputError(f"{self.name} does not list '{symbol}'.", remedy=remedy)


def open_venue(
    name: str,
    *,
    perpetual: bool,
    base_url: str | None = None,
    requests_per_second: float = 0.0,
    sleep: Sleep = time.sleep,
) -> Venue:
    """Return an exchange ready to be called; nothing is fetched yet.

    Parameters
    ----------
    name : str
        ccxt id.
    perpetual : bool
        Whether perpetual futures are wanted rather than spot: only their listing is read.
    base_url : str, optional
        Scheme and host to ask instead of the venue's own: a gateway or a mirror.
    requests_per_second : float
        0 keeps the venue's own limit.
    sleep : callable
        How to wait between attempts.

    Raises
    ------
    InputError
        If ccxt is not installed or does not know the venue.
    """
    try:
        import ccxt
    except ImportError as error:
        raise InputError(
            "fetching from exchanges needs ccxt.", remedy="Run pip install 'breakwater[exchanges]'."
        ) from error
    if name not in ccxt.exchanges:
        near = difflib.get_close_matches(name, ccxt.exchanges, n=3)
        raise InputError(
            f"'{name}' is no exchange known here.", remedy=f"Nearest: {', '.join(near) or 'none'}."
        )
    exchange = _strict(getattr(ccxt, name))({"enableRateLimit": True, "timeout": TIMEOUT_MS})
    exchange.has["fetchCurrencies"] = False  # not needed, and often behind a key
    exchange.has["loadMarkets"] = True
    listings = exchange.options.get("fetchMarkets")
    if isinstance(listings, dict) and "types" in listings:
        wanted = [t for t in listings["types"] if (t != "spot") == perpetual and t not in ("option", "hip3")]
        exchange.options["fetchMarkets"] = {**listings, "types": wanted}
    if requests_per_second > 0:
        exchange.rateLimit = 1000 / requests_per_second
    if base_url is not None:
        exchange.urls["api"] = _rehosted(exchange.urls["api"], base_url)
    return Venue(name, exchange, sleep)


def _strict(exchange_class: Any) -> Any:
    """Return the class with answers judged by their status first, and refused if they hold no data.

    ccxt would take no JSON for text, ``null`` for no rows, and judge by bodies that gateways do not write.
    """
    import ccxt

    def on_rest_response(
        self: Any, code: int, reason: str, url: str, method: str, headers: Any, text: str, *rest: Any
    ) -> str:
        body = str(exchange_class.on_rest_response(self, code, reason, url, method, headers, text, *rest))
        self.last_response_headers = headers
        if code in TOO_MANY:  # whatever the body says
            raise ccxt.RateLimitExceeded(f"{self.id} answered {code}")
        if code >= 500:
            raise ccxt.ExchangeNotAvailable(f"{self.id} answered {code}")
        if code < 400:
            try:
                told = json.loads(body)
            except ValueError as error:
                raise ccxt.BadResponse(f"{self.id} answered {len(body)} bytes that are no JSON") from error
            if told == {} or not isinstance(told, (dict, list)):  # what ccxt takes for no rows
                raise ccxt.BadResponse(f"{self.id} answered {len(body)} bytes that say nothing")
        return body

    return type(exchange_class.__name__, (exchange_class,), {"on_rest_response": on_rest_response})


def _rehosted(urls: Any, base_url: str) -> Any:
    """Return the venue's URLs with scheme and host replaced, paths kept."""
    if isinstance(urls, dict):
        return {key: _rehosted(url, base_url) for key, url in urls.items()}
    base = urlsplit(base_url)
    if base.scheme not in ("http", "https") or not base.netloc:
        raise InputError(f"'{masked(base_url)}' is no base URL.", remedy="Write https://host.")
    path = base.path.rstrip("/") + urlsplit(urls).path
    return urlunsplit((base.scheme, base.netloc, path, "", ""))


def masked(text: str) -> str:
    """Return a stranger's text on one line, printable, without URLs, which may carry keys."""
    line = _URL.sub("<url>", " ".join(text.split()))[:200]
    return "".join(c if c.isprintable() else "?" for c in line)


def _camel(method: str) -> str:
    head, *rest = method.split("_")
    special = {"ohlcv": "OHLCV"}
    return head + "".join(special.get(word, word.capitalize()) for word in rest)
