"""Two feeds made into one price.  Both deviations add up: the error is up to their sum.

Source: bgd-labs/cl-synchronicity-price-adapter ``CLSynchronicityPriceAdapterPegToBase.sol`` and
``CLSynchronicityPriceAdapterBaseToPeg.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.units import mul_div_down
from oracles import wide
from oracles.sources import Ints, Memoryless, View


def peg_to_base(asset_peg: int, peg_base: int, decimals: int, feeds_decimals: int) -> int:
    """Return ``floor(asset_peg * peg_base * 10^decimals / 10^feeds_decimals)``, 0 without a price.

    Parameters
    ----------
    asset_peg, peg_base : int
        stETH/ETH and ETH/USD, say.
    decimals : int
        Of the answer.
    feeds_decimals : int
        Of both feeds together.
    """
    if asset_peg <= 0 or peg_base <= 0:
        return 0
    return mul_div_down(asset_peg * peg_base, 10**decimals, 10**feeds_decimals)


def base_to_peg(asset_peg: int, base_peg: int, decimals: int) -> int:
    """Return ``floor(asset_peg * 10^decimals / base_peg)``, 0 without a price.

    USDC/USD over ETH/USD is USDC/ETH; both feeds have the same decimals.
    """
    if asset_peg <= 0 or base_peg <= 0:
        return 0
    return mul_div_down(asset_peg, 10**decimals, base_peg)


@dataclass(frozen=True, slots=True)
class PegToBase(Memoryless):
    """The product of two feeds; its children are asset/peg and peg/base.

    Parameters
    ----------
    decimals : int
    asset_decimals, peg_decimals : int
        Of the two feeds.
    """

    decimals: int
    asset_decimals: int
    peg_decimals: int

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of both feeds."""
        return (self.asset_decimals, self.peg_decimals)

    def answers(self, view: View) -> Ints:
        """Return `peg_to_base` at every moment."""
        asset_peg, peg_base = view.children
        # The common power of ten cancels exactly.
        surplus = self.asset_decimals + self.peg_decimals - self.decimals
        if surplus >= 0:
            return wide.mul_div_down(asset_peg, peg_base, 10**surplus)
        product = wide.mul_div_down(asset_peg, peg_base, 1)
        return wide.mul_div_down(product, 10**-surplus, 1)


@dataclass(frozen=True, slots=True)
class BaseToPeg(Memoryless):
    """The quotient of two feeds; its children are asset/peg and base/peg.

    Parameters
    ----------
    decimals : int
    feed_decimals : int
        Of both feeds.
    """

    decimals: int
    feed_decimals: int

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of both feeds."""
        return (self.feed_decimals, self.feed_decimals)

    def answers(self, view: View) -> Ints:
        """Return `base_to_peg` at every moment."""
        asset_peg, base_peg = view.children
        none = base_peg == 0
        if not none.any():
            return wide.mul_div_down(asset_peg, 10**self.decimals, base_peg)
        quotient = wide.mul_div_down(asset_peg, 10**self.decimals, np.where(none, 1, base_peg))
        return np.where(none, 0, quotient)
