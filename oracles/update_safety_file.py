"""Reads a proposed change and its surroundings from a TOML file; see docs/oracle-safety.md."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from abis.errors import FeedError, InputError, MalformedFile
from abis.findings import Finding, FindingKind, Severity
from oracles.update_safety_history import RatioHistory, history_of, largest_growth_bps
from oracles.update_safety_rules import DAY_S, SCALED, SETTERS, WHOLE, Adapter, CapValues, Setter
from oracles.update_safety_search import Limit, Market

_LARGEST_FILE = 10_000_000  # bytes
_SCALES = MappingProxyType({"scaled": SCALED, "whole": WHOLE})
KEYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "stored": frozenset(
            {"ratio", "at", "growth_bps", "rounding", "ratio_decimals", "min_delay_s", "max_term_s"}
        ),
        "proposed": frozenset({"ratio", "at", "growth_bps"}),
        "market": frozenset({"time", "ratio", "market_ratio", "growth_bps", "history", "base_price_raw"}),
        "setter": frozenset({"name", "source", "last_set", "ratio_step_bps", "growth_step_bps", "pause_s"})
        | frozenset({"ratio_at_most_current", "growth_not_zero", "refuses_capped"}),
        "limit": frozenset({"below_bps", "days"}),
        "stable": frozenset({"stored", "proposed", "feed", "expected", "step_bps"}),
        "source": frozenset({"answer", "decimals", "updated_at", "heartbeat_s", "min_answer", "max_answer"})
        | frozenset({"price_decimals", "old_answer", "market_answer"}),
    }
)


@dataclass(frozen=True, slots=True)
class CapQuestion:
    """Everything `oracles.update_safety.check_update` asks for.

    ``base_price_raw`` is the price of one unit of what the ratio is counted in, None if not given.
    """

    adapter: Adapter
    setter: Setter
    market: Market
    limit: Limit
    proposed: CapValues | None
    history: RatioHistory | None
    last_set_s: int | None
    ratio_decimals: int
    base_price_raw: int | None
    findings: tuple[Finding, ...]


def read_tables(path: Path) -> dict[str, dict[str, Any]]:
    """Return the tables of a file, keys checked.

    Raises
    ------
    MalformedFile
        If it cannot be read as TOML.
    InputError
        If it has a table or key nobody knows.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise MalformedFile(f"'{path.name}' is larger than {_LARGEST_FILE} bytes.", remedy="Shorten it.")
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise MalformedFile(f"cannot read '{path.name}': {what}.", remedy="Write TOML in UTF-8.") from error
    for name, table in tables.items():
        if name not in KEYS or not isinstance(table, dict):
            raise InputError(f"'{path.name}' has no table '{name}'.", remedy=f"Tables are {', '.join(KEYS)}.")
        unknown = sorted(set(table) - KEYS[name])
        if unknown:
            raise InputError(
                f"'{path.name}' has no key '{name}.{unknown[0]}'.",
                remedy=f"Keys are {', '.join(sorted(KEYS[name]))}.",
            )
    return tables


def cap_question(tables: Mapping[str, Mapping[str, Any]], folder: Path) -> CapQuestion:
    """Return the question about a ratio cap that tables ask.

    Parameters
    ----------
    tables : mapping
        As `read_tables` returns them, options already laid over them.
    folder : Path
        Where ``market.history`` is looked for.

    Raises
    ------
    InputError
        If a key is missing or no number.
    FeedError
        If a number is impossible.
    """
    limit_table = tables.get("limit", {})
    limit = Limit(whole(limit_table, "below_bps", 10), whole(limit_table, "days", 30) * DAY_S)
    stored, market_table = tables.get("stored", {}), tables.get("market", {})
    rounding = str(stored.get("rounding", "scaled"))
    if rounding not in _SCALES:
        raise InputError(f"stored.rounding is '{rounding}'.", remedy="Give scaled or whole.")
    term = whole(stored, "max_term_s", 180 * DAY_S)
    adapter = Adapter(
        _values(stored), _SCALES[rounding], whole(stored, "min_delay_s", 7 * DAY_S), term or None
    )
    history = _history(market_table, folder)
    growth, findings = _growth(market_table, history, limit)
    ratio = whole(market_table, "ratio")
    market = Market(whole(market_table, "time"), ratio, whole(market_table, "market_ratio", ratio), growth)
    setter_table = tables.get("setter", {})
    return CapQuestion(
        adapter,
        setter_of(setter_table),
        market,
        limit,
        _values(tables["proposed"]) if tables.get("proposed") else None,
        history,
        whole(setter_table, "last_set") if "last_set" in setter_table else None,
        whole(stored, "ratio_decimals", 18),
        whole(market_table, "base_price_raw") if "base_price_raw" in market_table else None,
        tuple(findings),
    )


def setter_of(table: Mapping[str, Any]) -> Setter:
    """Return the setter a table names or describes; every field given wins over the named one's.

    Raises
    ------
    InputError
        If the name is unknown and nothing else is given.
    """
    name = str(table.get("name", "risk-admin"))
    own = {k: v for k, v in table.items() if k not in ("name", "last_set")}
    if name not in SETTERS and not own:
        raise InputError(
            f"setter '{name}' is not known.", remedy=f"Known: {', '.join(SETTERS)}; or give its bounds."
        )
    base = SETTERS.get(name, Setter(name, "given"))
    for key, value in own.items():
        if key.endswith(("_bps", "_s")):
            own[key] = whole(own, key)
        elif not isinstance(value, str if key == "source" else bool):
            raise InputError(f"setter.{key} is {value!r}.", remedy="Give true or false; text for the source.")
    return replace(base, **own)


def whole(table: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """Return an integer given as such or as text.

    Raises
    ------
    InputError
        If it is missing without a default, or no integer.
    """
    value = table.get(key, default)
    if isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        value = int(value) if len(value) <= 100 else None
    if not isinstance(value, int) or isinstance(value, bool):
        what = "missing" if key not in table else f"{table[key]!r}"
        raise InputError(f"{key} is {what}.", remedy="Give an integer in smallest units or seconds.")
    return value


def _values(table: Mapping[str, Any]) -> CapValues:
    return CapValues(whole(table, "ratio"), whole(table, "at"), whole(table, "growth_bps"))


def _growth(
    market: Mapping[str, Any], history: RatioHistory | None, limit: Limit
) -> tuple[int, list[Finding]]:
    if "growth_bps" in market:
        return whole(market, "growth_bps"), []
    if history is not None:
        return largest_growth_bps(history, limit.for_s), []
    message = "neither growth nor history of the ratio was given: it is taken to stand still."
    remedy = "Set market.growth_bps or market.history."
    return 0, [Finding(FindingKind.MISSING, Severity.MEDIUM, "market ratio", message, remedy=remedy)]


def _history(market: Mapping[str, Any], folder: Path) -> RatioHistory | None:
    name = market.get("history")
    if name is None:
        return None
    path = folder / str(name)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(int(r["time_s"]), int(r["ratio_raw"])) for r in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise MalformedFile(
            f"cannot read the history '{path.name}'.",
            remedy="Write CSV with integer columns time_s and ratio_raw.",
        ) from error
    if not rows:
        raise FeedError(f"the history '{path.name}' is empty.", remedy="Give at least one reading.")
    return history_of(rows)
