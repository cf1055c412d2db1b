"""Prices somebody wrote down: one dollar, one ether.

Source: bgd-labs/aave-capo ``FixedPriceAdapter.sol``; Aave's stETH/ETH source has been the
constant 1e18 since June 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.errors import FeedError
from abis.findings import Finding, FindingKind, Severity
from abis.units import WAD, from_raw
from oracles.sources import Ints, Memoryless, View
from oracles.wide import narrowed


@dataclass(frozen=True, slots=True)
class FixedPrice(Memoryless):
    """A constant.

    Parameters
    ----------
    decimals : int
    price_raw : int

    Raises
    ------
    FeedError
        If the price is negative.
    """

    decimals: int
    price_raw: int

    def __post_init__(self) -> None:
        if self.price_raw < 0:
            raise FeedError(f"a fixed price of {self.price_raw}.", remedy="Give at least 0.")

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return no child."""
        return ()

    def answers(self, view: View) -> Ints:
        """Return the constant at every moment."""
        return np.broadcast_to(narrowed(np.array(self.price_raw)), (len(view), len(view.time_s)))

    def findings(self) -> list[Finding]:
        """Return that no market moves this price."""
        price = from_raw(self.price_raw, self.decimals)
        return [
            Finding(
                kind=FindingKind.ORACLE,
                severity=Severity.LOW,
                subject=f"fixed price of {price.normalize():f}",
                message="It follows no market: a fall leaves bad debt instead of liquidations.",
                remedy="Check that what it stands for can be redeemed at this price.",
            )
        ]


STETH_TO_ETH = FixedPrice(18, WAD)
