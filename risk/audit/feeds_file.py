"""Reads facts about price feeds, and market prices, that a snapshot does not hold."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from abis.errors import InputError, MalformedFile
from oracles.feed_audit import Leg, Making, RatioCap, StableCap
from oracles.update_safety_file import whole
from oracles.update_safety_rules import DAY_S, SCALED, WHOLE, Adapter, CapValues
from protocols.snapshot import Snapshot

_FEED_KEYS = frozenset({"making", "legs", "cap", "stable_cap"})
_LEG_KEYS = frozenset(Leg.__dataclass_fields__)
_CAP_KEYS = frozenset(
    {"ratio", "snapshot_ratio", "snapshot_at", "growth_bps", "rounding", "min_delay_s", "max_term_s"}
) | {"ratio_growth_bps"}
_TEXT = frozenset({"description", "settings_from"})
_REAL = frozenset({"heartbeat_s", "deviation_bps"})


class FeedFile:
    """Facts by asset name, and whether the market asks a sequencer's uptime feed.

    Parameters
    ----------
    path : Path
    snapshot : Snapshot
        Whose assets the file may name, by symbol or address.

    Raises
    ------
    MalformedFile
        If it is no TOML.
    InputError
        If a table, key or value is not understood.
    UnknownAsset
        If it names an asset the market does not list.
    """

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            what = error.strerror if isinstance(error, OSError) else error
            raise MalformedFile(
                f"cannot read '{path.name}': {what}.", remedy="Write TOML in UTF-8."
            ) from error
        _known(content, {"feeds", "market"}, path.name)
        market = content.get("market", {})
        _known(market, {"sequencer_feed"}, f"{path.name}: market")
        self.sequencer_feed: bool | None = market.get("sequencer_feed")
        self.facts: dict[str, Mapping[str, Any]] = {}
        for name, table in content.get("feeds", {}).items():
            where = f"{path.name}: feeds.{name}"
            _known(table, _FEED_KEYS, where)
            asset = snapshot.asset_names[snapshot.asset_index(name)]
            self.facts[asset] = _facts(table, where)


def _facts(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if "making" in table:
        try:
            facts["making"] = Making(table["making"])
        except ValueError:
            raise InputError(
                f"{where}: making is {table['making']!r}.", remedy=f"Known: {', '.join(Making)}."
            ) from None
    if "legs" in table:
        facts["legs"] = tuple(leg_facts(leg, f"{where}.legs") for leg in table["legs"])
    if "cap" in table:
        facts["ratio_cap"] = _ratio_cap(table["cap"], f"{where}.cap")
        facts.setdefault("making", Making.RATIO_CAP)
    if "stable_cap" in table:
        _known(table["stable_cap"], {"cap", "feed"}, f"{where}.stable_cap")
        cap = StableCap(whole(table["stable_cap"], "cap"), whole(table["stable_cap"], "feed"))
        if min(cap.cap_raw, cap.feed_raw) <= 0:
            raise InputError(f"{where}.stable_cap: {cap.cap_raw} and {cap.feed_raw}.", remedy="Give > 0.")
        facts["stable_cap"] = cap
        facts.setdefault("making", Making.STABLE_CAP)
    return facts


def leg_facts(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a leg's stated facts, checked.

    Raises
    ------
    InputError
        Naming the key.
    """
    _known(table, _LEG_KEYS, where)
    facts: dict[str, Any] = {}
    for key, value in table.items():
        if key in _TEXT:
            facts[key] = str(value)
        elif key in _REAL:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
                raise InputError(f"{where}: {key} is {value!r}.", remedy="Give a positive number.")
            facts[key] = float(value)
        else:
            facts[key] = whole(table, key)
    if _REAL & set(facts):
        facts.setdefault("settings_from", "configured")
    return facts


def _ratio_cap(table: Mapping[str, Any], where: str) -> RatioCap:
    _known(table, _CAP_KEYS, where)
    stored = CapValues(
        whole(table, "snapshot_ratio"), whole(table, "snapshot_at"), whole(table, "growth_bps")
    )
    scale = {"scaled": SCALED, "whole": WHOLE}.get(str(table.get("rounding", "scaled")))
    if scale is None:
        raise InputError(f"{where}: rounding is {table['rounding']!r}.", remedy="Give scaled or whole.")
    adapter = Adapter(stored, scale, whole(table, "min_delay_s", 0), whole(table, "max_term_s", 180 * DAY_S))
    ratio = whole(table, "ratio")
    if ratio <= 0:
        raise InputError(f"{where}: ratio is {ratio}.", remedy="Give the ratio provider's positive answer.")
    growth = whole(table, "ratio_growth_bps") if "ratio_growth_bps" in table else None
    return RatioCap(adapter, ratio, growth)


def market_prices(path: Path | None, given: Iterable[str], snapshot: Snapshot) -> dict[str, float]:
    """Return market prices in USD by asset name.

    Parameters
    ----------
    path : Path or None
        CSV with columns ``asset, price_usd``.
    given : iterable of str
        ``WETH=3000``; they win over the file.
    snapshot : Snapshot

    Raises
    ------
    MalformedFile
        If the file cannot be read.
    InputError
        If a price is not positive, UnknownAsset if nothing has that name.
    """
    rows: list[tuple[str, str]] = []
    if path is not None:
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = [(r["asset"], r["price_usd"]) for r in csv.DictReader(file)]
        except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
            raise MalformedFile(
                f"cannot read market prices from '{path.name}'.",
                remedy="Write CSV with the columns asset and price_usd.",
            ) from error
    rows += [_split(text) for text in given]
    prices = {}
    for name, text in rows:
        try:
            price = float(text)
        except (TypeError, ValueError):
            price = 0.0
        if not 0 < price < 1e15:
            raise InputError(f"market price of {name} is '{text}'.", remedy="Give a positive number of USD.")
        prices[snapshot.asset_names[snapshot.asset_index(name)]] = price
    return prices


def _split(text: str) -> tuple[str, str]:
    name, sign, price = text.rpartition("=")
    if not sign or not name:
        raise InputError(f"'{text}' is no price.", remedy="Write WETH=3000.")
    return name, price


def _known(table: Any, keys: Iterable[str], where: str) -> None:
    if not isinstance(table, Mapping):
        raise InputError(f"{where} is {table!r}.", remedy="Write a table.")
    unknown = sorted(set(table) - set(keys))
    if unknown:
        raise InputError(f"{where} has no key '{unknown[0]}'.", remedy=f"Keys are {', '.join(sorted(keys))}.")
