"""Contracts of a v2 market whose answers a test writes; the wire is real."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode as abi_encode

from abis.calls import function
from abis.chain import Chain, Header, Reading
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

BLOCK = Header(100, "0x" + "ab" * 32, 1_700_000_000)
Answers = dict[tuple[str, str], bytes]  # contract and getter -> what it answers


def word(value: int | str) -> bytes:
    return abi_encode(["address" if isinstance(value, str) else "uint256"], [value])


def run(reading: Reading[Any], answers: Answers) -> Any:
    """Return what a reading makes of these answers; every other call reverts."""
    by_call = {
        (to.lower(), "0x" + function(signature).selector.hex()): data
        for (to, signature), data in answers.items()
    }

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_getCode":
            return "0x"
        data = by_call.get((params[0]["to"].lower(), params[0]["data"][:10]))
        return NodeError(3, "execution reverted") if data is None else "0x" + data.hex()

    with serving(ScriptedNode(answer)) as node:
        return Chain(node.url).run(BLOCK, reading)
