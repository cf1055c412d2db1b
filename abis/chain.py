"""The chain reader: blocks, calls and logs of one endpoint at one pinned block.

The only file that imports web3, and only when it connects.  It reads; it holds no keys
and sends no transactions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abis.calls import Call, decode
from abis.chunks import ChunkSize
from abis.endpoint import is_http_url, mask_url
from abis.errors import BadReturn, BlockUnavailable, ChainUnreachable, Reorganised, RpcFailed, WrongChain
from abis.logs import Log, logs_in
from abis.multicall import MULTICALL3, batched, multicalled
from abis.rpc import Refused, Rpc
from abis.rpc_faults import Fault

if TYPE_CHECKING:
    from abis.rpc import Transport

Progress = Callable[[str, int, int], None]  # phase, done, total
_TAGS = ("latest", "safe", "finalized", "earliest")


def silent(phase: str, done: int, total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block: number, hash and unix time."""

    number: int
    hash: str
    timestamp_s: int


class Chain:
    """One endpoint.

    Parameters
    ----------
    url : str
        http(s) URL of a JSON-RPC node; shown only masked.
    timeout_s : float
        Longest wait for one answer.
    attempts : int
        How often a request is tried that fails in a way that may pass.
    sleep : callable
        Pauses between attempts.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        attempts: int = 6,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.masked_url = mask_url(url)
        self._rpc = Rpc(url, _http_transport(url, timeout_s), attempts=attempts, sleep=sleep)
        self._multicall_size = ChunkSize(200, 1000)
        self._batch_size = ChunkSize(100, 100)
        self._log_span = ChunkSize(10_000, 1_000_000)
        self._chain_id: int | None = None
        self._pins: dict[str, tuple[Any, bool]] = {}

    def __repr__(self) -> str:
        return f"Chain('{self.masked_url}')"

    @property
    def requests(self) -> int:
        """HTTP requests sent so far."""
        return self._rpc.requests

    @property
    def chain_id(self) -> int:
        """The chain the endpoint serves; connects if that has not been done."""
        return self.connect() if self._chain_id is None else self._chain_id

    def connect(self, chain_id: int | None = None) -> int:
        """Return the chain id, and check it where one is expected.

        Raises
        ------
        ChainUnreachable
            If the endpoint does not answer.
        WrongChain
            If it serves another chain than ``chain_id``.
        """
        try:
            served = _quantity(self._rpc.request("eth_chainId", []))
        except (Refused, BadReturn) as error:
            raise ChainUnreachable(error.message, remedy="Check the RPC URL and its key.") from None
        if chain_id is not None and served != chain_id:
            raise WrongChain(
                f"{self.masked_url} serves chain {served}, the market lives on chain {chain_id}.",
                remedy=f"Give an RPC URL of chain {chain_id}.",
            )
        self._chain_id = served
        return served

    def request(self, method: str, params: list[Any]) -> Any:
        """Return the result of any read method; errors as in `abis.rpc.Rpc.request`."""
        return self._rpc.request(method, params)

    def block(self, which: int | str) -> Header:
        """Return a block by number or tag (``latest``, ``safe``, ``finalized``).

        Raises
        ------
        BlockUnavailable
            If the node does not have it.
        """
        tag = which if which in _TAGS else hex(int(which))
        try:
            found = self._rpc.request("eth_getBlockByNumber", [tag, False])
        except Refused as refusal:
            if refusal.fault is Fault.TRANSIENT:
                raise
            found = None
        if found is None:
            raise BlockUnavailable(
                f"{self.masked_url} does not have block {which}.",
                remedy="Give an existing block number, or 'latest'.",
            )
        try:
            return Header(_quantity(found["number"]), str(found["hash"]), _quantity(found["timestamp"]))
        except (KeyError, TypeError):
            raise BadReturn(f"{self.masked_url} described block {which} incompletely.") from None

    def confirm(self, block: Header) -> None:
        """Check that ``block`` is still part of the chain; call after reading.

        Raises
        ------
        Reorganised
            If another block has its number now.
        """
        if self.block(block.number).hash != block.hash:
            raise _reorganised(block.number)

    def has_code(self, address: str, block: Header | int) -> bool:
        """Return whether a contract lived at ``address`` in ``block``.

        Raises
        ------
        BlockUnavailable
            If the node does not have that block's state.
        """
        number = block if isinstance(block, int) else block.number
        try:
            code = self._rpc.request("eth_getCode", [address, hex(number)])
        except Refused as refusal:
            raise self._explained(refusal, block) from None
        return isinstance(code, str) and len(code) > 2

    def read(
        self, calls: Sequence[Call], block: Header, progress: Progress = silent, phase: str = "calls"
    ) -> list[Any]:
        """Return the decoded answer of each call at ``block``.

        Parameters
        ----------
        calls : sequence of Call
            What to read; where ``optional``, a revert or a misfit reads as None.
        block : Header
            The pinned block.
        progress, phase
            Told the number of calls finished.

        Raises
        ------
        BlockUnavailable
            If the node does not have the block's state.
        RpcFailed
            If a call that is not optional reverts.
        BadReturn
            If an answer does not decode.
        Reorganised
            If the block left the chain meanwhile.
        """
        if not calls:
            return []
        at, has_multicall = self._pin(block)
        fetch, size = (multicalled, self._multicall_size) if has_multicall else (batched, self._batch_size)
        try:
            raw = fetch(self._rpc, calls, at, size, lambda n: progress(phase, n, len(calls)))
        except Refused as refusal:
            raise self._explained(refusal, block) from None
        return [_value(call, data, block) for call, data in zip(calls, raw, strict=True)]

    def logs(
        self,
        addresses: Sequence[str],
        topics: Sequence[Any],
        blocks: range,
        progress: Progress = silent,
        phase: str = "events",
    ) -> Iterator[Log]:
        """Yield the logs of ``blocks`` in order; parameters and errors as in `abis.logs.logs_in`."""
        try:
            yield from logs_in(
                self._rpc,
                addresses,
                topics,
                blocks,
                self._log_span,
                lambda n: progress(phase, n, len(blocks)),
            )
        except Refused as refusal:
            raise self._explained(refusal, blocks.start) from None

    def _pin(self, block: Header) -> tuple[Any, bool]:
        """Return the block parameter to use, and whether Multicall3 lives there.

        By hash (EIP-1898) a reorganisation cannot mix two blocks; nodes that do not know
        the form get the number, and `confirm` tells afterwards.
        """
        if block.hash not in self._pins:
            by_hash = {"blockHash": block.hash, "requireCanonical": True}
            try:
                code = self._rpc.request("eth_getCode", [MULTICALL3, by_hash])
                self._pins[block.hash] = (by_hash, isinstance(code, str) and len(code) > 2)
            except Refused as refusal:
                if refusal.fault is not Fault.OTHER:
                    raise self._explained(refusal, block) from None
                self._pins[block.hash] = (hex(block.number), self.has_code(MULTICALL3, block))
        return self._pins[block.hash]

    def _explained(self, refusal: Refused, block: Header | int) -> Exception:
        number = block if isinstance(block, int) else block.number
        if refusal.fault is Fault.REORG:
            return _reorganised(number)
        if refusal.fault is Fault.NO_STATE:
            # Asked by hash, a node that reorganised says the same as one that pruned.
            if isinstance(block, Header) and self.block(number).hash != block.hash:
                return _reorganised(number)
            return BlockUnavailable(
                f"{self.masked_url} does not have the state of block {number}.",
                remedy="Use an archive node, or a newer block.",
            )
        return refusal


def _reorganised(number: int) -> Reorganised:
    return Reorganised(
        f"block {number} left the chain while it was read.",
        remedy="Run again, or read an older block (--block finalized).",
    )


def _http_transport(url: str, timeout_s: float) -> Transport:
    if not is_http_url(url):
        raise ChainUnreachable(
            f"'{mask_url(url)}' is no http(s) URL.", remedy="Give an RPC URL such as http://127.0.0.1:8545."
        )
    from web3 import HTTPProvider

    transport: Transport = HTTPProvider(
        url, request_kwargs={"timeout": timeout_s}, exception_retry_configuration=None
    )
    return transport


def _value(call: Call, data: bytes | None, block: Header) -> Any:
    if data is None:
        if call.optional:
            return None
        raise RpcFailed(f"{call} reverts at block {block.number}.", remedy="Check address and block.")
    try:
        return decode(call, data)
    except BadReturn:
        if call.optional:
            return None
        raise


def _quantity(text: Any) -> int:
    try:
        return int(text, 16)
    except (TypeError, ValueError):
        raise BadReturn("a number in an answer is no hex quantity.", remedy="Check the RPC URL.") from None
