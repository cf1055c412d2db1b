"""Several endpoints of one chain: the next takes over when one fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from abis.errors import BreakwaterError, ChainError, ChainUnreachable
from abis.rpc import Answer, Refused, Request, Rpc
from abis.rpc_faults import Fault

R = TypeVar("R")
_OTHERS_MAY_KNOW = (Fault.NO_STATE, Fault.UNKNOWN_BLOCK)


class Endpoints:
    """Endpoints that stand in for each other.

    Parameters
    ----------
    rpcs : sequence of Rpc
        In the order of preference.
    vouch : callable
        Told an endpoint that is about to take over; raises a `BreakwaterError` if that one
        serves another chain or does not have the block being read.
    """

    def __init__(self, rpcs: Sequence[Rpc], vouch: Callable[[Rpc], None]) -> None:
        self._rpcs = list(rpcs)
        self._vouch = vouch
        self._lock = threading.Lock()

    @property
    def masked_url(self) -> str:
        """The endpoint in use, fit to be shown."""
        return self._rpcs[0].masked_url

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, to all endpoints."""
        return sum(rpc.requests for rpc in self._rpcs)

    def request(
        self, method: str, params: list[Any], *, divisible: bool = False, exists: bool = False
    ) -> Any:
        """As `abis.rpc.Rpc.request`, of the first endpoint that can answer."""
        return self._first(lambda rpc: rpc.request(method, params, divisible=divisible, exists=exists))

    def batch(
        self, requests: Sequence[Request], *, divisible: bool = True, whole: bool = False
    ) -> list[Answer]:
        """As `abis.rpc.Rpc.batch`, of the first endpoint that can answer."""

        def ask(rpc: Rpc) -> list[Answer]:
            answers = rpc.batch(requests, divisible=divisible, whole=whole)
            for answer in answers:
                if answer.fault in _OTHERS_MAY_KNOW:
                    raise Refused(f"{rpc.masked_url} refused: {answer.message}", answer.fault)
            return answers

        return self._first(ask)

    def _first(self, ask: Callable[[Rpc], R]) -> R:
        failed: list[Rpc] = []
        while True:
            rpc = self._rpcs[0]
            try:
                return ask(rpc)
            except ChainError as error:
                lacking = isinstance(error, Refused) and error.fault in _OTHERS_MAY_KNOW
                if not (lacking or isinstance(error, ChainUnreachable)):
                    raise
                failed.append(rpc)
                if not self._replace(rpc, failed):
                    raise

    def _replace(self, broken: Rpc, failed: list[Rpc]) -> bool:
        """Put another endpoint first; return whether there is one that has not failed here."""
        with self._lock:
            if self._rpcs[0] is not broken and self._rpcs[0] not in failed:
                return True  # another thread has done it
            for rpc in self._rpcs:
                if rpc in failed:
                    continue
                try:
                    self._vouch(rpc)
                except BreakwaterError:
                    failed.append(rpc)
                    continue
                self._rpcs = [rpc, *(r for r in self._rpcs if r is not rpc)]
                return True
            return False
