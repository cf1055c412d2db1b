"""`Shock`: an instantaneous joint price move, and the text that describes it.

Grammar of ``--shock`` (parts joined by commas apply together, in any order)::

    WETH=-30%              the asset and everything that follows it
    WETH=-30%,WBTC=-25%    a joint move
    LINK=+80%              upward
    wstETH/WETH=-5%        the first asset against the second
    market=-40%            every asset by its beta (docs/scenarios.md)

Numbers are percentages with a sign; ``0%`` needs none.  An explicit part wins over what
an asset follows, which wins over the market factor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from abis.errors import BadShock
from protocols.snapshot import Snapshot
from risk.scenarios.families import MARKET, Tree, resolve, tree_of

FloatArray = NDArray[np.float64]
Fair = Literal["redemption", "market"]
Pair = tuple[str, str]

LOWEST, HIGHEST = Decimal("1e-6"), Decimal("1e3")  # price factors a shock may produce
EXAMPLE = "Write a signed percentage, such as WETH=-30% or LINK=+80%."


@dataclass(frozen=True, slots=True)
class Shock:
    """One joint move.

    Parameters
    ----------
    moves : mapping of str to float
        Price factor per asset (0.7 = -30 %); `MARKET` is the market factor.
    pairs : mapping of (str, str) to float
        Factor of the first asset's price relative to the second's.
    """

    moves: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    pairs: Mapping[Pair, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        for subject, factor in [*self.moves.items(), *self.pairs.items()]:
            if not (math.isfinite(factor) and float(LOWEST) <= factor <= float(HIGHEST)):
                raise BadShock(f"the price factor {factor} of {subject} is no possible move.", remedy=EXAMPLE)

    def __hash__(self) -> int:
        return hash((frozenset(self.moves.items()), frozenset(self.pairs.items())))

    @property
    def name(self) -> str:
        """A label, ``WETH -30%, wstETH/WETH -5%``; the same whatever the order of the parts."""
        parts = [f"{asset} {percent(f)}" for asset, f in sorted(self.moves.items())]
        parts += [f"{a}/{b} {percent(f)}" for (a, b), f in sorted(self.pairs.items())]
        return ", ".join(parts) or "no shock"


def percent(factor: float) -> str:
    """Return a price factor as a signed percentage with at most four decimals."""
    text = f"{(factor - 1) * 100:+.4f}".rstrip("0").rstrip(".")
    return "0%" if text in ("+0", "-0") else f"{text}%"


def parse_percent(text: str) -> float:
    """Return the price factor of a signed percentage.

    Parameters
    ----------
    text : str
        ``-30%``, ``+80%`` or ``0%``.

    Raises
    ------
    BadShock
        If it is no such number, or moves the price to nothing or beyond a thousandfold.
    """
    body = text.strip().replace("\N{MINUS SIGN}", "-")
    if not body.endswith("%") and body != "0":
        raise BadShock(f"'{text}' is no percentage.", remedy=EXAMPLE)
    try:
        number = Decimal(body.removesuffix("%").strip())
    except InvalidOperation:
        raise BadShock(f"'{text}' is no number.", remedy=EXAMPLE) from None
    if not number.is_finite():
        raise BadShock(f"'{text}' is no finite number.", remedy=EXAMPLE)
    if number > 0 and not body.startswith("+"):
        raise BadShock(f"'{text}' has no sign.", remedy=f"Write -{body} for a fall or +{body} for a rise.")
    factor = 1 + number / 100
    if factor < LOWEST:
        # An answer of 0 is no price to a lending protocol's oracle: nothing could be computed.
        raise BadShock(f"'{text}' takes the price to nothing or below.", remedy="The lowest is -99.9999%.")
    if factor > HIGHEST:
        raise BadShock(f"'{text}' is beyond a thousandfold rise.", remedy="The highest is +99900%.")
    return float(factor)


def parse_shock(text: str, snapshot: Snapshot) -> Shock:
    """Return the shock a ``--shock`` argument describes.

    Parameters
    ----------
    text : str
        See the grammar of this module.
    snapshot : Snapshot
        The market whose assets are named.

    Raises
    ------
    BadShock
        If the text is malformed, or says two things about one asset.
    UnknownAsset
        If an asset is not listed and nothing listed follows it.
    """
    tree = tree_of(snapshot)
    moves: dict[str, float] = {}
    pairs: dict[Pair, float] = {}
    for part in text.split(","):
        subject, equals, value = part.partition("=")
        if not equals or not subject.strip():
            raise BadShock(f"'{part.strip()}' is no shock.", remedy=EXAMPLE)
        factor = parse_percent(value)
        first, slash, second = subject.strip().partition("/")
        if slash:
            pair = (resolve(first.strip(), snapshot, tree), resolve(second.strip(), snapshot, tree))
            _add(pairs, pair, factor, part)
        else:
            name = first if first == MARKET else resolve(first, snapshot, tree)
            _add(moves, name, factor, part)
    shock = Shock(MappingProxyType(moves), MappingProxyType(pairs))
    _check_pairs(shock, tree)
    return shock


def _add(into: dict[Any, float], key: str | Pair, factor: float, part: str) -> None:
    if key in into:
        raise BadShock(f"'{part.strip()}' shocks an asset a second time.", remedy="Name each asset once.")
    into[key] = factor


def _check_pairs(shock: Shock, tree: Tree) -> None:
    firsts = [first for first, _ in shock.pairs]
    for first, second in shock.pairs:
        if first == second:
            raise BadShock(f"{first}/{second} is a ratio of an asset to itself.")
        if first in shock.moves or firsts.count(first) > 1:
            raise BadShock(f"{first} is shocked twice.", remedy="Give either its move or one ratio.")
        _factor(tree.up[first], shock, tree, {}, frozenset(), held=False)  # refuses circles


@dataclass(frozen=True, eq=False)
class Factors:
    """Price factors per asset: ``market`` (A,) and ``fair`` (A,), both 1 without a shock."""

    market: FloatArray
    fair: FloatArray


def factors(shock: Shock, tree: Tree, betas: Mapping[str, float], fair: Fair = "redemption") -> Factors:
    """Return what a shock does to every reserve.

    Parameters
    ----------
    shock : Shock
    tree : Tree
        Who follows whom (`families.tree_of`).
    betas : mapping of str to float
        Beta of each top of a chain to the market factor (`market_factor.betas`).
    fair : {"redemption", "market"}
        ``redemption``: a token shocked against what it follows keeps its redemption rate as
        fair price, so the move is a dislocation.  ``market``: it is a real depeg.

    Returns
    -------
    Factors
        Multipliers of the snapshot's prices.
    """
    market, redeemed = (
        np.array([_factor(c, shock, tree, betas, frozenset(), held=held) for c in tree.chains])
        for held in (False, True)
    )
    return Factors(market, market if fair == "market" else redeemed)


def _factor(
    names: Sequence[str],
    shock: Shock,
    tree: Tree,
    betas: Mapping[str, float],
    seen: frozenset[str],
    *,
    held: bool,
) -> float:
    """Walk up a chain to the first name the shock speaks about; ``held`` ignores redeemable ratios."""
    for place, name in enumerate(names):
        if name in shock.moves:
            return shock.moves[name]
        pair = next((p for p in shock.pairs if p[0] == name), None)
        if pair is not None:
            if name in seen:
                raise BadShock(
                    f"the ratios of {name} run in a circle.", remedy="Name the follower first: wstETH/WETH."
                )
            base = _factor(tree.up[pair[1]], shock, tree, betas, seen | {name}, held=held)
            redeemable = pair[1] in names[place + 1 :]
            return base if held and redeemable else base * shock.pairs[pair]
    if MARKET not in shock.moves:
        return 1.0
    return float(shock.moves[MARKET] ** betas.get(names[-1], 1.0))
