"""Makes one record an asset from a snapshot, the table of public facts, and what a file adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oracles.facts import facts_for
from oracles.feed_audit import Leg, PriceRecord
from protocols.snapshot import Reserve, Snapshot
from risk.scenarios.families import link_of, stables


def record_of(
    snapshot: Snapshot, place: int, facts: Mapping[str, Any], market_usd: float | None
) -> PriceRecord:
    """Return what is known about how a reserve's price is made.

    Parameters
    ----------
    snapshot : Snapshot
    place : int
        Index of the reserve.
    facts : mapping
        Of a `risk.audit.feeds_file.FeedFile`; its legs win over the snapshot's field by field, the
        first over the source the snapshot read.
    market_usd : float or None
    """
    reserve = snapshot.reserves[place]
    read = _read_leg(reserve, snapshot.market.chain_id)
    stated = facts.get("legs", ())
    legs = tuple(replace(_blank(leg), **leg) for leg in stated[1:])
    if stated:
        first = read or _blank(stated[0])
        legs = (_settled(replace(first, **stated[0]), snapshot.market.chain_id), *legs)
    elif read is not None:
        legs = (read,)
    return PriceRecord(
        asset=snapshot.asset_names[place],
        now_s=snapshot.block.timestamp_s,
        price_usd=float(snapshot.price_usd[place]),
        price_decimals=len(str(snapshot.base.unit_raw)) - 1,
        legs=legs,
        making=facts.get("making"),
        market_usd=market_usd,
        ratio_cap=facts.get("ratio_cap"),
        stable_cap=facts.get("stable_cap"),
    )


def _blank(stated: Mapping[str, Any]) -> Leg:
    return Leg(str(stated.get("description", "unnamed leg")))


def _read_leg(reserve: Reserve, chain_id: int) -> Leg | None:
    feed = reserve.feed
    if feed is None:
        return None
    leg = Leg(
        description=feed.description.strip(),
        decimals=feed.decimals if feed.decimals >= 0 else None,
        answer_raw=feed.answer_raw,
        updated_at_s=feed.updated_at_s or None,
    )
    return _settled(leg, chain_id)


def _settled(leg: Leg, chain_id: int) -> Leg:
    """Return a leg with the settings the table of public facts states, where none are given."""
    known = facts_for(leg.description, chain_id=chain_id)
    if known is None:
        return leg
    heartbeat = known.heartbeat_s if leg.heartbeat_s is None else leg.heartbeat_s
    deviation = known.deviation_bps if leg.deviation_bps is None else leg.deviation_bps
    origin = leg.settings_from if leg.settings_from != "assumed" else "configured"
    return replace(leg, heartbeat_s=heartbeat, deviation_bps=deviation, settings_from=origin)


def chain_of(snapshot: Snapshot, place: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what an asset follows, itself first, and how each follows the next."""
    names, kinds = [snapshot.reserves[place].symbol], []
    while (link := link_of(names[-1])) is not None:
        names.append(link.follows)
        kinds.append(link.kind)
    return tuple(names), tuple(kinds)


def family_price(snapshot: Snapshot, place: int, market: Mapping[str, float]) -> tuple[str, float] | None:
    """Return the price of what an asset follows: another reserve's, or 1 for a dollar coin."""
    chain, _ = chain_of(snapshot, place)
    if stables().get(chain[-1]) == "USD":
        return "the dollar", 1.0
    for name in chain[1:]:
        if name in market:
            return name, market[name]
        if name in snapshot.asset_names:
            price = float(snapshot.price_usd[snapshot.asset_names.index(name)])
            return (name, price) if price > 0 else None
    return None
