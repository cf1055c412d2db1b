"""Who lies about the chain id is found out by what contracts see."""

from __future__ import annotations

from typing import Any

import pytest

from abis.chain import Chain, Header
from abis.errors import BadReturn
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

BLOCK = Header(100, "0x" + "ab" * 32, 1)


@pytest.mark.parametrize(
    ("seen", "fine"),
    [(f"0x{5:064x}", True), (f"0x{6:064x}", False), ("0x", True), (NodeError(-32000, "no such form"), True)],
)
def test_the_chain_id_is_compared_with_the_one_contracts_see(seen: Any, fine: bool) -> None:
    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            return {"number": "0x64", "hash": BLOCK.hash, "timestamp": "0x1"}
        return seen if method == "eth_call" else "0x5"

    with serving(ScriptedNode(answer)) as node:
        chain = Chain(node.url, sleep=lambda _: None)
        assert chain.connect() == 5
        if fine:
            chain.confirm(BLOCK)
            return
        with pytest.raises(BadReturn, match="served chain 5, and now 6"):
            chain.confirm(BLOCK)
