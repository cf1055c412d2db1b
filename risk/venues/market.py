"""The market the step runs on: venues, assets, positions and how synchronised engines are, as flat arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abis.errors import InputError, UnknownAsset
from risk.venues.positions import FloatArray, Positions, check_alive, joined
from risk.venues.venue import MarkKind, Venue


class Arrays(NamedTuple):
    """What kernels read.  V venues, K assets, P cohorts sorted by venue, asset and side (longs first)."""

    price_usd: FloatArray  # (K,) at the start
    carry: FloatArray  # (K,) what each asset takes over of the first one's permanent impact
    # (V, K) books; depth 0 where an asset is not traded
    depth: FloatArray
    exponent: FloatArray
    permanent: FloatArray
    decay: FloatArray  # of impact and consumed volume, 1/s
    least: FloatArray
    withdrawal: FloatArray
    usual: FloatArray
    memory: FloatArray  # 1/s
    # (V,) rules
    arbitrage: FloatArray
    index_weight: FloatArray
    mark_median: NDArray[np.bool_]
    mark_index: FloatArray
    mark_band: FloatArray
    mark_rate: FloatArray  # of the average premium, 1/s
    partial: FloatArray
    partial_above: FloatArray
    cooldown: FloatArray
    lag: FloatArray  # of thresholds, relative, synchrony applied
    fee: FloatArray
    backstop: FloatArray
    unwind: FloatArray  # 1/s
    adl: NDArray[np.bool_]
    interval: FloatArray
    interest: FloatArray
    clamp: FloatArray
    cap: FloatArray
    # (P,) cohorts
    entry: FloatArray
    count: FloatArray
    rate: FloatArray
    deduction: FloatArray  # of one position, US dollars
    first: NDArray[np.int64]  # (V, K, 2) place of the first cohort; longs, then shorts
    last: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Market:
    """Venues together.

    Parameters
    ----------
    venues : tuple of Venue
    assets : tuple of str
        The first is the factor the others follow.
    price_usd : (K,) float64
        Of one coin at the start, the same on every venue.
    positions : Positions
        Sorted by venue, asset and side (`market_of`).
    beta : (K,) float64
        Of each asset to the factor.
    synchrony : float
        In [0, 1]: 1, all engines act at the liquidation price; 0, each with its own lag.
    cross_share : float
        Of the factor's permanent impact, times beta, that other assets take over at once.
    """

    venues: tuple[Venue, ...]
    assets: tuple[str, ...]
    price_usd: FloatArray
    positions: Positions
    beta: FloatArray
    synchrony: float
    cross_share: float
    arrays: Arrays

    def with_(self, **changes: Any) -> Market:
        """Return the market with some of `market_of`'s arguments changed."""
        given: dict[str, Any] = {
            "venues": self.venues,
            "price_usd": dict(zip(self.assets, map(float, self.price_usd), strict=True)),
            "positions": self.positions,
            "beta": dict(zip(self.assets, map(float, self.beta), strict=True)),
            "synchrony": self.synchrony,
            "cross_share": self.cross_share,
        }
        return market_of(**(given | changes))

    def names(self) -> tuple[str, ...]:
        """Return the venues' names."""
        return tuple(v.name for v in self.venues)


def market_of(
    venues: Sequence[Venue],
    price_usd: Mapping[str, float],
    positions: Positions | None = None,
    *,
    beta: Mapping[str, float] | None = None,
    synchrony: float = 1.0,
    cross_share: float = 0.0,
) -> Market:
    """Return a market.

    Parameters
    ----------
    venues : sequence of Venue
        With different names; every asset has a book on at least one.
    price_usd : mapping of asset name to float
        In order; the first asset is the factor.
    positions : Positions, optional
        Open interest; none by default.
    beta : mapping of asset name to float, optional
        1 by default.
    synchrony, cross_share : float
        See `Market`.

    Raises
    ------
    UnknownAsset
        If positions or betas name an asset or venue that is not there, or an asset has no book.
    InputError
        If names repeat, no venue counts in the index, or a number is outside its range.
    """
    venues, assets = tuple(venues), tuple(price_usd)
    names = [v.name for v in venues]
    if not venues or len(set(names)) != len(names):
        raise InputError(f"venues {names} are none or not distinct.", remedy="Give each a name of its own.")
    prices = np.array(list(price_usd.values()), dtype=np.float64)
    if not assets or not (np.isfinite(prices) & (prices > 0)).all():
        raise InputError(f"prices {dict(price_usd)} are impossible.", remedy="Give finite prices above 0.")
    for value, what in ((synchrony, "synchrony"), (cross_share, "a cross share")):
        if not 0.0 <= value <= 1.0:
            raise InputError(f"{what} of {value}.", remedy="Give a number from 0 to 1.")
    strange = next((a for a in beta or {} if a not in assets), None)
    homeless = next((a for a in assets if not any(a in v.books for v in venues)), None)
    if strange is not None or homeless is not None:
        raise UnknownAsset(
            f"a beta for '{strange}', which is no asset here."
            if strange is not None
            else f"no venue has a book of '{homeless}'.",
            remedy=f"Assets: {', '.join(assets)}.",
        )
    betas = np.array([(beta or {}).get(a, 1.0) for a in assets])
    if not np.isfinite(betas).all():
        raise InputError(f"betas {betas}.", remedy="Give finite numbers.")
    rows = _sorted(positions if positions is not None else joined([]), names, assets)
    tiers = {(v.name, a): v.margin[a] for v in venues for a in v.margin}
    check_alive(rows, tiers, price_usd)
    arrays = _arrays(venues, assets, prices, rows, betas, synchrony, cross_share)
    if not (arrays.index_weight @ (arrays.depth > 0) > 0).all():
        raise InputError("no venue of an asset counts in the index.", remedy="Give one an index_weight above 0.")
    return Market(venues, assets, prices, rows, betas, synchrony, cross_share, arrays)


