"""The wave of December 2025: a market of seven venues, fitted to what was published of one day.

Open interest is stacked evenly beyond the price, densely near it and less densely farther out, and split
among venues as liquidations of another day were.  Seven numbers are fitted to seven published ones (`Fit`);
what decides how much of the fall was cascade, the free parameters of the table, is taken from a range and is
*not* identified by these figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from abis.errors import InputError
from risk.venues.advance import bin_times, run
from risk.venues.book import TRUSTED_MOVE, Book
from risk.venues.december_table import table, targets
from risk.venues.kernel import Record
from risk.venues.margin import LONG, SHORT, Tiers
from risk.venues.market import Market, market_of
from risk.venues.positions import FloatArray, Positions, joined, stacked
from risk.venues.profile import shipped
from risk.venues.state import State, start
from risk.venues.venue import Venue

HOUR_S, DAY_S, LATE_S = 3600.0, 86_400.0, 4 * 3600.0
COARSE_S, FINE_S, BIN_S = 60.0, 5.0, 60.0
NEAR, FAR = 0.006, 0.08  # where the dense stack ends, and the other; log distance of BTC
WHALE_AT, WHALE_LEVERAGE, WHALE_VENUE = 0.016, 20.0, "HTX"
HYPERLIQUID = "Hyperliquid"
POSITION_USD, LEVELS = 50_000.0, {NEAR: 8, FAR: 28}
ROUNDS, SETTLED = 40, 0.02


@dataclass(frozen=True, slots=True)
class Free:
    """Parameters the published figures do not identify; the table gives each a range."""

    synchrony: float
    arbitrage_per_s: float
    permanent_share: float
    refill_half_life_s: float
    withdrawal: float
    least_share: float
    lag_spread: float
    hyperliquid_share: float  # of leveraged open interest; the other venues keep their proportions

    @classmethod
    def used(cls) -> Free:
        """Return the values used."""
        return cls(**{name: row[0] for name, row in free_ranges().items()})


def free_ranges() -> dict[str, tuple[float, float, float]]:
    """Return value, low and high of each free parameter."""
    rows = table()["free"]
    return {k: (float(v[0]), float(v[1]), float(v[2])) for k, v in rows.items() if k != "source"}


class Fit(NamedTuple):
    """What is fitted, with where the fit begins: near where it ends on the shipped path, so that it is short.

    Open interest in US dollars per percent, sizes, and depths of the outside move.
    """

    btc: float = 24.7e6  # BTC longs beyond `NEAR`, all venues
    others: float = 44.7e6  # longs of all other assets, per percent of BTC
    shorts: float = 148e6  # shorts of all assets, per percent of BTC
    near: float = 3.54  # how much denser longs are within `NEAR`
    whale: float = 34.57e6
    btc_low: float = -0.0336  # deepest outside log move of BTC
    eth_beta: float = 1.489


@dataclass(frozen=True, eq=False)
class Wave:
    """A run of a day.

    Parameters
    ----------
    market : Market
    state : State
        After it.
    record : Record
        In minutes.
    time_s : (B,) float64
        End of each minute.
    outside : (T, K) float64
        Log moves without the venues' own impact, at ``moments_s`` (T,).
    """

    market: Market
    state: State
    record: Record
    time_s: FloatArray
    outside: FloatArray
    moments_s: FloatArray

    def closed_usd(self, since_s: float = 0.0) -> FloatArray:
        """Return liquidations after a time, (V, K, 2)."""
        return np.asarray(self.record.liquidated_usd[0, self.time_s > since_s].sum(axis=0))

    def low_usd(self, asset: str) -> float:
        """Return the lowest index price."""
        return float(self.record.index_usd[0, :, self.market.assets.index(asset)].min())

    def cascade_share(self, asset: str = "BTC") -> float:
        """Return the part of the fall to the low that the venues' own selling made, in log prices."""
        k = self.market.assets.index(asset)
        whole = float(np.log(self.low_usd(asset) / self.market.price_usd[k]))
        return 1.0 - float(self.outside[:, k].min()) / whole if whole < 0.0 else 0.0


