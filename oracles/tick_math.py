"""Uniswap v3 ticks in exact integers: tick i stands for a price of 1.0001**i.

Written from the definitions in v3-core ``TickMath.sol`` and v3-periphery
``OracleLibrary.sol``: ``getSqrtRatioAtTick``, ``getTickAtSqrtRatio`` (the greatest tick
whose ratio does not exceed the price) and ``getQuoteAtTick``, to the last unit.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache

from abis.errors import FeedError
from abis.units import MAX_UINT256, mul_div_down

MAX_TICK = 887_272
Q96 = 1 << 96
Q128 = 1 << 128
Q192 = 1 << 192
LOG_BASE = math.log1p(1e-4)  # of 1.0001


@lru_cache(maxsize=1)
def _powers() -> tuple[int, ...]:
    """Return ``2**128 / 1.0001**(2**k / 2)`` for k = 0 .. 19, rounded to nearest."""
    with localcontext(prec=100):
        root = Decimal("1.0001").sqrt()
        powers = (Decimal(Q128) / root ** (1 << k) for k in range(20))
        return tuple(int(p.to_integral_value(ROUND_HALF_EVEN)) for p in powers)


@lru_cache(maxsize=1 << 16)
def sqrt_ratio_at_tick(tick: int) -> int:
    """Return ``sqrt(1.0001**tick) * 2**96``, rounded as the contract rounds it.

    Raises
    ------
    FeedError
        If the tick is beyond +-887272.
    """
    size = abs(tick)
    if size > MAX_TICK:
        raise FeedError(
            f"tick {tick} is beyond +-{MAX_TICK}.", remedy="Check the price and the tokens' decimals."
        )
    ratio = Q128
    for k, power in enumerate(_powers()):
        if size >> k & 1:
            ratio = ratio * power >> 128
    if tick > 0:
        ratio = MAX_UINT256 // ratio
    return -(-ratio >> 32)


def tick_at_sqrt_ratio(sqrt_price_x96: int) -> int:
    """Return the greatest tick whose sqrt ratio is at most ``sqrt_price_x96``.

    Raises
    ------
    FeedError
        If the price lies outside what a pool can hold.
    """
    if not sqrt_ratio_at_tick(-MAX_TICK) <= sqrt_price_x96 < sqrt_ratio_at_tick(MAX_TICK):
        raise FeedError(
            f"sqrt price {sqrt_price_x96} / 2**96 is outside what a pool can hold.",
            remedy="Check the price and the tokens' decimals.",
        )
    tick = math.floor(2 * (math.log(sqrt_price_x96) - math.log(Q96)) / LOG_BASE)
    tick = min(max(tick, -MAX_TICK), MAX_TICK - 1)
    while sqrt_ratio_at_tick(tick) > sqrt_price_x96:
        tick -= 1
    while sqrt_ratio_at_tick(tick + 1) <= sqrt_price_x96:
        tick += 1
    return tick


def quote_at_tick(tick: int, base_amount_raw: int, *, base_is_token0: bool) -> int:
    """Return how much of the quote token ``base_amount_raw`` is worth at a tick, rounded down.

    Parameters
    ----------
    tick : int
        Of the price of token0 in token1.
    base_amount_raw : int
        Amount in the base token's smallest unit.
    base_is_token0 : bool
        Whether the base token's address is the smaller one.

    Raises
    ------
    FeedError
        If the tick is beyond +-887272.
    """
    sqrt_x96 = sqrt_ratio_at_tick(tick)
    if sqrt_x96 < Q128:
        ratio, one = sqrt_x96 * sqrt_x96, Q192
    else:  # the square would not fit 256 bits
        ratio, one = mul_div_down(sqrt_x96, sqrt_x96, 1 << 64), Q128
    if base_is_token0:
        return mul_div_down(ratio, base_amount_raw, one)
    return mul_div_down(one, base_amount_raw, ratio)


def mean_tick_down(tick_cumulative_delta: int, window_s: int) -> int:
    """Return the mean tick of a window, rounded toward minus infinity (``OracleLibrary.consult``)."""
    return tick_cumulative_delta // window_s
