"""An endpoint that answers with endless nesting is refused, over real HTTP, and ends nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from abis.chain import Chain
from abis.errors import ChainError


@pytest.fixture(params=[200, 500])
def deep_url(request: pytest.FixtureRequest) -> Iterator[str]:
    class Deep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b"[" * 400_000
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(request.param)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Deep) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/key"
        server.shutdown()
        thread.join()


def test_endless_nesting_is_a_typed_error(deep_url: str) -> None:
    with pytest.raises(ChainError) as caught:
        Chain(deep_url, attempts=2, sleep=lambda _: None).connect()
    assert "key" not in str(caught.value).replace("its key", "")
