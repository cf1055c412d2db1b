"""The market the step runs on: venues, assets, positions and how synchronised engines are, as flat arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abis.errors import InputError, UnknownAsset
from risk.venues.book import Book
from risk.venues.positions import FloatArray, Positions, check_alive, joined
from risk.venues.venue import MarkKind, Venue


def _floats(*names: str) -> np.dtype[Any]:
    return np.dtype([(n, np.float64) for n in names], align=True)


ASSET = _floats("price_usd", "carry")
BOOK = _floats("depth", "exponent", "permanent", "decay", "least", "withdrawal", "usual", "memory")
COHORT = _floats("entry", "count", "rate", "deduction")
RULE = np.dtype(
    [
        *((n, np.float64) for n in ("arbitrage", "index_weight", "mark_index", "mark_band", "mark_rate")),
        *(
            (n, np.float64)
            for n in ("partial", "partial_above", "cooldown", "lag", "fee", "backstop", "unwind")
        ),
        *((n, np.float64) for n in ("interval", "interest", "clamp", "cap")),
        *((n, np.bool_) for n in ("mark_median", "adl")),
    ],
    align=True,
)


class Arrays(NamedTuple):
    """What kernels read: V venues, K assets, P cohorts sorted by venue, asset and side (longs first).

    Rates are per second; ``lag`` has synchrony applied; ``carry`` is what an asset takes over of the first
    one's permanent impact; depth is 0 where an asset is not traded.
    """

    asset: NDArray[Any]  # (K,) `ASSET`
    book: NDArray[Any]  # (V, K) `BOOK`
    rule: NDArray[Any]  # (V,) `RULE`
    cohort: NDArray[Any]  # (P,) `COHORT`
    reach: NDArray[np.int64]  # (V, K, 3) places of the first long, of the first short, and the end


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
    if not (arrays.rule["index_weight"] @ (arrays.book["depth"] > 0) > 0).all():
        raise InputError(
            "no venue of an asset counts in the index.", remedy="Give one an index_weight above 0."
        )
    return Market(venues, assets, prices, rows, betas, synchrony, cross_share, arrays)


def _sorted(positions: Positions, venues: list[str], assets: tuple[str, ...]) -> Positions:
    for given, known, what in ((positions.venue, venues, "venue"), (positions.asset, assets, "asset")):
        strange = next((x for x in given if x not in known), None)
        if strange is not None:
            raise UnknownAsset(
                f"positions of an unknown {what} '{strange}'.", remedy=f"Known: {', '.join(known)}."
            )
    order = np.lexsort((-positions.side, places(positions.asset, assets), places(positions.venue, venues)))
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
    asset = np.zeros(len(assets), dtype=ASSET)
    asset["price_usd"], asset["carry"] = prices, cross_share * beta
    asset["carry"][0] = 0.0
    book = np.zeros((len(venues), len(assets)), dtype=BOOK)
    book["exponent"] = book["permanent"] = book["least"] = book["usual"] = 1.0
    for v, venue in enumerate(venues):
        for k, name in enumerate(assets):
            if name in venue.books:
                book[v, k] = _book_row(venue.books[name])
    rule = np.array([_rule_row(v, synchrony) for v in venues], dtype=RULE)
    cohort = np.zeros(len(rows), dtype=COHORT)
    cohort["entry"], cohort["count"] = rows.entry_usd, rows.count
    cohort["rate"], cohort["deduction"] = _margins(venues, rows)
    return Arrays(asset, book, rule, cohort, _reach(rows, [v.name for v in venues], assets))


def _book_row(b: Book) -> tuple[float, ...]:
    half = float(np.log(2.0))
    decay, memory = half / b.refill_half_life_s, half / b.memory_s
    return (
        b.depth_usd,
        b.exponent,
        b.permanent_share,
        decay,
        b.least_share,
        b.withdrawal,
        b.usual_move,
        memory,
    )


def _rule_row(v: Venue, synchrony: float) -> tuple[Any, ...]:
    mark, e, f = v.mark, v.engine, v.funding
    return (
        *(v.arbitrage_per_s, v.index_weight, mark.index_weight, mark.band, 1.0 / mark.average_s),
        *(e.partial_share, e.partial_above_usd, e.cooldown_s, (1.0 - synchrony) * e.lag, e.fee),
        *(e.backstop_share, 1.0 / e.backstop_unwind_s),
        *(f.interval_s, f.interest, f.clamp, f.cap),
        *(mark.kind == MarkKind.MEDIAN, e.adl),
    )


def _margins(venues: tuple[Venue, ...], rows: Positions) -> tuple[FloatArray, FloatArray]:
    by_name = {v.name: v for v in venues}
    each = rows.coins / rows.count * rows.entry_usd
    both = [by_name[v].tiers(a).at(float(n)) for v, a, n in zip(rows.venue, rows.asset, each, strict=True)]
    pairs = np.array(both, dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _reach(rows: Positions, venues: list[str], assets: tuple[str, ...]) -> NDArray[np.int64]:
    code = (places(rows.venue, venues) * len(assets) + places(rows.asset, assets)) * 2 + (1 - rows.side) // 2
    ends = np.cumsum(np.bincount(code, minlength=len(venues) * len(assets) * 2))
    ends = ends.reshape(len(venues), len(assets), 2)
    first = np.append(0, ends[:, :, 1].ravel()[:-1]).reshape(len(venues), len(assets), 1)
    return np.concatenate([first, ends], axis=2).astype(np.int64)


def places(names: Sequence[str], of: Sequence[str]) -> NDArray[np.int64]:
    """Return where each name stands in ``of``."""
    where = {name: place for place, name in enumerate(of)}
    return np.array([where[n] for n in names], dtype=np.int64)
