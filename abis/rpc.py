"""JSON-RPC over HTTP with retries: one request or a batch, errors sorted by what to do."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar

from abis.endpoint import mask_url, scrub
from abis.errors import ChainUnreachable, RpcFailed
from abis.rpc_faults import Fault, fault_of, fault_of_status

Request = tuple[str, list[Any]]
T = TypeVar("T")
_LONGEST_WAIT_S = 60.0


class Transport(Protocol):
    """The part of web3's ``HTTPProvider`` used here."""

    def make_request(self, method: Any, params: Any) -> Any:
        """Return the decoded JSON-RPC answer."""

    def make_batch_request(self, batch_requests: Any) -> Any:
        """Return the decoded answers in the order of the requests."""


class Refused(RpcFailed):
    """Raised when an endpoint answers a request with an error; ``fault`` says what to do."""

    def __init__(self, message: str, fault: Fault, *, remedy: str = "") -> None:
        self.fault = fault
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
    for less may mend.
    """

    def __init__(
        self, reason: str, wait_s: float = 0.0, *, stranger: bool = False, slow: bool = False
    ) -> None:
        self.reason = reason
        self.wait_s = wait_s
        self.stranger = stranger
        self.slow = slow
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
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        *,
        attempts: int = 6,
        backoff_s: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._transport = transport
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._sleep = sleep
        self.masked_url = mask_url(url)
        self.requests = 0
        self._answered = False

    def request(self, method: str, params: list[Any], *, divisible: bool = False) -> Any:
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

        Raises
        ------
        ChainUnreachable
            If nothing usable came back, after every attempt.
        Refused
            If the endpoint answered with an error.
        """

        def send() -> Answer:
            answer = self._read(self._transport.make_request(method, params))
            if answer.fault is Fault.TRANSIENT:
                raise _Temporary(answer.message)
            return answer

        answer = self._persist(send, divisible)
        if answer.fault is not None:
            raise Refused(f"{self.masked_url} refused {method}: {answer.message}", answer.fault)
        return answer.result

    def batch(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer a request; answers that may pass are asked for again.

        Raises
        ------
        ChainUnreachable, Refused
            As `request`, for the batch as a whole.
        """
        answers: dict[int, Answer] = {}

        def send() -> list[Answer]:
            open_ = [i for i in range(len(requests)) if i not in answers]
            got = self._read_batch([requests[i] for i in open_])
            done = {i: a for i, a in zip(open_, got, strict=True) if a.fault is not Fault.TRANSIENT}
            answers.update(done)
            if len(done) < len(open_):
                raise _Temporary(next(a.message for a in got if a.fault is Fault.TRANSIENT))
            return [answers[i] for i in range(len(requests))]

        return self._persist(send, divisible=len(requests) > 1)

    def _read(self, body: Any) -> Answer:
        if not isinstance(body, dict) or not ("result" in body or "error" in body):
            raise _Temporary("the answer is no JSON-RPC", stranger=True)
        error = body.get("error")
        if error is None:
            return Answer(body.get("result"))
        fields = error if isinstance(error, dict) else {"message": error}
        code = fields.get("code")
        message = str(fields.get("message", ""))
        fault = fault_of(code if isinstance(code, int) else 0, message)
        return Answer(None, fault, scrub(message, self._url) or f"error {code}")

    def _read_batch(self, requests: Sequence[Request]) -> list[Answer]:
        with warnings.catch_warnings():
            # web3 warns when ids are missing and trusts the order; we do not.
            warnings.simplefilter("error", RuntimeWarning)
            try:
                bodies = self._transport.make_batch_request(list(requests))
            except (RuntimeWarning, KeyError, TypeError, AttributeError):
                raise _Temporary("the batch answer is no JSON-RPC") from None
        if isinstance(bodies, list) and len(bodies) == len(requests):
            return [self._read(b) for b in bodies]
        answer = self._read(bodies[0] if isinstance(bodies, list) and len(bodies) == 1 else bodies)
        if answer.fault is None or answer.fault is Fault.TRANSIENT:
            raise _Temporary(answer.message or "the batch answer is incomplete")
        # An endpoint without batches says so in its own words; smaller ones find out.
        fault = Fault.TOO_LARGE if answer.fault is Fault.OTHER and len(requests) > 1 else answer.fault
        raise Refused(f"{self.masked_url} refused a batch: {answer.message}", fault)

    def _persist(self, send: Callable[[], T], divisible: bool) -> T:
        waits = self._waits()
        while True:
            self.requests += 1
            try:
                result = self._attempt(send)
            except _Temporary as failure:
                if divisible and failure.slow:
                    raise Refused(f"{self.masked_url} {failure.reason}", Fault.TOO_LARGE) from None
                wait_s = next(waits, None)
                if wait_s is None or (failure.stranger and not self._answered):
                    raise self._unreachable(failure.reason) from None
                self._sleep(max(wait_s, min(failure.wait_s, _LONGEST_WAIT_S)))
            else:
                self._answered = True
                return result

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
            slow = isinstance(error, requests.ReadTimeout)
            broke = isinstance(error, requests.ConnectionError) and not isinstance(error, requests.Timeout)
            raise _Temporary(_reason(error), stranger=broke, slow=slow) from None
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise _Temporary("the answer is cut off or no JSON", stranger=True) from None

    def _http_error(self, error: Any) -> NoReturn:
        """Raise what an HTTP error status means; some nodes put a JSON-RPC error in its body."""
        response = error.response
        try:
            answer = self._read(json.loads(response.content))
        except (ValueError, _Temporary):
            answer = Answer(None)
        fault = answer.fault or fault_of_status(response.status_code)
        said = answer.message or f"HTTP {response.status_code}"
        if fault is Fault.TRANSIENT:
            raise _Temporary(said, _retry_after_s(response.headers)) from None
        if answer.fault is None and fault is Fault.OTHER:
            raise self._unreachable(said) from None
        raise Refused(f"{self.masked_url} refused: {said}", fault) from None

    def _unreachable(self, reason: str) -> ChainUnreachable:
        return ChainUnreachable(
            f"no usable answer from {self.masked_url}: {reason}.",
            remedy="Check the RPC URL, its key and the network.",
        )


def _retry_after_s(headers: Any) -> float:
    text = str(headers.get("Retry-After", ""))
    return float(text) if text.isdigit() else 0.0


def _reason(error: Exception) -> str:
    """Return why a request failed in our words; those of the exception hold the URL."""
    import requests

    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS connection failed"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refused"
    if isinstance(error, requests.Timeout):
        return "timed out"
    if "NameResolution" in text or "getaddrinfo" in text:
        return "the host name cannot be resolved"
    if "refused" in text:
        return "connection refused"
    return "the connection broke"
