"""Exact integer arithmetic with the rounding in the name.

Scales: ``WAD`` 1e18, ``RAY`` 1e27, ``BPS`` 1e4.  ``_down`` floors, ``_up`` rounds
up, ``_half_up`` adds half of the divisor first, as Aave's WadRayMath and
PercentageMath of aave-v3-core do.  All arguments are non-negative integers.
"""

from __future__ import annotations

from decimal import Decimal

WAD = 10**18
RAY = 10**27
BPS = 10_000
YEAR_S = 31_536_000
MAX_UINT256 = 2**256 - 1


def mul_div_down(a: int, b: int, c: int) -> int:
    """Return ``floor(a * b / c)``."""
    return a * b // c


def mul_div_up(a: int, b: int, c: int) -> int:
    """Return ``ceil(a * b / c)``."""
    return -(-a * b // c)


def mul_div_half_up(a: int, b: int, c: int) -> int:
    """Return ``floor((a * b + floor(c / 2)) / c)``."""
    return (a * b + c // 2) // c


def ray_mul_half_up(a: int, b: int) -> int:
    """Return ``a * b / RAY``, rounded half up."""
    return mul_div_half_up(a, b, RAY)


def ray_mul_down(a: int, b: int) -> int:
    """Return ``a * b / RAY``, rounded down."""
    return mul_div_down(a, b, RAY)


def ray_mul_up(a: int, b: int) -> int:
    """Return ``a * b / RAY``, rounded up."""
    return mul_div_up(a, b, RAY)


def ray_div_half_up(a: int, b: int) -> int:
    """Return ``a * RAY / b``, rounded half up."""
    return mul_div_half_up(a, RAY, b)


def ray_div_down(a: int, b: int) -> int:
    """Return ``a * RAY / b``, rounded down."""
    return mul_div_down(a, RAY, b)


def ray_div_up(a: int, b: int) -> int:
    """Return ``a * RAY / b``, rounded up."""
    return mul_div_up(a, RAY, b)


def wad_div_half_up(a: int, b: int) -> int:
    """Return ``a * WAD / b``, rounded half up."""
    return mul_div_half_up(a, WAD, b)


def percent_mul_half_up(value: int, bps: int) -> int:
    """Return ``value * bps / 10000``, rounded half up."""
    return mul_div_half_up(value, bps, BPS)


def percent_mul_down(value: int, bps: int) -> int:
    """Return ``value * bps / 10000``, rounded down."""
    return mul_div_down(value, bps, BPS)


def percent_mul_up(value: int, bps: int) -> int:
    """Return ``value * bps / 10000``, rounded up."""
    return mul_div_up(value, bps, BPS)


def percent_div_half_up(value: int, bps: int) -> int:
    """Return ``value * 10000 / bps``, rounded half up."""
    return mul_div_half_up(value, BPS, bps)


def percent_div_down(value: int, bps: int) -> int:
    """Return ``value * 10000 / bps``, rounded down."""
    return mul_div_down(value, BPS, bps)


def percent_div_up(value: int, bps: int) -> int:
    """Return ``value * 10000 / bps``, rounded up."""
    return mul_div_up(value, BPS, bps)


def from_raw(raw: int, decimals: int) -> Decimal:
    """Return the exact decimal value of ``raw`` smallest units.

    Parameters
    ----------
    raw : int
        Amount in smallest units (may be negative).
    decimals : int
        Number of decimals of the unit.

    Returns
    -------
    Decimal
        ``raw / 10**decimals`` without loss.
    """
    # Built from digits: Decimal.scaleb would round to the context's 28 digits.
    return Decimal((int(raw < 0), tuple(map(int, str(abs(raw)))), -decimals))


def to_raw_down(value: Decimal, decimals: int) -> int:
    """Return ``value`` in smallest units, rounded toward zero."""
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is not a finite number")
    mantissa = int("".join(map(str, digits)))
    shift = exponent + decimals
    raw = mantissa * int(10**shift) if shift >= 0 else mantissa // int(10**-shift)
    return -raw if sign else raw
