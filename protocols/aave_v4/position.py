"""One account of an Aave v4 spoke in exact integers.

Beside the contract: Spoke.sol and SharesMath.sol of aave/aave-v4.
"""

from __future__ import annotations

from dataclasses import dataclass

from abis.units import RAY, mul_div_down, mul_div_up

VIRTUAL = 10**6  # shares and assets every reserve of a hub starts with


@dataclass(frozen=True, slots=True)
class Supplied:
    """One supplied reserve of an account, with the parameters of the account's stored key.

    Parameters
    ----------
    shares : int
        Of the hub's supply, as stored.
    added_assets, added_shares : int
        The hub's totals, smallest units.
    price_raw : int
        Oracle price of a whole token, 8 decimals.
    decimals : int
    factor_bps : int
        Collateral factor: loan-to-value limit and liquidation threshold in one.
    max_bonus_bps : int
        Largest liquidation bonus, including 10000.
    fee_bps : int
        Treasury's share of the bonus.
    counted : bool
        Whether it backs debt.
    """

    shares: int
    added_assets: int
    added_shares: int
    price_raw: int
    decimals: int
    factor_bps: int
    max_bonus_bps: int
    fee_bps: int = 0
    counted: bool = True

    def assets_down(self, shares: int) -> int:
        """Return what removing ``shares`` pays out, smallest units."""
        return mul_div_down(shares, self.added_assets + VIRTUAL, self.added_shares + VIRTUAL)

    def assets_up(self, shares: int) -> int:
        """Return what adding ``shares`` costs, smallest units."""
        return mul_div_up(shares, self.added_assets + VIRTUAL, self.added_shares + VIRTUAL)

    def shares_down(self, assets: int) -> int:
        """Return the shares of adding ``assets``."""
        return mul_div_down(assets, self.added_shares + VIRTUAL, self.added_assets + VIRTUAL)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One drawn reserve of an account.

    Parameters
    ----------
    shares, index_ray : int
        Drawn shares and the drawn index.
    premium_ray : int
        Accrued premium, smallest units times a ray.
    price_raw, decimals : int
        As in `Supplied`.
    """

    shares: int
    index_ray: int
    premium_ray: int
    price_raw: int
    decimals: int

    @property
    def debt_ray(self) -> int:
        """Drawn debt and premium, smallest units times a ray."""
        return self.shares * self.index_ray + self.premium_ray


@dataclass(frozen=True, slots=True)
class Account:
    """All reserves of one account in one spoke; the index of a reserve is its place."""

    supplied: tuple[Supplied, ...]
    drawn: tuple[Drawn, ...]


def value(amount: int, price_raw: int, decimals: int) -> int:
    """Return an amount's value: 1e26 a US dollar, times a ray for ray amounts."""
    return int(amount * price_raw * 10 ** (18 - decimals))


def weighted_value(account: Account) -> int:
    """Return collateral value times factor, in bps of 1e26 a US dollar."""
    return sum(
        s.factor_bps * value(s.assets_down(s.shares), s.price_raw, s.decimals)
        for s in account.supplied
        if s.counted and s.factor_bps and s.shares
    )


def debt_value_ray(account: Account) -> int:
    """Return what an account owes, 1e53 a US dollar; nothing is rounded."""
    return sum(value(d.debt_ray, d.price_raw, d.decimals) for d in account.drawn)


def health_factor_wad(account: Account) -> int | None:
    """Return the health factor, rounded down; None without debt."""
    debt = debt_value_ray(account)
    return mul_div_down(weighted_value(account), 10**14 * RAY, debt) if debt else None
