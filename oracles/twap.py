"""A Uniswap v3 time-weighted price: the geometric mean of a pool over the last W seconds.

With C the pool's tick accumulator, contracts read

    mean = floor((C(t) - C(t - W)) / W)        toward minus infinity
    P(t) = quote of one whole token at tick ``mean``

(v3-core ``Oracle.sol``, v3-periphery ``OracleLibrary.consult`` and ``getQuoteAtTick``), so
``ln P(t)`` is the mean of ``ln s`` over the window: a step of J in the logarithm passes as
``J * min(1, (t - t0) / W)``.  The accumulator integrates the tick the previous block left:
a swap has no weight in its own block, and what one block costs to distort must be held
for as long as the distortion shall count.

The pool's tick follows the market at the caller's times and stays put between them: as
if it were traded to the market price whenever the grid looks.  Everything after that is
integers, and equal to the contract's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from abis.units import mul_div_down
from oracles.feed import INT64_MAX, MAX_DECIMALS
from oracles.paths import NO_PRICE, Past, block_seconds, check_positive, check_row, check_shape, check_times
from oracles.tick_math import LOG_BASE, MAX_TICK, quote_at_tick, tick_at_sqrt_ratio

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# A tick from a float logarithm is certain unless the logarithm comes this close to a whole
# number: rounding of the square root prices moves a boundary by less than 1e-5 ticks.
_UNSURE_TICKS = 1e-4


@dataclass(frozen=True, slots=True)
class TwapPool:
    """A pool and how its mean price is read.

    Parameters
    ----------
    description : str
        Base and quote, as ``"WETH / USDC"``; untrusted text.
    base_decimals, quote_decimals : int
        Of the two tokens.
    decimals : int
        Of the answer: the quote amount rescaled, rounded down.
    window_s : int
        W, the seconds looked back.
    base_is_token0 : bool
        Whether the base token's address is the smaller one; decides the side of rounding.
    cardinality : int, optional
        Observations the pool stores.  When fewer than the window needs are left the
        contract refuses (``OLD``) and the answer is `NO_PRICE`.  None: always enough.

    Raises
    ------
    FeedError
        If a setting is impossible.
    """

    description: str
    base_decimals: int
    quote_decimals: int
    decimals: int
    window_s: int = 1800
    base_is_token0: bool = True
    cardinality: int | None = None

    def __post_init__(self) -> None:
        digits = {"base_decimals": 77, "quote_decimals": 77, "decimals": MAX_DECIMALS}
        for name, most in digits.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise FeedError(f"{self.name}: {name} = {value!r}.", remedy=f"Give 0 .. {most}.")
        if not 1 <= self.window_s < 2**32:
            raise FeedError(
                f"{self.name}: a window of {self.window_s!r} s.", remedy="Give whole seconds from 1."
            )
        if self.cardinality is not None and not 1 <= self.cardinality <= 65_535:
            raise FeedError(
                f"{self.name}: {self.cardinality!r} stored observations.", remedy="Give 1 .. 65535."
            )

    @property
    def name(self) -> str:
        """Return how messages call it."""
        return f"TWAP {self.description!r}"


@dataclass(frozen=True, eq=False, slots=True)
class TwapState:
    """The ticks a pool still remembers.

    Parameters
    ----------
    time_s : float
        Time up to which the path has been seen.
    ticks : Past
        Ticks of token0 in token1; the first is taken to have held for ever before.
    """

    time_s: float
    ticks: Past

    def __len__(self) -> int:
        return len(self.ticks)


def tick_of(pool: TwapPool, price: float) -> int:
    """Return the tick a pool stands on when one whole base token costs ``price`` quote tokens.

    Exact: the float is read as the rational number it is.

    Raises
    ------
    FeedError
        If the price is not positive and finite or beyond what a pool can hold.
    """
    check_positive(pool.name, "price", np.array([price]))
    top, bottom = float(price).as_integer_ratio()
    top, bottom = top * 10**pool.quote_decimals, bottom * 10**pool.base_decimals
    if not pool.base_is_token0:
        top, bottom = bottom, top
    return tick_at_sqrt_ratio(math.isqrt((top << 192) // bottom))


def ticks_of(pool: TwapPool, price: ArrayLike) -> Ints:
    """Return `tick_of` for an array of prices of any shape.

    Logarithms decide, exact integers where they come close to a boundary.
    """
    values = np.asarray(price, dtype=np.float64)
    check_positive(pool.name, "price", values)
    exponent = np.log(values) + (pool.quote_decimals - pool.base_decimals) * math.log(10.0)
    exponent /= LOG_BASE if pool.base_is_token0 else -LOG_BASE
    ticks = np.floor(exponent)
    unsure = (np.abs(exponent - np.rint(exponent)) < _UNSURE_TICKS) | (np.abs(ticks) >= MAX_TICK - 1)
    if unsure.any():
        different, inverse = np.unique(values[unsure], return_inverse=True)
        ticks[unsure] = np.array([tick_of(pool, p) for p in different.tolist()])[inverse]
    return ticks.astype(np.int64)


def answer_at_tick(pool: TwapPool, tick: int) -> int:
    """Return the raw answer at a mean tick: the quote of one whole base token, rescaled.

    Raises
    ------
    FeedError
        If it does not fit 64 bits.
    """
    quote = quote_at_tick(tick, 10**pool.base_decimals, base_is_token0=pool.base_is_token0)
    raw = mul_div_down(quote, 10**pool.decimals, 10**pool.quote_decimals)
    if raw > INT64_MAX:
        raise FeedError(
            f"{pool.name}: the answer {raw} at tick {tick} does not fit 64 bits.",
            remedy="Give it fewer decimals.",
        )
    return raw


def answers_at_ticks(pool: TwapPool, ticks: Ints) -> Ints:
    """Return `answer_at_tick` for an array: each tick that occurs is computed once."""
    low, high = int(ticks.min()), int(ticks.max())
    occurs = np.zeros(high - low + 1, dtype=np.bool_)
    occurs[ticks - low] = True
    table = np.zeros(len(occurs), dtype=np.int64)
    for k in np.flatnonzero(occurs).tolist():
        table[k] = answer_at_tick(pool, low + k)
    return np.asarray(table[ticks - low])


def start(pool: TwapPool, time_s: float, price: ArrayLike) -> TwapState:
    """Return the state of a pool that has stood at ``price``, (n,), for a whole window."""
    now = check_times(pool.name, time_s, [time_s])
    values = check_row(pool.name, price)
    return TwapState(float(time_s), Past(block_seconds(now), ticks_of(pool, values)[:, None]))


def advance(pool: TwapPool, state: TwapState, time_s: float, price: ArrayLike) -> tuple[TwapState, Ints]:
    """Let one moment pass; parameters and errors as of `fold`, without the time axis."""
    after, answers = fold(pool, state, [time_s], np.asarray(price, dtype=np.float64)[..., None])
    return after, answers[:, 0]


def fold(pool: TwapPool, state: TwapState, time_s: ArrayLike, price: ArrayLike) -> tuple[TwapState, Ints]:
    """Apply `advance` along a path.

    Parameters
    ----------
    pool : TwapPool
    state : TwapState
    time_s : (T,) array_like of float
        Never decreasing, from ``state.time_s`` on; the pool's clock is whole seconds.
    price : (n, T) array_like of float
        Quote tokens a whole base token costs on the market.

    Returns
    -------
    TwapState
        The state at the end.
    (n, T) int64
        Raw answers; `NO_PRICE` where the pool no longer remembers the window's start.

    Raises
    ------
    FeedError
        If a price or time is impossible or shapes disagree.
    """
    times = check_times(pool.name, state.time_s, time_s)
    values = np.asarray(price, dtype=np.float64)
    check_shape(pool.name, values.shape, times.size, len(state))
    seen = state.ticks.extended(block_seconds(times), ticks_of(pool, values))
    means, remembered = mean_ticks(pool, seen, times.size)
    answers = np.where(remembered, answers_at_ticks(pool, means), NO_PRICE)
    return TwapState(float(times[-1]), seen.since(int(seen.at_s[-1]) - pool.window_s)), answers


def mean_ticks(pool: TwapPool, seen: Past, moments: int) -> tuple[Ints, Flags]:
    """Return mean ticks over the window at the last moments of a past.

    Returns
    -------
    (n, moments) int64
        Mean ticks.
    (n, moments) bool
        Whether the stored observations reach back to the window's start.
    """
    at_s, tick = seen.at_s, seen.value
    accumulator = np.zeros_like(tick)
    np.cumsum(tick[:, :-1] * np.diff(at_s), axis=1, out=accumulator[:, 1:])
    target = at_s[-moments:] - pool.window_s
    # Between two observations the tick was constant; before the first it is taken to be.
    then = np.maximum(np.searchsorted(at_s, target, side="right") - 1, 0)
    begin = accumulator[:, then] + tick[:, then] * (target - at_s[then])
    means: Ints = (accumulator[:, -moments:] - begin) // pool.window_s
    if pool.cardinality is None:
        return means, np.ones(means.shape, dtype=np.bool_)
    written: Ints = np.cumsum(_writes(seen), axis=1, dtype=np.int64)
    return means, np.less(written[:, -moments:] - written[:, then], pool.cardinality)


def _writes(seen: Past) -> Flags:
    """Return where an observation is stored: at the first tick change of a block."""
    writes: Flags = np.diff(seen.value, axis=1, prepend=seen.value[:, :1]) != 0
    block_has = np.zeros(len(seen), dtype=np.bool_)
    for k in range(1, seen.at_s.size):
        block_has &= seen.at_s[k] == seen.at_s[k - 1]
        writes[:, k] &= ~block_has
        block_has |= writes[:, k]
    return writes


def settled(pool: TwapPool, price: ArrayLike) -> Ints:
    """Return the raw answers of a market that stays at ``price`` for a window."""
    return answers_at_ticks(pool, ticks_of(pool, price))
