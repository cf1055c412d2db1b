"""Many calls in one request: Multicall3 where it has code, JSON-RPC batches elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from abis.calls import Call, decode, encode
from abis.chunks import ChunkSize, in_pieces
from abis.errors import BadReturn
from abis.failover import Endpoints
from abis.rpc import Answer, Refused
from abis.rpc_faults import Fault

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"  # the same on nearly every EVM chain
_AGGREGATE = "aggregate3((address,bool,bytes)[])((bool,bytes)[])"
_FINAL = (Fault.REVERT, Fault.OUT_OF_GAS)
Piece = tuple[range, list[bytes | None]]  # places of the calls, and their raw answers


def batched(rpc: Endpoints, calls: Sequence[Call], at: Any, size: ChunkSize, workers: int) -> Iterator[Piece]:
    """Yield the raw answers of the calls, None where one reverted, through JSON-RPC batches.

    Parameters
    ----------
    rpc : Endpoints
        Where to read.
    calls : sequence of Call
        What to read.
    at : JSON value
        Block parameter of ``eth_call``.
    size : ChunkSize
        How many calls one batch takes.
    workers : int
        How many requests are under way at a time.

    Raises
    ------
    Refused
        For errors that are neither a revert nor mended by asking for less.
    """
    return in_pieces(range(len(calls)), lambda piece: _batch(rpc, _cut(calls, piece), at), size, workers)


def multicalled(
    rpc: Endpoints, calls: Sequence[Call], at: Any, size: ChunkSize, workers: int
) -> Iterator[Piece]:
    """Yield the raw answers of the calls, None where one reverted, through Multicall3.

    Parameters and errors as in `batched`.
    """
    return in_pieces(range(len(calls)), lambda piece: _aggregate(rpc, _cut(calls, piece), at), size, workers)


def _cut(calls: Sequence[Call], piece: range) -> Sequence[Call]:
    return calls[piece.start : piece.stop]


def _batch(rpc: Endpoints, chunk: Sequence[Call], at: Any) -> list[bytes | None]:
    answers = rpc.batch([("eth_call", [_transaction(c), at]) for c in chunk])
    for answer in answers:
        if answer.fault is not None and answer.fault not in _FINAL:
            raise Refused(f"{rpc.masked_url} refused eth_call: {answer.message}", answer.fault)
    return [_raw(a) for a in answers]


def _aggregate(rpc: Endpoints, chunk: Sequence[Call], at: Any) -> list[bytes | None]:
    if len(chunk) == 1:
        return _alone(rpc, chunk, at)
    outer = Call(MULTICALL3, _AGGREGATE, ([(c.target, True, encode(c)) for c in chunk],))
    try:
        returned = rpc.request("eth_call", [_transaction(outer), at], divisible=True)
    except Refused as refusal:
        # aggregate3 itself reverts only when its gas is used up
        raise Refused(refusal.message, _too_large(refusal.fault)) from None
    results = decode(outer, _unhex(returned))
    if len(results) != len(chunk):
        raise BadReturn(f"Multicall3 answered {len(results)} of {len(chunk)} calls.")
    raw = [data if ok else None for ok, data in results]
    # A neighbour that burns the gas makes innocent calls fail: ask those again, alone.
    failed = [i for i, data in enumerate(raw) if data is None]
    for i, data in zip(failed, _alone(rpc, [chunk[i] for i in failed], at), strict=True):
        raw[i] = data
    return raw


def _alone(rpc: Endpoints, calls: Sequence[Call], at: Any) -> list[bytes | None]:
    """Return the answers of calls that each have the gas of their own call."""
    answers: list[bytes | None] = [None] * len(calls)
    for piece, raw in batched(rpc, calls, at, ChunkSize(100, 100), 1):
        answers[piece.start : piece.stop] = raw
    return answers


def _too_large(fault: Fault) -> Fault:
    return Fault.TOO_LARGE if fault in _FINAL else fault


def _transaction(call: Call) -> dict[str, str]:
    return {"to": call.target, "data": "0x" + encode(call).hex()}


def _raw(answer: Answer) -> bytes | None:
    return None if answer.fault is not None else _unhex(answer.result)


def _unhex(text: Any) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except (AttributeError, TypeError, ValueError):
        raise BadReturn(
            "an eth_call answered no hex data.", remedy="The node is at fault; try another."
        ) from None
