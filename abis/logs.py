"""Event logs over long block ranges, in pieces the endpoint accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from abis.chunks import ChunkSize
from abis.errors import BadReturn
from abis.rpc import Refused, Rpc
from abis.rpc_faults import Fault


@dataclass(frozen=True, slots=True)
class Log:
    """One event: the contract (lower case), its topics and data as hex text, and its block."""

    address: str
    topics: tuple[str, ...]
    data: str
    block: int


def topic_address(topic: str) -> str:
    """Return the address (lower case) in an indexed topic.

    Raises
    ------
    BadReturn
        If the topic holds no address.
    """
    if len(topic) != 66 or int(topic[2:26], 16):
        raise BadReturn(f"topic {topic[:80]} holds no address.", remedy="The node is at fault; try another.")
    return "0x" + topic[26:].lower()


def logs_in(
    rpc: Rpc,
    addresses: Sequence[str],
    topics: Sequence[Any],
    blocks: range,
    size: ChunkSize,
    done: Callable[[int], None],
) -> Iterator[Log]:
    """Yield the logs of ``blocks`` in the chain's order.

    Parameters
    ----------
    rpc : Rpc
        The endpoint.
    addresses : sequence of str
        Emitting contracts.
    topics : sequence
        The filter of ``eth_getLogs``: per place a topic, a list of alternatives, or None.
    blocks : range
        Block numbers, step 1.
    size : ChunkSize
        How many blocks one request spans; shrinks where too much is found.
    done : callable
        Told the number of blocks finished.

    Raises
    ------
    Refused
        If a single block is refused, or for a reason that a smaller range does not mend.
    BadReturn
        If the answer holds no logs.
    """
    first = blocks.start
    while first < blocks.stop:
        span = min(size.now, blocks.stop - first)
        where = {
            "address": list(addresses),
            "topics": list(topics),
            "fromBlock": hex(first),
            "toBlock": hex(first + span - 1),
        }
        try:
            found = rpc.request("eth_getLogs", [where], divisible=span > 1)
        except Refused as refusal:
            if refusal.fault is not Fault.TOO_LARGE or span == 1:
                raise
            size.shrink(span)
            continue
        size.grow(span)
        yield from _parse(found)
        first += span
        done(first - blocks.start)


def _parse(found: Any) -> list[Log]:
    try:
        return [
            Log(
                address=item["address"].lower(),
                topics=tuple(str(t) for t in item["topics"]),
                data=str(item["data"]),
                block=int(item["blockNumber"], 16),
            )
            for item in found
            if not item.get("removed")
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadReturn(
            "eth_getLogs answered no logs.", remedy="The node is at fault; try another."
        ) from None
