"""From market prices to raw answers: validation, medians and the one rounding.

Market prices become raw integers here and only here, rounded to nearest, ties to even.
Nodes truncate, but they start from decimals where a caller starts from binary floats:
0.29 times 1e8 is 28999999.999999996 and must become 29000000.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles.chainlink_kernel import round_prices
from oracles.feed import INT64_MAX, PriceFeed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def to_raw(feed: PriceFeed, price: ArrayLike) -> Ints:
    """Return prices as raw answers, rounded to nearest (ties to even).

    Parameters
    ----------
    feed : PriceFeed
    price : array_like of float
        Whole-unit prices in the feed's quote currency.

    Returns
    -------
    int64 array of the same shape
        Beyond int64 and beyond a stated ``max_answer_raw``: the largest int64.

    Raises
    ------
    FeedError
        If a price is not positive and finite, or does not fit int64 although the feed
        states no smaller ``max_answer_raw``.
    """
    values = np.asarray(price, dtype=np.float64)
    raw = np.empty(values.shape, dtype=np.int64)
    impossible, wide = round_prices(np.ravel(values), 10.0**feed.decimals, raw.reshape(-1))
    if impossible >= 0:
        check_prices(feed, values)
    if wide >= 0 and feed.max_answer_raw >= INT64_MAX:
        raise FeedError(
            f"feed {feed.description!r}: a price of {float(np.ravel(values)[wide])!r} with "
            f"{feed.decimals} decimals does not fit a 64-bit answer.",
            remedy="Give the feed fewer decimals and rescale its answers.",
        )
    return raw


def check_prices(feed: PriceFeed, values: Floats) -> None:
    """Raise FeedError unless every price is positive and finite."""
    good = (values > 0) & (values < np.inf)
    if not good.all():
        where = tuple(int(k) for k in np.argwhere(~good)[0])
        raise FeedError(
            f"feed {feed.description!r}: price {float(values[where])!r} at index {where} is impossible.",
            remedy="Give positive finite prices; fill or cut gaps before.",
        )


def upper_median(observations: Floats) -> Floats:
    """Return ``sorted(x)[n // 2]`` over the last axis: the upper median for an even count."""
    middle = observations.shape[-1] // 2
    return np.asarray(np.partition(observations, middle, axis=-1)[..., middle])


def settled(feed: PriceFeed, price: ArrayLike, *, last_raw: ArrayLike | None = None) -> Ints:
    """Return the answers a feed reaches when the market stays at ``price``.

    That is what an instantaneous shock leads to: after one heartbeat and delay the feed
    says the price itself, or, outside its bounds, still what it said last.

    Parameters
    ----------
    feed : PriceFeed
    price : array_like of float, any shape
    last_raw : array_like of int, broadcastable to ``price``, optional
        Answers before the shock, for prices outside the bounds.

    Raises
    ------
    FeedError
        If a price is impossible, or outside the bounds and ``last_raw`` is missing.
    """
    raw = to_raw(feed, price)
    inside = (raw >= feed.min_answer_raw) & (raw <= feed.max_answer_raw)
    if inside.all():
        return raw
    if last_raw is None:
        value = np.asarray(price, dtype=np.float64)[~inside].flat[0]
        raise FeedError(
            f"feed {feed.description!r} freezes at a price of {float(value)!r}: its answers stay within "
            f"{feed.min_answer_raw} and {feed.max_answer_raw}.",
            remedy="Give last_raw, the answer it freezes on.",
        )
    return np.where(inside, raw, np.asarray(last_raw, dtype=np.int64))
