"""Exchanges and a lending market as one loop: what liquidators sell comes back to the venues as a flow.

cascade -> prices by venue -> oracles -> liquidations on chain -> their sales, minute by minute -> cascade ...

The loop starts from no selling and repeats the whole path until sales stop changing.  Calls of a minute reach
the exchanges spread over the next minute, so that no sale is its own cause.  Feedback only adds: prices come
no higher, no account is spared (a tested law).  Amounts need not rise from round to round, as they do in the
clearing of Cifuentes, Ferrucci and Shin (2005): an account that is reached at a lower price may be asked
for a little less.  `Settled.ascending` tells whether they did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abis.errors import InputError, UnknownAsset
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.prices import Oracles
from risk.engine.stress import stress
from risk.outcome import Outcome
from risk.scenarios.families import tree_of
from risk.venues.advance import bin_times, run
from risk.venues.book import TRUSTED_MOVE
from risk.venues.kernel import Record
from risk.venues.market import Market
from risk.venues.positions import FloatArray
from risk.venues.scenario import for_market, of_coins
from risk.venues.state import start

ROUNDS, SETTLED_USD, BIN_S = 20, 1.0, 60.0


@dataclass(frozen=True, eq=False)
class Settled:
    """The loop's end.

    Parameters
    ----------
    sold_usd : tuple of float
        What each round's liquidators sold of the venues' coins, at the prices of the start, so that it counts
        coins; the first round is without feedback.
    record : Record
        Of the venues in the last round, in minutes.
    first : Record
        Without feedback.
    outcome : Outcome
        On chain, in the last round.
    flow_usd : (T, V, K) float64
        Sales that the last round's venues took.
    late_usd : float
        Sales of the last minute, after which the path has no moment.
    settled : bool
        Whether the last two rounds sold the same to the dollar, at the same moments.
    runs_away : bool
        That a round moved an index by own selling and the chain's beyond what published depth covers: the
        loop ends there, and says that prices run away, not where to.
    """

    sold_usd: tuple[float, ...]
    record: Record
    first: Record
    outcome: Outcome
    flow_usd: FloatArray
    late_usd: float
    settled: bool
    runs_away: bool

    @property
    def ascending(self) -> bool:
        """Whether no round sold less than the one before."""
        return all(b >= a - SETTLED_USD for a, b in zip(self.sold_usd, self.sold_usd[1:], strict=False))

    def deeper(self, asset: int) -> float:
        """Return how much lower an asset's index came by the feedback, log difference at the lows."""
        lows = [float(np.log(r.index_usd[0, :, asset].min())) for r in (self.record, self.first)]
        return lows[0] - lows[1]


