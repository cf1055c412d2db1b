"""What every map of a path checks first, and what it may remember of it.

A raw answer of `NO_PRICE` is a refusal: the contract reverts or says "invalid" when it is
read at that moment.  Lending protocols treat a price of 0 or less the same way: nothing
can be borrowed or liquidated against it until a price comes back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles.chainlink_kernel import round_prices
from oracles.feed import INT64_MAX

NO_PRICE = 0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Past:
    """The part of a path a map still needs: a step function of each of ``n`` scenarios.

    Parameters
    ----------
    at_s : (k,) int64
        Block times, never decreasing, shared by all scenarios; at least one.
    value : (n, k) int64
        What held from each of them on.
    """

    at_s: Ints
    value: Ints

    def __len__(self) -> int:
        return len(self.value)

    def extended(self, at_s: Ints, value: Ints) -> Past:
        """Return the past with (T,) more times and (n, T) more values."""
        return Past(np.concatenate([self.at_s, at_s]), np.concatenate([self.value, value], axis=1))

    def since(self, at_s: int) -> Past:
        """Return the past without what was over before ``at_s``."""
        held = max(int(np.searchsorted(self.at_s, at_s, side="right")) - 1, 0)
        first = int(np.searchsorted(self.at_s, self.at_s[held]))  # all of that second
        return Past(self.at_s[first:].copy(), self.value[:, first:].copy())


def check_times(name: str, since_s: float, time_s: ArrayLike) -> Floats:
    """Return times as an array.

    Raises
    ------
    FeedError
        Unless they are finite, never decrease and start at ``since_s`` or later.
    """
    times = np.array(time_s, dtype=np.float64, ndmin=1)
    if times.ndim != 1 or times.size == 0:
        raise FeedError(f"{name}: times of shape {times.shape}.", remedy="Give one row of times.")
    steps = np.diff(times, prepend=since_s)
    good = np.isfinite(times) & (steps >= 0)
    if not good.all():
        k = int(np.argmin(good))
        raise FeedError(
            f"{name}: time {float(times[k])!r} at index {k} goes backwards or is not finite.",
            remedy="Sort the path; it must not start before the state's time.",
        )
    return times


def check_shape(name: str, shape: tuple[int, ...], times: int, scenarios: int) -> None:
    """Raise FeedError unless ``shape`` is (scenarios, times)."""
    if shape != (scenarios, times):
        raise FeedError(
            f"{name}: a path of shape {shape} for {scenarios} scenarios and {times} times.",
            remedy="Give one value a scenario and time, (scenario, time).",
        )


def check_row(name: str, values: ArrayLike) -> Floats:
    """Return one value a scenario as an array; raise FeedError unless it is one row."""
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or row.size == 0:
        raise FeedError(f"{name}: a start of shape {row.shape}.", remedy="Give one value a scenario.")
    return row


def check_positive(name: str, what: str, values: Floats) -> None:
    """Raise FeedError unless every value is positive and finite."""
    good = (values > 0) & (values < np.inf)
    if not good.all():
        where = tuple(int(k) for k in np.argwhere(~good)[0])
        raise FeedError(
            f"{name}: {what} {float(values[where])!r} at index {where} is impossible.",
            remedy="Give positive finite numbers; fill or cut gaps before.",
        )


def raw_prices(name: str, decimals: int, price: ArrayLike) -> Ints:
    """Return prices with ``decimals`` as integers, rounded to nearest, ties to even.

    Raises
    ------
    FeedError
        If a price is not positive and finite or does not fit 64 bits.
    """
    values = np.asarray(price, dtype=np.float64)
    raw = np.empty(values.shape, dtype=np.int64)
    impossible, wide = round_prices(np.ravel(values), 10.0**decimals, raw.reshape(-1))
    if impossible >= 0:
        check_positive(name, "price", values)
    if wide >= 0:
        raise FeedError(
            f"{name}: a price of {float(np.ravel(values)[wide])!r} with {decimals} decimals does not fit "
            f"a 64-bit answer (at most {INT64_MAX}).",
            remedy="Give it fewer decimals.",
        )
    return raw


def check_raw(name: str, raw: ArrayLike) -> Ints:
    """Return raw answers as int64.

    Raises
    ------
    FeedError
        If one is negative or does not fit 64 bits.
    """
    try:
        values = np.asarray(raw, dtype=np.int64)
    except OverflowError:
        raise FeedError(
            f"{name}: a source whose answers do not fit 64 bits.", remedy="Read it with fewer decimals."
        ) from None
    if (values < 0).any():
        where = tuple(int(k) for k in np.argwhere(values < 0)[0])
        raise FeedError(
            f"{name}: raw answer {int(values[where])} at index {where} is negative.",
            remedy=f"Give answers above 0, or {NO_PRICE} where the source has no price.",
        )
    return values


def block_seconds(times: Floats) -> Ints:
    """Return what ``block.timestamp`` says: whole seconds, rounded down."""
    return np.floor(times).astype(np.int64)
