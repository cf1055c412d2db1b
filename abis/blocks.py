"""Blocks and what endpoints say about them: headers, chain ids, and why a block cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from abis.errors import BadReturn, BlockUnavailable, ChainUnreachable, Reorganised, WrongChain
from abis.failover import Endpoints
from abis.rpc import Refused, Rpc
from abis.rpc_faults import Fault

_TAGS = ("latest", "safe", "finalized", "earliest")
_ABSENT = (Fault.NO_STATE, Fault.UNKNOWN_BLOCK)


@dataclass(frozen=True, slots=True)
class Header:
    """A block: number, hash and unix time."""

    number: int
    hash: str
    timestamp_s: int


def chain_id_of(rpc: Rpc | Endpoints) -> int:
    """Return the chain an endpoint serves.

    Raises
    ------
    ChainUnreachable
        If it does not say.
    """
    try:
        return _quantity(rpc, rpc.request("eth_chainId", []))
    except (Refused, BadReturn) as error:
        raise ChainUnreachable(error.message, remedy="Check the RPC URL and its key.") from None


def block_of(rpc: Rpc | Endpoints, which: int | str) -> Header:
    """Return a block by number or tag.

    Raises
    ------
    BlockUnavailable
        If the node does not have it.
    """
    tag = which if which in _TAGS else hex(int(which))
    try:
        found = rpc.request("eth_getBlockByNumber", [tag, False])
    except Refused as refusal:
        if refusal.fault is Fault.TRANSIENT:
            raise
        found = None
    if found is None:
        raise BlockUnavailable(
            f"{rpc.masked_url} does not have block {which}.",
            remedy="Give an existing block number, or 'latest'.",
        )
    try:
        return Header(
            _quantity(rpc, found["number"]), _hash(rpc, found["hash"]), _quantity(rpc, found["timestamp"])
        )
    except (KeyError, TypeError):
        raise BadReturn(f"{rpc.masked_url} described block {which} incompletely.") from None


def hash_now(rpc: Rpc | Endpoints, number: int) -> str | None:
    """Return the hash of the block that has this number now; a node that lags is waited for."""
    try:
        found = rpc.request("eth_getBlockByNumber", [hex(number), False], exists=True)
    except Refused as refusal:
        if refusal.fault not in _ABSENT:
            raise
        return None
    return hash_or_none(found.get("hash")) if isinstance(found, dict) else None


def explained(rpc: Endpoints, refusal: Refused, block: Header | int) -> Exception:
    """Return what a refusal to read at ``block`` means."""
    number = block if isinstance(block, int) else block.number
    if refusal.fault is Fault.REORG:
        return reorganised(number)
    if refusal.fault in _ABSENT:
        # Asked by hash, a node that reorganised says the same as one that pruned.
        if isinstance(block, Header) and hash_now(rpc, number) != block.hash:
            return reorganised(number)
        return BlockUnavailable(
            f"{rpc.masked_url} does not have the state of block {number}.",
            remedy="Use an archive node, or a newer block.",
        )
    return refusal


def reorganised(number: int) -> Reorganised:
    """Return the error of a block that was replaced."""
    return Reorganised(
        f"block {number} left the chain while it was read.",
        remedy="Run again, or read an older block (--block finalized).",
    )


def wrong_chain(masked_url: str, served: int, wanted: int) -> WrongChain:
    """Return the error of an endpoint of another chain."""
    return WrongChain(
        f"{masked_url} serves chain {served}, the market lives on chain {wanted}.",
        remedy=f"Give an RPC URL of chain {wanted}.",
    )


def _quantity(rpc: Rpc | Endpoints, text: Any) -> int:
    try:
        return int(text, 16)
    except (TypeError, ValueError):
        raise BadReturn(
            f"{rpc.masked_url} answered a number that is no hex quantity.", remedy="Check the RPC URL."
        ) from None


def _hash(rpc: Rpc | Endpoints, text: Any) -> str:
    found = hash_or_none(text)
    if found is None:
        raise BadReturn(f"{rpc.masked_url} answered a block hash that is none.", remedy="Check the RPC URL.")
    return found


def hash_or_none(text: Any) -> str | None:
    """Return a block hash, None for anything else: hashes are printed and name files."""
    return text if isinstance(text, str) and re.fullmatch("0x[0-9a-f]{64}", text) else None
