"""An order book as a curve: how far a sale moves the price, what it fetches, when makers step back.

``Q(x) = D f (x / 1 %)**gamma`` US dollars stand within a relative distance ``x`` of the price, ``D`` the
depth at one percent, ``f`` the share of it that is there.  With ``u`` dollars consumed and not yet refilled,
a further sweep of ``q`` moves the log price by::

    dx = 1 % [((u + q) / (D f))**(1 / gamma) - (u / (D f))**(1 / gamma)]

Exponents below 1 make instantaneous sweeps convex: ``m`` equal orders at once move the price
``m**(1/gamma - 1)`` times as far as ``m`` orders on a refilled book.  Volumes are counted at the price the
cascade starts from.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from abis.errors import InputError

PERCENT = 0.01
TRUSTED_MOVE = 0.05  # published depth ends at five percent: beyond, the exponent is extrapolated
CALM = 2.0  # moves, in usual moves, that makers take without stepping back


@dataclass(frozen=True, slots=True)
class Book:
    """One asset's book on one venue.

    Parameters
    ----------
    depth_usd : float
        On one side within one percent of the price, US dollars.
    exponent : float
        ``gamma`` of the curve, in (0, 2].
    permanent_share : float
        Of an impact, what stays: in [0, 1].
    refill_half_life_s : float
        In which consumed volume and the impact that does not stay halve; ``inf`` for never.
    least_share : float
        Of depth, left under the worst stress: in (0, 1].
    withdrawal : float
        How fast makers step back per usual move beyond two; 0 for never.
    usual_move : float
        Relative size of a move usual within ``memory_s``.
    memory_s : float
        Half-life of the level moves are measured from.

    Raises
    ------
    InputError
        If a number is outside its range; a book without depth is no book.
    """

    depth_usd: float
    exponent: float
    permanent_share: float
    refill_half_life_s: float
    least_share: float = 1.0
    withdrawal: float = 0.0
    usual_move: float = 0.01
    memory_s: float = 1800.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if np.isnan(value) or (np.isinf(value) and f.name != "refill_half_life_s"):
                raise InputError(f"{f.name} of a book is {value}.", remedy="Give a number.")
        if not self.depth_usd > 0:
            raise InputError(
                f"a book of {self.depth_usd} USD within one percent is no book.",
                remedy="Leave the asset out of the venue, or give its depth.",
            )
        _within("exponent", self.exponent, 0.0, 2.0, open_below=True)
        _within("permanent_share", self.permanent_share, 0.0, 1.0)
        _within("refill_half_life_s", self.refill_half_life_s, 0.0, np.inf, open_below=True)
        _within("least_share", self.least_share, 0.0, 1.0, open_below=True)
        _within("withdrawal", self.withdrawal, 0.0, np.inf)
        _within("usual_move", self.usual_move, 0.0, 1.0, open_below=True)
        _within("memory_s", self.memory_s, 0.0, np.inf, open_below=True)


def impact(quantity_usd: float, depth_usd: float, exponent: float, consumed_usd: float = 0.0) -> float:
    """Return the move of the log price a sweep makes, in [0, inf).

    Parameters
    ----------
    quantity_usd : float
        Swept, US dollars.
    depth_usd : float
        Within one percent, what makers withdrew taken off.
    exponent : float
    consumed_usd : float
        Swept before and not refilled.
    """
    power = 1.0 / exponent
    return float(
        PERCENT * (((consumed_usd + quantity_usd) / depth_usd) ** power - (consumed_usd / depth_usd) ** power)
    )


def average_impact(
    quantity_usd: float, depth_usd: float, exponent: float, consumed_usd: float = 0.0
) -> float:
    """Return how far below (above) the price before the sweep it trades on average, as a log difference.

    The mean of `impact` over the volume of the sweep; parameters as there.
    """
    if quantity_usd <= 0.0:
        return 0.0
    power = 1.0 / exponent
    end, begin = (consumed_usd + quantity_usd) / depth_usd, consumed_usd / depth_usd
    area = (end ** (power + 1.0) - begin ** (power + 1.0)) / (power + 1.0)
    return float(PERCENT * (area * depth_usd / quantity_usd - begin**power))


def present_share(move: float, book: Book) -> float:
    """Return ``f``: the share of depth present after a relative move within the book's memory.

    ``f = least + (1 - least) exp(-withdrawal max(0, |move| / usual - 2))``.
    """
    beyond = max(0.0, abs(move) / book.usual_move - CALM)
    return float(book.least_share + (1.0 - book.least_share) * np.exp(-book.withdrawal * beyond))


def synchrony_factor(orders: float, exponent: float) -> float:
    """Return ``m**(1/gamma - 1)``: the move of m equal orders at once over that of m on refilled books."""
    return float(orders ** (1.0 / exponent - 1.0))


def _within(name: str, value: float, low: float, high: float, *, open_below: bool = False) -> None:
    if value < low or value > high or (open_below and value == low):
        left = "above" if open_below else "from"
        raise InputError(f"{name} of a book is {value}.", remedy=f"Give a number {left} {low:g} to {high:g}.")
