"""Joins the price sources a snapshot read from the chain with what is known about feeds.

Each setting keeps its origin: *configured* (stated by a source), *fitted* (estimated from
past rounds) or *assumed*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oracles.facts import feed_for
from oracles.feed import PriceFeed
from oracles.graph import OracleGraph, graph_of
from protocols.snapshot import Reserve, Snapshot


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One reserve's price source.

    ``age_s`` is the block's time minus the source's last update; ``stale`` whether that
    exceeds the heartbeat.  None where the source does not tell.
    """

    asset: str
    description: str
    source: str
    price_usd: float
    deviation_bps: float
    deviation_origin: str
    deviation_source: str
    heartbeat_s: float
    heartbeat_origin: str
    heartbeat_source: str
    updated_at_s: int | None
    age_s: int | None
    stale: bool | None


def feed_rows(snapshot: Snapshot, known: Mapping[str, PriceFeed] | None = None) -> tuple[FeedRow, ...]:
    """Return one row a reserve.

    Parameters
    ----------
    snapshot : Snapshot
    known : mapping of asset name to PriceFeed, optional
        Feeds whose settings were read or fitted; they win over the table of public facts.
    """
    known = known or {}
    return tuple(
        _row(snapshot, i, reserve, known.get(snapshot.asset_names[i]))
        for i, reserve in enumerate(snapshot.reserves)
    )


def market_oracles(snapshot: Snapshot) -> OracleGraph:
    """Return the market's price sources as far as descriptions tell: one feed a description.

    Settings nobody stated are assumed; `OracleGraph.findings` says which.
    """
    descriptions = [r.feed.description if r.feed is not None else "" for r in snapshot.reserves]
    decimals = len(str(snapshot.base.unit_raw)) - 1
    return graph_of(snapshot.asset_names, descriptions, decimals, chain_id=snapshot.market.chain_id)


def _row(snapshot: Snapshot, i: int, reserve: Reserve, known: PriceFeed | None) -> FeedRow:
    read = reserve.feed
    description = read.description if read is not None else ""
    feed = known or feed_for(description.strip() or "no description", 8, chain_id=snapshot.market.chain_id)
    updated = read.updated_at_s if read is not None and read.updated_at_s > 0 else None
    age = None if updated is None else snapshot.block.timestamp_s - updated
    return FeedRow(
        asset=snapshot.asset_names[i],
        description=description,
        source=read.source if read is not None else "",
        price_usd=float(snapshot.price_usd[i]),
        deviation_bps=float(feed.deviation_bps),
        deviation_origin=str(feed.deviation_from.origin),
        deviation_source=feed.deviation_from.source,
        heartbeat_s=float(feed.heartbeat_s),
        heartbeat_origin=str(feed.heartbeat_from.origin),
        heartbeat_source=feed.heartbeat_from.source,
        updated_at_s=updated,
        age_s=age,
        stale=None if age is None else age > feed.heartbeat_s,
    )
