"""Which markets have a name, and what ``aave-v3:0x...`` means.

Addresses are those of the Aave address book (aave-dao/aave-address-book, src/AaveV3*.sol).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from abis.errors import NotAMarket

if TYPE_CHECKING:
    from abis.chain import Chain, Header, Progress
    from protocols.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """What to read.

    Parameters
    ----------
    name : str
        Registry name, or ``protocol:address``.
    protocol : str
        Which adapter reads it.
    address : str
        Checksummed entry point; on Aave v3 the PoolAddressesProvider.
    chain_id : int or None
        Chain it lives on; None if only the address was given.
    first_block : int or None
        Block of its deployment; None if not known.
    """

    name: str
    protocol: str
    address: str
    chain_id: int | None = None
    first_block: int | None = None


AAVE_V3 = "aave-v3"
_ADAPTERS = {AAVE_V3: "protocols.aave_v3.adapter"}

# market -> (chain id, PoolAddressesProvider)
_AAVE_V3_MARKETS = {
    "arbitrum": (42161, "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"),
    "avalanche": (43114, "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"),
    "base": (8453, "0xe20fCBdBfFC4Dd138cE8b2E6FBb6CB49777ad64D"),
    "bnb": (56, "0xff75B6da14FfbbfD355Daf7a2731456b3562Ba6D"),
    "celo": (42220, "0x9F7Cf9417D5251C59fE94fB9147feEe1aAd9Cea5"),
    "ethereum": (1, "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"),
    "ethereum-etherfi": (1, "0xeBa440B438Ad808101d1c451C1C5322c90BEFCdA"),
    "ethereum-horizon": (1, "0x5D39E06b825C1F2B80bf2756a73e28eFAA128ba0"),
    "ethereum-lido": (1, "0xcfBf336fe147D643B9Cb705648500e101504B16d"),
    "fantom": (250, "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"),
    "gnosis": (100, "0x36616cf17557639614c1cdDb356b1B83fc0B2132"),
    "ink-whitelabel": (57073, "0x4172E6aAEC070ACB31aaCE343A58c93E4C70f44D"),
    "linea": (59144, "0x89502c3731F69DDC95B65753708A07F8Cd0373F4"),
    "mantle": (5000, "0xba50Cd2A20f6DA35D788639E581bca8d0B5d4D5f"),
    "megaeth": (4326, "0x46Dcd5F4600319b02649Fd76B55aA6c1035CA478"),
    "metis": (1088, "0xB9FABd7500B2C6781c35Dd48d54f81fc2299D7AF"),
    "monad": (143, "0x34793Fb9935F7bB5E5aE920fb963F39063E7A615"),
    "optimism": (10, "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"),
    "plasma": (9745, "0x061D8e131F26512348ee5FA42e2DF1bA9d6505E9"),
    "polygon": (137, "0xa97684ead0e402dC232d5A977953DF7ECBaB3CDb"),
    "scroll": (534352, "0x69850D0B276776781C063771b161bd8894BCdD04"),
    "soneium": (1868, "0x82405D1a189bd6cE4667809C35B37fBE136A4c5B"),
    "sonic": (146, "0x5C2e738F6E27bCE0F7558051Bf90605dD6176900"),
    "xlayer": (196, "0xdFf435BCcf782f11187D3a4454d96702eD78e092"),
    "zksync": (324, "0x2A3948BB219D6B2Fa83D64100006391a96bE6cb7"),
}

MARKETS: Mapping[str, MarketSpec] = MappingProxyType(
    {
        f"{AAVE_V3}-{name}": MarketSpec(f"{AAVE_V3}-{name}", AAVE_V3, address, chain_id)
        for name, (chain_id, address) in _AAVE_V3_MARKETS.items()
    }
)


def resolve(text: str) -> MarketSpec:
    """Return the market of a registry name or of ``protocol:0xAddress``.

    Raises
    ------
    NotAMarket
        If the name is not listed (the nearest are named), or the address is no address.
    """
    wanted = text.strip()
    if wanted.lower() in MARKETS:
        return MARKETS[wanted.lower()]
    protocol, colon, address = wanted.partition(":")
    if not colon:
        raise NotAMarket(f"no market is called '{text}'.", remedy=_nearest(wanted))
    if protocol.lower() not in _ADAPTERS:
        raise NotAMarket(
            f"'{protocol}' is no protocol Breakwater reads.", remedy=f"Known: {', '.join(_ADAPTERS)}."
        )
    checksummed = _checksummed(address)
    return MarketSpec(f"{protocol.lower()}:{checksummed}", protocol.lower(), checksummed)


def read_market(chain: Chain, spec: MarketSpec, block: Header, progress: Progress) -> Snapshot:
    """Return the market at ``block``, read by its protocol's adapter; see there for the errors."""
    snapshot: Snapshot = import_module(_ADAPTERS[spec.protocol]).read_market(chain, spec, block, progress)
    return snapshot


def _nearest(wanted: str) -> str:
    near = get_close_matches(wanted.lower(), MARKETS, n=3, cutoff=0.6)
    hint = f"Nearest: {', '.join(near)}." if near else f"Known: {', '.join(MARKETS)}."
    return f"{hint} Or give {AAVE_V3}:0xPoolAddressesProvider."


def _checksummed(address: str) -> str:
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
