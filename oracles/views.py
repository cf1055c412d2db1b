"""From what a caller gives a graph to what its sources see, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import FeedError
from oracles.answers import upper_median
from oracles.sources import Ints, View
from oracles.wide import narrowed

Floats = NDArray[np.float64]
Inputs = Mapping[str, ArrayLike]


def view_of(
    assets: Sequence[str], epoch_s: int, time_s: ArrayLike, market_price: ArrayLike, first_scenario: int
) -> View:
    """Return the view of a path: block times, market prices, and venues where there are any.

    Parameters
    ----------
    assets : sequence of str
    epoch_s : int
        Added to the times.
    time_s : (T,) array_like of float
    market_price : (n, T, asset) or (n, T, venue, asset) array_like of float
    first_scenario : int

    Raises
    ------
    FeedError
        If shapes disagree or a venue's price is not positive and finite.
    """
    times = np.array(time_s, dtype=np.float64, ndmin=1) + epoch_s
    values = np.asarray(market_price, dtype=np.float64)
    if values.ndim not in (3, 4) or values.shape[-1] != len(assets) or 0 in values.shape:
        raise FeedError(
            f"prices of shape {values.shape} for {len(assets)} assets.",
            remedy="Give (scenario, time, asset), with the venues before the assets if there are any.",
        )
    if times.shape != values.shape[1:2]:
        raise FeedError(
            f"prices of shape {values.shape} on times of shape {times.shape}.", remedy="Give one a time."
        )
    if values.ndim == 3:
        return View(times, values, first_scenario=first_scenario)
    bad = ~((values > 0) & (values < np.inf))
    if bad.any():
        *_, venue, asset = (int(k) for k in np.argwhere(bad)[0])
        raise FeedError(
            f"{assets[asset]!r} has an impossible price on venue {venue}.",
            remedy="Give positive finite prices on every venue.",
        )
    market = upper_median(np.moveaxis(values, -2, -1))
    return View(times, market, venues=values, first_scenario=first_scenario)


def input_path(name: str, values: ArrayLike, known: Sequence[str], shape: tuple[int, int]) -> Ints:
    """Return the path of an input, broadcast to (n, T).

    Raises
    ------
    FeedError
        If the graph has no such input, or its values are no integers of at least 0.
    """
    if name not in known:
        raise FeedError(
            f"{name!r} is no input of the graph.",
            remedy=f"It has {', '.join(known)}." if known else "It has none.",
        )
    path = narrowed(np.asarray(values))
    if path.shape not in ((), (shape[1],), (shape[0], 1), shape):
        raise FeedError(
            f"input {name!r} of shape {path.shape} for {shape[0]} scenarios and {shape[1]} times.",
            remedy="Give (time,) or (scenario, time).",
        )
    if (path < 0).any():
        raise FeedError(f"input {name!r} falls below 0.", remedy="Give integers of at least 0.")
    return np.broadcast_to(path, shape)


def moment(prices: ArrayLike, assets: Sequence[str]) -> Floats:
    """Return the prices of one moment, (n, [venue,] asset), as a path of one time.

    Raises
    ------
    FeedError
        If the shape is another.
    """
    values = np.asarray(prices, dtype=np.float64)
    if values.ndim not in (2, 3) or values.shape[-1] != len(assets):
        raise FeedError(
            f"prices of shape {values.shape} for {len(assets)} assets.",
            remedy="Give (scenario, asset), with the venues before the assets if there are any.",
        )
    return values[:, None]


def moments(inputs: Inputs | None) -> dict[str, Ints]:
    """Return inputs of one moment, scalar or (n,), as paths of one time."""
    rows = {name: np.asarray(values) for name, values in (inputs or {}).items()}
    return {name: row[:, None] if row.ndim == 1 else row for name, row in rows.items()}


def first_of(view: View) -> View:
    """Return the first moment of a view."""
    venues = None if view.venues is None else view.venues[:, :1]
    return replace(view, time_s=view.time_s[:1], market=view.market[:, :1], venues=venues)


def check_times(time_s: Floats, since_s: float) -> None:
    """Raise FeedError unless times are finite, never decrease and start at ``since_s`` or later."""
    steps = np.diff(time_s, prepend=since_s)
    good = np.isfinite(time_s) & (steps >= 0)
    if not good.all():
        k = int(np.argmin(good))
        raise FeedError(
            f"time {float(time_s[k])!r} at index {k} goes backwards or is not finite.",
            remedy="Sort the path; it must not start before the state's time.",
        )
