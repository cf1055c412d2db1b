"""From what Pyth's publishers say to one price and its confidence.

Publisher i says (p, c) and so casts three votes, p - c, p and p + c.  The price is the median
of all votes, the confidence the larger distance from it to the votes' quartiles: one
publisher's print moves the price only if it carries the middle votes, but widens the
confidence of a few.  Source: pyth-network/pyth-client, ``price_model.c`` (equal weights).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles.feed import INT64_MAX

Ints = NDArray[np.int64]


def aggregate(price: Sequence[int], confidence: Sequence[int]) -> tuple[int, int]:
    """Return the price and confidence of one slot.

    Parameters
    ----------
    price, confidence : sequence of int
        One of each a publisher, in the price's unit.

    Returns
    -------
    int
        Median of the votes; of an even count the middle two averaged, rounded down.
    int
        The larger distance from it to the quartiles.

    Raises
    ------
    FeedError
        If nobody publishes, lengths disagree, or ``0 <= confidence < price`` does not hold.
    """
    if not price or len(price) != len(confidence):
        raise FeedError(
            f"{len(price)} prices and {len(confidence)} confidences of publishers.",
            remedy="Give one of each a publisher, and at least one publisher.",
        )
    for p, c in zip(price, confidence, strict=True):
        _check(0 <= c < p, p, c)
    votes = sorted(v for p, c in zip(price, confidence, strict=True) for v in (p - c, p, p + c))
    n, middle, quarter = len(votes), len(votes) // 2, len(votes) // 4
    median = votes[middle] if n % 2 else (votes[middle - 1] + votes[middle]) // 2
    return median, max(median - votes[quarter], votes[n - quarter - 1] - median)


def aggregates(price: ArrayLike, confidence: ArrayLike) -> tuple[Ints, Ints]:
    """Return `aggregate` over the last axis of arrays.

    Parameters
    ----------
    price, confidence : (..., publisher) array_like of int

    Returns
    -------
    (...) int64, (...) int64
        Prices and confidences.

    Raises
    ------
    FeedError
        As `aggregate`, or if a vote does not fit 64 bits.
    """
    p, c = np.asarray(price, dtype=np.int64), np.asarray(confidence, dtype=np.int64)
    if p.ndim == 0 or p.shape != c.shape or 0 in p.shape:
        raise FeedError(
            f"prices of shape {p.shape} and confidences of shape {c.shape} of publishers.",
            remedy="Give one of each a publisher, (..., publisher), and at least one publisher.",
        )
    good = (c >= 0) & (c < p) & (p <= INT64_MAX - np.maximum(c, 0))
    where = int(np.argmin(good))
    _check(bool(good.all()), int(p.flat[where]), int(c.flat[where]))
    votes = np.sort(np.concatenate([p - c, p, p + c], axis=-1), axis=-1)
    n = votes.shape[-1]
    high, low = votes[..., n // 2], votes[..., (n - 1) // 2]
    median = (low & high) + ((low ^ high) >> 1)  # their mean rounded down, without their sum
    quarter = n // 4
    return median, np.maximum(median - votes[..., quarter], votes[..., n - quarter - 1] - median)


def _check(good: bool, price: int, confidence: int) -> None:
    if not good:
        raise FeedError(
            f"a publisher's price of {price} with a confidence of {confidence}.",
            remedy="Give 0 <= confidence < price, in 64 bits together.",
        )
