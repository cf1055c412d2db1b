"""Contracts as data: an address with an ABI, and what was compiled before it had one."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.abi import get_abi_input_types, get_abi_output_types
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

Abi = Sequence[Any]


@functools.cache
def _selector(signature: str) -> bytes:
    return bytes(keccak(text=signature)[:4])


@functools.lru_cache(maxsize=65_536)
def _decoded(types: tuple[str, ...], data: str) -> tuple[Any, ...]:
    """Return decoded words; a market read again after a step answers mostly what it answered before."""
    return decode(types, bytes.fromhex(data[2:]))


@dataclass(frozen=True, slots=True)
class Contract:
    """A deployed contract.

    Attributes
    ----------
    name : str
        Name for messages.
    address : str
        Checksummed address.
    abi : Abi
        Its ABI.
    """

    name: str
    address: str
    abi: Abi

    def at(self, address: str) -> Contract:
        """Return the same interface at another address (a proxy, for instance)."""
        return Contract(self.name, to_checksum_address(address), self.abi)

    def encode(self, function: str, *arguments: Any) -> str:
        """Return the call data of ``function``, hex."""
        types = get_abi_input_types(self._function(function, len(arguments)))
        return "0x" + (_selector(f"{function}({','.join(types)})") + encode(types, arguments)).hex()

    def decode(self, function: str, arity: int, data: str) -> Any:
        """Return what ``function`` answered: one value, or a tuple of several."""
        types = get_abi_output_types(self._function(function, arity))
        values = _decoded(tuple(types), data)
        return values[0] if len(values) == 1 else values

    def _function(self, function: str, arity: int) -> Any:
        for entry in self.abi:
            if entry.get("name") == function and len(entry.get("inputs", ())) == arity:
                return entry
        raise KeyError(f"{self.name} has no function {function} with {arity} arguments")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract.

    Attributes
    ----------
    name : str
        Contract name.
    abi : Abi
        Its ABI.
    bytecode : str
        Creation bytecode, hex, with zeros where library addresses belong.
    links : mapping of str to tuple of int
        For each library, the byte offsets of its address in the bytecode.
    """

    name: str
    abi: Abi
    bytecode: str
    links: Mapping[str, tuple[int, ...]]

    def creation_code(self, arguments: Sequence[Any], libraries: Mapping[str, str]) -> str:
        """Return the linked creation bytecode with constructor arguments, hex.

        Parameters
        ----------
        arguments : sequence
            Constructor arguments.
        libraries : mapping of str to str
            Address of every library the contract is linked with.
        """
        code = bytearray.fromhex(self.bytecode.removeprefix("0x"))
        for library, offsets in self.links.items():
            address = bytes.fromhex(libraries[library][2:])
            for offset in offsets:
                code[offset : offset + 20] = address
        types = next((get_abi_input_types(e) for e in self.abi if e["type"] == "constructor"), [])
        return "0x" + (bytes(code) + encode(types, arguments)).hex()


def created_address(sender: str, nonce: int) -> str:
    """Return the address of the contract that ``sender`` creates at ``nonce``.

    It is the end of keccak(rlp([sender, nonce])); nonces up to 2**31 are enough here.
    """
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if 0 < nonce < 0x80 else bytes([0x80 + len(number)]) + number
    payload = b"\x94" + bytes.fromhex(sender[2:]) + item
    return to_checksum_address(keccak(bytes([0xC0 + len(payload)]) + payload)[-20:])


def named_address(name: str) -> str:
    """Return the address that stands for ``name``; nobody has its key.

    The node lets any address send, so accounts need no keys, only names.
    """
    return to_checksum_address(keccak(text=name)[-20:])
