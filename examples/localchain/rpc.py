"""A lean JSON-RPC client: one kept connection, single calls and batches.

web3.py spends several milliseconds a call; opening a market takes thousands.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any

from .errors import NodeFailed

_TIMEOUT_S = 120.0


class RpcAnswer(Exception):
    """Raised with the error object of a JSON-RPC answer."""

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        self.error = error
        super().__init__(f"{method}: {error.get('message')} (code {error.get('code')})")


class Rpc:
    """Client of a node on the loopback interface.

    Parameters
    ----------
    port : int
        The node's port on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)

    def __call__(self, method: str, *params: Any) -> Any:
        """Return the result of one call; raise `RpcAnswer` on an error answer."""
        answer = self._post({"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)})
        return _result(method, answer)

    def batch(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        """Return the results of many calls of one method, in order.

        The node may work on the calls of a batch in any order.
        """
        if not params:
            return []
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(each)}
            for number, each in enumerate(params)
        ]
        answers = sorted(self._post(body), key=lambda answer: answer["id"])
        return [_result(method, answer) for answer in answers]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _post(self, body: object) -> Any:
        data = json.dumps(body).encode()
        try:
            self._connection.request("POST", "/", data, {"Content-Type": "application/json"})
            return json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise NodeFailed(
                f"The local node does not answer: {str(error) or type(error).__name__}.",
                remedy="It may have been stopped; start it again.",
            ) from error


def _result(method: str, answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise RpcAnswer(method, answer["error"])
    return answer["result"]
