"""A proxy between reader and node, on the loopback interface, that does what networks and providers do.

Faults are drawn from a seed.  It stops with its block; its threads hold nothing up.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LAG_BLOCKS = 20
MOST_REORGS = 3  # a read; without an end to them no block could be read
_UNKNOWN = {"code": -32000, "message": "header not found"}


class Kind(StrEnum):
    """What the proxy does to a request."""

    DROP = "connection dropped"
    CUT = "connection cut in the middle of the answer"
    TRUNCATE = "answer truncated"
    DELAY = "answer later than the time limit"
    DUPLICATE = "answer duplicated"
    STALE = "answer to an earlier request"
    BUSY = "HTTP 429"
    BROKEN = "HTTP 500"
    LIMITED = "JSON-RPC rate limit"
    WRONG_CHAIN = "wrong chain id"
    OLD_BLOCK = "node 20 blocks behind"
    REORG = "reorganisation"


@dataclass
class Proxy:
    """What it does, and how often it did.

    Parameters
    ----------
    port : int
        The node's port on 127.0.0.1.
    kinds : sequence of Kind
        Faults to draw from.
    share : float
        Share of the requests that suffer one.
    seed : int
        Same seed, same draws.
    delay_s : float
        Pause before every answer.
    too_late_s : float
        Pause of `Kind.DELAY`.
    reorganise : callable
        What `Kind.REORG` does.
    """

    port: int
    kinds: Sequence[Kind] = ()
    share: float = 0.0
    seed: int = 0
    delay_s: float = 0.0
    too_late_s: float = 1.0
    reorganise: Callable[[], None] = lambda: None
    injected: Counter[Kind] = field(default_factory=Counter)
    requests: int = 0
    url: str = ""
    _previous: bytes = b"{}"

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self._pause = threading.Event()  # never set: waiting for it is a pause

    def draw(self, request: bytes) -> Kind | None:
        """Return what happens to a request, and count it."""
        with self._lock:
            self.requests += 1
            if not self.kinds or self._random.random() >= self.share:
                return None
            kind = self._random.choice(self.kinds)
            if kind is Kind.WRONG_CHAIN and b"eth_chainId" not in request:
                return None  # nothing to lie about
            if kind is Kind.REORG:
                if self.injected[kind] == MOST_REORGS:
                    return None
                self.reorganise()
            self.injected[kind] += 1
            return kind

    def pause(self, seconds: float) -> None:
        if seconds:
            self._pause.wait(seconds)

    def swap(self, body: bytes) -> bytes:
        """Return the answer before, and remember this one."""
        with self._lock:
            body, self._previous = self._previous, body
            return body

    def remember(self, body: bytes) -> None:
        with self._lock:
            self._previous = body


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    """Run the proxy until the block ends; its ``url`` is set."""

    class Handler(_Handler):
        faults = proxy

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    faults: Proxy
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one packet an answer; two would wait for each other
    upstream: http.client.HTTPConnection | None = None

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers["Content-Length"]))
        proxy = self.faults
        kind = proxy.draw(request)
        proxy.pause(proxy.too_late_s if kind is Kind.DELAY else proxy.delay_s)
        if kind is Kind.DROP:
            self.close_connection = True
        elif kind in (Kind.BUSY, Kind.BROKEN):
            status = 429 if kind is Kind.BUSY else 500
            self._send(b"", status=status)
        elif kind is Kind.LIMITED:
            error = {"code": -32005, "message": "rate limit exceeded"}
            self._send(json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode())
        elif kind is Kind.OLD_BLOCK:
            self._send(self._lagging(request))
        else:
            self._spoil(kind, self._forward(request), request)

    def _spoil(self, kind: Kind | None, body: bytes, request: bytes) -> None:
        if kind is Kind.STALE:
            self._send(self.faults.swap(body))
            return
        self.faults.remember(body)
        if kind is Kind.CUT:
            self._send(body, sent=len(body) // 2)
            self.close_connection = True
        elif kind is Kind.TRUNCATE:
            self._send(body[: len(body) // 2])
        elif kind is Kind.DUPLICATE:
            answers = json.loads(body)
            if isinstance(answers, list):
                self._send(json.dumps(answers + answers[:1]).encode())
            else:
                self._send(body)
                self._send(body)
        elif kind is Kind.WRONG_CHAIN:
            self._send(_lying(request, body))
        else:
            self._send(body)

    def _lagging(self, request: bytes) -> bytes:
        asked = json.loads(request)
        head = int(self._ask("eth_blockNumber", [])["result"], 16) - LAG_BLOCKS
        items = asked if isinstance(asked, list) else [asked]
        answers = [self._behind(item, head) | {"jsonrpc": "2.0", "id": item["id"]} for item in items]
        return json.dumps(answers if isinstance(asked, list) else answers[0]).encode()

    def _behind(self, item: dict[str, Any], head: int) -> dict[str, Any]:
        """Return what a node whose newest block is ``head`` answers."""
        method, params = item["method"], item["params"]
        if method == "eth_getBlockByNumber":
            tag = params[0]
            if tag.startswith("0x") and int(tag, 16) > head:
                return {"result": None}
            params = [tag if tag.startswith("0x") else hex(head), *params[1:]]
        elif method == "eth_getLogs":
            first, last = (int(params[0][k], 16) for k in ("fromBlock", "toBlock"))
            if first > head:
                return {"result": []}
            params = [params[0] | {"toBlock": hex(min(last, head))}]
        elif method in ("eth_call", "eth_getCode"):
            at = params[1]
            if at == "latest":
                params = [params[0], hex(head)]
            elif (self._number(at["blockHash"]) if isinstance(at, dict) else int(at, 16)) > head:
                return {"error": _UNKNOWN}
        answer = self._ask(method, params)
        return {k: answer[k] for k in ("result", "error") if k in answer}

    def _number(self, block_hash: str) -> int:
        block = self._ask("eth_getBlockByHash", [block_hash, False])["result"]
        return int(block["number"], 16) if block else 1 << 60

    def _ask(self, method: str, params: list[Any]) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 0, "method": method, "params": params}
        answer: dict[str, Any] = json.loads(self._forward(json.dumps(body).encode()))
        return answer

    def _forward(self, request: bytes) -> bytes:
        if self.upstream is None:
            self.upstream = http.client.HTTPConnection("127.0.0.1", self.faults.port, timeout=60)
        self.upstream.request("POST", "/", request, {"Content-Type": "application/json"})
        return self.upstream.getresponse().read()

    def _send(self, body: bytes, *, status: int = 200, sent: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body if sent is None else body[:sent])
            self.wfile.flush()
        except OSError:  # the reader gave up
            self.close_connection = True

    def finish(self) -> None:
        if self.upstream is not None:
            self.upstream.close()
        try:
            super().finish()
        except OSError:
            self.close_connection = True

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, OSError):  # the reader closed a kept connection
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def _lying(request: bytes, body: bytes) -> bytes:
    """Return the answer with another chain id in it."""
    asked, said = json.loads(request), json.loads(body)
    if isinstance(asked, dict):
        return json.dumps(said | {"result": "0x1"}).encode()
    about = {item["id"] for item in asked if item["method"] == "eth_chainId"}
    return json.dumps([a | {"result": "0x1"} if a["id"] in about else a for a in said]).encode()
