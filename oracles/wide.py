"""Products wider than 64 bits, exactly: the arrays' twin of `abis.units.mul_div_down`.

A price of 64 bits times a ratio of 64 bits needs 128 before it is divided again.  Arrays are
int64 as long as every element fits and arrays of Python integers (dtype object) where one
does not; both hold the exact number, only the second is slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles.compiled import jit
from oracles.feed import INT64_MAX

Ints = NDArray[Any]

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_BASE = np.uint64(1 << 32)
_ONE = np.uint64(1)
_TOP = np.uint64(1 << 63)


def mul_div_down(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> Ints:
    """Return ``floor(a * b / c)`` elementwise, never overflowing.

    Parameters
    ----------
    a, b : array_like of int
        At least 0; broadcast against each other.
    c : array_like of int
        At least 1.

    Returns
    -------
    array of int64, or of Python integers if one of them does not fit

    Raises
    ------
    FeedError
        If a factor is negative or a divisor not positive.
    """
    wide = [narrowed(np.asarray(x)) for x in (a, b, c)]
    for factor, least in zip(wide, (0, 0, 1), strict=True):
        if factor.size and factor.min() < least:
            raise FeedError(
                f"a product or quotient of {int(factor.min())}.",
                remedy="Give factors of at least 0 and divisors of at least 1.",
            )
    if all(part.dtype == np.int64 for part in wide):
        out = np.empty(np.broadcast_shapes(*(part.shape for part in wide)), np.int64)
        x, y, z = (_flat(part, out.shape) for part in wide)
        if _mul_div(x, y, z, out.reshape(-1)):
            return out
    x, y, z = (part.astype(object) for part in wide)
    return narrowed(np.asarray(x * y // z, dtype=object))


def _flat(part: Ints, shape: tuple[int, ...]) -> Ints:
    """Return one number, or the broadcast array as one writable row: one type for the kernel."""
    row = part.reshape(-1) if part.size == 1 else np.ravel(np.broadcast_to(part, shape))
    return row if row.flags.writeable else row.copy()


def narrowed(values: NDArray[Any]) -> Ints:
    """Return whole numbers as int64 where all fit, else as Python integers.

    Raises
    ------
    FeedError
        If the values are no whole numbers.
    """
    if values.dtype == np.int64:
        return values
    if values.dtype.kind in "iu":
        values = values.astype(object)
    if values.dtype != object or not all(isinstance(v, int) for v in values.flat):
        raise FeedError(
            f"values of type {values.dtype} where whole numbers are needed.", remedy="Give integers."
        )
    if all(-INT64_MAX <= v <= INT64_MAX for v in values.flat):
        return values.astype(np.int64)
    return values


@jit
def _mul_div(a: Ints, b: Ints, c: Ints, out: Ints) -> bool:
    """Fill ``out`` with the quotients; return False where one is too wide.

    All are rows; an argument of one element stands for a row of it.
    """
    i, j, m = int(a.size > 1), int(b.size > 1), int(c.size > 1)
    for k in range(out.size):
        x, y, z = np.uint64(a[k * i]), np.uint64(b[k * j]), np.uint64(c[k * m])
        high, low = _product(x, y)
        if high == 0:
            quotient = low // z
        elif high >= z:
            return False
        else:
            quotient = _divided(high, low, z)
        if quotient >= _TOP:
            return False
        out[k] = np.int64(quotient)
    return True


@jit
def _product(x: np.uint64, y: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the high and low 64 bits of ``x * y``, schoolbook in halves of 32 bits."""
    x1, x0, y1, y0 = x >> _HALF, x & _LOW, y >> _HALF, y & _LOW
    low = x0 * y0
    first = x1 * y0 + (low >> _HALF)
    second = x0 * y1 + (first & _LOW)
    return x1 * y1 + (first >> _HALF) + (second >> _HALF), x * y


@jit
def _divided(high: np.uint64, low: np.uint64, divisor: np.uint64) -> np.uint64:
    """Return ``(high * 2^64 + low) // divisor`` for ``high < divisor < 2^63``.

    Knuth's algorithm D with digits of 32 bits (The Art of Computer Programming 2, 4.3.1).
    """
    shift = np.uint64(0)
    while divisor << shift < _TOP:
        shift += _ONE
    z = divisor << shift  # the shift is at least one, so the next line loses nothing
    top = (high << shift) | (low >> (np.uint64(64) - shift))
    rest = low << shift
    first = _digit(top, rest >> _HALF, z)
    top = (top << _HALF) + (rest >> _HALF) - first * z  # wraps back into 64 bits
    return (first << _HALF) + _digit(top, rest & _LOW, z)


@jit
def _digit(top: np.uint64, following: np.uint64, z: np.uint64) -> np.uint64:
    """Return ``(top * 2^32 + following) // z`` for a normalised ``z > top``: at most two off at first."""
    z1, z0 = z >> _HALF, z & _LOW
    digit = top // z1
    left = top - digit * z1
    while digit >= _BASE or digit * z0 > (left << _HALF) + following:
        digit -= _ONE
        left += z1
        if left >= _BASE:
            break
    return digit
