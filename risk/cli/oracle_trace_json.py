"""The JSON of ``breakwater oracle trace``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oracles.feed import PriceFeed
    from oracles.headroom import Growth
    from oracles.traced import Trace, TracedFeed

SCHEMA = "breakwater.oracle-trace/1"
_UNITS = {
    "answer_raw": "10^-decimals of the quote currency, decimal string; null where the source reverts",
    "updated_at_s": "unix time, seconds; of an adapter the oldest of its legs; null without rounds",
    "min_answer_raw": "10^-decimals, decimal string",
    "max_answer_raw": "10^-decimals, decimal string",
    "snapshot_ratio_raw": "10^-ratio_decimals, decimal string",
    "snapshot_at_s": "unix time, seconds",
    "growth_bps": "1/10000 of the snapshot ratio a year",
    "cap_raw": "of a stable cap 10^-decimals; in headroom units of what is capped; decimal string",
    "cap_ratio_raw": "10^-ratio_decimals, decimal string",
    "value_raw": "what is capped, in the cap's unit, decimal string",
    "fraction": "cap / value - 1",
    "time_to_cap_s": "seconds; null where not known or beyond ten years",
    "growth_per_year": "yearly rate of continuous compounding",
    "maturity_at_s": "unix time, seconds",
    "rate_wad": "10^-18 a year, decimal string",
    "cutoff_s": "seconds; null where not known",
    "deviation_bps": "1/10000",
    "heartbeat_s": "seconds",
    "delay_s": "seconds, the longest",
    "block_time_s": "unix time, seconds",
}


def trace_json(
    inputs: Mapping[str, object], traced: Trace, growth: Mapping[str, Growth], known: Mapping[str, PriceFeed]
) -> str:
    """Return the envelope: trees by asset, and each distinct source's cap and settings."""
    from risk.cli.envelope import envelope

    data = {
        "chain_id": traced.chain_id,
        "block_number": traced.block_number,
        "block_hash": traced.block_hash,
        "block_time_s": traced.block_time_s,
        "oracle": traced.oracle or None,
        "checks": list(traced.checks),
        "prices": [
            {
                "asset": price.asset or None,
                "symbol": price.symbol,
                "answer_raw": None if price.answer_raw is None else str(price.answer_raw),
                "source": price.feed.to_json() if price.feed else None,
            }
            for price in traced.prices
        ],
        "caps": {a: c for a, f in traced.sources().items() if (c := _cap(f, traced, growth))},
        "feeds": {a: s for a, f in traced.sources().items() if (s := _settings(f, known))},
    }
    return envelope(SCHEMA, data, inputs=inputs, units=_UNITS, findings=traced.findings)


def _cap(feed: TracedFeed, traced: Trace, growth: Mapping[str, Growth]) -> dict[str, Any] | None:
    from oracles.headroom import headroom_of

    room = headroom_of(feed, traced.block_time_s, growth.get(feed.address))
    if room is None:
        return None
    return {
        "cap_raw": str(room.cap_raw),
        "value_raw": str(room.value_raw),
        "fraction": room.fraction,
        "time_to_cap_s": room.time_to_cap_s,
        "growth_per_year": room.growth.per_year if room.growth else None,
        "growth_since_s": room.growth.since_s if room.growth else None,
    }


def _settings(feed: TracedFeed, feeds: Mapping[str, PriceFeed]) -> dict[str, Any] | None:
    known = feeds.get(feed.address)
    if known is None:
        return None
    values = {
        "deviation_bps": (known.deviation_bps, known.deviation_from),
        "heartbeat_s": (known.heartbeat_s, known.heartbeat_from),
        "delay_s": (known.delay.longest_s, known.delay_from),
    }
    return {
        name: {"value": value, "origin": whence.origin.value, "source": whence.source}
        for name, (value, whence) in values.items()
    }
