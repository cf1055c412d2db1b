"""Margin: when a position is liquidated and when it is bankrupt, in closed form.

A position of ``q`` coins with bankruptcy price ``b`` is worth ``side q (p - b)``, whatever its entry and
leverage: ``b = entry (1 - side / leverage)``.  Maintenance margin is ``rate p q - deduction``, continuous
where tiers meet, and the position is liquidated at::

    p = (b - side deduction / q) / (1 - side rate)

Sources: Hyperliquid docs, "Margin tiers" and "Liquidations"; Binance and Bybit use the same tiered form.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import inf

from abis.errors import InputError

LONG, SHORT = 1, -1


@dataclass(frozen=True, slots=True)
class Tiers:
    """Maintenance margin by size of a position.

    Parameters
    ----------
    from_usd : tuple of float
        Notional each tier begins at; the first is 0, strictly increasing.
    rate : tuple of float
        Maintenance margin rate of each tier as a fraction, in (0, 1), not falling.

    Raises
    ------
    InputError
        If tiers are empty, unsorted or outside their range.
    """

    from_usd: tuple[float, ...]
    rate: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.from_usd or len(self.from_usd) != len(self.rate) or self.from_usd[0] != 0.0:
            raise InputError(
                "margin tiers need a rate each and begin at 0.", remedy="Give [[0, 0.0125], ...]."
            )
        pairs = list(zip(self.from_usd, self.from_usd[1:], strict=False))
        if any(b <= a for a, b in pairs) or any(
            b < a for a, b in zip(self.rate, self.rate[1:], strict=False)
        ):
            raise InputError(
                f"margin tiers {self.from_usd} with {self.rate} fall.", remedy="Sort them by size."
            )
        if not all(f < inf for f in self.from_usd):
            raise InputError(f"margin tiers from {self.from_usd} USD.", remedy="Give finite amounts.")
        if not all(0.0 < r < 1.0 for r in self.rate):
            raise InputError(f"maintenance rates {self.rate}.", remedy="Give fractions between 0 and 1.")

    def at(self, notional_usd: float) -> tuple[float, float]:
        """Return the rate and the deduction, US dollars, of a position of that size.

        ``deduction(n) = deduction(n - 1) + from(n) (rate(n) - rate(n - 1))``.
        """
        tier = bisect_right(self.from_usd, notional_usd) - 1
        if tier < 0:
            raise InputError(f"a position of {notional_usd} USD.", remedy="Give a size of at least 0.")
        steps = ((f, a, b) for f, a, b in zip(self.from_usd[1:], self.rate, self.rate[1:], strict=False))
        return self.rate[tier], sum(f * (b - a) for f, a, b in list(steps)[:tier])


def bankruptcy_price(entry_usd: float, leverage: float, side: int) -> float:
    """Return the price at which an isolated linear position is worth nothing.

    Parameters
    ----------
    entry_usd : float
        Price per coin it was opened at.
    leverage : float
        Notional over margin at entry, at least 1.
    side : {1, -1}
        `LONG` or `SHORT`.

    Raises
    ------
    InputError
        If leverage is below 1, the price not positive, or the side neither.
    """
    if side not in (LONG, SHORT):
        raise InputError(f"a side of {side}.", remedy="Give 1 for long or -1 for short.")
    if not leverage >= 1.0 or not entry_usd > 0.0:
        raise InputError(
            f"a position at {entry_usd} with leverage {leverage}.", remedy="Give leverage from 1."
        )
    return entry_usd * (1.0 - side / leverage)


def liquidation_price(
    bankruptcy_usd: float, rate: float, side: int, deduction_usd: float = 0.0, coins: float = 1.0
) -> float:
    """Return the mark price below (long) or above (short) which a position is liquidated.

    Parameters
    ----------
    bankruptcy_usd : float
        See `bankruptcy_price`.
    rate : float
        Maintenance margin rate, a fraction.
    side : {1, -1}
    deduction_usd, coins : float
        Deduction of the tier and the position's size.
    """
    return (bankruptcy_usd - side * deduction_usd / coins) / (1.0 - side * rate)
