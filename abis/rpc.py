"""JSON-RPC over HTTP with retries: one request or a batch, errors sorted by what to do."""

from __future__ import annotations

import itertools
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar

from abis.endpoint import mask_url, scrub
from abis.errors import ChainUnreachable, RpcFailed
from abis.pace import Pace
from abis.rpc_faults import Fault, fault_of, fault_of_status
from abis.strict_json import loads
from abis.transport import Mismatched

Request = tuple[str, list[Any]]
T = TypeVar("T")
_LONGEST_WAIT_S = 60.0
_ATTEMPTS_AT_UNKNOWN_BLOCK = 3  # a node that lags catches up soon or does not have it
_NO_TLS, _NO_PROXY = "the TLS connection failed", "the proxy refused"
_NO_NAME, _REFUSED = "the host name cannot be resolved", "connection refused"
_NEVER_REACHED = (_NO_TLS, _NO_PROXY, _NO_NAME, _REFUSED)
_MAY_PASS = (Fault.TRANSIENT, Fault.UNKNOWN_BLOCK)


class Transport(Protocol):
    """The part of web3's ``HTTPProvider`` used here."""

    def make_request(self, method: Any, params: Any) -> Any:
        """Return the decoded JSON-RPC answer."""

    def make_batch_request(self, batch_requests: Any) -> Any:
        """Return the decoded answers in the order of the requests."""


