"""Multicall3 at the address it has on almost every chain."""

from __future__ import annotations

from .artifacts import multicall3_creation_code
from .node import Node

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"


def install_multicall3(node: Node) -> str:
    """Put Multicall3's code at its usual address and return that address.

    A reader then takes the same path here as on a public chain.
    """
    # A call without a receiver runs creation code and answers with the code it would leave.
    code = node.rpc("eth_call", {"data": multicall3_creation_code()}, "latest")
    node.rpc("anvil_setCode", MULTICALL3, code)
    return MULTICALL3
