"""Exact clearing in one dimension: where a fall of one price stops when liquidations deepen it.

Positions are sold below a threshold; what is sold moves the price; the lower price reaches
further thresholds.  With ``pi_1 >= pi_2 >= ...`` the thresholds as ratios to the price before,
``Q_k`` the volume of the first k and ``g`` the impact (non-increasing, ``g(0) = 1``), a shock to
``P`` clears where ``p = P g(volume of all pi > p)``.  That map is increasing, so it has a
greatest and a least fixed point, and both are sets of the first k positions:

* greatest (the cascade from the top): it goes on while ``P g(Q_k) < pi_{k+1}``, so k is the
  number of leading ``h_j = pi_{j+1} / g(Q_j)``, j from 0, that all exceed P;
* least (everybody sold, who need not be is let go from the end): the last k with
  ``P g(Q_k) < pi_k``.

Running minima and maxima make both sorted in k: one sort of the book, then a binary search a
shock.  A gap between the two is a region where a run fulfils itself.  The same numbers come
out of iterating the map, from the top and from the bottom; that takes a pass over the book a
round.  Sources: Cifuentes, Ferrucci and Shin (2005) for the map; Tarski for the fixed points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from abis.errors import InputError
from risk.engine.arrays import FloatArray, IntArray

Impact = Callable[[FloatArray], FloatArray]  # volume sold -> price as a fraction of the unsold one


@dataclass(frozen=True, eq=False, slots=True)
class Clearing:
    """Both fixed points for S shocks.

    Parameters
    ----------
    shock : (S,) float64
        Price after the shock before anything is sold, as a ratio.
    best_sold, worst_sold : (S,) int64
        Positions sold at the greatest and at the least fixed point.
    best_volume, worst_volume : (S,) float64
        What they sell, in the unit of the impact.
    best_price, worst_price : (S,) float64
        The price it ends at, as a ratio to the price before.
    """

    shock: FloatArray
    best_sold: IntArray
    worst_sold: IntArray
    best_volume: FloatArray
    worst_volume: FloatArray
    best_price: FloatArray
    worst_price: FloatArray

    @property
    def self_fulfilling(self) -> FloatArray:
        """Return how much further the price falls if everybody expects it, (S,)."""
        return self.best_price - self.worst_price


@dataclass(frozen=True, eq=False, slots=True)
class Ladder:
    """A book prepared for clearing; see the module.

    ``threshold`` (N,) non-increasing; ``volume`` (N + 1,) cumulative, from 0; ``price`` (N + 1,)
    impact of it; ``stops`` and ``holds`` (N,) the shocks below which the first k + 1 positions are
    sold at the greatest and at the least fixed point, non-increasing.
    """

    threshold: FloatArray
    volume: FloatArray
    price: FloatArray
    stops: FloatArray
    holds: FloatArray


def ladder(threshold: ArrayLike, volume: ArrayLike, impact: Impact) -> Ladder:
    """Sort a book once.

    Parameters
    ----------
    threshold : (N,) array_like of float
        Price below which each position is sold, as a ratio to the price before.  An account
        that is closed in parts is several rows.
    volume : (N,) array_like of float
        What each sells, in the unit of ``impact``.
    impact : callable
        From volume sold, (K,), to the price as a fraction of the unsold one.

    Raises
    ------
    InputError
        If a number is negative or not finite, or the impact rises, leaves (0, 1] or is not 1 at 0.
    """
    pi, q = (np.asarray(x, dtype=np.float64).ravel() for x in (threshold, volume))
    for name, values in (("threshold", pi), ("volume", q)):
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            k = int(np.argmax(bad))
            raise InputError(
                f"{name}[{k}] is {float(values[k])!r}.", remedy="Give finite numbers of 0 or more."
            )
    if len(pi) != len(q):
        raise InputError(f"{len(pi)} thresholds and {len(q)} volumes.", remedy="Give one of each a position.")
    order = np.argsort(-pi, kind="stable")
    pi = pi[order]
    sold = np.concatenate([[0.0], np.cumsum(q[order])])
    price = _checked(impact, sold)
    return Ladder(
        threshold=pi,
        volume=sold,
        price=price,
        stops=np.minimum.accumulate(pi / price[:-1]),
        holds=np.maximum.accumulate((pi / price[1:])[::-1])[::-1],
    )


def _checked(impact: Impact, volume: FloatArray) -> FloatArray:
    price = np.asarray(impact(volume), dtype=np.float64)
    fine = price.shape == volume.shape and bool(np.all((price > 0) & (price <= 1)))
    if not fine or price[0] != 1.0 or (np.diff(price) > 0).any():
        raise InputError(
            "the impact is not a price factor.",
            remedy="Give one that is 1 for no volume, never rises and stays above 0 for the whole book.",
        )
    return price


def clear(book: Ladder, shock: ArrayLike) -> Clearing:
    """Return where each shock ends.

    Parameters
    ----------
    book : Ladder
    shock : (S,) array_like of float
        Price after the shock, before anything is sold, as a ratio: 0.8 is a fall of 20 %.

    Raises
    ------
    InputError
        If a shock is negative or not finite.
    """
    p = np.asarray(shock, dtype=np.float64).ravel()
    bad = ~(np.isfinite(p) & (p >= 0))
    if bad.any():
        k = int(np.argmax(bad))
        raise InputError(f"shock[{k}] is {float(p[k])!r}.", remedy="Give price ratios of 0 or more.")
    # Descending arrays searched from behind: how many exceed p.
    best, worst = (len(a) - np.searchsorted(a[::-1], p, side="right") for a in (book.stops, book.holds))
    worst = np.maximum(best, worst)  # equal but for the rounding of the quotients
    return Clearing(
        p, best, worst, book.volume[best], book.volume[worst], p * book.price[best], p * book.price[worst]
    )


def exponential(per_volume: float) -> Impact:
    """Return the impact ``exp(-a Q)`` of Cifuentes, Ferrucci and Shin."""
    return lambda volume: np.exp(-per_volume * volume)


def constant_product(reserve_tokens: float) -> Impact:
    """Return the spot price of a pool ``x y = k`` after selling Q tokens into it: ``(x / (x + Q))**2``."""
    return lambda volume: (reserve_tokens / (reserve_tokens + volume)) ** 2


def power(depth_1pct: float, exponent: float) -> Impact:
    """Return the impact of a book holding ``depth_1pct (x / 1 %)**exponent`` down to a move x.

    Selling Q moves it by ``1 % (Q / depth_1pct)**(1 / exponent)``.  Exponents come from books a few
    percent deep; beyond, the move is bounded at 99 %.
    """
    return lambda volume: np.maximum(1.0 - 0.01 * (volume / depth_1pct) ** (1.0 / exponent), 0.01)
