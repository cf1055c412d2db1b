"""Event logs over long block ranges, in pieces the endpoint accepts.

With the logs of a piece the piece's last block is asked for, in the same request: a node
that lags answers ranges it has not reached with an empty list and no error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from abis.chunks import ChunkSize, in_pieces
from abis.errors import BadReturn
from abis.failover import Endpoints
from abis.rpc import Refused
from abis.rpc_faults import Fault

_ROUND = 1000


@dataclass(frozen=True, slots=True)
class Log:
    """One event: the contract (lower case), its topics and data as hex text, its block and transaction."""

    address: str
    topics: tuple[str, ...]
    data: str
    block: int
    transaction: str = ""  # hash; empty where the node does not say


@dataclass(frozen=True, slots=True)
class Piece:
    """The logs of ``blocks`` in the chain's order, and the hash of the last of these blocks."""

    blocks: range
    logs: tuple[Log, ...]
    last_hash: str


def topic_address(topic: str) -> str:
    """Return the address (lower case) in an indexed topic.

    Raises
    ------
    BadReturn
        If the topic holds no address.
    """
    try:
        if len(topic) == 66 and topic.startswith("0x") and not int(topic[2:26], 16):
            return "0x" + bytes.fromhex(topic[26:]).hex()
    except ValueError:
        pass
    raise BadReturn(f"topic {topic[:80]!r} holds no address.", remedy="The node is at fault; try another.")


class LogReader:
    """Reads logs; learns how large a range the endpoint takes.

    Parameters
    ----------
    rpc : Endpoints
        Where to read.
    size : ChunkSize
        How many blocks one request spans; shrinks where too much is found.
    workers : int
        How many requests are under way at a time.
    """

    def __init__(self, rpc: Endpoints, size: ChunkSize, workers: int) -> None:
        self._rpc = rpc
        self._size = size
        self._workers = workers
        self._has_batches = True

    def read(self, addresses: Sequence[str], topics: Sequence[Any], blocks: range) -> Iterator[Piece]:
        """Yield the pieces of ``blocks`` as they come in.

        Parameters
        ----------
        addresses : sequence of str
            Emitting contracts.
        topics : sequence
            The filter of ``eth_getLogs``: per place a topic, a list of alternatives, or None.
        blocks : range
            Block numbers, step 1.

        Raises
        ------
        Refused
            If a single block is refused, or for a reason that a smaller range does not mend.
        BadReturn
            If the answer holds no logs.
        """

        def read(piece: range) -> Piece:
            return self._piece(addresses, topics, piece)

        for _, piece in in_pieces(blocks, read, self._size, self._workers):
            yield piece

    def _piece(self, addresses: Sequence[str], topics: Sequence[Any], piece: range) -> Piece:
        span = {"fromBlock": hex(piece.start), "toBlock": hex(piece.stop - 1)}
        where = {"address": list(addresses), "topics": list(topics), **span}
        found, last = self._ask(where, len(piece) > 1)
        logs = _parse(found)
        # Some providers cut a list at a round number and do not say so.
        if len(piece) > 1 and logs and not len(logs) % _ROUND:
            raise Refused(f"{self._rpc.masked_url} may have cut a list of {len(logs)} logs", Fault.TOO_LARGE)
        if any(log.block not in piece for log in logs):
            raise BadReturn("eth_getLogs answered other blocks.", remedy="The node is at fault; try another.")
        try:
            return Piece(piece, logs, str(last["hash"]))
        except (KeyError, TypeError):
            raise BadReturn(f"block {piece.stop - 1} is described incompletely.") from None

    def _ask(self, where: dict[str, Any], divisible: bool) -> tuple[Any, Any]:
        ask_logs, ask_block = ("eth_getLogs", [where]), ("eth_getBlockByNumber", [where["toBlock"], False])
        if self._has_batches:
            try:
                answers = self._rpc.batch([ask_logs, ask_block], divisible=divisible, whole=True)
            except Refused as refusal:
                if refusal.slow or refusal.fault not in (Fault.TOO_LARGE, Fault.OTHER):
                    raise
            else:
                for answer in answers:
                    if answer.fault is not None:
                        message = f"{self._rpc.masked_url} refused eth_getLogs: {answer.message}"
                        raise Refused(message, answer.fault)
                return answers[0].result, answers[1].result
        # The batch was too much: asked one by one, either the logs are refused, or batches are.
        found = self._rpc.request(*ask_logs, divisible=divisible)
        self._has_batches = False
        return found, self._rpc.request(*ask_block, exists=True)


def _parse(found: Any) -> tuple[Log, ...]:
    try:
        return tuple(
            Log(
                address=item["address"].lower(),
                topics=tuple(str(t) for t in item["topics"]),
                data=str(item["data"]),
                block=int(item["blockNumber"], 16),
                transaction=str(item.get("transactionHash") or ""),
            )
            for item in found
            if not item.get("removed")
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadReturn(
            "eth_getLogs answered no logs.", remedy="The node is at fault; try another."
        ) from None
