"""What a share is worth: staking tokens and vaults, from their own books.

Sources: lidofinance/lido-dao ``StETH.getPooledEthByShares``; OpenZeppelin ``ERC4626.sol``, whose
virtual shares and assets guard an empty vault, and vaults without them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.errors import FeedError
from abis.units import mul_div_down
from oracles import wide
from oracles.sources import Ints, Memoryless, View


def share_value(
    shares: int, assets: int, supply: int, virtual_assets: int = 0, virtual_shares: int = 0
) -> int:
    """Return ``floor(shares * (assets + virtual_assets) / (supply + virtual_shares))``; 0 if nobody has any.

    Parameters
    ----------
    shares : int
        Raw amount asked for, usually one whole share.
    assets, supply : int
        Total pooled ether and total shares, or total assets and total supply.
    virtual_assets, virtual_shares : int
        1 and ``10**offset`` for OpenZeppelin's vaults from 4.9 on, else 0.
    """
    issued = supply + virtual_shares
    return mul_div_down(shares, assets + virtual_assets, issued) if issued else 0


def times_ratio(price: int, ratio: int, ratio_decimals: int) -> int:
    """Return ``floor(price * ratio / 10^ratio_decimals)``, 0 without a price or ratio."""
    return mul_div_down(price, ratio, 10**ratio_decimals) if price > 0 and ratio > 0 else 0


@dataclass(frozen=True, slots=True)
class ShareValue(Memoryless):
    """What one share is worth; its children are total assets and total supply, usually inputs.

    Parameters
    ----------
    decimals : int
        Of the ratio.
    shares_raw : int
        Raw amount the provider is asked for: ``10**decimals`` of the share.
    virtual_assets, virtual_shares : int

    Raises
    ------
    FeedError
        If an amount is impossible.
    """

    decimals: int
    shares_raw: int
    virtual_assets: int = 0
    virtual_shares: int = 0

    def __post_init__(self) -> None:
        if self.shares_raw < 1 or min(self.virtual_assets, self.virtual_shares) < 0:
            raise FeedError(
                f"the value of {self.shares_raw} shares with {self.virtual_shares} virtual ones.",
                remedy="Give at least one share and no negative amount.",
            )

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return that assets and supply may have any decimals."""
        return (None, None)

    def answers(self, view: View) -> Ints:
        """Return `share_value` at every moment."""
        assets, supply = view.children
        # Totals of 18 decimals pass 64 bits, and so may their sums with what is virtual.
        worth = wide.narrowed(assets.astype(object) + self.virtual_assets)
        issued = wide.narrowed(supply.astype(object) + self.virtual_shares)
        none = issued == 0
        value = wide.mul_div_down(worth, self.shares_raw, np.where(none, 1, issued))
        return np.where(none, 0, value) if none.any() else value


@dataclass(frozen=True, slots=True)
class TimesRatio(Memoryless):
    """A price times an uncapped ratio; its children are both.

    Parameters
    ----------
    decimals : int
        Of the price and the answer.
    ratio_decimals : int
    """

    decimals: int
    ratio_decimals: int

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the price and of the ratio."""
        return (self.decimals, self.ratio_decimals)

    def answers(self, view: View) -> Ints:
        """Return `times_ratio` at every moment."""
        price, ratio = view.children
        return wide.mul_div_down(price, ratio, 10**self.ratio_decimals)
