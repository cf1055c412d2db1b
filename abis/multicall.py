"""Many calls in one request: Multicall3 where it has code, JSON-RPC batches elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from abis.calls import Call, decode, encode
from abis.chunks import ChunkSize, in_chunks
from abis.errors import BadReturn
from abis.rpc import Answer, Refused, Rpc
from abis.rpc_faults import Fault

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"  # the same on nearly every EVM chain
_AGGREGATE = "aggregate3((address,bool,bytes)[])((bool,bytes)[])"
_FINAL = (Fault.REVERT, Fault.OUT_OF_GAS)


def batched(
    rpc: Rpc, calls: Sequence[Call], at: Any, size: ChunkSize, done: Callable[[int], None]
) -> list[bytes | None]:
    """Return the raw answer of each call, None where it reverted, through JSON-RPC batches.

    Parameters
    ----------
    rpc : Rpc
        The endpoint.
    calls : sequence of Call
        What to read.
    at : JSON value
        Block parameter of ``eth_call``.
    size : ChunkSize
        How many calls one batch takes.
    done : callable
        Told the number of calls finished.

    Raises
    ------
    Refused
        For errors that are neither a revert nor mended by asking for less.
    """

    def read(chunk: Sequence[Call]) -> list[bytes | None]:
        answers = rpc.batch([("eth_call", [_transaction(c), at]) for c in chunk])
        for answer in answers:
            if answer.fault is not None and answer.fault not in _FINAL:
                raise Refused(f"{rpc.masked_url} refused eth_call: {answer.message}", answer.fault)
        return [_raw(a) for a in answers]

    return in_chunks(calls, read, size, done)


def multicalled(
    rpc: Rpc, calls: Sequence[Call], at: Any, size: ChunkSize, done: Callable[[int], None]
) -> list[bytes | None]:
    """Return the raw answer of each call, None where it reverted, through Multicall3.

    Parameters and errors as in `batched`.
    """

    def read(chunk: Sequence[Call]) -> list[bytes | None]:
        if len(chunk) == 1:
            return _alone(rpc, chunk, at)
        items = [(c.target, True, encode(c)) for c in chunk]
        outer = Call(MULTICALL3, _AGGREGATE, (items,))
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
        again = _alone(rpc, [chunk[i] for i in failed], at)
        for i, data in zip(failed, again, strict=True):
            raw[i] = data
        return raw

    return in_chunks(calls, read, size, done)


def _alone(rpc: Rpc, calls: Sequence[Call], at: Any) -> list[bytes | None]:
    return batched(rpc, calls, at, ChunkSize(50, 50), lambda _: None)


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
