"""Checks of what a price is of: composition and decimals, the base asset, the sequencer.

A price that is off by a power of ten has the wrong decimals; one that is off by another asset's
price lacks that leg, as cbETH read at 1.12 USD in February 2026 lacked ETH/USD.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from abis.findings import FindingKind, Severity
from oracles.facts import pair
from oracles.feed_audit import Check, PriceRecord, Result

TOLERANCE = 0.05  # relative; a market price known this well tells a lost leg from a move
FAMILY_FACTOR = 2.5  # a staked or wrapped token is worth its base within this factor

# Chains whose blocks one sequencer orders; others listed order their own.
ROLLUPS: Mapping[int, str] = MappingProxyType(
    {
        10: "OP Mainnet",
        324: "ZKsync Era",
        1088: "Metis",
        8453: "Base",
        42161: "Arbitrum One",
        57073: "Ink",
        59144: "Linea",
        534352: "Scroll",
    }
)
LAYER_ONES = frozenset({1, 56, 100, 137, 146, 250, 42220, 43114})


def composition(record: PriceRecord, market: Mapping[str, float], family: tuple[str, float] | None) -> Check:
    """Return whether the price is of the right size.

    Parameters
    ----------
    record : PriceRecord
    market : mapping of asset to USD
        Prices a lost leg may be of.
    family : (name, USD) or None
        What the asset follows and its price, where no market price is given.
    """
    name, asset = "composition", record.asset
    if record.price_usd <= 0:
        return Check(name, asset, Result.FOUND, "its price is unreadable.", Severity.HIGH)
    wrong = [leg for leg in record.legs if leg.decimals not in (None, record.price_decimals)]
    if len(record.legs) == 1 and wrong and record.market_usd is None:
        leg = wrong[0]
        text = f"{leg.description} answers with {leg.decimals} decimals, {record.price_decimals} are read."
        return Check(name, asset, Result.FOUND, text, Severity.MEDIUM, FindingKind.INCONSISTENT)
    if record.market_usd is not None:
        reference, allowed, told = record.market_usd, 1 + TOLERANCE, "market"
    elif family is not None:
        reference, allowed, told = family[1], FAMILY_FACTOR, f"{family[0]}, which it follows,"
    else:
        return Check(name, asset, Result.NOT_KNOWN, "a market price, or the price of what it follows")
    factor = record.price_usd / reference
    evidence = f"price {record.price_usd:.6g}, {told} {reference:.6g}: {factor:.6g} times"
    if 1 / allowed <= factor <= allowed:
        return Check(name, asset, Result.FINE, evidence)
    cause, severity = _cause(factor, allowed, market)
    remedy = "Read the adapter's composition (breakwater oracle trace); freeze the asset until it is right."
    return Check(
        name, asset, Result.FOUND, f"{evidence}; {cause}.", severity, FindingKind.INCONSISTENT, remedy
    )


def _cause(factor: float, allowed: float, market: Mapping[str, float]) -> tuple[str, Severity]:
    """Return the likeliest reason for a price ``factor`` times what it should be."""
    slack = math.log(allowed)
    off = math.log(factor)
    tens = round(off / math.log(10))
    candidates = (
        [(abs(off - tens * math.log(10)), f"off by a factor of 1e{tens}: wrong decimals")] if tens else []
    )
    for other, price in sorted(market.items()):
        size = math.log(price) if price > 0 else 0.0
        if abs(size) > 2 * slack:
            candidates.append((abs(off + size), f"a leg is missing: times the price of {other} it fits"))
            candidates.append((abs(off - size), f"a leg too many: divided by the price of {other} it fits"))
    distance, text = min(candidates, default=(math.inf, ""))
    if distance <= slack:
        return text, Severity.CRITICAL
    return "no leg or decimal explains it", Severity.HIGH


def base_asset(record: PriceRecord, chain: Sequence[str], kinds: Sequence[str]) -> Check:
    """Return whether the feed prices the asset itself or something it stands for.

    Parameters
    ----------
    record : PriceRecord
    chain : sequence of str
        The asset, what it follows, what that follows.
    kinds : sequence of str
        How each follows the next: ``native``, ``staked``, ``wrapped``, ``savings`` or ``principal``.
    """
    name, asset = "base asset", record.asset
    description = record.legs[0].description if record.legs else ""
    words = {w.upper() for w in re.findall(r"[\w.+]+", description)}
    names = [n.upper() for n in chain]
    if not words:
        return Check(name, asset, Result.NOT_KNOWN, "the feed's description")
    read = next((k for k, n in enumerate(names) if n in words), None)
    if read == 0:
        return Check(name, asset, Result.FINE, f"{description} prices it")
    if read is None:
        return _foreign(record, description, names)
    between = list(kinds[:read])
    if all(kind == "native" for kind in between):
        return Check(name, asset, Result.FINE, f"{description}: a wrapper that cannot part from it")
    composed = len(record.legs) > 1 or record.ratio_cap is not None
    kind = next(k for k in between if k != "native")
    if kind in ("staked", "savings") and composed:
        text = f"{description} with a ratio: a discount on the market is not seen."
        return Check(name, asset, Result.FOUND, text, Severity.LOW)
    if kind in ("staked", "savings") and record.making is None:
        return Check(name, asset, Result.NOT_KNOWN, f"whether a ratio is applied to {description}")
    severity = Severity.MEDIUM if kind == "wrapped" else Severity.HIGH
    text = (
        f"a {kind} token read at the price of {chain[read]} ({description}): losing its backing is not seen."
    )
    remedy = "Compose its own market or reserve feed, or bound its cap by what can be redeemed."
    return Check(name, asset, Result.FOUND, text, severity, remedy=remedy)


def _foreign(record: PriceRecord, description: str, names: Sequence[str]) -> Check:
    known = pair(description)
    if known is None:
        return Check("base asset", record.asset, Result.NOT_KNOWN, f"what '{description}' prices")
    text = f"read from {description}: another asset's price stands for it, its own market is not seen."
    remedy = "Know that a real fall is bad debt, not liquidation; watch redemptions and bound its caps."
    return Check("base asset", record.asset, Result.FOUND, text, Severity.HIGH, remedy=remedy)


def sequencer(chain_id: int, has_feed: bool | None) -> Check:
    """Return whether prices depend on a sequencer and whether somebody watches it.

    Parameters
    ----------
    chain_id : int
    has_feed : bool or None
        Whether the market asks an uptime feed before liquidating; None if not known.
    """
    name, asset = "sequencer", "market"
    if chain_id in LAYER_ONES:
        return Check(name, asset, Result.FINE, f"chain {chain_id} has no single sequencer")
    if chain_id not in ROLLUPS:
        return Check(name, asset, Result.NOT_KNOWN, f"whether chain {chain_id} depends on a sequencer")
    chain = ROLLUPS[chain_id]
    if has_feed is None:
        return Check(name, asset, Result.NOT_KNOWN, f"whether the market asks {chain}'s uptime feed")
    if has_feed:
        return Check(name, asset, Result.FINE, f"{chain}'s uptime feed is asked")
    text = f"when {chain}'s sequencer returns, liquidations run at prices from before the outage."
    remedy = "Ask an uptime feed and leave a grace period."
    return Check(name, asset, Result.FOUND, text, Severity.HIGH, remedy=remedy)
