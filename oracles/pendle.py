"""Pendle principal tokens: the underlying's price less a discount that melts in a straight line.

The rate is a parameter of the risk admin, so the price does not depend on the token's market.
Source: bgd-labs/aave-capo ``PendlePriceCapAdapter.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.errors import FeedError
from abis.units import WAD, YEAR_S, mul_div_down
from oracles import wide
from oracles.sources import Ints, Memoryless, View


def discount_wad(maturity_s: int, now_s: int, rate_wad: int) -> int:
    """Return ``floor(max(0, maturity - now) * rate / year)``, of 1e18."""
    return mul_div_down(max(0, maturity_s - now_s), rate_wad, YEAR_S)


def discounted_price(price: int, discount: int) -> int:
    """Return ``floor(price * (1e18 - discount) / 1e18)``, 0 without a price."""
    return mul_div_down(price, WAD - discount, WAD) if price > 0 else 0


@dataclass(frozen=True, slots=True)
class PendleDiscount(Memoryless):
    """A principal token; its child is the underlying's price.

    Parameters
    ----------
    decimals : int
    maturity_s : int
        Unix time.
    rate_wad : int
        Discount of a year to maturity, of 1e18.

    Raises
    ------
    FeedError
        If the rate is negative; in use, if the discount exceeds the whole price.
    """

    decimals: int
    maturity_s: int
    rate_wad: int

    def __post_init__(self) -> None:
        if self.rate_wad < 0:
            raise FeedError(f"a discount of {self.rate_wad} a year.", remedy="Give at least 0.")

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the underlying's price."""
        return (self.decimals,)

    def answers(self, view: View) -> Ints:
        """Return `discounted_price` at every moment."""
        discounts = [discount_wad(self.maturity_s, int(t), self.rate_wad) for t in view.time_s]
        if max(discounts) > WAD:
            raise FeedError(
                f"a discount of {self.rate_wad} a year exceeds the price so long before {self.maturity_s}.",
                remedy="Check rate and maturity, and give the graph its epoch_s.",
            )
        return wide.mul_div_down(view.children[0], WAD - np.array(discounts, dtype=np.int64), WAD)
