"""The exponential function Curve's pools compute: integers scaled by 1e18, to the last unit.

Method and coefficients by Remco Bloemen (xn--2-umb.com/22/exp-ln, MIT licence): reduce by
powers of two, then a (6, 7)-term rational approximation in binary fixed point with 96
digits.  The ``exp`` of CurveStableSwapNG.vy, which pools deployed since 2023 share,
is that computation.
"""

from __future__ import annotations

from abis.errors import FeedError

ZERO_AT_WAD = -41_446_531_673_892_822_313  # at and below it the result is less than half a unit
TOO_LARGE_WAD = 135_305_999_368_893_231_589

_LN2 = 54_916_777_467_707_473_351_141_471_128  # of 2, times 2**96
_ROUND = 1 << 95
_SCALE = 3_822_833_074_963_236_453_042_738_258_902_158_003_155_416_615_667

# Horner's rule for the denominator, from the second highest power down.
_DENOMINATOR = (
    50_020_603_652_535_783_019_961_831_881_945,
    -533_845_033_583_426_703_283_633_433_725_380,
    3_604_857_256_930_695_427_073_651_918_091_429,
    -14_423_608_567_350_463_180_887_372_962_807_573,
    26_449_188_498_355_588_339_934_803_723_976_023,
)


def exp_wad(x_wad: int) -> int:
    """Return ``exp(x)``, both scaled by 1e18, as the contract computes it.

    Parameters
    ----------
    x_wad : int
        Any sign.

    Raises
    ------
    FeedError
        If the result does not fit 256 bits, where the contract reverts.
    """
    if x_wad <= ZERO_AT_WAD:
        return 0
    if x_wad >= TOO_LARGE_WAD:
        raise FeedError(f"exp of {x_wad} / 1e18 overflows.", remedy="Give less than 135.3e18.")
    x = _toward_zero(x_wad << 78, 5**18)  # now times 2**96
    k = (_toward_zero(x << 96, _LN2) + _ROUND) >> 96
    x -= k * _LN2
    ratio = _toward_zero(_numerator(x), _denominator(x))
    return ratio * _SCALE >> (195 - k)


def _numerator(x: int) -> int:
    y = (x + 1_346_386_616_545_796_478_920_950_773_328) * x >> 96
    y += 57_155_421_227_552_351_082_224_309_758_442
    p = (y + x - 94_201_549_194_550_492_254_356_042_504_812) * y >> 96
    return (p + 28_719_021_644_029_726_153_956_944_680_412_240) * x + (
        4_385_272_521_454_847_904_659_076_985_693_276 << 96
    )


def _denominator(x: int) -> int:
    q = x - 2_855_989_394_907_223_263_936_484_059_900
    for coefficient in _DENOMINATOR:
        q = (q * x >> 96) + coefficient
    return q


def _toward_zero(a: int, b: int) -> int:
    """Return ``a / b`` truncated, as the EVM's signed division does."""
    return a // b if (a < 0) == (b < 0) else -(-a // b)