def diverges(wave: Wave) -> bool:
    """Return whether the venues' own selling moved an index beyond what published depth covers."""
    outside = np.stack([np.interp(wave.time_s, wave.moments_s, column) for column in wave.outside.T], axis=1)
    own = np.log(wave.record.index_usd[0] / wave.market.price_usd) - outside
    return bool(np.abs(own).max() > TRUSTED_MOVE)


def grid(late_s: float = LATE_S) -> FloatArray:
    """Return the moments of a day: a minute apart, five seconds in its last hours."""
    early = np.arange(COARSE_S, DAY_S - late_s + 1e-9, COARSE_S)
    return np.concatenate([early, np.arange(DAY_S - late_s + FINE_S, DAY_S + 1e-9, FINE_S)])


def venues(free: Free) -> tuple[Venue, ...]:
    """Return the table's venues and the spot books, with the free parameters applied."""
    data = table()
    names = [n for n in data["venues"] if n != "source"]
    lags = np.linspace(0.0, free.lag_spread, len(names))
    out = [
        _with_free(replace(shipped(data["profiles"][n]).venue, name=n), free, float(lag))
        for n, lag in zip(names, lags, strict=True)
    ]
    return (*out, _with_free(shipped("spot").venue, free, 0.0))


def _with_free(venue: Venue, free: Free, lag: float) -> Venue:
    books: dict[str, Book] = {
        asset: replace(
            book,
            permanent_share=free.permanent_share,
            refill_half_life_s=free.refill_half_life_s,
            withdrawal=free.withdrawal,
            least_share=free.least_share,
        )
        for asset, book in venue.books.items()
    }
    engine = replace(venue.engine, lag=lag)
    if venue.name == WHALE_VENUE:  # its order is published as one
        engine = replace(engine, partial_share=1.0)
    return replace(venue, books=books, engine=engine, arbitrage_per_s=free.arbitrage_per_s)


def prices() -> dict[str, float]:
    """Return the prices the day begins with."""
    path, assets = table()["path"], table()["assets"]
    return {"BTC": path["btc_usd"][0], "ETH": path["eth_start_usd"], **assets["price_usd"]}


def betas(fit: Fit) -> dict[str, float]:
    """Return the betas to BTC, ETH's as fitted."""
    return {**table()["assets"]["beta"], "ETH": fit.eth_beta}


def market(fit: Fit, free: Free, price_usd: Mapping[str, float] | None = None) -> Market:
    """Return the market before the wave."""
    price, held = dict(price_usd or prices()), venues(free)
    shares, split = _shares(free), {"BTC": 1.0, **table()["assets"]["split"]}
    beta = {"BTC": 1.0, **betas(fit)}
    shorts_of_btc = fit.btc / (fit.btc + fit.others)
    parts: list[Positions] = []
    for v in held:
        for asset in v.margin:
            part = shares[v.name] * split[asset]
            longs = part * (fit.btc if asset == "BTC" else fit.others) / beta[asset]
            shorts = (
                part * fit.shorts * (shorts_of_btc if asset == "BTC" else 1.0 - shorts_of_btc) / beta[asset]
            )
            parts += _stacks(v, asset, price[asset], beta[asset], longs, shorts, fit.near)
    parts.append(_whale(held, price["BTC"], fit.whale))
    return market_of(held, price, joined(parts), beta=betas(fit), synchrony=free.synchrony)


def _shares(free: Free) -> dict[str, float]:
    """Return each venue's part of the open interest: the table's, Hyperliquid's as stated."""
    split = {name: part for name, part in table()["venues"].items() if name != "source"}
    scale = (1.0 - free.hyperliquid_share) / (1.0 - split[HYPERLIQUID])
    return {n: free.hyperliquid_share if n == HYPERLIQUID else scale * part for n, part in split.items()}


