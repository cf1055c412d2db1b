"""Basis-trade stablecoins: funding of perpetuals -> what their backing earns -> what stakers are paid.

The issuer holds coins and is short as many perpetuals, so that its backing keeps its dollars and earns the
funding longs pay; the rest is held in dollar assets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from abis.errors import InputError, UnknownAsset


@dataclass(frozen=True)
class Issuer:
    """A basis-trade stablecoin; shares of 1, rates a year, US dollars.

    Parameters
    ----------
    name : str
    plain, staked : tuple of str
        Symbols of the token, and of those that are paid what the backing earns.
    supply_usd : float
    staked_share : float
        Of supply, in (0, 1].
    basis : mapping of coin to float
        Share of the backing that is long the coin and short its perpetual; at most 1 together.
    spot_yield : mapping of coin to float
        What the coins held earn, such as staking rewards.
    rest_yield : float
        What the rest of the backing earns.
    kept_share : float
        Of earnings, not paid to stakers.
    plain_earns : float
        What plain tokens in loops earn by rewards, as a share of what staked ones are paid.
    cooldown_s : float
        Between asking for staked tokens back and redeeming them.
    usd_per_day : float
        Most that is redeemed.
    fee : float
        Of what is redeemed.
    within, size_usd : float
        How much can be sold on secondary markets within an average discount.
    gone_at : float
        Negative carry on equity at which every loop leaves within the horizon.
    horizon_s : float
    """

    name: str
    plain: tuple[str, ...]
    staked: tuple[str, ...]
    supply_usd: float
    staked_share: float
    basis: Mapping[str, float]
    spot_yield: Mapping[str, float]
    rest_yield: float
    kept_share: float
    plain_earns: float
    cooldown_s: float
    usd_per_day: float
    fee: float
    within: float
    size_usd: float
    gone_at: float
    horizon_s: float

    def __post_init__(self) -> None:
        values = {k: v for k, v in vars(self).items() if isinstance(v, float)}
        values |= {f"basis.{c}": v for c, v in self.basis.items()}
        values |= {f"spot_yield.{c}": v for c, v in self.spot_yield.items()}
        for key, value in values.items():
            at_most = np.inf if key in _AMOUNTS else 1.0
            above = key in _ABOVE
            if not (np.isfinite(value) and (value > 0.0 if above else value >= 0.0) and value <= at_most):
                low = "above 0" if above else "at least 0"
                high = "" if at_most == np.inf else ", at most 1"
                raise InputError(f"{self.name}: {key} is {value}.", remedy=f"Give a number {low}{high}.")
        if sum(self.basis.values()) > 1.0 + 1e-12:
            raise InputError(
                f"{self.name}: {sum(self.basis.values()):g} of the backing is in the basis trade.",
                remedy="Give shares that add up to at most 1.",
            )
        if not self.plain or set(self.plain) & set(self.staked):
            raise InputError(f"{self.name}: no plain token, or one that is also staked.")

    @property
    def tokens(self) -> tuple[str, ...]:
        """All symbols."""
        return self.plain + self.staked


_AMOUNTS = ("supply_usd", "cooldown_s", "usd_per_day", "size_usd", "gone_at", "horizon_s")
_ABOVE = ("supply_usd", "staked_share", "within", "size_usd", "gone_at", "horizon_s")


@dataclass(frozen=True, slots=True)
class Earned:
    """What a backing earns at a funding, a year.

    Parameters
    ----------
    backing : float
        On all of the backing; may be negative.
    staked : float
        Paid on staked tokens; never negative, the reserve fund bears what is missing.
    shortfall_usd : float
        What the reserve fund bears in a year.
    """

    backing: float
    staked: float
    shortfall_usd: float


def earned(issuer: Issuer, funding: Mapping[str, float]) -> Earned:
    """Return what the backing earns: ``sum of share (funding + spot yield) + rest``, paid on staked tokens.

    Parameters
    ----------
    issuer : Issuer
    funding : mapping of coin to float
        What longs pay, a year (`market_funding`).

    Raises
    ------
    UnknownAsset
        If a coin of the basis trade has no funding.
    InputError
        If a funding is not finite.
    """
    missing = next((c for c in issuer.basis if c not in funding), None)
    if missing is not None:
        raise UnknownAsset(
            f"no funding of '{missing}', which backs {issuer.name}.",
            remedy=f"Give {', '.join(issuer.basis)}.",
        )
    if not all(np.isfinite(v) for v in funding.values()):
        raise InputError(f"funding {dict(funding)}.", remedy="Give finite rates a year.")
    rest = max(0.0, 1.0 - sum(issuer.basis.values()))
    total = rest * issuer.rest_yield + sum(
        share * (funding[c] + issuer.spot_yield.get(c, 0.0)) for c, share in issuer.basis.items()
    )
    paid = max(0.0, total) * (1.0 - issuer.kept_share) / issuer.staked_share
    return Earned(total, paid, max(0.0, -total) * issuer.supply_usd)