def _sorted(positions: Positions, venues: list[str], assets: tuple[str, ...]) -> Positions:
    for given, known, what in ((positions.venue, venues, "venue"), (positions.asset, assets, "asset")):
        strange = next((x for x in given if x not in known), None)
        if strange is not None:
            raise UnknownAsset(f"positions of an unknown {what} '{strange}'.", remedy=f"Known: {', '.join(known)}.")
    v = np.array([venues.index(x) for x in positions.venue], dtype=np.int64)
    k = np.array([assets.index(x) for x in positions.asset], dtype=np.int64)
    order = np.lexsort((-positions.side, k, v))
    return replace(
        positions,
        venue=tuple(positions.venue[i] for i in order),
        asset=tuple(positions.asset[i] for i in order),
        **{n: getattr(positions, n)[order] for n in ("side", "entry_usd", "leverage", "coins", "count")},
    )


def _arrays(
    venues: tuple[Venue, ...],
    assets: tuple[str, ...],
    prices: FloatArray,
    rows: Positions,
    beta: FloatArray,
    synchrony: float,
    cross_share: float,
) -> Arrays:
    def books(read: Any, absent: float) -> FloatArray:
        return np.array([[read(v.books[a]) if a in v.books else absent for a in assets] for v in venues])

    def rules(read: Any) -> Any:
        return np.array([read(v) for v in venues])

    carry = cross_share * beta
    carry[0] = 0.0
    rate, deduction = _margins(venues, rows)
    first, last = _ranges(rows, [v.name for v in venues], assets)
    half = np.log(2.0)
    return Arrays(
        price_usd=prices,
        carry=carry,
        depth=books(lambda b: b.depth_usd, 0.0),
        exponent=books(lambda b: b.exponent, 1.0),
        permanent=books(lambda b: b.permanent_share, 1.0),
        decay=books(lambda b: half / b.refill_half_life_s, 0.0),
        least=books(lambda b: b.least_share, 1.0),
        withdrawal=books(lambda b: b.withdrawal, 0.0),
        usual=books(lambda b: b.usual_move, 1.0),
        memory=books(lambda b: half / b.memory_s, 0.0),
        arbitrage=rules(lambda v: v.arbitrage_per_s),
        index_weight=rules(lambda v: v.index_weight),
        mark_median=rules(lambda v: v.mark.kind == MarkKind.MEDIAN),
        mark_index=rules(lambda v: v.mark.index_weight),
        mark_band=rules(lambda v: v.mark.band),
        mark_rate=rules(lambda v: 1.0 / v.mark.average_s),
        partial=rules(lambda v: v.engine.partial_share),
        partial_above=rules(lambda v: v.engine.partial_above_usd),
        cooldown=rules(lambda v: v.engine.cooldown_s),
        lag=(1.0 - synchrony) * rules(lambda v: v.engine.lag),
        fee=rules(lambda v: v.engine.fee),
        backstop=rules(lambda v: v.engine.backstop_share),
        unwind=rules(lambda v: 1.0 / v.engine.backstop_unwind_s),
        adl=rules(lambda v: v.engine.adl),
        interval=rules(lambda v: v.funding.interval_s),
        interest=rules(lambda v: v.funding.interest),
        clamp=rules(lambda v: v.funding.clamp),
        cap=rules(lambda v: v.funding.cap),
        entry=rows.entry_usd.copy(),
        count=rows.count.copy(),
        rate=rate,
        deduction=deduction,
        first=first,
        last=last,
    )


def _margins(venues: tuple[Venue, ...], rows: Positions) -> tuple[FloatArray, FloatArray]:
    by_name = {v.name: v for v in venues}
    each = rows.coins / rows.count * rows.entry_usd
    both = [by_name[v].tiers(a).at(float(n)) for v, a, n in zip(rows.venue, rows.asset, each, strict=True)]
    pairs = np.array(both, dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _ranges(
    rows: Positions, venues: list[str], assets: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    shape = (len(venues), len(assets), 2)
    v = np.array([venues.index(x) for x in rows.venue], dtype=np.int64)
    k = np.array([assets.index(x) for x in rows.asset], dtype=np.int64)
    code = (v * len(assets) + k) * 2 + (1 - rows.side) // 2
    ends = np.cumsum(np.bincount(code, minlength=int(np.prod(shape))))
    return np.append(0, ends[:-1]).reshape(shape).astype(np.int64), ends.reshape(shape).astype(np.int64)
