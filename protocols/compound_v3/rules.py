"""Solvency and absorption of a Compound III account, in exact integers.

Beside the contract: Comet.sol and CometMath.sol of compound-finance/comet.  The views use stored
indices; ``absorb`` accrues first, which is left to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abis.units import WAD, mul_div_down, mul_div_up

INDEX_SCALE = 10**15


@dataclass(frozen=True, slots=True)
class Base:
    """The borrowed asset: price (8 decimals), ``10**decimals``, and the two indices."""

    price_raw: int
    scale: int
    supply_index: int = INDEX_SCALE
    borrow_index: int = INDEX_SCALE


@dataclass(frozen=True, slots=True)
class Collateral:
    """One collateral of an account; the three factors in wad."""

    balance_raw: int
    price_raw: int
    scale: int
    borrow_factor_wad: int
    liquidate_factor_wad: int
    liquidation_factor_wad: int


@dataclass(frozen=True, slots=True)
class Absorption:
    """What ``absorb`` does to an account.

    Parameters
    ----------
    credited_raw : int
        What all its collateral pays of the base asset.
    balance_raw : int
        Base balance after it: the borrower keeps what is over.
    unpaid_raw : int
        Debt the collateral did not pay, borne by the protocol's reserves.
    """

    credited_raw: int
    balance_raw: int
    unpaid_raw: int


def present_value(principal: int, base: Base) -> int:
    """Return the base balance of a principal, its sign kept, rounded towards zero."""
    index = base.supply_index if principal >= 0 else base.borrow_index
    size = mul_div_down(abs(principal), index, INDEX_SCALE)
    return size if principal >= 0 else -size


def principal_value(balance_raw: int, base: Base) -> int:
    """Return the principal of a base balance: supply rounded down, debt away from zero."""
    if balance_raw >= 0:
        return mul_div_down(balance_raw, INDEX_SCALE, base.supply_index)
    return -mul_div_up(-balance_raw, INDEX_SCALE, base.borrow_index)


def liquidity(
    principal: int, base: Base, factors_wad: Sequence[int], collateral: Sequence[Collateral]
) -> int:
    """Return collateral times factor less debt, 8 decimals of a US dollar."""
    balance = present_value(principal, base)
    total = mul_div_down(abs(balance), base.price_raw, base.scale) * (1 if balance >= 0 else -1)
    for own, factor in zip(collateral, factors_wad, strict=True):
        worth = mul_div_down(own.balance_raw, own.price_raw, own.scale)
        total += mul_div_down(worth, factor, WAD)
    return total


def is_liquidatable(principal: int, base: Base, collateral: Sequence[Collateral]) -> bool:
    """Return ``isLiquidatable``."""
    factors = [c.liquidate_factor_wad for c in collateral]
    return principal < 0 and liquidity(principal, base, factors, collateral) < 0


def absorb(principal: int, base: Base, collateral: Sequence[Collateral]) -> Absorption:
    """Return what ``absorb`` does to a liquidatable account: it takes all collateral and all debt."""
    before = present_value(principal, base)
    worth = sum(
        mul_div_down(mul_div_down(c.balance_raw, c.price_raw, c.scale), c.liquidation_factor_wad, WAD)
        for c in collateral
    )
    credited = mul_div_down(worth, base.scale, base.price_raw)
    after = before + credited
    return Absorption(credited, max(after, 0), max(-after, 0))


def ask_price(own: Collateral, storefront_factor_wad: int) -> int:
    """Return the price at which the protocol sells absorbed collateral."""
    discount = mul_div_down(storefront_factor_wad, WAD - own.liquidation_factor_wad, WAD)
    return mul_div_down(own.price_raw, WAD - discount, WAD)


def quote_collateral(own: Collateral, base: Base, base_raw: int, storefront_factor_wad: int) -> int:
    """Return the collateral ``base_raw`` buys, smallest units."""
    price = ask_price(own, storefront_factor_wad)
    return mul_div_down(base.price_raw, base_raw * own.scale, price) // base.scale
