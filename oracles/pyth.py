"""A Pyth price: whoever reads it may choose it, within limits.

An update is (price, conf, expo, publishTime), signed off chain about every 400 ms; the
market at each time of the caller's grid is one.  On chain stands the last update that
anybody posted, and a post must be newer than what stands there.  Readers use

    getPriceNoOlderThan(id, age)        reverts if now - publishTime > age

(AbstractPyth.sol of pyth-crosschain) and ``PythUtils.convertToUint``, which truncates.  So a
user who wants a low price posts the lowest signed update of the last ``age`` seconds that
is newer than the last post.  His own posts never stand in his way: until they are too old
they *are* the lowest, so what he reads is the extreme of all updates since

    max(last post of a keeper, now - age).

Careful readers take p - k * conf for collateral and p + k * conf for debt, and refuse a price
whose confidence is too wide.  Where the contract reverts the answer is `NO_PRICE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from abis.units import BPS
from oracles.compiled import jit
from oracles.feed import INT64_MAX, MAX_DECIMALS
from oracles.paths import NO_PRICE, Past, block_seconds, check_row, check_shape, check_times, raw_prices

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Choice(StrEnum):
    """Which of the updates a reader may use is read."""

    LATEST = "latest"  # what stands on chain, posted by the keeper
    LOWEST = "lowest"  # what suits whoever wants a low price: a liquidator of collateral
    HIGHEST = "highest"  # what suits whoever borrows against it


@dataclass(frozen=True, slots=True)
class PythFeed:
    """A feed and how it is read.

    Parameters
    ----------
    description : str
        Untrusted text.
    expo : int
        Exponent of the signed price: 10**expo is its unit.
    decimals : int
        Of the answer.
    max_age_s : int
        Oldest update the reader accepts.
    post_every_s : int, optional
        How often a keeper posts the latest update, at multiples of it; 0 at every time of
        the grid, None never.
    choice : Choice
        Which update is read.
    confidence_multiple : int
        k: how many confidences are added to the price; negative for collateral.
    max_confidence_bps : int, optional
        Widest confidence accepted, of the price.

    Raises
    ------
    FeedError
        If a setting is impossible.
    """

    description: str
    decimals: int = 8
    expo: int = -8
    max_age_s: int = 60
    post_every_s: int | None = 0
    choice: Choice = Choice.LATEST
    confidence_multiple: int = 0
    max_confidence_bps: int | None = None

    def __post_init__(self) -> None:
        if not -MAX_DECIMALS <= self.expo <= 0 or not 0 <= self.decimals <= MAX_DECIMALS:
            raise FeedError(
                f"{self.name}: exponent {self.expo!r} and {self.decimals!r} decimals.",
                remedy=f"Give an exponent of -{MAX_DECIMALS} .. 0 and 0 .. {MAX_DECIMALS} decimals.",
            )
        if self.max_age_s < 0 or (self.post_every_s is not None and self.post_every_s < 0):
            raise FeedError(
                f"{self.name}: age {self.max_age_s!r} s, posts every {self.post_every_s!r} s.",
                remedy="Give seconds of 0 or more.",
            )
        if self.choice is Choice.LATEST and self.post_every_s is None:
            raise FeedError(
                f"{self.name}: the latest post of nobody.",
                remedy="Give post_every_s, or a choice other than the latest.",
            )
        if self.max_confidence_bps is not None and self.max_confidence_bps < 0:
            raise FeedError(
                f"{self.name}: a widest confidence of {self.max_confidence_bps!r} bps.",
                remedy="Give 0 or more, or None to accept any.",
            )

    @property
    def name(self) -> str:
        """Return how messages call it."""
        return f"Pyth {self.description!r}"


@dataclass(frozen=True, eq=False, slots=True)
class PythState:
    """The updates that can still be read.

    Parameters
    ----------
    time_s : float
        Time up to which the path has been seen.
    posted_at_s : int
        When the keeper posted last.
    posted_raw : (n,) int64
        What a reader gets from that post; `NO_PRICE` where he refuses it.
    updates : Past
        The same of every update, from ``posted_at_s`` or the oldest acceptable on.
    """

    time_s: float
    posted_at_s: int
    posted_raw: Ints
    updates: Past

    def __len__(self) -> int:
        return len(self.updates)


def convert_to_uint(price: int, expo: int, decimals: int) -> int:
    """Return a price of exponent ``expo`` with ``decimals``, truncated: ``PythUtils.convertToUint``.

    Raises
    ------
    FeedError
        If the price is negative or the exponent positive, where the contract reverts.
    """
    if price < 0 or expo > 0:
        raise FeedError(
            f"a Pyth price of {price} with exponent {expo}.", remedy="Give a price of 0 or more, expo <= 0."
        )
    return int(price * 10 ** (decimals + expo)) if decimals + expo >= 0 else price // 10 ** (-expo - decimals)


def reading(feed: PythFeed, price: int, conf: int) -> int:
    """Return what a reader makes of one update; `NO_PRICE` where he refuses it."""
    if feed.max_confidence_bps is not None and conf * BPS > price * feed.max_confidence_bps:
        return NO_PRICE
    return convert_to_uint(max(price + feed.confidence_multiple * conf, 0), feed.expo, feed.decimals)


def readings(feed: PythFeed, price: ArrayLike, confidence: ArrayLike | None = None) -> Ints:
    """Return `reading` for arrays of market prices and confidences in whole units.

    Raises
    ------
    FeedError
        If a price is not positive and finite, a confidence negative, or the answer wider
        than 64 bits.
    """
    signed = raw_prices(feed.name, -feed.expo, price)
    value, refused = signed, np.zeros(signed.shape, dtype=np.bool_)
    if confidence is not None:
        conf = _confidence_raw(feed, confidence, signed.shape)
        value = np.maximum(signed + feed.confidence_multiple * conf, 0)
        if feed.max_confidence_bps is not None:
            refused = _too_wide(signed, conf, feed.max_confidence_bps)
    digits = feed.decimals + feed.expo
    if digits >= 0:
        if value.max(initial=0) > INT64_MAX // 10**digits:
            raise FeedError(
                f"{feed.name}: an answer of {int(value.max()) * 10**digits} does not fit 64 bits.",
                remedy="Give it fewer decimals.",
            )
        value = value * 10**digits
    else:
        value = value // 10**-digits
    return np.where(refused, NO_PRICE, value)


def _confidence_raw(feed: PythFeed, confidence: ArrayLike, shape: tuple[int, ...]) -> Ints:
    values = np.broadcast_to(np.asarray(confidence, dtype=np.float64), shape)
    scaled = np.rint(values * 10.0**-feed.expo)
    # A few multiples of it must fit 64 bits together with the price.
    if not ((scaled >= 0) & (scaled * (1 + abs(feed.confidence_multiple)) < 2.0**62)).all():
        bad = values[~((scaled >= 0) & (scaled * (1 + abs(feed.confidence_multiple)) < 2.0**62))]
        raise FeedError(
            f"{feed.name}: a confidence of {float(bad.flat[0])!r} is impossible.",
            remedy="Give 0 or more, in the price's unit.",
        )
    return scaled.astype(np.int64)


def _too_wide(price: Ints, conf: Ints, bps: int) -> Flags:
    """Return ``conf * 10000 > price * bps`` without leaving 64 bits: floats unless close."""
    ratio = conf / price * BPS
    wide: Flags = ratio > bps
    for where in map(tuple, np.argwhere(np.abs(ratio - bps) <= 1e-9 * max(bps, 1)).tolist()):
        wide[where] = int(conf[where]) * BPS > int(price[where]) * bps
    return wide


def start(feed: PythFeed, time_s: float, price: ArrayLike, confidence: ArrayLike | None = None) -> PythState:
    """Return the state after a post of the market as it is: prices and confidences (n,)."""
    now = block_seconds(check_times(feed.name, time_s, [time_s]))
    row = check_row(feed.name, price)
    first = readings(feed, row, confidence)
    return PythState(float(time_s), int(now[0]), first, Past(now, first[:, None]))


def advance(
    feed: PythFeed, state: PythState, time_s: float, price: ArrayLike, confidence: ArrayLike | None = None
) -> tuple[PythState, Ints]:
    """Let one moment pass; parameters and errors as of `fold`, without the time axis."""
    conf = None if confidence is None else np.asarray(confidence, dtype=np.float64)[..., None]
    after, answers = fold(feed, state, [time_s], np.asarray(price, dtype=np.float64)[..., None], conf)
    return after, answers[:, 0]


def fold(
    feed: PythFeed,
    state: PythState,
    time_s: ArrayLike,
    price: ArrayLike,
    confidence: ArrayLike | None = None,
) -> tuple[PythState, Ints]:
    """Apply `advance` along a path.

    Parameters
    ----------
    feed : PythFeed
    state : PythState
    time_s : (T,) array_like of float
        Never decreasing, from ``state.time_s`` on; publish times are whole seconds.
    price : (n, T) array_like of float
        Market price: the update signed at each time.
    confidence : (n, T) array_like of float, optional
        Its confidence in the same unit; none by default.

    Returns
    -------
    PythState
        The state at the end.
    (n, T) int64
        What is read; `NO_PRICE` where nothing acceptable is.  A keeper's post comes before
        the reading of the latest, and after that of a reader who chooses.

    Raises
    ------
    FeedError
        If a price, confidence or time is impossible or shapes disagree.
    """
    times = check_times(feed.name, state.time_s, time_s)
    values = np.asarray(price, dtype=np.float64)
    check_shape(feed.name, values.shape, times.size, len(state))
    now, updates = block_seconds(times), readings(feed, values, confidence)
    seen = state.updates.extended(now, updates)
    post = _latest_posts(feed, state, now)
    posted_at_s = np.concatenate([[state.posted_at_s], now])[np.concatenate([[0], post])]
    posted = np.concatenate([state.posted_raw[:, None], updates], axis=1)[:, post]
    oldest = np.maximum(posted_at_s[:-1], now - feed.max_age_s)
    if feed.choice is Choice.LATEST:
        answers = np.where(now - posted_at_s[1:] <= feed.max_age_s, posted, NO_PRICE)
    else:
        answers = np.empty(values.shape, dtype=np.int64)
        begin = np.searchsorted(seen.at_s, oldest, side="left")
        _extremes(np.ascontiguousarray(seen.value), begin, feed.choice is Choice.LOWEST, answers)
    last = PythState(
        float(times[-1]), int(posted_at_s[-1]), posted[:, -1].copy(), seen.since(int(oldest[-1]))
    )
    return last, answers


def _latest_posts(feed: PythFeed, state: PythState, now: Ints) -> Ints:
    """Return for each time which update the keeper posted last: from 1 on, 0 for the state's.

    A post must be newer than the last, so there is at most one a second.
    """
    if feed.post_every_s is None:
        return np.zeros(now.size, dtype=np.int64)
    before = np.concatenate([block_seconds(np.array([state.time_s])), now[:-1]])
    period = max(feed.post_every_s, 1)
    due = now // period > before // period
    return np.maximum.accumulate(np.where(due, np.arange(1, now.size + 1), 0))


def settled(feed: PythFeed, price: ArrayLike, confidence: ArrayLike | None = None) -> Ints:
    """Return what is read once the market has stayed at ``price`` and been posted."""
    return readings(feed, price, confidence)


@jit
def _extremes(values: Ints, begin: Ints, lowest: bool, answers: Ints) -> None:
    """Fill ``answers`` with the extreme value between ``begin`` and each of the last times."""
    offset = values.shape[1] - answers.shape[1]
    queue = np.empty(values.shape[1], np.int64)  # candidates, each beaten only by older ones
    for i in range(values.shape[0]):
        head, tail, k = 0, 0, begin[0]
        for t in range(answers.shape[1]):
            while k <= offset + t:
                value = values[i, k]
                if value != NO_PRICE:
                    while tail > head and (value <= values[i, queue[tail - 1]]) == lowest:
                        tail -= 1
                    queue[tail] = k
                    tail += 1
                k += 1
            while head < tail and queue[head] < begin[t]:
                head += 1
            answers[i, t] = values[i, queue[head]] if head < tail else NO_PRICE
