"""Takes batches apart: the calls that a multicall, a Safe or a governance executor carries inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from eth_utils.address import to_checksum_address

from abis.calls import function
from abis.errors import InputError
from protocols.payload_calls import RawCall, arguments_of

DEEPEST = 8
MOST_CALLS = 10_000
_OPERATION, _ADDRESS, _WORD = 1, 20, 32  # Safe's MultiSend.sol packs them without padding
_HEAD = _OPERATION + _ADDRESS + 2 * _WORD

Inner = Iterator[tuple[str, str, int, bool]]  # target, calldata, wei, delegated


def unpacked(calls: Sequence[RawCall]) -> tuple[RawCall, ...]:
    """Return the calls with every batch replaced by what it carries, in order.

    What looks like a batch and cannot be read stays as it is.

    Raises
    ------
    InputError
        If batches are nested deeper than `DEEPEST`, or more than `MOST_CALLS` calls come out.
    """
    found: list[RawCall] = []
    for call in calls:
        for inner in _unpacked(call, 0):
            found.append(inner)
            if len(found) > MOST_CALLS:
                raise InputError(
                    f"the payload holds more than {MOST_CALLS:,} calls.", remedy="Review it in parts."
                )
    return tuple(found)


def _unpacked(call: RawCall, depth: int) -> Iterator[RawCall]:
    inner = _inner(call)
    if inner is None:
        yield call
        return
    if depth >= DEEPEST:
        raise InputError(f"{call.place} nests batches deeper than {DEEPEST}.", remedy="Unpack it first.")
    for number, (to, data, wei, delegated) in enumerate(inner, 1):
        place = f"{call.place}.{number}"
        yield from _unpacked(RawCall(data, to, place, wei, delegated), depth + 1)


def _inner(call: RawCall) -> list[tuple[str, str, int, bool]] | None:
    """Return what a batch carries, or None if the call is none."""
    try:
        raw = bytes.fromhex(call.data.removeprefix("0x"))
    except ValueError:
        return None
    for signature, read in _BATCHES.items():
        if raw[:4] == function(signature).selector:
            try:
                return list(read(call, arguments_of(signature, raw[4:])))
            except ValueError:
                return None
    return None


def _of_pairs(call: RawCall, arguments: Sequence[Any]) -> Inner:
    for target, data in arguments[-1]:
        yield target, _hex(data), 0, False


def _of_triples(call: RawCall, arguments: Sequence[Any]) -> Inner:
    for target, _, data in arguments[0]:
        yield target, _hex(data), 0, False


def _of_quadruples(call: RawCall, arguments: Sequence[Any]) -> Inner:
    for target, _, wei, data in arguments[0]:
        yield target, _hex(data), wei, False


def _of_own(call: RawCall, arguments: Sequence[Any]) -> Inner:
    for data in arguments[0]:
        yield call.to, _hex(data), 0, False


def _of_safe(call: RawCall, arguments: Sequence[Any]) -> Inner:
    target, wei, data, operation = arguments[:4]
    yield target, _hex(data), wei, operation == 1


def _of_executor(call: RawCall, arguments: Sequence[Any]) -> Inner:
    """Executor.sol of Aave's governance: a signature, if there is one, stands before the arguments."""
    target, wei, signature, data = arguments[:4]
    selector = function(signature).selector if signature else b""
    yield target, _hex(selector + data), wei, bool(arguments[-1])


def _of_multisend(call: RawCall, arguments: Sequence[Any]) -> Inner:
    packed: bytes = arguments[0]
    while packed:
        if len(packed) < _HEAD:
            raise ValueError("the packed calls are cut off")
        size = int.from_bytes(packed[_HEAD - _WORD : _HEAD], "big")
        if len(packed) < _HEAD + size:
            raise ValueError("the packed calls are cut off")
        target = to_checksum_address(packed[_OPERATION : _OPERATION + _ADDRESS])
        wei = int.from_bytes(packed[_OPERATION + _ADDRESS : _HEAD - _WORD], "big")
        yield target, _hex(packed[_HEAD : _HEAD + size]), wei, packed[0] == 1
        packed = packed[_HEAD + size :]


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


_BATCHES: dict[str, Callable[[RawCall, Sequence[Any]], Inner]] = {
    "multiSend(bytes)": _of_multisend,  # Safe
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": _of_safe,
    "aggregate((address,bytes)[])": _of_pairs,  # Multicall3
    "tryAggregate(bool,(address,bytes)[])": _of_pairs,
    "aggregate3((address,bool,bytes)[])": _of_triples,
    "aggregate3Value((address,bool,uint256,bytes)[])": _of_quadruples,
    "multicall(bytes[])": _of_own,
    "executeTransaction(address,uint256,string,bytes,bool)": _of_executor,
    "executeTransaction(address,uint256,string,bytes,uint256,bool)": _of_executor,
}


def renumbered(calls: Sequence[RawCall]) -> tuple[RawCall, ...]:
    """Return the calls with their places counted from 1."""
    return tuple(replace(call, place=f"call {k}") for k, call in enumerate(calls, 1))
