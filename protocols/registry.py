"""Which markets have a name, and what ``aave-v3:0x...`` means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from abis.errors import NotAMarket, UnsupportedVersion
from protocols.known_markets import LISTED

if TYPE_CHECKING:
    from abis.chain import Chain, Header, Progress
    from protocols.history import History
    from protocols.journal import Journal
    from protocols.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """What to read.

    Parameters
    ----------
    name : str
        Registry name, or ``protocol:address``.
    protocol : str
        Which reader reads it.
    address : str
        Checksummed entry point; on Aave v3 and Spark the PoolAddressesProvider, on v2 the LendingPool.
    chain_id : int or None
        Chain it lives on; None if only the address was given.
    first_block : int or None
        Block of its deployment; None if not known.
    steward : str or None
        Risk steward whose bounds are read; None where there is none or it is not known.
    source : str
        Who named it: `BUILT_IN`, or ``user file``.
    base_usd_feed : str or None
        Feed of the base currency's price in US dollars, for markets that count in ether.
    release : str or None
        Release to assume where none with known rules can be told from the contracts.
    """

    name: str
    protocol: str
    address: str
    chain_id: int | None = None
    first_block: int | None = None
    steward: str | None = None
    source: str = ""
    base_usd_feed: str | None = None
    release: str | None = None


Markets = Mapping[str, MarketSpec]

BUILT_IN = "built in"
AAVE_V2, AAVE_V3, SPARK = "aave-v2", "aave-v3", "spark"
PROTOCOLS = (AAVE_V2, AAVE_V3, SPARK)
# SparkLend is a fork of Aave v3.0: the same contracts, events and getters.
_READERS = {
    AAVE_V2: "protocols.aave_v2.adapter",
    AAVE_V3: "protocols.aave_v3.adapter",
    SPARK: "protocols.aave_v3.adapter",
}
_ADDRESSES = {
    AAVE_V2: "protocols.aave_v2.addresses",
    AAVE_V3: "protocols.aave_v3.addresses",
    SPARK: "protocols.aave_v3.addresses",
}
_HISTORIES = {AAVE_V3: "protocols.aave_v3.history", SPARK: "protocols.aave_v3.history"}

MARKETS: Markets = MappingProxyType(
    {
        row.name: MarketSpec(
            name=row.name,
            protocol=row.protocol,
            address=row.address,
            chain_id=row.chain_id,
            steward=row.steward,
            source=BUILT_IN,
            base_usd_feed=row.base_usd_feed,
        )
        for row in LISTED
    }
)


def resolve(text: str, markets: Markets = MARKETS) -> MarketSpec:
    """Return the market of a registry name or of ``protocol:0xAddress``.

    Parameters
    ----------
    text : str
        What the user wrote.
    markets : mapping
        The names known; `protocols.user_markets.known_markets` adds the user's own.

    Raises
    ------
    NotAMarket
        If the name is not listed (the nearest are named), or the address is no address.
    """
    wanted = text.strip()
    if wanted.lower() in markets:
        return markets[wanted.lower()]
    protocol, colon, address = wanted.partition(":")
    if not colon:
        raise NotAMarket(f"no market is called '{text}'.", remedy=_nearest(wanted, markets))
    if protocol.lower() not in PROTOCOLS:
        raise NotAMarket(
            f"'{protocol}' is no protocol Breakwater reads.", remedy=f"Known: {', '.join(PROTOCOLS)}."
        )
    checksummed = checksummed_address(address)
    return MarketSpec(f"{protocol.lower()}:{checksummed}", protocol.lower(), checksummed)


def is_readable(protocol: str) -> bool:
    """Return whether markets of ``protocol`` can be read from the chain."""
    return protocol in _READERS


def refuse_unreadable(spec: MarketSpec) -> None:
    """Refuse a market whose protocol has no reader, before its chain is asked anything.

    Raises
    ------
    UnsupportedVersion
        Naming the market and the protocols that are read.
    """
    if not is_readable(spec.protocol):
        raise UnsupportedVersion(
            f"{spec.name} is an {spec.protocol} market, which cannot be read from the chain.",
            remedy=f"Readable: {', '.join(_READERS)}; files can be imported with 'breakwater import'.",
        )


def refuse_without_history(spec: MarketSpec) -> None:
    """Refuse a market whose configuration events are not read, before its chain is asked anything.

    Raises
    ------
    UnsupportedVersion
        Naming the market and the protocols whose events are read.
    """
    if spec.protocol not in _HISTORIES:
        raise UnsupportedVersion(
            f"{spec.name} is an {spec.protocol} market, whose configuration events are not read.",
            remedy=f"Readable: {', '.join(_HISTORIES)}.",
        )


def read_market(
    chain: Chain, spec: MarketSpec, block: Header, progress: Progress, journal: Journal | None = None
) -> Snapshot:
    """Return the market at ``block``, read by its protocol's reader; see there for more errors.

    Raises
    ------
    UnsupportedVersion
        If its protocol has no reader.
    """
    refuse_unreadable(spec)
    reader = import_module(_READERS[spec.protocol])
    snapshot: Snapshot = reader.read_market(chain, spec, block, progress, journal)
    return snapshot


def read_pool_and_oracle(chain: Chain, spec: MarketSpec, block: Header) -> tuple[str, str]:
    """Return the addresses of a market's pool and price oracle at ``block``.

    Raises
    ------
    UnsupportedVersion
        If its protocol has no reader.
    NotAMarket
        If there is no such market at its address.
    """
    refuse_unreadable(spec)
    reader = import_module(_ADDRESSES[spec.protocol])
    addresses = chain.run(block, reader.read_addresses(spec, block))
    return addresses.pool, addresses.oracle


def read_history(chain: Chain, spec: MarketSpec, first: int, last: Header, progress: Progress) -> History:
    """Return the parameter changes of blocks ``first`` to ``last``; errors as in the reader.

    Raises
    ------
    UnsupportedVersion
        If its protocol has no reader of events.
    """
    refuse_without_history(spec)
    reader = import_module(_HISTORIES[spec.protocol])
    history: History = reader.read_history(chain, spec, first, last, progress)
    return history


def checksummed_address(address: str) -> str:
    """Return ``address`` in checksummed case.

    Raises
    ------
    NotAMarket
        If it is no address, the zero address, or fails the checksum it carries.
    """
    from eth_utils.address import to_checksum_address

    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", address):
        raise NotAMarket(f"'{address}' is no address.", remedy="An address is 0x and 40 hexadecimal digits.")
    checksummed = str(to_checksum_address(address))
    mixed = address[2:] not in (address[2:].lower(), address[2:].upper())
    if mixed and checksummed != address:
        raise NotAMarket(
            f"'{address}' fails its checksum; one of its characters is wrong.",
            remedy="Copy it again, or write it in lower case to skip the check.",
        )
    if not int(address, 16):
        raise NotAMarket("the zero address is no market.", remedy="Give the PoolAddressesProvider.")
    return checksummed


def _nearest(wanted: str, markets: Markets) -> str:
    near = get_close_matches(wanted.lower(), markets, n=3, cutoff=0.6)
    hint = f"Nearest: {', '.join(near)}." if near else f"Known: {', '.join(markets)}."
    return f"{hint} Or give {AAVE_V3}:0xPoolAddressesProvider or {AAVE_V2}:0xLendingPool."
