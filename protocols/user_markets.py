"""Markets a user names in a TOML file: forks, test deployments, markets too new to be built in.

One table a market::

    [markets.my-fork]
    protocol = "aave-v3"
    chain_id = 8453
    address = "0x..."        # PoolAddressesProvider; LendingPool on aave-v2
    steward = "0x..."        # optional: risk steward whose bounds are read
    first_block = 12345678   # optional: block of the deployment, spares a search
    base_usd_feed = "0x..."  # optional: feed of the base currency in US dollars (aave-v2)
    release = "2.0"          # optional: what to assume of contracts with unknown rules
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from abis.errors import InputError, MalformedFile, NotAMarket
from protocols.registry import AAVE_V2, MARKETS, PROTOCOLS, Markets, MarketSpec, checksummed_address
from protocols.releases import releases_of

USER_FILE = "user file"
ENVIRONMENT = "BREAKWATER_MARKETS"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_REQUIRED = ("protocol", "chain_id", "address")
_OPTIONAL = ("steward", "first_block", "base_usd_feed", "release")
_LARGEST_FILE = 1_000_000  # bytes
_LARGEST_INT = 2**53  # what JSON readers can hold


def default_file() -> Path:
    """Return where the file is looked for when none is named."""
    # Unlike Path.home(), this does not raise where nobody has a home.
    return Path(os.path.expanduser("~/.config/breakwater/markets.toml"))


def known_markets(file: Path | None = None) -> Markets:
    """Return the built-in markets and those of a user's file.

    Parameters
    ----------
    file : path, optional
        The file; by default `default_file`, if it exists.

    Raises
    ------
    MalformedFile
        If the file cannot be read as TOML.
    InputError
        If an entry is wrong; names the key and its value.
    """
    if file is None:
        file = default_file()
        if not file.is_file():
            return MARKETS
    return MappingProxyType({**MARKETS, **parse_markets(_read(file), file.name)})


def parse_markets(text: str, name: str) -> dict[str, MarketSpec]:
    """Return the markets of a TOML text; ``name`` is the file's, for messages.

    Raises
    ------
    MalformedFile, InputError
        As in `known_markets`.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MalformedFile(f"'{name}' is no TOML: {error}.", remedy="Correct that line.") from None
    _refuse_unknown(content, ("markets",), name)
    tables = content.get("markets", {})
    if not isinstance(tables, dict):
        raise InputError(f"{name}: markets = {tables!r} is no table.", remedy="Write [markets.my-fork].")
    return {key: _market(key, table, f"{name}: markets.{key}") for key, table in tables.items()}


def assuming(spec: MarketSpec, release: Any, where: str = "--release") -> MarketSpec:
    """Return the market with the release to assume where its contracts tell none with known rules.

    Raises
    ------
    InputError
        If it is no release of the market's protocol; ``where`` says who named it.
    """
    generation = "2" if spec.protocol == AAVE_V2 else "3"
    known = [r for r in releases_of("aave") if r.startswith(generation)]
    if release not in known:
        raise InputError(
            f"{where} = {release!r} is no release of {spec.protocol}.", remedy=f"Known: {', '.join(known)}."
        )
    return replace(spec, release=str(release))


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise MalformedFile(
                f"'{file}' is larger than {_LARGEST_FILE:,} bytes.", remedy="Name a file of markets."
            )
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise MalformedFile(
            f"cannot read '{file}': {reason}.", remedy=f"Correct --registry or {ENVIRONMENT}."
        ) from None


def _market(name: str, table: Any, where: str) -> MarketSpec:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{where}: '{name}' is no name.", remedy="Use up to 64 of a-z, 0-9 and '-', no '-' first."
        )
    if name in MARKETS:
        raise InputError(f"{where}: the name is built in.", remedy="Choose another name.")
    if not isinstance(table, dict):
        raise InputError(f"{where} = {table!r} is no table.", remedy=f"Write [markets.{name}].")
    _refuse_unknown(table, _REQUIRED + _OPTIONAL, where)
    for key in _REQUIRED:
        if key not in table:
            raise InputError(f"{where}.{key} is missing.", remedy=f"Needed: {', '.join(_REQUIRED)}.")
    if table["protocol"] not in PROTOCOLS:
        raise InputError(
            f"{where}.protocol = {table['protocol']!r} is no protocol.",
            remedy=f"Known: {', '.join(PROTOCOLS)}.",
        )

    def optional(key: str, parse: Callable[[Any, str], Any]) -> Any:
        return parse(table[key], f"{where}.{key}") if key in table else None

    spec = MarketSpec(
        name=name,
        protocol=table["protocol"],
        address=_address(table["address"], f"{where}.address"),
        chain_id=_integer(table["chain_id"], f"{where}.chain_id", smallest=1),
        first_block=optional("first_block", _integer),
        steward=optional("steward", _address),
        source=USER_FILE,
        base_usd_feed=optional("base_usd_feed", _address),
    )
    return assuming(spec, table["release"], f"{where}.release") if "release" in table else spec


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"Nearest: {near[0]}." if near else f"Known: {', '.join(known)}."
            raise InputError(f"{where}: unknown key '{key}' = {str(table[key])[:80]!r}.", remedy=hint)


def _address(value: Any, where: str) -> str:
    try:
        return checksummed_address(value if isinstance(value, str) else str(value))
    except NotAMarket as error:
        raise InputError(f"{where} = {value!r}: {error.message}", remedy=error.remedy) from None


def _integer(value: Any, where: str, *, smallest: int = 0) -> int:
    if type(value) is not int or not smallest <= value <= _LARGEST_INT:
        raise InputError(
            f"{where} = {value!r} is no integer of {smallest} or more.", remedy="Give a plain number."
        )
    return value
