"""Contract state at pinned blocks: what is known is not asked again, the rest goes in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abis.answers import Answers
from abis.blocks import Header, explained
from abis.calls import Call, decode
from abis.chunks import ChunkSize
from abis.errors import BadReturn, BlockUnavailable, RpcFailed
from abis.failover import Endpoints
from abis.multicall import MULTICALL3, batched, multicalled
from abis.rpc import Refused
from abis.rpc_faults import Fault


@dataclass(frozen=True, slots=True)
class Pin:
    """How to ask for a block's state, and what lives and is known there."""

    at: Any
    has_multicall: bool
    answers: Answers | None


class StateReader:
    """Reads raw answers; learns how many calls the endpoint takes at a time.

    Parameters
    ----------
    rpc : Endpoints
        Where to read.
    workers : int
        How many requests are under way at a time.
    """

    def __init__(self, rpc: Endpoints, workers: int) -> None:
        self._rpc = rpc
        self._workers = workers
        self._answers_at: Callable[[Header], Answers] | None = None
        self._multicall_size = ChunkSize(2000, 4000)
        self._batch_size = ChunkSize(100, 100)
        self._pins: dict[str, Pin] = {}

    def keep_answers(self, folder: Path, chain_id: int) -> None:
        """Take answers from files in ``folder``, and add to them."""
        self._answers_at = lambda block: Answers(folder, chain_id, block.hash)

    def has_code(self, address: str, block: Header | int) -> bool:
        """Return whether a contract lived at ``address`` in ``block``.

        Raises
        ------
        BlockUnavailable
            If the node does not have that block's state.
        """
        number = block if isinstance(block, int) else block.number
        try:
            return _is_code(self._rpc.request("eth_getCode", [address, hex(number)]))
        except Refused as refusal:
            raise explained(self._rpc, refusal, block) from None

    def raw(self, calls: Sequence[Call], block: Header, done: Callable[[int], None]) -> list[bytes | None]:
        """Return the raw answer of each call, None where it reverts.

        Parameters
        ----------
        calls : sequence of Call
            What to read.
        block : Header
            The pinned block.
        done : callable
            Told the number of calls finished.

        Raises
        ------
        BlockUnavailable, Reorganised, ChainError
            As `abis.chain.Chain.read`.
        """
        if not calls:
            return []
        try:
            pin = self._pin(block)
            answers: list[bytes | None] = pin.answers.of(calls) if pin.answers else [None] * len(calls)
            places = [i for i, data in enumerate(answers) if data is None]
            finished = len(calls) - len(places)
            done(finished)
            for found in self._fetch([calls[i] for i in places], pin):
                for i, data in found:
                    answers[places[i]] = data
                finished += len(found)
                done(finished)
        except Refused as refusal:
            raise explained(self._rpc, refusal, block) from None
        return answers

    def _fetch(self, calls: Sequence[Call], pin: Pin) -> Iterator[list[tuple[int, bytes | None]]]:
        """Yield places and raw answers of calls, chunk by chunk as they come in."""
        if pin.has_multicall:
            pieces = multicalled(self._rpc, calls, pin.at, self._multicall_size, self._workers)
        else:
            pieces = batched(self._rpc, calls, pin.at, self._batch_size, self._workers)
        for piece, raw in pieces:
            if pin.answers:
                pin.answers.keep(calls[piece.start : piece.stop], raw)
            yield list(zip(piece, raw, strict=True))

    def _pin(self, block: Header) -> Pin:
        """Return how to ask for the state of ``block``.

        By hash (EIP-1898) a reorganisation cannot mix two blocks; nodes that do not know
        the form get the number, and `Chain.confirm` tells afterwards.
        """
        if block.hash not in self._pins:
            by_hash = {"blockHash": block.hash, "requireCanonical": True}
            try:
                code = self._rpc.request("eth_getCode", [MULTICALL3, by_hash])
            except Refused as refusal:
                if refusal.fault is not Fault.OTHER:
                    raise
                pin = Pin(hex(block.number), self.has_code(MULTICALL3, block), None)
            else:
                kept = self._answers_at(block) if self._answers_at else None
                pin = Pin(by_hash, _is_code(code), kept)
            self._pins[block.hash] = pin
        return self._pins[block.hash]


def outcome(call: Call, data: bytes | None, block: Header) -> Any:
    """Return the value a call answered, or the `ChainError` that takes its place."""
    if data is None:
        if call.optional:
            return None
        return RpcFailed(f"{call} reverts at block {block.number}.", remedy="Check address and block.")
    try:
        return decode(call, data)
    except BadReturn as error:
        return None if call.optional else error


def first_block_with_code(has_code: Callable[[int], bool], last: int) -> int:
    """Return the block that brought a contract its code, or 0 if the node cannot tell.

    Bisects over the code's history; a node without old state gives 0, which is always a
    correct, if slow, place to start from.

    Parameters
    ----------
    has_code : callable
        Whether the code is there in a block.
    last : int
        A block in which it is.
    """
    low, high = 0, last  # code is absent before low and present at high
    try:
        while low < high:
            middle = (low + high) // 2
            if has_code(middle):
                high = middle
            else:
                low = middle + 1
    except BlockUnavailable:
        return 0
    return high


def _is_code(text: Any) -> bool:
    return isinstance(text, str) and len(text) > 2