def _stacks(
    v: Venue, asset: str, price: float, beta: float, longs: float, shorts: float, near: float
) -> list[Positions]:
    tiers = v.margin[asset]
    zones = (
        (LONG, 0.0005, NEAR, longs * near),
        (LONG, NEAR, FAR, longs),
        (SHORT, 0.0005, FAR, shorts),
    )
    return [
        stacked(
            v.name, asset, side, tiers, price_usd=price, nearest=a * beta, farthest=b * beta,
            usd_per_percent=usd, leverage=_leverage(tiers), levels=LEVELS[b],
            position_usd=POSITION_USD,
        )
        for side, a, b, usd in zones
    ]  # fmt: skip


def _leverage(tiers: Tiers) -> dict[float, float]:
    """Return the table's mix, none above what the venue allows: maintenance is half of initial margin."""
    most = 0.5 / tiers.at(POSITION_USD)[0]
    out: dict[float, float] = {}
    for times, share in table()["leverage"]["shares"].items():
        allowed = min(float(times), most)
        out[allowed] = out.get(allowed, 0.0) + float(share)
    return out


def _whale(held: tuple[Venue, ...], price: float, usd: float) -> Positions:
    v = next(x for x in held if x.name == WHALE_VENUE)
    return stacked(
        v.name, "BTC", LONG, v.margin["BTC"], price_usd=price, nearest=WHALE_AT, farthest=WHALE_AT + 1e-4,
        usd_per_percent=usd / 0.01, leverage={WHALE_LEVERAGE: 1.0}, levels=1, position_usd=usd,
    )  # fmt: skip


def outside_of(fit: Fit, market_: Market, moments_s: FloatArray) -> FloatArray:
    """Return the shipped path, (T, K) log moves: the table's hours, its low as fitted."""
    path = table()["path"]
    level = np.log(np.array(path["btc_usd"]) / path["btc_usd"][0])
    level[path["low_at"]] = fit.btc_low
    btc = np.interp(moments_s, np.array(path["hours"]) * HOUR_S, level)
    return np.asarray(btc[:, None] * market_.beta)


def simulate(market_: Market, outside: FloatArray, moments_s: FloatArray) -> Wave:
    """Return the day a market has under moves from outside, (T, K)."""
    state, record = run(market_, start(market_, 1), moments_s, outside[None], every_s=BIN_S)
    return Wave(market_, state, record, bin_times(moments_s, 0.0, BIN_S), outside, moments_s)


Outside = Callable[[Fit, Market, FloatArray], FloatArray]


def results(wave: Wave) -> dict[str, float]:
    """Return what the targets of W1 and W3 are compared with."""
    day, late = wave.closed_usd(), wave.closed_usd(DAY_S - LATE_S)
    return {
        "w1_total_24h": float(day.sum()),
        "w1_total_4h": float(late.sum()),
        "w1_btc_24h": float(day[:, 0].sum()),
        "w1_long_share": float(day[..., 0].sum() / max(day.sum(), 1.0)),
        "w1_largest": float(wave.state.venue["largest_usd"].max()),
        "w3_btc_low": wave.low_usd("BTC"),
        "w3_eth_low": wave.low_usd("ETH"),
    }


