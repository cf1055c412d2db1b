"""The facts of a market that no table holds: release, block, base currency."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import Any

from abis.errors import InputError, MalformedFile
from abis.findings import Finding, FindingKind, Severity
from protocols.liquidation_rules import LiquidationRules
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, Market

_KEYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "market": frozenset({"name", "family", "version", "protocol", "chain_id", "addresses"}),
        "block": frozenset({"number", "hash", "time"}),
        "base_currency": frozenset({"symbol", "decimals", "usd"}),
        "liquidation_rules": frozenset(LiquidationRules.__dataclass_fields__) - {"family", "version"},
    }
)
_MAX_DECIMALS = 36


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """Market, block, base currency and rules of an import, with what was assumed."""

    market: Market
    block: Block
    base: BaseCurrency
    rules: LiquidationRules
    findings: tuple[Finding, ...] = ()


def read_market_file(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML market file, unchecked.

    Raises
    ------
    MalformedFile
        If the file cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise MalformedFile(f"cannot read '{path.name}': {what}.", remedy="Write TOML in UTF-8.") from error


def facts_from(tables: Mapping[str, Any]) -> MarketFacts:
    """Return the facts in the tables of a market file; see docs/data-format.md.

    Raises
    ------
    InputError
        If a key is unknown, missing or has an impossible value.
    UnsupportedVersion
        If the release has no known rules.
    """
    _check_keys(tables)
    market = tables.get("market", {})
    if not market.get("version"):
        raise InputError("the market's release is not given.", remedy="Set market.version or pass --rules.")
    family, release = str(market.get("family", "aave")), str(market["version"])
    rules = rules_of(family, release)
    changed = _changed(rules, tables.get("liquidation_rules", {}))
    findings = [_assumption(note) for note in tables.get("assumptions", ())]
    if changed != rules:
        message = f"they differ from those of release {release} as the market file says."
        findings.append(Finding(FindingKind.UNVERIFIED, Severity.LOW, "liquidation rules", message))
    if not tables.get("block", {}).get("time"):
        message = "the time of the state is not given; it is taken as 1970-01-01."
        findings.append(
            Finding(FindingKind.MISSING, Severity.LOW, "block", message, remedy="Set block.time.")
        )
    return MarketFacts(
        market=Market(
            name=str(market.get("name", "imported")),
            protocol=str(market.get("protocol", f"{family}_v{release.partition('.')[0]}")),
            version=release,
            chain_id=_whole(market, "market.chain_id", 0),
            addresses=_addresses(market.get("addresses", {})),
        ),
        block=_block(tables.get("block", {})),
        base=_base(tables.get("base_currency", {})),
        rules=changed,
        findings=tuple(findings),
    )


def _addresses(table: Any) -> Mapping[str, str]:
    if not isinstance(table, Mapping) or not all(isinstance(a, str) for a in table.values()):
        raise InputError(f"market.addresses is {table!r}.", remedy='Give a table such as {pool = "0x..."}.')
    return MappingProxyType({k: table[k] for k in sorted(table)})


def _check_keys(tables: Mapping[str, Any]) -> None:
    for name, table in tables.items():
        if name == "assumptions" and isinstance(table, list):
            continue
        if name not in _KEYS or not isinstance(table, Mapping):
            known = ", ".join((*_KEYS, "assumptions"))
            raise InputError(f"the market file has no table '{name}'.", remedy=f"Tables are {known}.")
        unknown = sorted(set(table) - _KEYS[name])
        if unknown:
            keys = ", ".join(sorted(_KEYS[name]))
            raise InputError(f"the market file has no key '{name}.{unknown[0]}'.", remedy=f"Keys are {keys}.")


def _assumption(note: Any) -> Finding:
    if not isinstance(note, Mapping) or set(note) != {"subject", "message"}:
        raise InputError(
            f"assumption {note!r} is not understood.", remedy="Give it a subject and a message, nothing else."
        )
    return Finding(FindingKind.UNVERIFIED, Severity.LOW, str(note["subject"]), str(note["message"]))


def _block(table: Mapping[str, Any]) -> Block:
    return Block(_whole(table, "block.number", 0), str(table.get("hash", "")), _time_s(table.get("time")))


def _time_s(value: Any) -> int:
    """Return unix seconds of a TOML time, ISO text or integer; times without zone are UTC."""
    if value is None:
        return 0
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, datetime):
        value = int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if type(value) is int and 0 <= value < 2**40:
        return value
    raise InputError("block.time is not understood.", remedy="Give it as 2023-06-20T07:52:59Z.")


def _base(table: Mapping[str, Any]) -> BaseCurrency:
    symbol = str(table.get("symbol", "USD"))
    if symbol != "USD" and "usd" not in table:
        raise InputError(
            f"the price of base currency {symbol} in US dollars is not given.",
            remedy="Set base_currency.usd or pass --base-usd.",
        )
    try:
        usd = Decimal(str(table.get("usd", 1)))
    except InvalidOperation:
        usd = Decimal(0)
    if not usd.is_finite() or usd <= 0 or abs(usd.adjusted()) > _MAX_DECIMALS:
        raise InputError(f"base_currency.usd is {table['usd']}.", remedy="Give a positive price.")
    default = 8 if symbol == "USD" else 18
    decimals = _whole(table, "base_currency.decimals", default)
    if decimals > _MAX_DECIMALS:
        raise InputError(f"base_currency.decimals is {decimals}.", remedy=f"Give 0 to {_MAX_DECIMALS}.")
    return BaseCurrency(symbol, 10**decimals, usd)


def _changed(rules: LiquidationRules, table: Mapping[str, Any]) -> LiquidationRules:
    """Return the release's rules with what the market file says differs (a fork's close factor)."""
    for key, value in table.items():
        usual = getattr(rules, key)
        # Wads exceed what TOML integers must hold, so digits may stand as text.
        fits = type(value) is type(usual) or (isinstance(value, str) and type(usual) is not bool)
        if not fits:
            raise InputError(f"liquidation_rules.{key} is {value!r}.", remedy=f"Give a value like {usual!r}.")
    try:
        return LiquidationRules.from_json({**rules.to_json(), **table})
    except ValueError as error:
        raise InputError(f"liquidation_rules: {error}.", remedy="See docs/data-format.md.") from error


def _whole(table: Mapping[str, Any], key: str, default: int) -> int:
    value = table.get(key.rpartition(".")[2], default)
    if type(value) is not int or not 0 <= value < 2**53:
        raise InputError(f"{key} is {value!r}.", remedy="Give a whole number >= 0.")
    return value