class Refused(RpcFailed):
    """Raised when an endpoint answers a request with an error.

    ``fault`` says what to do; ``slow`` that there was no answer in time.
    """

    def __init__(self, message: str, fault: Fault, *, remedy: str = "", slow: bool = False) -> None:
        self.fault = fault
        self.slow = slow
        super().__init__(message, remedy=remedy, retryable=fault is Fault.TRANSIENT)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a batch: ``result``, or the ``fault`` and its message."""

    result: Any
    fault: Fault | None = None
    message: str = ""


class _Temporary(Exception):
    """An attempt failed in a way that may pass.

    ``wait_s`` is what the server asked for.  ``stranger`` marks failures that mean a wrong
    URL when the endpoint has never answered properly before, ``slow`` those that asking
    for less may mend, ``behind`` a node that does not know the block (yet).
    """

    def __init__(
        self,
        reason: str,
        wait_s: float = 0.0,
        *,
        stranger: bool = False,
        slow: bool = False,
        behind: bool = False,
    ) -> None:
        self.reason = reason
        self.wait_s = wait_s
        self.stranger = stranger
        self.slow = slow
        self.behind = behind
        super().__init__(reason)


class Rpc:
    """An endpoint; counts its HTTP requests in ``requests``.

    Parameters
    ----------
    url : str
        For messages only; shown masked.
    transport : Transport
        What sends the requests.
    attempts : int
        How often one request is tried before it is given up.
    backoff_s : float
        Pause before the second attempt; doubles from attempt to attempt.
    sleep : callable
        Takes the seconds to pause.
    pace : Pace, optional
        Rate limit; none by default.
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        *,
        attempts: int = 6,
        backoff_s: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
        pace: Pace | None = None,
    ) -> None:
        self._url = url
        self._transport = transport
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._sleep = sleep
        self.masked_url = mask_url(url)
        self.requests = 0
        self._pace = pace or Pace(0)
        self._lock = threading.Lock()
        self._answered = False

    def request(
        self, method: str, params: list[Any], *, divisible: bool = False, exists: bool = False
    ) -> Any:
        """Return the result of one request.

        Parameters
        ----------
        method : str
            JSON-RPC method.
        params : list
            Its parameters.
        divisible : bool
            Whether the caller can ask for less: no answer in time is then a refusal, as
            `Fault.TOO_LARGE`, and not a reason to wait for the same thing again.
        exists : bool
            Whether what is asked for is known to exist, so that null means a node that lags.

        Raises
        ------
        ChainUnreachable
            If nothing usable came back, after every attempt.
        Refused
            If the endpoint answered with an error.
        """

        def send() -> Answer:
            answer = self._read(self._transport.make_request(method, params), exists)
            if answer.fault in _MAY_PASS:
                raise _passing(answer)
            return answer

        answer = self._persist(send, divisible)
        if answer.fault is not None:
            raise Refused(f"{self.masked_url} refused {method}: {answer.message}", answer.fault)
        return answer.result

    def batch(
        self, requests: Sequence[Request], *, divisible: bool = True, whole: bool = False
    ) -> list[Answer]:
        """Return one answer a request; answers that may pass are asked for again.

        Parameters
        ----------
        requests : sequence
            Methods and parameters.
        divisible : bool
            As in `request`.
        whole : bool
            Whether the answers must come from one response in which nothing is null, as
            where one vouches for another.

        Raises
        ------
        ChainUnreachable, Refused
            As `request`, for the batch as a whole.
        """
        answers: dict[int, Answer] = {}

        def send() -> list[Answer]:
            open_ = [i for i in range(len(requests)) if i not in answers]
            got = self._read_batch([requests[i] for i in open_], whole)
            done = {i: a for i, a in zip(open_, got, strict=True) if a.fault not in _MAY_PASS}
            if len(done) < len(open_):
                if not whole:
                    answers.update(done)
                raise _passing(next(a for a in got if a.fault in _MAY_PASS))
            answers.update(done)
            return [answers[i] for i in range(len(requests))]

        return self._persist(send, divisible and len(requests) > 1)

    def _read(self, body: Any, exists: bool = False) -> Answer:
        if not isinstance(body, dict) or not ("result" in body or "error" in body):
            raise _Temporary("the answer is no JSON-RPC", stranger=True)
        error = body.get("error")
        if error is None:
            result = body.get("result")
            if exists and result is None:
                return Answer(None, Fault.UNKNOWN_BLOCK, "it does not have the block")
            return Answer(result)
        fields = error if isinstance(error, dict) else {"message": error}
        code = fields.get("code")
        message = str(fields.get("message", ""))
        fault = fault_of(code if isinstance(code, int) else 0, message)
        return Answer(None, fault, scrub(message, self._url) or f"error {code}")

    def _read_batch(self, requests: Sequence[Request], exist: bool) -> list[Answer]:
        with warnings.catch_warnings():
            # web3 warns when ids are missing and trusts the order; we do not.
            warnings.simplefilter("error", RuntimeWarning)
            try:
                bodies = self._transport.make_batch_request(list(requests))
            except (RuntimeWarning, KeyError, TypeError, AttributeError):
                raise _Temporary("the batch answer is no JSON-RPC") from None
        if isinstance(bodies, list) and len(bodies) == len(requests):
            return [self._read(b, exist) for b in bodies]
        answer = self._read(bodies[0] if isinstance(bodies, list) and len(bodies) == 1 else bodies)
        if answer.fault is None or answer.fault in _MAY_PASS:
            raise _Temporary(answer.message or "the batch answer is incomplete")
        # An endpoint without batches says so in its own words; smaller ones find out.
        fault = Fault.TOO_LARGE if answer.fault is Fault.OTHER and len(requests) > 1 else answer.fault
        raise Refused(f"{self.masked_url} refused a batch: {answer.message}", fault)

    def _persist(self, send: Callable[[], T], divisible: bool) -> T:
        waits = self._waits()
        for attempt in itertools.count(1):
            with self._lock:
                self.requests += 1
            self._pace.wait()
            try:
                result = self._attempt(send)
            except _Temporary as failure:
                if divisible and failure.slow:
                    raise Refused(f"{self.masked_url} {failure.reason}", Fault.TOO_LARGE, slow=True) from None
                wait_s = next(waits, None)
                if failure.behind and (wait_s is None or attempt >= _ATTEMPTS_AT_UNKNOWN_BLOCK):
                    raise Refused(f"{self.masked_url}: {failure.reason}", Fault.UNKNOWN_BLOCK) from None
                if wait_s is None or (failure.stranger and not self._answered):
                    raise self._unreachable(failure.reason) from None
                self._sleep(max(wait_s, min(failure.wait_s, _LONGEST_WAIT_S)))
            else:
                self._answered = True
                return result
        raise AssertionError("unreachable: the attempts end with an answer or an error")

    def _waits(self) -> Iterator[float]:
        return (self._backoff_s * 2**i for i in range(self._attempts - 1))

    def _attempt(self, send: Callable[[], T]) -> T:
        import requests

        try:
            return send()
        except requests.HTTPError as error:
            self._http_error(error)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise self._unreachable("the URL cannot be used") from None
        except requests.RequestException as error:
            reason = _reason(error)
            slow = isinstance(error, requests.ReadTimeout)
            raise _Temporary(reason, stranger=reason in _NEVER_REACHED, slow=slow) from None
        except json.JSONDecodeError as error:
            cut_off = error.doc.lstrip().startswith(("{", "["))
            raise _Temporary("the answer is cut off or no JSON", stranger=not cut_off) from None
        except UnicodeDecodeError:
            raise _Temporary("the answer is no text", stranger=True) from None
        except Mismatched:
            raise _Temporary("the answer belongs to another request") from None

    def _http_error(self, error: Any) -> NoReturn:
        """Raise what an HTTP error status means; some nodes put a JSON-RPC error in its body."""
        response = error.response
        try:
            answer = self._read(loads(response.content))
        except (ValueError, _Temporary):
            answer = Answer(None)
        fault = answer.fault or fault_of_status(response.status_code)
        leads_on = ", a redirect, which is not followed" if response.is_redirect else ""
        said = answer.message or f"HTTP {response.status_code}{leads_on}"
        if fault in _MAY_PASS:
            behind = fault is Fault.UNKNOWN_BLOCK
            raise _Temporary(said, _retry_after_s(response.headers), behind=behind) from None
        if answer.fault is None and fault is Fault.OTHER:
            raise self._unreachable(said) from None
        raise Refused(f"{self.masked_url} refused: {said}", fault) from None

    def _unreachable(self, reason: str) -> ChainUnreachable:
        return ChainUnreachable(
            f"no usable answer from {self.masked_url}: {reason}.",
            remedy="Check the RPC URL, its key and the network.",
        )


def _passing(answer: Answer) -> _Temporary:
    return _Temporary(answer.message, behind=answer.fault is Fault.UNKNOWN_BLOCK)


def _retry_after_s(headers: Any) -> float:
    text = str(headers.get("Retry-After", ""))
    return float(text) if text.isdigit() else 0.0


def _reason(error: Exception) -> str:
    """Return why a request failed in our words; those of the exception hold the URL."""
    import requests

    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return _NO_TLS
    if isinstance(error, requests.exceptions.ProxyError):
        return _NO_PROXY
    if isinstance(error, requests.Timeout):
        return "timed out"
    if "NameResolution" in text or "getaddrinfo" in text:
        return _NO_NAME
    if "refused" in text:
        return _REFUSED
    return "the connection broke"
