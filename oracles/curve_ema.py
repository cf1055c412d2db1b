"""A Curve pool's price oracle: an exponential moving average of its own spot price.

On each action at time t, once a second at most (``upkeep_oracles`` of CurveStableSwapNG.vy):

    alpha = exp(-(t - t_last) * 1e18 / T)                    in integers, `oracles.wad_exp`
    ema   = floor((spot * (1e18 - alpha) + ema * alpha) / 1e18)
    spot  = min(new spot, 2e18)

where ``spot`` on the right is what the *previous* action left, so that a trade moves the
average only from the next second on.  ``price_oracle()`` applies the same decay up to now.
T, ``ma_exp_time``, is 866 s by default, 600 / ln 2: a half-life of ten minutes; the step
response is ``1 - 2**(-t / 600)``.  The cap belongs to the pools of 2023 and later: a spot
above 2 counts as 2.

The pool's spot follows the market at the caller's times, each of them an action.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from abis.units import WAD
from oracles.compiled import jit
from oracles.paths import block_seconds, check_row, check_shape, check_times, raw_prices
from oracles.wad_exp import exp_wad

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DECIMALS = 18
DEFAULT_MA_EXP_TIME_S = 866
NG_CAP_RAW = 2 * WAD
_NANO = 1_000_000_000  # WAD = _NANO**2: products of halves fit 64 bits
_MAX_RAW = 2**62  # so that a difference of two prices and its parts fit 64 bits


@dataclass(frozen=True, slots=True)
class CurvePool:
    """A pool's oracle of one coin against the pool's first.

    Parameters
    ----------
    description : str
        Base and quote, as ``"USDe / USDC"``; untrusted text.
    ma_exp_time_s : int
        T.
    cap_raw : int, optional
        Highest spot that counts, 18 decimals; None for pools without a cap.

    Raises
    ------
    FeedError
        If a setting is impossible.
    """

    description: str
    ma_exp_time_s: int = DEFAULT_MA_EXP_TIME_S
    cap_raw: int | None = NG_CAP_RAW

    def __post_init__(self) -> None:
        if not 1 <= self.ma_exp_time_s < 2**64:
            raise FeedError(
                f"{self.name}: ma_exp_time of {self.ma_exp_time_s!r} s.", remedy="Give whole seconds from 1."
            )
        if self.cap_raw is not None and not 1 <= self.cap_raw <= _MAX_RAW:
            raise FeedError(
                f"{self.name}: a cap of {self.cap_raw!r}.",
                remedy=f"Give 1 .. {_MAX_RAW} (18 decimals), or None for no cap.",
            )

    @property
    def name(self) -> str:
        """Return how messages call it."""
        return f"Curve EMA {self.description!r}"


@dataclass(frozen=True, eq=False, slots=True)
class CurveState:
    """Where the average stands in each of ``n`` scenarios.

    Parameters
    ----------
    time_s : float
        Time of the last action; its whole seconds are ``ma_last_time``.
    spot_raw, ema_raw : (n,) int64
        Capped spot after the last action and the average before it counts, 18 decimals.
    """

    time_s: float
    spot_raw: Ints
    ema_raw: Ints

    def __len__(self) -> int:
        return len(self.spot_raw)


@lru_cache(maxsize=4096)
def alpha_wad(pool: CurvePool, elapsed_s: int) -> int:
    """Return the weight the average keeps after ``elapsed_s`` seconds, times 1e18."""
    return exp_wad(-(elapsed_s * WAD // pool.ma_exp_time_s))


def blend_down(spot_raw: int, ema_raw: int, alpha: int) -> int:
    """Return ``floor((spot * (1e18 - alpha) + ema * alpha) / 1e18)``, ``_calc_moving_average``."""
    return (spot_raw * (WAD - alpha) + ema_raw * alpha) // WAD


def start(pool: CurvePool, time_s: float, price: ArrayLike) -> CurveState:
    """Return the state of a pool that has stood at ``price``, (n,), for long."""
    check_times(pool.name, time_s, [time_s])
    spot = _spot(pool, check_row(pool.name, price))
    return CurveState(float(time_s), spot, spot.copy())


def advance(pool: CurvePool, state: CurveState, time_s: float, price: ArrayLike) -> tuple[CurveState, Ints]:
    """Let one moment pass; parameters and errors as of `fold`, without the time axis."""
    after, answers = fold(pool, state, [time_s], np.asarray(price, dtype=np.float64)[..., None])
    return after, answers[:, 0]


def fold(pool: CurvePool, state: CurveState, time_s: ArrayLike, price: ArrayLike) -> tuple[CurveState, Ints]:
    """Apply `advance` along a path.

    Parameters
    ----------
    pool : CurvePool
    state : CurveState
    time_s : (T,) array_like of float
        Never decreasing, from ``state.time_s`` on; the pool's clock is whole seconds.
    price : (n, T) array_like of float
        Spot price the market leaves the pool at.

    Returns
    -------
    CurveState
        The state at the end.
    (n, T) int64
        What ``price_oracle()`` says at each time, 18 decimals.

    Raises
    ------
    FeedError
        If a price or time is impossible or shapes disagree.
    """
    times = check_times(pool.name, state.time_s, time_s)
    values = np.asarray(price, dtype=np.float64)
    check_shape(pool.name, values.shape, times.size, len(state))
    spots = _spot(pool, values)
    seconds = block_seconds(np.concatenate([[state.time_s], times]))
    alphas = np.array([alpha_wad(pool, int(d)) for d in np.diff(seconds)], dtype=np.int64)
    answers = np.empty_like(spots)
    _average(state.spot_raw, state.ema_raw, alphas, spots, answers)
    return CurveState(float(times[-1]), spots[:, -1].copy(), answers[:, -1].copy()), answers


def settled(pool: CurvePool, price: ArrayLike) -> Ints:
    """Return the averages a market that stays at ``price`` ends at: the price, capped."""
    return _spot(pool, np.asarray(price, dtype=np.float64))


def _spot(pool: CurvePool, price: Floats) -> Ints:
    if pool.cap_raw is not None:  # capped before rounding, so that no dear price overflows
        ceiling = pool.cap_raw / WAD
        price = np.where(price < np.inf, np.minimum(price, 2 * ceiling), price)
    spot = raw_prices(pool.name, DECIMALS, price)
    if pool.cap_raw is not None:
        spot = np.minimum(spot, pool.cap_raw)
    if spot.max(initial=0) > _MAX_RAW:
        raise FeedError(
            f"{pool.name}: a price of {int(spot.max())} / 1e18 does not fit the average's 62 bits.",
            remedy="Quote the pool the other way round.",
        )
    return spot


@jit
def _average(spot: Ints, ema: Ints, alpha: Ints, new_spot: Ints, answers: Ints) -> None:
    """Fill ``answers`` with `blend_down` along each path; all of it in 64 bits.

    The blend is ``spot + floor((ema - spot) * alpha / 1e18)``; both factors are split at
    1e9 so that no product exceeds 64 bits.
    """
    for i in range(new_spot.shape[0]):
        last, average = spot[i], ema[i]
        for t in range(alpha.size):
            high, low = (average - last) // _NANO, (average - last) % _NANO
            a_high, a_low = alpha[t] // _NANO, alpha[t] % _NANO
            carried = high * a_low + low * a_high + low * a_low // _NANO
            average = last + high * a_high + carried // _NANO
            answers[i, t] = average
            last = new_spot[i, t]
