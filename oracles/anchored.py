"""Compound v2's anchored price: a reporter is believed only near an anchor.

``UniswapAnchoredView`` (compound-finance/open-oracle, 2020 to 2023): when a signed reporter
price is posted,

    ratio = floor(anchor * 1e18 / reporter)
    P = reporter   if lower <= ratio <= upper, else P stays what it was

with bounds 1e18 -+ the tolerance, 0.2e18 in 2020, and a mean price on Uniswap as anchor.
The ratio has the *reporter* below the line: the band is anchor / 1.2 to anchor / 0.8, that
is 16.7 % below the anchor to 25 % above it, not 20 % either way.

A rejected price is not remembered; anybody may post again, so each time of the grid is
a posting of what the reporter says then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from abis.units import WAD
from oracles.paths import NO_PRICE, check_raw, check_row, check_shape, check_times

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

TOLERANCE_2020_WAD = 2 * 10**17
# A quotient of two 63-bit integers in floats is off by less than 1e-15 of itself.
_UNSURE = 1e-12


@dataclass(frozen=True, slots=True)
class Anchor:
    """How far a reporter may be from the anchor.

    Parameters
    ----------
    description : str
        What is priced; untrusted text.
    tolerance_wad : int
        Largest |anchor / reporter - 1|, times 1e18.
    reporter_invalidated : bool
        Whether the reporter has been dismissed: then the anchor itself is the price.

    Raises
    ------
    FeedError
        If the tolerance is not positive or 1 or more, where the bound would vanish.
    """

    description: str
    tolerance_wad: int = TOLERANCE_2020_WAD
    reporter_invalidated: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.tolerance_wad < WAD:
            raise FeedError(
                f"{self.name}: a tolerance of {self.tolerance_wad!r} / 1e18.",
                remedy="Give more than 0 and less than 1e18.",
            )

    @property
    def name(self) -> str:
        """Return how messages call it."""
        return f"anchored price {self.description!r}"


@dataclass(frozen=True, eq=False, slots=True)
class AnchoredState:
    """The price on chain in each of ``n`` scenarios.

    Parameters
    ----------
    time_s : float
        Time of the last posting.
    price_raw : (n,) int64
        `NO_PRICE` while none was ever accepted.
    """

    time_s: float
    price_raw: Ints

    def __len__(self) -> int:
        return len(self.price_raw)


def within(anchor: Anchor, reporter_raw: int, anchor_raw: int) -> bool:
    """Return whether a reported price is accepted, ``isWithinAnchor``; both in one unit."""
    if reporter_raw == NO_PRICE:
        return False
    ratio = anchor_raw * WAD // reporter_raw
    return WAD - anchor.tolerance_wad <= ratio <= WAD + anchor.tolerance_wad


def start(anchor: Anchor, time_s: float, reporter_raw: ArrayLike, anchor_raw: ArrayLike) -> AnchoredState:
    """Return the state after a first posting, without a price where it was rejected."""
    check_row(anchor.name, reporter_raw)
    nothing = np.full(len(np.asarray(reporter_raw)), NO_PRICE, dtype=np.int64)
    empty = AnchoredState(float(time_s), nothing)
    return advance(anchor, empty, time_s, reporter_raw, anchor_raw)[0]


def advance(
    anchor: Anchor, state: AnchoredState, time_s: float, reporter_raw: ArrayLike, anchor_raw: ArrayLike
) -> tuple[AnchoredState, Ints]:
    """Let one moment pass; parameters and errors as of `fold`, without the time axis."""
    reporter, mean = (np.asarray(x)[..., None] for x in (reporter_raw, anchor_raw))
    after, answers = fold(anchor, state, [time_s], reporter, mean)
    return after, answers[:, 0]


def fold(
    anchor: Anchor, state: AnchoredState, time_s: ArrayLike, reporter_raw: ArrayLike, anchor_raw: ArrayLike
) -> tuple[AnchoredState, Ints]:
    """Apply `advance` along a path.

    Parameters
    ----------
    anchor : Anchor
    state : AnchoredState
    time_s : (T,) array_like of float
        Never decreasing, from ``state.time_s`` on.
    reporter_raw, anchor_raw : (n, T) array_like of int
        What the reporter and the anchor say, in one unit; `NO_PRICE` where they have none.

    Returns
    -------
    AnchoredState
        The state at the end.
    (n, T) int64
        The price on chain.

    Raises
    ------
    FeedError
        If a time or answer is impossible or shapes disagree.
    """
    times = check_times(anchor.name, state.time_s, time_s)
    reporter, mean = check_raw(anchor.name, reporter_raw), check_raw(anchor.name, anchor_raw)
    for raw in (reporter, mean):
        check_shape(anchor.name, raw.shape, times.size, len(state))
    posted = mean if anchor.reporter_invalidated else reporter
    accepted = mean != NO_PRICE if anchor.reporter_invalidated else _within_all(anchor, reporter, mean)
    # The last accepted posting up to each time, 0 standing for the state's price.
    latest = np.maximum.accumulate(np.where(accepted, np.arange(1, times.size + 1), 0), axis=1)
    prices = np.concatenate([state.price_raw[:, None], posted], axis=1)
    answers = np.take_along_axis(prices, latest, axis=1)
    return AnchoredState(float(times[-1]), answers[:, -1].copy()), answers


def settled(anchor: Anchor, reporter_raw: ArrayLike, anchor_raw: ArrayLike, last_raw: ArrayLike) -> Ints:
    """Return the prices after a posting: the reporter's where accepted, else the last, (n,)."""
    state = AnchoredState(0.0, np.asarray(last_raw, dtype=np.int64))
    return advance(anchor, state, 0.0, reporter_raw, anchor_raw)[1]


def _within_all(anchor: Anchor, reporter: Ints, mean: Ints) -> Flags:
    """Return `within` for arrays: floats decide, exact integers close to a bound."""
    ratio = mean / np.maximum(reporter, 1)
    low, high = (WAD - anchor.tolerance_wad) / WAD, (WAD + anchor.tolerance_wad) / WAD
    accepted: Flags = (reporter != NO_PRICE) & (low <= ratio) & (ratio <= high)
    unsure = (np.abs(ratio - low) < _UNSURE) | (np.abs(ratio - high) < _UNSURE)
    for i, t in np.argwhere(unsure).tolist():
        accepted[i, t] = within(anchor, int(reporter[i, t]), int(mean[i, t]))
    return accepted
