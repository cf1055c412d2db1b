"""Caps on the price of a stablecoin: only the upside is cut, a loss of the peg passes.

Source: bgd-labs/aave-capo ``PriceCapAdapterStable.sol`` and ``EURPriceCapAdapterStable.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.errors import FeedError
from abis.units import mul_div_down
from oracles import wide
from oracles.sources import Ints, Memoryless, View

MAX_STABLE_CAP = 2 * 10**8


def stable_price(price: int, cap: int) -> int:
    """Return ``min(price, cap)``, 0 without a price."""
    return min(price, cap) if price > 0 else 0


def may_set_stable_cap(cap: int, price: int) -> bool:
    """Return whether ``setPriceCap`` accepts: ``price <= cap <= 2e8`` (and not below 0)."""
    return max(price, 0) <= cap <= MAX_STABLE_CAP


def eur_price(price: int, eur_usd: int, cap_ratio: int, ratio_decimals: int) -> int:
    """Return ``min(price, floor(EUR/USD * cap_ratio / 10^ratio_decimals))``."""
    return min(price, mul_div_down(eur_usd, cap_ratio, 10**ratio_decimals))


def may_set_eur_cap(cap_ratio: int, price: int, eur_usd: int, ratio_decimals: int) -> bool:
    """Return whether ``setPriceCapRatio`` accepts: the cap is not below the price."""
    return mul_div_down(eur_usd, cap_ratio, 10**ratio_decimals) >= price


@dataclass(frozen=True, slots=True)
class StableCap(Memoryless):
    """A feed's answer, at most ``cap_raw``; its child is the feed.

    Parameters
    ----------
    decimals : int
    cap_raw : int

    Raises
    ------
    FeedError
        If the cap is negative.
    """

    decimals: int
    cap_raw: int

    def __post_init__(self) -> None:
        _check_cap(self.cap_raw)

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the feed."""
        return (self.decimals,)

    def answers(self, view: View) -> Ints:
        """Return `stable_price` at every moment."""
        return np.asarray(np.minimum(view.children[0], wide.narrowed(np.asarray(self.cap_raw))))


@dataclass(frozen=True, slots=True)
class EurCap(Memoryless):
    """A euro stablecoin's feed, at most EUR/USD times a ratio; its children are both feeds.

    Parameters
    ----------
    decimals : int
        Of both feeds and the answer.
    cap_ratio_raw : int
    ratio_decimals : int

    Raises
    ------
    FeedError
        If the cap is negative.
    """

    decimals: int
    cap_ratio_raw: int
    ratio_decimals: int

    def __post_init__(self) -> None:
        _check_cap(self.cap_ratio_raw)

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the asset's feed and of EUR/USD."""
        return (self.decimals, self.decimals)

    def answers(self, view: View) -> Ints:
        """Return `eur_price` at every moment."""
        price, eur_usd = view.children
        highest = wide.mul_div_down(eur_usd, self.cap_ratio_raw, 10**self.ratio_decimals)
        return np.asarray(np.minimum(price, highest))


def _check_cap(cap: int) -> None:
    if cap < 0:
        raise FeedError(f"a cap of {cap}.", remedy="Give a cap of at least 0.")
