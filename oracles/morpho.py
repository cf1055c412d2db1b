"""Morpho's oracle: what one smallest unit of collateral buys of the loan token, times 1e36.

There is no check of age, bounds or sequencer, feeds cannot be changed, and a vault's share price
is read as it is now, so a donation moves it.
Source: morpho-org/morpho-blue-oracles ``MorphoChainlinkOracleV2.sol``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from abis.errors import FeedError
from abis.units import mul_div_down
from oracles.sources import Ints, Memoryless, View
from oracles.wide import narrowed

PRICE_DECIMALS = 36


@dataclass(frozen=True, slots=True)
class Side:
    """The collateral's or the loan's side of the quotient.

    Parameters
    ----------
    token_decimals : int
    feed_decimals : tuple of int
        Of its feeds, at most two; an absent feed counts as 1 with 0 decimals.
    vault_sample : int, optional
        Shares the vault is asked to convert, if the token is a vault's share.

    Raises
    ------
    FeedError
        If there are more than two feeds, or the sample is not positive.
    """

    token_decimals: int
    feed_decimals: tuple[int, ...] = ()
    vault_sample: int | None = None

    def __post_init__(self) -> None:
        if len(self.feed_decimals) > 2 or (self.vault_sample is not None and self.vault_sample < 1):
            raise FeedError(
                f"{len(self.feed_decimals)} feeds and a sample of {self.vault_sample} shares.",
                remedy="Give at most two feeds and a positive sample.",
            )

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of its children: the converted sample, then the feeds."""
        return ((None,) if self.vault_sample is not None else ()) + self.feed_decimals


def scale_factor(base: Side, quote: Side) -> int:
    """Return ``10^(36 + dQ + fQ1 + fQ2 - dB - fB1 - fB2) * quote sample / base sample``, floored.

    Raises
    ------
    FeedError
        If the exponent is negative: such an oracle cannot be deployed.
    """
    exponent = (
        PRICE_DECIMALS
        + quote.token_decimals
        + sum(quote.feed_decimals)
        - base.token_decimals
        - sum(base.feed_decimals)
    )
    if exponent < 0:
        raise FeedError(f"a scale of 10^{exponent}.", remedy="Check the decimals of tokens and feeds.")
    return mul_div_down(10**exponent, quote.vault_sample or 1, base.vault_sample or 1)


def morpho_price(scale: int, base: tuple[int, ...], quote: tuple[int, ...]) -> int:
    """Return ``floor(scale * prod(base) / prod(quote))``; 0 where the contract divides by zero.

    Parameters
    ----------
    scale : int
        From `scale_factor`.
    base, quote : tuple of int
        Converted sample and feed answers of each side, as far as there are any.
    """
    divisor = prod(quote)
    return mul_div_down(scale, prod(base), divisor) if divisor else 0


@dataclass(frozen=True, slots=True)
class MorphoOracle(Memoryless):
    """A market's price; its children are the base side's (`Side.takes`), then the quote side's.

    A vault's child is what ``convertToAssets(sample)`` returns.  Answers pass 64 bits and are
    Python integers then.

    Parameters
    ----------
    base, quote : Side
        Collateral and loan.
    """

    base: Side
    quote: Side

    def __post_init__(self) -> None:
        if scale_factor(self.base, self.quote) == 0:
            raise FeedError("a scale factor of 0.", remedy="Give a smaller sample of the base vault.")

    @property
    def decimals(self) -> int:
        """Return ``36 + quote decimals - base decimals``."""
        return PRICE_DECIMALS + self.quote.token_decimals - self.base.token_decimals

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of both sides' children."""
        return self.base.takes + self.quote.takes

    def answers(self, view: View) -> Ints:
        """Return `morpho_price` at every moment."""
        shape = (len(view), len(view.time_s))
        sides = view.children[: len(self.base.takes)], view.children[len(self.base.takes) :]
        base, quote = (_product(side, shape) for side in sides)
        none = quote == 0
        scaled = base * scale_factor(self.base, self.quote)
        price = np.where(none, 0, scaled // np.where(none, 1, quote))
        return narrowed(price)


def _product(factors: tuple[Ints, ...], shape: tuple[int, int]) -> Ints:
    product = np.full(shape, 1, dtype=object)
    for factor in factors:
        product = product * factor.astype(object)
    return product
