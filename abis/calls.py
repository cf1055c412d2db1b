"""The call codec: contract calls and their answers, without web3.

A function is written as one line, arguments first, returns second::

    getUserEMode(address)(uint256)
    latestRoundData()(uint80,int256,uint256,uint256,uint80)
    symbol()                                   # no returns given: the raw bytes

Encoding follows the Solidity ABI specification.  Decoding is strict: an answer must be
exactly the encoding of the values it decodes to, so that a contract of another shape is
noticed and not misread.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import ABITypeError, DecodingError, EncodingError, ParseError
from eth_abi.grammar import parse
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from abis.errors import BadReturn

_WORD = 32


@dataclass(frozen=True, slots=True)
class Function:
    """A parsed signature; ``outputs`` is None where the raw bytes are wanted."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Call:
    """One read of one contract.

    Parameters
    ----------
    target : str
        Contract address.
    signature : str
        ``name(inputs)(outputs)``; see the module.
    args : tuple
        Arguments, as eth-abi takes them.
    optional : bool
        Whether a revert or an answer of another shape reads as None and not as an error.
    """

    target: str
    signature: str
    args: tuple[Any, ...] = ()
    optional: bool = False

    def __str__(self) -> str:
        shown = ", ".join(str(a) for a in self.args)
        return f"{self.signature.partition('(')[0]}({shown[:80]}) on {self.target}"


@lru_cache(maxsize=1024)
def function(signature: str) -> Function:
    """Return the parsed ``name(inputs)(outputs)``.

    Raises
    ------
    ValueError
        If the text is no signature.
    """
    name, bracket, rest = signature.partition("(")
    depth, end = 1, 0
    while end < len(rest) and depth:
        depth += {"(": 1, ")": -1}.get(rest[end], 0)
        end += 1
    if not name.isidentifier() or not bracket or depth:
        raise ValueError(f"'{signature}' is no function signature")
    arguments, returns = rest[: end - 1], rest[end:]
    return Function(
        selector=keccak(text=f"{name}({arguments})")[:4],
        inputs=_types(arguments),
        outputs=_types(returns[1:-1]) if returns else None,
    )


def _types(text: str) -> tuple[str, ...]:
    """Return the types of a comma list; ``uint256,(address,bool)[]`` has two."""
    if not text:
        return ()
    try:
        return tuple(part.to_type_str() for part in parse(f"({text})").components)
    except (ParseError, ABITypeError) as error:
        raise ValueError(f"'{text}' is no list of ABI types") from error


@lru_cache(maxsize=256)
def topic(event: str) -> str:
    """Return ``topic0`` of an event such as ``Transfer(address,address,uint256)``."""
    return "0x" + keccak(text=event).hex()


def encode(call: Call) -> bytes:
    """Return the call data.

    Raises
    ------
    ValueError
        If the arguments do not fit the signature.
    """
    described = function(call.signature)
    try:
        return described.selector + abi_encode(described.inputs, call.args)
    except (EncodingError, TypeError, ValueError) as error:
        raise ValueError(f"arguments of {call} do not fit '{call.signature}'") from error


def decode(call: Call, data: bytes) -> Any:
    """Return the value the contract answered; several values as a tuple.

    Addresses come back checksummed.  A signature without returns gives ``data`` back.

    Raises
    ------
    BadReturn
        If ``data`` is not exactly an encoding of the signature's outputs.
    """
    outputs = function(call.signature).outputs
    if outputs is None:
        return data
    if outputs == ("uint256",) and len(data) == _WORD:  # nine answers of ten
        return int.from_bytes(data, "big")
    if not data:
        raise BadReturn(
            f"{call} answered nothing.",
            remedy="Check that the address is the expected contract on this chain.",
        )
    values = decode_values(outputs, data, str(call))
    return values[0] if len(values) == 1 else values


def decode_values(types: tuple[str, ...], data: bytes, what: str) -> tuple[Any, ...]:
    """Return the decoded values; ``what`` names the source in the error.

    Raises
    ------
    BadReturn
        If ``data`` is short, has bytes left over or holds a value its type cannot have.
    """
    try:
        values = abi_decode(types, data)
        # eth-abi ignores what follows the values and follows any pointer; writing the
        # values again shows both.
        exact = abi_encode(types, values) == data
    except (DecodingError, EncodingError, ValueError, OverflowError) as error:
        raise BadReturn(
            f"{what} answered {len(data)} bytes that are no ({','.join(types)}): {type(error).__name__}.",
            remedy="The contract has another interface than expected, or the node is at fault.",
        ) from None
    if not exact:
        raise BadReturn(
            f"{what} answered {len(data)} bytes that are no plain encoding of ({','.join(types)}).",
            remedy="The contract has another interface than expected.",
        )
    return tuple(_checksummed(v, t) for v, t in zip(values, types, strict=True))


def _checksummed(value: Any, kind: str) -> Any:
    if kind == "address":
        return to_checksum_address(value)
    if kind == "address[]":
        return tuple(to_checksum_address(v) for v in value)
    return value


def decode_text(data: bytes) -> str:
    """Return a token's name or symbol: an ABI string, or the old style ``bytes32``.

    The text is untrusted; bytes that are no UTF-8 become replacement characters.

    Raises
    ------
    BadReturn
        If ``data`` is neither.
    """
    if len(data) == _WORD:
        return data.rstrip(b"\0").decode("utf-8", "replace")
    # Read by hand: a hostile string must not be able to stop the reading of its market,
    # and sloppy padding or a tail are harmless here.
    offset = int.from_bytes(data[:_WORD], "big")
    start = offset + _WORD
    length = int.from_bytes(data[offset:start], "big")
    if len(data) < 2 * _WORD or start + length > len(data):
        raise BadReturn(
            f"{len(data)} bytes are no text.", remedy="The contract has another interface than expected."
        )
    return data[start : start + length].decode("utf-8", "replace")
