"""Which contracts a price touches: access lists, and call traces where the node has them.

``eth_createAccessList`` (EIP-2930) names every contract a call reads, unordered, over plain
JSON-RPC; ``debug_traceCall`` names every call, on nodes that serve it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from abis.calls import Call, encode
from abis.chain import Chain, Header
from abis.errors import RpcFailed

_MOST_CALLS = 10_000  # of one trace; a hostile contract can make a node send as many as it likes
_LAST_PRECOMPILE = 0xFFFF  # addresses so small hold the chain's own routines, not contracts


@dataclass(frozen=True, slots=True)
class Touched:
    """What one call reads.

    Parameters
    ----------
    contracts : frozenset of str
        Checksummed addresses, the called contract included; precompiles are left out.
    reads_storage : bool
        Whether any storage was read.
    is_traced : bool
        Whether a call trace is among it, which also names contracts without storage.
    """

    contracts: frozenset[str]
    reads_storage: bool
    is_traced: bool


class Toucher:
    """Asks a node what calls read at one block; each call once.

    Parameters
    ----------
    chain : Chain
    block : Header

    Attributes
    ----------
    has_access_lists, has_traces : bool
        Whether the node serves them; known after the first question.
    """

    def __init__(self, chain: Chain, block: Header) -> None:
        self._chain = chain
        self._at = hex(block.number)
        self._known: dict[Call, Touched | None] = {}
        self.has_access_lists = True
        self.has_traces = True

    def of(self, call: Call) -> Touched | None:
        """Return what ``call`` reads, or None where the node cannot tell.

        Raises
        ------
        ChainUnreachable
            If the node does not answer at all.
        """
        if call not in self._known:
            self._known[call] = self._ask(call)
        return self._known[call]

    def _ask(self, call: Call) -> Touched | None:
        transaction = {"to": call.target, "data": "0x" + encode(call).hex()}
        keys = self._access_list(transaction)
        called = self._called(transaction)
        if keys is None and called is None:
            return None
        contracts = {call.target, *(keys or {}), *(called or ())}
        # Where only a trace is known, take the worse case.
        reads = keys is None or any(keys.values())
        return Touched(frozenset(filter(_is_contract, contracts)), reads, called is not None)

    def _access_list(self, transaction: dict[str, str]) -> dict[str, bool] | None:
        """Return for each contract whether its storage is read."""
        if not self.has_access_lists:
            return None
        try:
            answer = self._chain.request("eth_createAccessList", [transaction, self._at])
            listed = answer["accessList"]
            return {to_checksum_address(each["address"]): bool(each["storageKeys"]) for each in listed}
        except RpcFailed:
            self.has_access_lists = False
        except (TypeError, KeyError, ValueError, AttributeError):
            self.has_access_lists = False  # no list in the answer: as good as none
        return None

    def _called(self, transaction: dict[str, str]) -> frozenset[str] | None:
        if not self.has_traces:
            return None
        try:
            tracer = {"tracer": "callTracer"}
            return frozenset(_calls(self._chain.request("debug_traceCall", [transaction, self._at, tracer])))
        except RpcFailed:
            self.has_traces = False
        except (TypeError, KeyError, ValueError, AttributeError):
            self.has_traces = False
        return None


def _calls(frame: Any) -> Iterator[str]:
    """Yield the called contract of every call below ``frame``."""
    waiting = [frame]
    seen = 0
    while waiting:
        for inner in waiting.pop().get("calls") or ():
            seen += 1
            if seen > _MOST_CALLS:
                raise ValueError("too many calls")
            if is_address(inner["to"]):
                yield to_checksum_address(inner["to"])
                waiting.append(inner)


def _is_contract(address: str) -> bool:
    return int(address, 16) > _LAST_PRECOMPILE
