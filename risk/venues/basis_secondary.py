"""Secondary markets of a stablecoin: what buyers pay who redeem later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.venues.basis import Issuer
from risk.venues.positions import FloatArray


@dataclass(frozen=True, eq=False)
class Secondary:
    """What buyers pay: proceeds of ``size`` dollars' worth held by them, straight between points from (0, 0).

    Parameters
    ----------
    size_usd, proceeds_usd : (P,) float64
        Rising and concave; both begin at 0.
    source : str
    """

    size_usd: FloatArray
    proceeds_usd: FloatArray
    source: str

    def proceeds(self, held_usd: float) -> float:
        """Return what all that is held was bought for."""
        return float(np.interp(held_usd, self.size_usd, self.proceeds_usd))

    def discount(self, held_usd: float) -> float:
        """Return one less the price of the next token, in dollars of redemption; 0 where nothing is held."""
        if len(self.size_usd) == 1 or held_usd <= 0.0:
            return 0.0
        slope = np.diff(self.proceeds_usd) / np.diff(self.size_usd)
        middle = (self.size_usd[1:] + self.size_usd[:-1]) / 2.0
        at = np.append(0.0, middle), np.append(slope[0], slope)
        return float(max(0.0, 1.0 - np.interp(held_usd, *at)))

    def room(self, worst_discount: float | None = None) -> float:
        """Return how much buyers hold at most, where leavers wait at a discount; by default all of the curve.

        Raises
        ------
        InputError
            If the discount is outside (0, 1].
        """
        if worst_discount is not None and not 0.0 < worst_discount <= 1.0:
            raise InputError(
                f"a worst discount of {worst_discount}.", remedy="Give a number above 0, at most 1."
            )
        end = float(self.size_usd[-1])
        if worst_discount is None or self.discount(end) <= worst_discount:
            return end
        if self.discount(0.0) >= worst_discount:
            return 0.0
        return float(brentq(lambda held: self.discount(held) - worst_discount, 0.0, end))


def published(issuer: Issuer, points: int = 41) -> Secondary:
    """Return the curve through the one published point: the discount rises evenly up to it and ends there.

    Parameters
    ----------
    issuer : Issuer
        ``size_usd`` sells within an average discount of ``within``.
    points : int
    """
    size = np.linspace(0.0, issuer.size_usd, points)
    return Secondary(size, size * (1.0 - issuer.within * size / issuer.size_usd), "the issuer's file")


def secondary_of(depth: Depth, snapshot: Snapshot, issuer: Issuer) -> Secondary:
    """Return the curve of a depth file: that of the plain token, else of a staked one.

    Parameters
    ----------
    depth : Depth
    snapshot : Snapshot
    issuer : Issuer

    Raises
    ------
    InputError
        If it has none of either.
    """
    for symbol in issuer.tokens:
        for i, reserve in enumerate(snapshot.reserves):
            if reserve.symbol == symbol and depth.count[i] > 0:
                n = int(depth.count[i])
                price = float(snapshot.price_usd[i])
                return Secondary(depth.size_tokens[i, :n] * price, depth.proceeds_usd[i, :n], depth.source[i])
    raise InputError(
        f"the depth file has no curve of {' or '.join(issuer.tokens)}.", remedy="Add one, or leave it out."
    )
