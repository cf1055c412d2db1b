"""What followed past liquidation waves: prices after each, and how little so few waves can say.

A wave ends, for this table, at midnight UTC after its date: a moment that was known then.  Counting from the
low would be counting from what only hindsight knows.  Waves whose windows overlap share what followed; they
are counted as one episode.  What usually follows, on any day of the same candles, stands beside.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from risk.scenarios.candles import Candles
from risk.venues.positions import FloatArray

COINS = {"BTC": "BTCUSDT", "ETH": "ETHUSDT"}
HORIZONS_DAYS = (1, 7, 30)
DAY_S, LONGEST_GAP_S = 86_400, 1_800
SOURCED = ("date", "where", "liquidated_usd", "hours", "what", "source")
ENOUGH = 30  # independent episodes below which no more than median and range is given
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class PastWave:
    """One wave.

    Parameters
    ----------
    date : datetime.date
        UTC.
    where : str
        ``exchanges`` or ``chain``: whose liquidations the figure counts.
    liquidated_usd, hours : float
        As published, over so many hours.
    what, source : str
    end_usd, day_return : mapping of coin to float
        Price at midnight after the date, and the return of the day; a coin without candles is not in it.
    after : mapping of (coin, days) to float
        Return from that midnight.
    """

    date: dt.date
    where: str
    liquidated_usd: float
    hours: float
    what: str
    source: str
    end_usd: Mapping[str, float]
    day_return: Mapping[str, float]
    after: Mapping[tuple[str, int], float]


@dataclass(frozen=True, slots=True)
class Followed:
    """What followed, for one coin and horizon; NaN where there is no wave.

    Parameters
    ----------
    coin : str
    days : int
    waves, episodes : int
        Waves with a price, and how many do not overlap.
    median, low, high : float
        Of returns after waves.
    rose : int
        Waves after which the price was higher.
    usual_median, usual_rose : float
        Median return, and share of days after which the price was higher, over all days of the candles.
    usual_days : int
    """

    coin: str
    days: int
    waves: int
    episodes: int
    median: float
    low: float
    high: float
    rose: int
    usual_median: float
    usual_rose: float
    usual_days: int

    @property
    def statement(self) -> str:
        """What a reader may conclude."""
        if self.episodes >= ENOUGH:
            return f"{self.episodes} episodes."
        return (
            f"{self.episodes} episodes that do not overlap: too few for more than median and range, and no "
            "ground to call a wave a turning point."
        )


def midnight_after_s(day: dt.date) -> int:
    """Return the unix time a day ends, UTC."""
    return ((day - _EPOCH) + dt.timedelta(days=1)).days * DAY_S


def episodes(days: Sequence[dt.date], apart: int) -> int:
    """Return how many dates can be taken in order so that each is ``apart`` days after the one before."""
    count, last = 0, None
    for day in sorted(days):
        if last is None or (day - last).days >= apart:
            count, last = count + 1, day
    return count


Price = Callable[[int], float | None]  # at a unix time, None where it is not known


def price_of(series: Sequence[Candles]) -> Price:
    """Return the price at a unix time from the first series that has it."""

    def price(time_s: int) -> float | None:
        for one in series:
            place = int(np.searchsorted(one.end_s, time_s, side="right")) - 1
            if place >= 0 and time_s - int(one.end_s[place]) <= LONGEST_GAP_S:
                return float(one.price[place])
        return None

    return price


def computed(day: dt.date, prices: Mapping[str, Price]) -> dict[str, float | None]:
    """Return the computed columns of a wave's row: end price, the day's return, returns after.

    Parameters
    ----------
    day : datetime.date
    prices : mapping of coin to callable
        See `price_of`.
    """
    out: dict[str, float | None] = {}
    for coin in COINS:
        end_s, price = midnight_after_s(day), prices[coin]
        end = price(end_s)
        out[f"{coin.lower()}_end_usd"] = end
        out[f"{coin.lower()}_day"] = _return(price(end_s - DAY_S), end)
        for days in HORIZONS_DAYS:
            out[f"{coin.lower()}_{days}d"] = _return(end, price(end_s + days * DAY_S))
    return out


def usual(series: Sequence[Candles], days: int) -> FloatArray:
    """Return the returns over ``days`` from every midnight UTC that candles cover, (n,)."""
    price = price_of(series)
    every = sorted({int(t) for one in series for t in one.end_s[one.end_s % DAY_S == 0]})
    found = (_return(price(t), price(t + days * DAY_S)) for t in every)
    return np.array([r for r in found if r is not None], dtype=np.float64)


def _return(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else second / first - 1.0


@cache
def past_waves() -> tuple[PastWave, ...]:
    """Return the shipped table, in order of date."""
    return tuple(_wave(row) for row in _rows("past_waves.csv"))


def _wave(row: Mapping[str, str]) -> PastWave:
    held = {k: float(v) for k, v in row.items() if k not in SOURCED and v}
    return PastWave(
        dt.date.fromisoformat(row["date"]),
        row["where"],
        float(row["liquidated_usd"]),
        float(row["hours"]),
        row["what"],
        row["source"],
        {c: held[f"{c.lower()}_end_usd"] for c in COINS if f"{c.lower()}_end_usd" in held},
        {c: held[f"{c.lower()}_day"] for c in COINS if f"{c.lower()}_day" in held},
        {(c, d): held[k] for c in COINS for d in HORIZONS_DAYS if (k := f"{c.lower()}_{d}d") in held},
    )


def what_followed(waves: Sequence[PastWave] | None = None) -> tuple[Followed, ...]:
    """Return what followed waves, a row a coin and horizon, beside what usually follows.

    Parameters
    ----------
    waves : sequence of PastWave, optional
        The shipped ones by default.
    """
    held = past_waves() if waves is None else waves
    beside = {(r["coin"], int(r["days"])): r for r in _rows("past_waves_usual.csv")}
    return tuple(_followed(held, c, d, beside[c, d]) for c in COINS for d in HORIZONS_DAYS)


def _followed(waves: Sequence[PastWave], coin: str, days: int, beside: Mapping[str, str]) -> Followed:
    having = [w for w in waves if (coin, days) in w.after]
    returns = np.array([w.after[coin, days] for w in having] or [np.nan])
    return Followed(
        coin,
        days,
        len(having),
        episodes([w.date for w in having], days),
        float(np.median(returns)),
        float(returns.min()),
        float(returns.max()),
        int((returns > 0.0).sum()),
        float(beside["median"]),
        float(beside["rose"]),
        int(beside["n"]),
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = files("risk.venues").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))
