"""`Panel`: simultaneous log returns of several coins on one time step, cut at every gap.

A row is there only if every coin has a close at both of its ends; a row that does not
continue the one before it starts a new stretch.  So nothing is ever computed across a gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from risk.scenarios.candles import Candles, iso, nothing_chosen, read_candles

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

SAME_PRICE = 1e-3  # two files of one series may differ by this in log price, no more
QUOTES = ("USDT", "USDC", "USD")  # endings of symbols such as ETHUSDT


@dataclass(frozen=True, eq=False)
class Panel:
    """Joint returns of K coins.

    Parameters
    ----------
    coins : tuple of str, length K
    step_s : int
        Seconds of one return.
    end_s : (n,) int64
        Unix time each return ends, strictly increasing.
    log_return : (n, K) float64
    log_price : (n, K) float64
        Log price at ``end_s``, in the quote currency.
    """

    coins: tuple[str, ...]
    step_s: int
    end_s: IntArray
    log_return: FloatArray
    log_price: FloatArray

    def __len__(self) -> int:
        return len(self.end_s)

    @property
    def follows(self) -> BoolArray:
        """Whether each row continues the row before it, (n,) bool; the first never does."""
        return np.concatenate([[False], np.diff(self.end_s) == self.step_s])

    def between(self, start_s: float, end_s: float) -> Panel:
        """Return the rows that end in ``[start_s, end_s)``.

        Raises
        ------
        ScenarioError
            If there are none.
        """
        inside = (self.end_s >= start_s) & (self.end_s < end_s)
        if not inside.any():
            raise ScenarioError("no return lies in that period.", remedy="Choose one the candles cover.")
        return Panel(
            self.coins, self.step_s, self.end_s[inside], self.log_return[inside], self.log_price[inside]
        )


def coin_of(symbol: str) -> str:
    """Return a symbol without its quote: ``ETHUSDT`` and ``ETH/USDT:USDT`` are ``ETH``."""
    base = symbol.partition(":")[0]
    quote = next((q for q in QUOTES if base.endswith(q) and base != q), "")
    return base.removesuffix(quote).rstrip("/-_")


def check_distinct(coins: Mapping[str, str]) -> None:
    """Refuse two symbols of one coin: which of them moves it would be chance.

    Raises
    ------
    ScenarioError
        Naming both.
    """
    first: dict[str, str] = {}
    for symbol, coin in coins.items():
        if first.setdefault(coin, symbol) != symbol:
            raise ScenarioError(
                f"{first[coin]} and {symbol} are both {coin}.", remedy="Choose one of them with assets."
            )


def read_panel(
    files: Sequence[Path],
    *,
    step_s: int,
    assets: Mapping[str, str] | None = None,
    market: str = "spot",
    interval: str | None = None,
) -> Panel:
    """Return the joint returns of the series in candle files.

    Parameters
    ----------
    files : sequence of Path
        Candles (`candles`); one series may be spread over several files, and these may overlap.
    step_s : int
        A multiple of every series' bar.
    assets : mapping of str to str, optional
        Symbol to coin; by default every symbol, without its quote.
    market, interval : str, str or None
        As `candles.read_candles`.

    Raises
    ------
    MalformedFile, ScenarioError
        If a file cannot be read, a symbol is missing, two are of one coin, files contradict each
        other, or no two simultaneous closes follow one another.
    """
    pieces: dict[str, list[Candles]] = {}
    for path in files:
        for symbol, candles in read_candles([path], market=market, interval=interval).items():
            pieces.setdefault(symbol, []).append(candles)
    if files and not pieces:
        raise nothing_chosen(market, interval)
    missing = [symbol for symbol in assets or () if symbol not in pieces]
    if missing:
        raise ScenarioError(
            f"the files have no series '{missing[0]}'.", remedy=f"They have {', '.join(pieces) or 'none'}."
        )
    wanted = dict(assets) if assets is not None else {symbol: coin_of(symbol) for symbol in pieces}
    check_distinct(wanted)
    return panel_of({coin: pieces[symbol] for symbol, coin in wanted.items()}, step_s)


def panel_of(series: Mapping[str, Sequence[Candles]], step_s: int) -> Panel:
    """Return the joint returns of candles by coin.

    Raises
    ------
    ScenarioError
        If the step is no multiple of a bar, pieces of a coin contradict each other, or nothing
        is left.
    """
    if not series:
        raise ScenarioError("no series was given.", remedy="Give candles of at least one coin.")
    closes = [_closes(coin, pieces, step_s) for coin, pieces in series.items()]
    common = closes[0][0]
    for time_s, _ in closes[1:]:
        common = np.intersect1d(common, time_s, assume_unique=True)
    prices = np.stack([log[np.searchsorted(time_s, common)] for time_s, log in closes], axis=1)
    whole = np.diff(common) == step_s
    if not whole.any():
        raise ScenarioError(
            f"{', '.join(series)} have no two closes in common that lie {step_s} s apart.",
            remedy="Give overlapping candles, or a longer step.",
        )
    return Panel(tuple(series), step_s, common[1:][whole], np.diff(prices, axis=0)[whole], prices[1:][whole])


def _closes(coin: str, pieces: Sequence[Candles], step_s: int) -> tuple[IntArray, FloatArray]:
    """Return times on the grid and log closes of one coin; the first file counts where two overlap."""
    for candles in pieces:
        if step_s <= 0 or step_s % candles.step_s:
            raise ScenarioError(
                f"a step of {step_s} s is no multiple of {coin}'s bars of {candles.step_s} s.",
                remedy="Choose a multiple of the bar.",
            )
    time_s = np.concatenate([c.end_s for c in pieces])
    log_price = np.log(np.concatenate([c.price for c in pieces]))
    on_grid = time_s % step_s == 0
    time_s, log_price = time_s[on_grid], log_price[on_grid]
    order = np.argsort(time_s, kind="stable")
    time_s, log_price = time_s[order], log_price[order]
    again = np.concatenate([[False], np.diff(time_s) == 0])
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(time_s))))
    apart = np.abs(log_price - log_price[first]) > SAME_PRICE
    if apart.any():
        when = iso(int(time_s[int(np.argmax(apart))]))
        raise ScenarioError(
            f"two files give {coin} different closes at {when}.", remedy="Leave one of them out."
        )
    return time_s[~again], log_price[~again]