def settle(
    market: Market,
    moments_s: FloatArray,
    outside: FloatArray,
    snapshot: Snapshot,
    *,
    oracles: Oracles = None,
    depth: Depth | None = None,
    venue: str | None = None,
    share: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> Settled:
    """Return the fixed point of a cascade and a lending market's liquidations.

    Parameters
    ----------
    market : Market
        Before the cascade.
    moments_s : (T,) float64
    outside : (T, K) float64
        Log moves without the venues' own impact and without the chain's.
    snapshot : Snapshot
        At the moment the path starts.
    oracles, depth
        As `risk.engine.stress.stress`; depth is what liquidators fetch.
    venue : str, optional
        Where sales arrive; by default on all, by depth.
    share : float
        Of the sales that arrives on exchanges; the rest stays in on-chain pools.
    progress : callable (round, most rounds), optional

    Raises
    ------
    InputError
        If the share is outside [0, 1].
    UnknownAsset
        If the venue is unknown, or has no book of a coin that is sold.
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f"a share of {share} sold on exchanges.", remedy="Give a number from 0 to 1.")
    times = bin_times(moments_s, 0.0, BIN_S)
    coin, split = _coins(snapshot, market), _split(market, venue)
    flow = np.zeros((len(moments_s), len(market.venues), len(market.assets)))
    sold: list[float] = []
    first, late, settled, away = None, 0.0, False, False
    outcome: Outcome | None = None
    while True:
        if progress is not None:
            progress(len(sold), ROUNDS)
        _, record = run(market, start(market, 1), moments_s, outside[None], flow[None], every_s=BIN_S)
        first = record if first is None else first
        away = _runs_away(market, record, times, moments_s, outside)
        if away and outcome is not None:
            break
        outcome = _on_chain(market, record, times, snapshot, oracles, depth)
        assert outcome.events is not None
        usd = share * _sales_usd(outcome.events, times, coin, snapshot, len(market.assets))
        more, late = _flow(usd * record.index_usd[0] / market.price_usd, times, moments_s, flow.shape, split)
        sold.append(float(usd.sum()))
        settled = bool(np.abs(more - flow).max() < SETTLED_USD)
        if settled or away or len(sold) == ROUNDS:
            break
        flow = more
    if progress is not None:
        progress(ROUNDS, ROUNDS)
    return Settled(tuple(sold), record, first, outcome, flow, late, settled, away)


def _runs_away(
    market: Market, record: Record, times: FloatArray, moments_s: FloatArray, outside: FloatArray
) -> bool:
    given = np.stack([np.interp(times, moments_s, column) for column in outside.T], axis=1)
    own = np.log(record.index_usd[0] / market.price_usd) - given
    return bool(np.abs(own).max() > TRUSTED_MOVE)


def _coins(snapshot: Snapshot, market: Market) -> dict[str, int]:
    """Return the place of the coin each asset of the market follows; those that follow none are left out."""
    tree = tree_of(snapshot)
    pairs = zip(snapshot.asset_names, tree.chains, strict=True)
    found = {
        name: next((market.assets.index(n) for n in names if n in market.assets), -1) for name, names in pairs
    }
    return {name: k for name, k in found.items() if k >= 0}


def _split(market: Market, venue: str | None) -> FloatArray:
    """Return the share of each coin's sales that each venue takes, (V, K)."""
    depth = market.arrays.book["depth"]
    if venue is None:
        return np.asarray(depth / depth.sum(axis=0))
    if venue not in market.names():
        raise UnknownAsset(f"no venue '{venue}'.", remedy=f"Venues: {', '.join(market.names())}.")
    v = market.names().index(venue)
    lacking = [a for a in market.assets if a not in market.venues[v].books]
    if lacking:
        raise UnknownAsset(
            f"'{venue}' has no book of '{lacking[0]}'.", remedy="Choose a venue that trades every coin."
        )
    out = np.zeros(depth.shape)
    out[v] = 1.0
    return out


def _on_chain(
    market: Market,
    record: Record,
    times: FloatArray,
    snapshot: Snapshot,
    oracles: Oracles,
    depth: Depth | None,
) -> Outcome:
    first = np.broadcast_to(market.price_usd, record.price_usd.shape[2:])
    path = np.concatenate([first[None], record.price_usd[0]])
    coins = of_coins({"cascade": path}, np.append(0.0, times), market.names(), market.assets)
    return stress(snapshot, for_market(coins, snapshot), oracles=oracles, depth=depth, events=True)


def _sales_usd(
    events: pd.DataFrame, times: FloatArray, coin: dict[str, int], snapshot: Snapshot, coins: int
) -> FloatArray:
    """Return what liquidators sold in each minute, at the snapshot's prices, (B, K).

    What they kept as receipts is not sold, nor is the protocol's fee.
    """
    out = np.zeros((len(times), coins))
    units = {n: 10.0**r.decimals for n, r in zip(snapshot.asset_names, snapshot.reserves, strict=True)}
    price = dict(zip(snapshot.asset_names, map(float, snapshot.price_usd), strict=True))
    rows = events[~events["kept"]]
    for when, name, seized, fee in zip(
        rows["time_s"], rows["collateral"].astype(str), rows["seized_raw"], rows["fee_raw"], strict=True
    ):
        if name in coin:
            out[int(np.searchsorted(times, when)), coin[name]] += (seized - fee) / units[name] * price[name]
    return out


def _flow(
    usd: FloatArray, times: FloatArray, moments_s: FloatArray, shape: tuple[int, ...], split: FloatArray
) -> tuple[FloatArray, float]:
    """Return each minute's sales spread over the next one, (T, V, K), and what the path ends before."""
    out, late = np.zeros(shape), 0.0
    for b, k in zip(*np.nonzero(usd), strict=True):
        first, last = np.searchsorted(moments_s, [times[b], times[b] + BIN_S], side="right")
        if first < last:
            out[first:last, :, k] += usd[b, k] / (last - first) * split[:, k]
        else:
            late += float(usd[b, k])
    return out, late
