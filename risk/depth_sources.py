"""Depth curves from where liquidity is: pool states, quote ladders, order books.

Each function returns one `Curve`: cumulative sizes sold, whole tokens, and what they fetch, from
(0, 0) on, in the money the source pays in (give ``usd`` where that is no dollar).  `depth_of` puts
them together.  Between the points a curve is read as straight, which pays less than the pool does.

Sources of the formulas: Uniswap v2 and v3 core (``getAmountOut``, ``SwapMath``, ``SqrtPriceMath``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.depth import Depth, FloatArray

POINTS = 32  # of a pool between two turns of its formula
LAST_TICK = 887_272  # TickMath.MAX_TICK
FINE = 1e-4  # how much of it the first point has gone


class Curve(NamedTuple):
    """Cumulative ``size_tokens`` and ``proceeds_usd``, (n,) each, from 0 on."""

    size_tokens: FloatArray
    proceeds_usd: FloatArray


def constant_product(
    tokens: float, money: float, fee: float, most_tokens: float, usd: float = 1.0, points: int = POINTS
) -> Curve:
    """Return what a pool ``x y = k`` pays: ``money q (1 - fee) / (tokens + q (1 - fee))``.

    Parameters
    ----------
    tokens, money : float
        Its reserves of what is sold and of what is paid, whole units.
    fee : float
        Fraction of the input.
    most_tokens : float
        Size at which the curve ends.
    usd : float
        Dollars a unit of money.
    """
    _positive(tokens=tokens, money=money, most_tokens=most_tokens, usd=usd)
    _fraction(fee)
    size = np.append(0.0, most_tokens * _shares(points))
    net = size * (1.0 - fee)
    return Curve(size, money * net / (tokens + net) * usd)


def concentrated(
    sqrt_price: float,
    liquidity: float,
    turns: Iterable[tuple[float, float]],
    fee: float,
    usd: float = 1.0,
    points: int = POINTS,
) -> Curve:
    """Return what a pool of ranges pays for its token 0, from the price now down to its last turn.

    Within a range ``dx = L (1/sqrt(P') - 1/sqrt(P))`` is sold for ``dy = L (sqrt(P) - sqrt(P'))``.

    Parameters
    ----------
    sqrt_price : float
        Root of money (token 1) a token 0, both in whole units.
    liquidity : float
        L of the range the price stands in.
    turns : iterable of (float, float)
        Roots of the prices below where liquidity changes, and the liquidity taken away there when
        the price falls through (``liquidityNet``).
    fee, usd
        As in `constant_product`.

    Raises
    ------
    InputError
        If a turn lies above the price or liquidity becomes negative.
    """
    _positive(sqrt_price=sqrt_price, usd=usd)
    _fraction(fee)
    size, paid, root, depth = [0.0], [0.0], sqrt_price, liquidity
    for below, net in sorted(turns, reverse=True):
        if not 0.0 < below <= sqrt_price or depth < 0.0:
            raise InputError(
                f"a turn at root price {below} with liquidity {depth}.",
                remedy="Give the turns below the price and their liquidityNet.",
            )
        if depth > 0.0:
            for after in root - (root - below) * _shares(points):
                size.append(size[-1] + depth * (root - after) / (root * after) / (1.0 - fee))
                paid.append(paid[-1] + depth * (root - after) * usd)
                root = float(after)
        root, depth = below, depth - net
        # Nets of ticks add up to nothing at the last one, but for rounding of whole units.
        depth = 0.0 if abs(depth) <= 1e-9 * liquidity else depth
    if len(size) == 1:
        raise InputError("the pool has no liquidity below its price.", remedy="Give the turns below it.")
    return _curve(size, paid)


def pool_of_ticks(
    sqrt_price_x96: int,
    liquidity: int,
    ticks: Sequence[tuple[int, int]],
    fee: float,
    decimals: tuple[int, int],
    sells: int,
    usd: float = 1.0,
    points: int = POINTS,
) -> Curve:
    """Return what a pool of ticks pays, from what its contract's storage says.

    Parameters
    ----------
    sqrt_price_x96, liquidity : int
        ``slot0().sqrtPriceX96`` and ``liquidity()``.
    ticks : sequence of (int, int)
        Initialised ticks and their ``liquidityNet``; those on the other side of the price are
        passed over.  Beyond the last one there is no liquidity.
    fee : float
        Fraction of the input: 0.0005 where the contract says 500.
    decimals : (int, int)
        Of token 0 and token 1.
    sells : int
        Which token is sold, 0 or 1.
    usd
        As in `constant_product`.

    Raises
    ------
    InputError
        As `concentrated`.
    """
    for name, value, end in (("sqrt_price_x96", sqrt_price_x96, 2**160), ("liquidity", liquidity, 2**128)):
        if not 0 <= value < end or (name == "sqrt_price_x96" and value == 0):
            raise InputError(f"{name} is {value}.", remedy="Give what the pool's contract returns.")
    for tick, net in ticks:
        if abs(tick) > LAST_TICK or abs(net) >= 2**127:
            raise InputError(f"tick {tick} with net {net} is no tick.", remedy="Give initialised ticks.")
    root = sqrt_price_x96 / 2**96
    # Whole units: a root price of token 1 a token 0, and L = sqrt(x y).
    scale, deep = 10.0 ** ((decimals[0] - decimals[1]) / 2), 10.0 ** (sum(decimals) / 2)
    turns = []
    for tick, net in ticks:
        at = 1.0001 ** (tick / 2)
        # Selling token 1 is selling token 0 of the pool seen in a mirror: prices and nets turn round.
        if sells == 0 and at < root:
            turns.append((at * scale, net / deep))
        elif sells == 1 and at > root:
            turns.append((1.0 / (at * scale), -net / deep))
    own = root * scale if sells == 0 else 1.0 / (root * scale)
    return concentrated(own, liquidity / deep, turns, fee, usd, points)


def quotes(sizes: ArrayLike, proceeds_usd: ArrayLike) -> Curve:
    """Return the curve of an aggregator's quotes of whole sizes, in any order.

    Where a larger size is quoted above the line through its neighbours the lower one is kept out:
    an aggregator finds no better route for less, so the concave hull is what can be had.
    """
    size, paid = (np.asarray(x, dtype=np.float64) for x in (sizes, proceeds_usd))
    if size.shape != paid.shape or not ((size > 0) & (paid >= 0)).all() or not np.isfinite(paid).all():
        raise InputError("quotes need one finite proceeds >= 0 a size > 0.", remedy="Check the quotes.")
    order = np.argsort(size, kind="stable")
    hull: list[tuple[float, float]] = [(0.0, 0.0)]
    for x, y in zip(size[order].tolist(), paid[order].tolist(), strict=True):
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], (x, y)):
            hull.pop()
        hull.append((x, max(y, hull[-1][1])))
    return _curve([p[0] for p in hull], [p[1] for p in hull])


def order_book(price_usd: ArrayLike, size_tokens: ArrayLike, fee: float = 0.0) -> Curve:
    """Return what an exchange's bids pay, best first whatever their order, less the taker's fee."""
    price, size = (np.asarray(x, dtype=np.float64) for x in (price_usd, size_tokens))
    _fraction(fee)
    if price.shape != size.shape or not ((size > 0) & (price >= 0)).all() or not np.isfinite(price).all():
        raise InputError("bids need a finite price >= 0 and a size > 0.", remedy="Check the book.")
    order = np.argsort(-price, kind="stable")
    cumulative = np.cumsum(size[order])
    paid = np.cumsum(size[order] * price[order]) * (1.0 - fee)
    return Curve(np.append(0.0, cumulative), np.append(0.0, paid))


def routed(curves: Sequence[Curve]) -> Curve:
    """Return the best that can be had by splitting a sale over several sources: dearest pieces first."""
    if not curves:
        raise InputError("no curves to route over.", remedy="Give at least one.")
    width = np.concatenate([np.diff(c.size_tokens) for c in curves])
    gain = np.concatenate([np.diff(c.proceeds_usd) for c in curves])
    order = np.argsort(-gain / width, kind="stable")
    return Curve(np.append(0.0, np.cumsum(width[order])), np.append(0.0, np.cumsum(gain[order])))


def depth_of(snapshot: Snapshot, curves: Mapping[str, Curve], source: str) -> Depth:
    """Return a depth of curves by asset; reserves without one stay infinitely deep.

    A curve that pays more than the oracle price is held to it, as one read from a file.

    Raises
    ------
    UnknownAsset
        If the market does not list an asset.
    """
    n, points = len(snapshot.reserves), max((len(c.size_tokens) for c in curves.values()), default=1)
    size, usd = np.zeros((n, points)), np.zeros((n, points))
    count, time_s, sources = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), [""] * n
    for name, curve in curves.items():
        a, k = snapshot.asset_index(name), len(curve.size_tokens)
        size[a, :k], size[a, k:] = curve.size_tokens, curve.size_tokens[-1]
        usd[a, :k], usd[a, k:] = curve.proceeds_usd, curve.proceeds_usd[-1]
        usd[a] = np.minimum(usd[a], size[a] * snapshot.price_usd[a])
        count[a], time_s[a], sources[a] = k, snapshot.block.timestamp_s, source
    infinite = Depth.infinite_for(snapshot)
    return replace(
        infinite, count=count, size_tokens=size, proceeds_usd=usd, time_s=time_s, source=tuple(sources)
    )


def _shares(points: int) -> FloatArray:
    """Return how much of a stretch each point has gone, up to 1; finer at its start.

    A straight line over a wide first piece would charge small sales too much.
    """
    return np.append(np.geomspace(FINE, 1.0, points)[:-1], 1.0)


def _slope(a: tuple[float, float], b: tuple[float, float]) -> float:
    return (b[1] - a[1]) / (b[0] - a[0]) if b[0] > a[0] else np.inf


def _curve(size: Sequence[float], paid: Sequence[float]) -> Curve:
    return Curve(np.array(size, dtype=np.float64), np.array(paid, dtype=np.float64))


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value}.", remedy="Give a finite number above 0.")


def _fraction(fee: float) -> None:
    if not 0.0 <= fee < 1.0:
        raise InputError(f"a fee of {fee}.", remedy="Give a fraction from 0 to 1, such as 0.003.")
