"""The anchor of Compound v2 in 2020: the arithmetic mean of a Uniswap v2 pool over a lagging window.

``UniswapAnchoredView.pokeWindowValues`` (compound-finance/open-oracle, 2020) keeps two
observations of the pool's price accumulator.  At each posting at time t

    if t - new.time >= period:   old <- new;   new <- (t, C(t))
    anchor = (C(t) - old.C) / (t - old.time)

so the window is between one and two periods long, and shrinks by a period when it rolls.
The accumulator integrates the price the previous block left, in the price itself, not its
logarithm: a print of k times the price for s seconds lifts the mean by ``(k - 1) * s / window``.

Computed in the answer's own integers; the contract's binary fixed point has 112 digits and
truncates at every step, so the two differ by at most one unit.  Like the pool's accumulator, `total`
may run over: only differences within a window count.  Each time of the caller's grid is a posting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles.feed import MAX_DECIMALS
from oracles.paths import block_seconds, check_row, check_shape, check_times, raw_prices

Ints = NDArray[np.int64]

PERIOD_S = 1_800
# Their product fits 63 bits: 1.1 million with six decimals, and 48 days.
_LARGEST_RAW = 2**40
_LONGEST_S = 2**22


@dataclass(frozen=True, slots=True)
class LaggingMean:
    """A mean price's settings.

    Parameters
    ----------
    description : str
        Base and quote; untrusted text.
    decimals : int
        Of the answer; 6 in Compound's view.
    period_s : int
        ``anchorPeriod``: least age of an observation before it is replaced.

    Raises
    ------
    FeedError
        If a setting is impossible.
    """

    description: str
    decimals: int = 6
    period_s: int = PERIOD_S

    def __post_init__(self) -> None:
        if not 1 <= self.period_s <= _LONGEST_S // 4 or not 0 <= self.decimals <= MAX_DECIMALS:
            raise FeedError(
                f"{self.name}: a period of {self.period_s!r} s, {self.decimals!r} decimals.",
                remedy=f"Give 1 .. {_LONGEST_S // 4} whole seconds and 0 .. {MAX_DECIMALS} decimals.",
            )

    @property
    def name(self) -> str:
        """Return how messages call it."""
        return f"lagging mean {self.description!r}"


@dataclass(frozen=True, eq=False, slots=True)
class LaggingState:
    """The accumulator and its two observations in ``n`` scenarios.

    Parameters
    ----------
    time_s : float
        Time of the last posting.
    price_raw : (n,) int64
        What the pool stands at.
    total : (n,) int64
        Price times seconds since the start, modulo 2**64.
    old_s, new_s : int
        When the observations were made, shared by all scenarios.
    old_total, new_total : (n,) int64
    """

    time_s: float
    price_raw: Ints
    total: Ints
    old_s: int
    new_s: int
    old_total: Ints
    new_total: Ints

    def __len__(self) -> int:
        return len(self.price_raw)


def start(mean: LaggingMean, time_s: float, price: ArrayLike) -> LaggingState:
    """Return the state of a window that has just rolled over a pool at ``price``, (n,)."""
    now = int(block_seconds(check_times(mean.name, time_s, [time_s]))[0])
    row = _raw(mean, check_row(mean.name, price))
    none, before = np.zeros_like(row), -row * mean.period_s
    return LaggingState(float(time_s), row, none, now - mean.period_s, now, before, none)


def advance(
    mean: LaggingMean, state: LaggingState, time_s: float, price: ArrayLike
) -> tuple[LaggingState, Ints]:
    """Let one moment pass; parameters and errors as of `fold`, without the time axis."""
    after, answers = fold(mean, state, [time_s], np.asarray(price, dtype=np.float64)[..., None])
    return after, answers[:, 0]


def fold(
    mean: LaggingMean, state: LaggingState, time_s: ArrayLike, price: ArrayLike
) -> tuple[LaggingState, Ints]:
    """Apply `advance` along a path.

    Parameters
    ----------
    mean : LaggingMean
    state : LaggingState
    time_s : (T,) array_like of float
        Never decreasing, from ``state.time_s`` on; each a posting.
    price : (n, T) array_like of float
        Price the market leaves the pool at.

    Returns
    -------
    LaggingState
        The state at the end.
    (n, T) int64
        The anchor price.

    Raises
    ------
    FeedError
        If a price or time is impossible, a window is longer than 48 days, or shapes disagree.
    """
    times = check_times(mean.name, state.time_s, time_s)
    values = _raw(mean, price)
    check_shape(mean.name, values.shape, times.size, len(state))
    seconds = block_seconds(np.concatenate([[state.time_s], times]))
    held = np.concatenate([state.price_raw[:, None], values[:, :-1]], axis=1) * np.diff(seconds)
    totals = np.cumsum(np.concatenate([state.total[:, None], held], axis=1), axis=1)[:, 1:]
    old_s, new_s, old, new = state.old_s, state.new_s, state.old_total, state.new_total
    anchors = np.empty_like(values)
    for t, now in enumerate(seconds[1:].tolist()):
        if now - new_s >= mean.period_s:
            old_s, old, new_s, new = new_s, new, now, totals[:, t]
        _check_window(mean, now - old_s)
        anchors[:, t] = (totals[:, t] - old) // (now - old_s)
    last = (values[:, -1].copy(), totals[:, -1].copy(), old_s, new_s, old.copy(), new.copy())
    return LaggingState(float(times[-1]), *last), anchors


def settled(mean: LaggingMean, price: ArrayLike) -> Ints:
    """Return the anchor of a market that has stayed at ``price`` for two periods."""
    return _raw(mean, price)


def _raw(mean: LaggingMean, price: ArrayLike) -> Ints:
    raw = raw_prices(mean.name, mean.decimals, price)
    if raw.size and int(raw.max()) > _LARGEST_RAW:
        raise FeedError(
            f"{mean.name}: a price of {int(raw.max())} raw.",
            remedy=f"Give at most {_LARGEST_RAW}: fewer decimals.",
        )
    return raw


def _check_window(mean: LaggingMean, window_s: int) -> None:
    if window_s > _LONGEST_S:
        raise FeedError(
            f"{mean.name}: a window of {window_s} s without a posting.",
            remedy=f"Post at least every {_LONGEST_S // 2} s.",
        )