def fitted(
    free: Free | None = None,
    *,
    first: Fit | None = None,
    price_usd: Mapping[str, float] | None = None,
    outside: Outside = outside_of,
    fixed_path: bool = False,
    learn: Callable[[Wave], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Fit, Wave]:
    """Return the fit to W1 and W3 and the wave it gives; W2 is not looked at.

    Parameters
    ----------
    free : Free, optional
        The table's values by default.
    first : Fit, optional
        Where to begin.
    price_usd : mapping of str to float, optional
        At the start of the day; the table's by default.
    outside : callable (fit, market, moments) -> (T, K)
        The path without the venues' own impact.
    fixed_path : bool
        Whether the path is given (candles), so that its low is not fitted.
    learn : callable (Wave), optional
        Told every run, so that ``outside`` can take out what the venues' own selling explains.
    progress : callable (done, total), optional

    Raises
    ------
    InputError
        If a run liquidates nothing that could be scaled.
    """
    given, fit = free or Free.used(), first or Fit()
    moments, best = grid(), None
    for k in range(ROUNDS):
        if progress is not None:
            progress(k, ROUNDS)
        now = market(fit, given, price_usd)
        wave = simulate(now, outside(fit, now, moments), moments)
        miss = _miss(wave, fixed_path)
        if learn is not None:
            learn(wave)
        if best is None or miss < best[0]:
            best = (miss, fit, wave)
        if miss < SETTLED:
            break
        fit = _better(fit, wave, fixed_path)
    if progress is not None:
        progress(ROUNDS, ROUNDS)
    assert best is not None
    return best[1], best[2]


def _miss(wave: Wave, fixed_path: bool) -> float:
    got, aims = results(wave), targets()
    names = [n for n in got if not (fixed_path and n.startswith("w3"))]
    return max(abs(got[n] / aims[n].value - 1.0) * (10.0 if n.startswith("w3") else 1.0) for n in names)


def _better(fit: Fit, wave: Wave, fixed_path: bool) -> Fit:
    """Return the fit, each number scaled by what its own figure misses; by half where the path is given."""
    aim, day, pace = {n: t.value for n, t in targets().items()}, wave.closed_usd(), 0.5 if fixed_path else 1.0
    shorts, longs = day[..., 1], day[..., 0]
    early = float(day.sum() - wave.closed_usd(DAY_S - LATE_S).sum())
    largest = float(wave.state.venue["largest_usd"].max())
    if min(float(longs[:, 0].sum()), largest) <= 0.0:
        raise InputError("nothing is liquidated on this path.", remedy="Choose a day on which prices fall.")
    total, btc = aim["w1_total_24h"], aim["w1_btc_24h"]

    def scaled(now: float, wanted: float, got: float) -> float:
        return now * float(np.clip(wanted / max(got, 1.0), 0.6, 1.6) ** pace)

    changed = fit._replace(
        btc=scaled(fit.btc, btc - float(shorts[:, 0].sum()), float(longs[:, 0].sum())),
        others=scaled(fit.others, total - btc - float(shorts[:, 1:].sum()), float(longs[:, 1:].sum())),
        shorts=scaled(fit.shorts, (1.0 - aim["w1_long_share"]) * total, float(shorts.sum())),
        near=scaled(fit.near, total - aim["w1_total_4h"], early),
        whale=scaled(fit.whale, aim["w1_largest"], largest),
    )
    if fixed_path:
        return changed
    start_eth = float(wave.market.price_usd[1])
    lower = 0.8 * float(np.log(aim["w3_btc_low"] / wave.low_usd("BTC")))
    eth = float(np.log(aim["w3_eth_low"] / start_eth) / np.log(wave.low_usd("ETH") / start_eth))
    return changed._replace(
        btc_low=min(-0.02, fit.btc_low + float(np.clip(lower, -0.004, 0.004))),
        eth_beta=fit.eth_beta * float(np.clip(eth, 0.6, 1.6)),
    )


def what_ifs(fit: Fit, wave: Wave, free: Free | None = None) -> dict[str, Wave]:
    """Return the same day, from the same state and outside moves, with one thing changed."""
    base = wave.market
    middle = {"Gate", "Bitget", WHALE_VENUE}
    changed: dict[str, dict[str, Any]] = {
        "engines staggered": {"synchrony": 0.0},
        "engines synchronised": {"synchrony": 1.0},
        "depth doubled": {"venues": tuple(v.with_depth(2.0) for v in base.venues)},
        "depth halved": {"venues": tuple(v.with_depth(0.5) for v in base.venues)},
        "depth cut by 86 %": {"venues": tuple(v.with_depth(0.14) for v in base.venues)},
        "leverage capped at 10": {"positions": base.positions.with_leverage_at_most(10.0)},
        "three venues halted": {"venues": tuple(v.halted() if v.name in middle else v for v in base.venues)},
    }
    return {
        name: simulate(base.with_(**change), wave.outside, wave.moments_s) for name, change in changed.items()
    }
