"""Which contracts a price touches: access lists, and call traces where the node has them.

``eth_createAccessList`` (EIP-2930) names every contract a call reads, unordered, over plain
JSON-RPC; ``debug_traceCall`` names every call, on nodes that serve it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from eth_utils.address import is_address, to_checksum_address

from abis.calls import Call, encode
from abis.chain import Chain, Header
from abis.errors import RpcFailed

T = TypeVar("T")

_PATIENCE = 3  # refusals
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
        Whether the node gave any.
    untold : list of Call
        Calls of which it told nothing.
    """

    def __init__(self, chain: Chain, block: Header) -> None:
        self._chain = chain
        self._at = hex(block.number)
        self._known: dict[Call, Touched | None] = {}
        self._lists = _Service(chain, "eth_createAccessList")
        self._traces = _Service(chain, "debug_traceCall")

    @property
    def has_access_lists(self) -> bool:
        """Whether the node gave an access list."""
        return self._lists.answers > 0

    @property
    def has_traces(self) -> bool:
        """Whether the node gave a call trace."""
        return self._traces.answers > 0

    @property
    def untold(self) -> list[Call]:
        """Return the calls of which the node told nothing, in the order asked."""
        return [call for call, touched in self._known.items() if touched is None]

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
        keys = self._lists.ask([transaction, self._at], _listed)
        called = self._traces.ask([transaction, self._at, {"tracer": "callTracer"}], _called)
        if keys is None and called is None:
            return None
        contracts = {call.target, *(keys or {}), *(called or ())}
        # Where only a trace is known, take the worse case.
        reads = keys is None or any(keys.values())
        return Touched(frozenset(filter(_is_contract, contracts)), reads, called is not None)


class _Service:
    """One method of a node: given up if it is refused before it was ever answered.

    A contract that makes a node refuse must not blind the checks of all others.
    """

    def __init__(self, chain: Chain, method: str) -> None:
        self._chain = chain
        self._method = method
        self._refusals = 0
        self.answers = 0

    def ask(self, params: list[Any], read: Callable[[Any], T]) -> T | None:
        """Return what ``read`` makes of the answer, None where there is none."""
        if not self.answers and self._refusals >= _PATIENCE:
            return None
        try:
            answer = read(self._chain.request(self._method, params))
        except (RpcFailed, TypeError, KeyError, ValueError, AttributeError):
            self._refusals += 1  # an answer without what it should hold is as good as none
            return None
        self.answers += 1
        return answer


def _listed(answer: Any) -> dict[str, bool]:
    """Return for each contract of an access list whether its storage is read."""
    return {to_checksum_address(each["address"]): bool(each["storageKeys"]) for each in answer["accessList"]}


def _called(frame: Any) -> frozenset[str]:
    """Return every contract of a call trace but the first."""
    return frozenset(_calls(frame))


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
