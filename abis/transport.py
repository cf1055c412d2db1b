"""One HTTP provider a thread, its answers held to the ids of the requests.

A proxy that answers twice, or a connection that is one answer behind, would otherwise give
one question the answer of another.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any


class Mismatched(Exception):
    """Raised when an answer belongs to another request."""


class PerThread:
    """The part of web3's ``HTTPProvider`` that is used, safe to share between threads.

    Parameters
    ----------
    make : callable
        Returns a new provider; its ``request_counter`` gives the ids.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._local = threading.local()
        self._lock = threading.Lock()
        self._next_id = 0

    def make_request(self, method: str, params: Any) -> Any:
        """Return the answer of one request.

        Raises
        ------
        Mismatched
            If it carries the id of another one.
        """
        provider, first = self._provider(1)
        body = provider.make_request(method, params)
        if not _fits(body, first):
            raise self._mismatched()
        return body

    def make_batch_request(self, batch_requests: list[tuple[str, Any]]) -> Any:
        """Return the answers in the order of the requests; errors as in `make_request`."""
        provider, first = self._provider(len(batch_requests))
        bodies = provider.make_batch_request(batch_requests)
        if (
            isinstance(bodies, list)
            and len(bodies) == len(batch_requests)
            and not all(_fits(body, first + i) for i, body in enumerate(bodies))
        ):
            raise self._mismatched()
        return bodies

    def _mismatched(self) -> Mismatched:
        """Give up this thread's connection: once one answer behind, it would stay so."""
        del self._local.provider
        return Mismatched()

    def _provider(self, count: int) -> tuple[Any, int]:
        """Return this thread's provider, about to use the returned id and those after it."""
        with self._lock:
            first = self._next_id
            self._next_id += count
        if not hasattr(self._local, "provider"):
            self._local.provider = self._make()
        self._local.provider.request_counter = itertools.count(first)
        return self._local.provider, first


def refuse_redirect(response: Any, **_: Any) -> Any:
    """Return an HTTP response that is no redirect; called by requests with each.

    Where a redirect leads nobody has chosen, and its address may not even be one.

    Raises
    ------
    requests.HTTPError
        If it is one.
    """
    if response.is_redirect:
        import requests

        raise requests.HTTPError(response=response)
    return response


def _fits(body: Any, expected: int) -> bool:
    """Return whether an answer may be of this request; errors often carry no id."""
    if not isinstance(body, dict) or body.get("error") is not None:
        return True
    return body.get("id") == expected
