"""An HTTP endpoint whose answers a test writes: for faults no real node makes on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class ScriptedNode:
    """Answers ``responses`` first, one a request, then whatever ``answer`` says."""

    answer: Callable[[str, list[Any]], Any]  # method, params -> result, or {"error": ...} as _Error
    responses: list[Reply | None] = field(default_factory=list)  # None: answer normally
    seen: list[Any] = field(default_factory=list)
    url: str = ""

    def body_for(self, request: Any) -> bytes:
        if isinstance(request, list):
            return json.dumps([self._one(r) for r in request]).encode()
        return json.dumps(self._one(request)).encode()

    def _one(self, request: dict[str, Any]) -> dict[str, Any]:
        result = self.answer(request["method"], request["params"])
        key = "error" if isinstance(result, NodeError) else "result"
        value = result.json() if isinstance(result, NodeError) else result
        return {"jsonrpc": "2.0", "id": request["id"], key: value}


@dataclass(frozen=True)
class NodeError:
    code: int
    message: str

    def json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message}


@contextmanager
def serving(node: ScriptedNode, path: str = "/") -> Iterator[ScriptedNode]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # one packet an answer; two would wait for each other

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            node.seen.append(request)
            scripted = node.responses.pop(0) if node.responses else None
            status, headers, body = scripted or (200, {}, node.body_for(request))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    node.url = f"http://127.0.0.1:{server.server_port}{path}"
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
