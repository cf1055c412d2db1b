"""The chain reader: blocks, calls and logs of one chain at one pinned block.

The only file that imports web3, and only when it connects.  It reads; it holds no keys
and sends no transactions.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from abis.blocks import (
    Header,
    block_of,
    chain_id_of,
    explained,
    hash_now,
    hash_or_none,
    reorganised,
    wrong_chain,
)
from abis.calls import Call
from abis.chunks import ChunkSize
from abis.endpoint import is_http_url, mask_url
from abis.errors import BadReturn, ChainError, ChainUnreachable
from abis.failover import Endpoints
from abis.logs import LogReader, Piece
from abis.pace import Pace
from abis.rounds import Reading, together
from abis.rpc import Refused, Rpc
from abis.state import StateReader, outcome
from abis.strict_json import refuse_deep
from abis.transport import PerThread, refuse_redirect
from abis.witness import disagree, same_answers, same_logs

if TYPE_CHECKING:
    from abis.rpc import Transport

__all__ = ["Chain", "Header", "Progress", "Reading", "silent"]

T = TypeVar("T")
Progress = Callable[[str, int, int], None]  # phase, done, total
_BLOCKS_A_BATCH = 100
# CHAINID PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN, run as creation code: it needs no contract.
_CHAIN_ID_CODE = {"data": "0x4660005260206000f3"}


def silent(phase: str, done: int, total: int) -> None:
    """Report progress to nobody."""


class Chain:
    """One chain, through one endpoint or several.

    Parameters
    ----------
    *urls : str
        http(s) URLs of JSON-RPC nodes, shown only masked; each stands in for those before it.
    timeout_s : float
        Longest wait for one answer.
    attempts : int
        How often a request is tried that fails in a way that may pass.
    concurrency : int
        How many requests are under way at a time.
    requests_per_second : float
        Rate limit of each endpoint; 0 for none.
    witness : Chain, optional
        Reads everything too; a difference is an error.
    sleep : callable
        Pauses between attempts.
    """

    def __init__(
        self,
        *urls: str,
        timeout_s: float = 30.0,
        attempts: int = 6,
        concurrency: int = 4,
        requests_per_second: float = 0.0,
        witness: Chain | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        rpcs = [
            Rpc(
                url,
                _http_transport(url, timeout_s),
                attempts=attempts,
                sleep=sleep,
                pace=Pace(requests_per_second),
            )
            for url in urls
        ]
        self._rpc = Endpoints(rpcs, self._vouch)
        self._state = StateReader(self._rpc, concurrency)
        self._logs = LogReader(self._rpc, ChunkSize(10_000, 1_000_000), concurrency)
        self._witness = witness
        self._chain_id: int | None = None
        self._block: Header | None = None

    def __repr__(self) -> str:
        return f"Chain('{self.masked_url}')"

    @property
    def masked_url(self) -> str:
        """The endpoint in use, fit to be shown."""
        return self._rpc.masked_url

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, those of a witness included."""
        return self._rpc.requests + (self._witness.requests if self._witness else 0)

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
        served = chain_id_of(self._rpc)
        if chain_id is not None and served != chain_id:
            raise wrong_chain(self.masked_url, served, chain_id)
        if self._witness:
            self._witness.connect(served)
        self._chain_id = served
        return served

    def keep_answers(self, folder: Path) -> None:
        """Take answers of contracts from files in ``folder``, and add to them."""
        self._state.keep_answers(folder, self.chain_id)

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
        block = block_of(self._rpc, which)
        if self._witness and (theirs := hash_now(self._witness._rpc, block.number)) != block.hash:
            raise disagree(f"block {block.number}", block.hash, theirs, self._witness.masked_url)
        return block

    def hashes(self, numbers: Sequence[int]) -> list[str | None]:
        """Return the hash of each block, None where the node does not have it."""
        asked: list[tuple[str, list[Any]]] = [("eth_getBlockByNumber", [hex(n), False]) for n in numbers]
        found: list[Any] = []
        for start in range(0, len(asked), _BLOCKS_A_BATCH):
            chunk = asked[start : start + _BLOCKS_A_BATCH]
            try:
                found += [answer.result for answer in self._rpc.batch(chunk)]
            except Refused:  # no batches here, or one block too many
                found += [{"hash": hash_now(self._rpc, int(params[0], 16))} for _, params in chunk]
        return [hash_or_none(block.get("hash")) if isinstance(block, dict) else None for block in found]

    def confirm(self, block: Header) -> None:
        """Check that ``block`` is still part of the chain; call after reading.

        Raises
        ------
        Reorganised
            If another block has its number now.
        BadReturn
            If the endpoint says it serves another chain than before.
        """
        if self._chain_id is None:
            hash_, served = hash_now(self._rpc, block.number), None
        else:
            hash_, served = self._now(block.number)
        if hash_ != block.hash:
            raise reorganised(block.number)
        if served != self._chain_id:
            raise BadReturn(
                f"{self.masked_url} served chain {self._chain_id}, and now {served}.",
                remedy="The node is at fault; try another.",
            )

    def _now(self, number: int) -> tuple[str | None, int]:
        """Return the hash of the block with this number now, and the chain id contracts see.

        A second source: whoever is wrong about ``eth_chainId`` is right about its contracts.
        """
        asked: list[tuple[str, list[Any]]] = [
            ("eth_getBlockByNumber", [hex(number), False]),
            ("eth_call", [_CHAIN_ID_CODE, "latest"]),
        ]
        try:
            block, chain_id = self._rpc.batch(asked, whole=True)
            return str(block.result["hash"]), int(chain_id.result, 16)
        except (Refused, TypeError, KeyError, ValueError):  # one by one, errors are told better
            return hash_now(self._rpc, number), chain_id_of(self._rpc)

    def has_code(self, address: str, block: Header | int) -> bool:
        """Return whether a contract lived at ``address`` in ``block``.

        Raises
        ------
        BlockUnavailable
            If the node does not have that block's state.
        """
        return self._state.has_code(address, block)

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
        EndpointsDisagree
            If a witness answers differently.
        """
        values = self._outcomes(calls, block, lambda n: progress(phase, n, len(calls)))
        for value in values:
            if isinstance(value, ChainError):
                raise value
        return values

    def run(self, block: Header, reading: Reading[T]) -> T:
        """Return what ``reading`` returns at ``block``; errors as in `read`."""
        result: T = self.together(block, reading)[0]
        return result

    def together(
        self, block: Header, *readings: Reading[Any], progress: Progress = silent, phase: str = "calls"
    ) -> list[Any]:
        """Return what each reading returns at ``block``, in no more rounds than the longest needs.

        Errors are those of `read`, of the first reading first; ``progress`` is told as there.
        """

        def outcomes(calls: Sequence[Call]) -> list[Any]:
            return self._outcomes(calls, block, lambda n: progress(phase, n, len(calls)))

        return together(outcomes, readings)

    def logs(
        self,
        addresses: Sequence[str],
        topics: Sequence[Any],
        blocks: range,
        progress: Progress = silent,
        phase: str = "events",
    ) -> Iterator[Piece]:
        """Yield the logs of ``blocks``, piece by piece as they come in.

        Parameters and errors as in `abis.logs.LogReader.read`, and of `read` those about
        the block: a piece that ends with the block being read must end with that very one.
        """
        done = 0
        try:
            for piece in self._logs.read(addresses, topics, blocks):
                at = self._block
                if at and at.number == piece.blocks.stop - 1 and at.hash != piece.last_hash:
                    raise reorganised(at.number)
                if self._witness:
                    theirs = self._witness.logs(addresses, topics, piece.blocks)
                    every = [log for other in theirs for log in other.logs]
                    same_logs(piece.blocks, piece.logs, every, self._witness.masked_url)
                done += len(piece.blocks)
                progress(phase, done, len(blocks))
                yield piece
        except Refused as refusal:
            raise explained(self._rpc, refusal, blocks.stop - 1) from None

    def _outcomes(
        self, calls: Sequence[Call], block: Header, done: Callable[[int], None] = lambda _: None
    ) -> list[Any]:
        """Return for each call its value, or the `ChainError` that takes its place."""
        return [outcome(c, data, block) for c, data in zip(calls, self._raw(calls, block, done), strict=True)]

    def _raw(
        self, calls: Sequence[Call], block: Header, done: Callable[[int], None] = lambda _: None
    ) -> list[bytes | None]:
        self._block = block
        raw = self._state.raw(calls, block, done)
        if self._witness:
            theirs = self._witness._raw(calls, block)
            same_answers(calls, raw, theirs, block.number, self._witness.masked_url)
        return raw

    def _vouch(self, rpc: Rpc) -> None:
        """Refuse an endpoint that serves another chain, or not the block being read."""
        if self._chain_id is not None and (served := chain_id_of(rpc)) != self._chain_id:
            raise wrong_chain(rpc.masked_url, served, self._chain_id)
        if self._block is not None and hash_now(rpc, self._block.number) != self._block.hash:
            raise reorganised(self._block.number)


def _http_transport(url: str, timeout_s: float) -> Transport:
    if not is_http_url(url):
        raise ChainUnreachable(
            f"'{mask_url(url)}' is no http(s) URL.", remedy="Give an RPC URL such as http://127.0.0.1:8545."
        )
    from web3 import HTTPProvider

    class Bounded(HTTPProvider):
        """A provider that an endlessly nested answer cannot bring down."""

        @staticmethod
        def decode_rpc_response(raw_response: bytes) -> Any:
            refuse_deep(raw_response)
            return HTTPProvider.decode_rpc_response(raw_response)

    _keep_urls_out_of_logs()
    options = {"timeout": timeout_s, "hooks": {"response": refuse_redirect}}
    return PerThread(lambda: Bounded(url, request_kwargs=options, exception_retry_configuration=None))


def _keep_urls_out_of_logs() -> None:
    """Silence what writes whole URLs, keys included, at the level DEBUG."""
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] in ("web3", "urllib3") and isinstance(logger, logging.Logger):
            logger.setLevel(logging.WARNING)
