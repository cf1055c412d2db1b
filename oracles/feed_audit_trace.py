"""Facts about price sources as ``breakwater oracle trace --json`` writes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from abis.errors import MalformedFile
from abis.strict_json import loads
from abis.units import BPS
from oracles.feed_audit import Making, RatioCap, StableCap
from oracles.traced import Kind, Role
from oracles.update_safety_file import whole
from oracles.update_safety_rules import SCALED, WHOLE, Adapter, CapValues

_SCHEMA = "breakwater.oracle-trace/1"
_MAKING: Mapping[Kind, Making] = MappingProxyType(
    {
        Kind.FEED: Making.FEED,
        Kind.SVR_FEED: Making.FEED,
        Kind.FIXED: Making.FIXED,
        Kind.CONSTANT: Making.FIXED,
        Kind.RATIO_CAP: Making.RATIO_CAP,
        Kind.STABLE_CAP: Making.STABLE_CAP,
        Kind.EUR_CAP: Making.STABLE_CAP,
        Kind.DISCOUNT: Making.DISCOUNT,
        Kind.PEG_TO_BASE: Making.COMPOSED,
        Kind.BASE_TO_PEG: Making.COMPOSED,
    }
)
_CAPS = (Making.RATIO_CAP, Making.STABLE_CAP)
_FEED_KEYS = ("min_answer_raw", "max_answer_raw")


@dataclass(frozen=True, slots=True)
class TraceFile:
    """What a trace says of each asset's price.

    Parameters
    ----------
    chain_id, block_number : int
    facts : mapping of asset address to facts
        Fields of `oracles.feed_audit.PriceRecord`; each leg a mapping of fields of `Leg`.
    """

    chain_id: int
    block_number: int
    facts: Mapping[str, Mapping[str, Any]]


def read_trace(path: Path) -> TraceFile:
    """Return the facts in the file of a trace; errors as `parse_trace`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _no_trace(path.name) from error
    return parse_trace(content, path.name)


def parse_trace(content: bytes, name: str) -> TraceFile:
    """Return the facts in a trace.

    Parameters
    ----------
    content : bytes
        What ``breakwater oracle trace --json`` writes.
    name : str
        What errors call it.

    Raises
    ------
    MalformedFile
        If it is no trace.
    InputError
        If a number in it is none.
    """
    try:
        body = loads(content)
        if body["schema"] != _SCHEMA:
            raise ValueError(body["schema"])
        data = body["data"]
        prices = [(p["asset"] or p["symbol"], p["source"]) for p in data["prices"]]
        facts = {name: _facts(source, data) for name, source in prices if source}
        return TraceFile(whole(data, "chain_id"), whole(data, "block_number"), MappingProxyType(facts))
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise _no_trace(name) from error


def _no_trace(name: str) -> MalformedFile:
    return MalformedFile(
        f"'{name}' is no trace of prices.", remedy="Write it with breakwater oracle trace --json."
    )


def _facts(source: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a price is made: by the outermost cap if there is one, else by the root."""
    nodes = list(_walk(source))
    makings = [(node, _MAKING.get(Kind(node["kind"]))) for node in nodes]
    facts: dict[str, Any] = {}
    node, making = next(((n, m) for n, m in makings if m in _CAPS), makings[0])
    if making is not None:
        facts["making"] = making
    if making is Making.RATIO_CAP:
        cap = _ratio_cap(node, data)
        facts.update({"ratio_cap": cap} if cap else {})
    if making is Making.STABLE_CAP and (room := data["caps"].get(node["address"])):
        facts["stable_cap"] = StableCap(whole(room, "cap_raw"), whole(room, "value_raw"))
    feeds = {n["address"]: n for n in nodes if Kind(n["kind"]) in (Kind.FEED, Kind.SVR_FEED)}
    legs = tuple(_leg(feed, data["feeds"].get(address) or {}) for address, feed in feeds.items())
    return {**facts, "legs": legs} if legs else facts


def _walk(source: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield source
    for leg in source["legs"]:
        yield from _walk(leg)


def _ratio_cap(node: Mapping[str, Any], data: Mapping[str, Any]) -> RatioCap | None:
    ratio = next(leg for leg in node["legs"] if leg["role"] == Role.RATIO)
    if ratio["answer_raw"] is None or whole(ratio, "answer_raw") <= 0:
        return None
    own = node["settings"]
    stored = CapValues(
        whole(own, "snapshot_ratio_raw"), whole(own, "snapshot_at_s"), whole(own, "growth_bps")
    )
    adapter = Adapter(
        stored,
        SCALED if own["is_scaled"] else WHOLE,
        whole(own, "minimum_delay_s") if own["minimum_delay_s"] is not None else 0,
        whole(own, "maximum_term_s") if own["maximum_term_s"] is not None else None,
    )
    yearly = (data["caps"].get(node["address"]) or {}).get("growth_per_year")
    growth = None if yearly is None else math.ceil(max(float(yearly), 0.0) * BPS - 1e-9)
    return RatioCap(adapter, whole(ratio, "answer_raw"), growth)


def _leg(feed: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a feed; assumed settings are not."""
    leg: dict[str, Any] = {"description": str(feed["description"]).strip() or "unnamed feed"}
    for key in ("decimals", "answer_raw", "updated_at_s"):
        if feed[key] is not None:
            leg[key] = whole(feed, key)
    leg |= {key: whole(feed["settings"], key) for key in _FEED_KEYS if feed["settings"].get(key) is not None}
    origins = []
    for key in ("deviation_bps", "heartbeat_s"):
        if key in settings and settings[key]["origin"] != "assumed":
            leg[key] = float(settings[key]["value"])
            origins.append(str(settings[key]["origin"]))
    if origins:
        leg["settings_from"] = "fitted" if "fitted" in origins else origins[0]
    return leg
