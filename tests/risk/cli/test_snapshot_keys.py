"""The key in an endpoint's URL: endpoints that echo it, fail in every way and at every moment.

It must not be in stdout, stderr, logs, tracebacks, the cache or what is written.
"""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from abis.chain import Chain
from abis.errors import BreakwaterError
from protocols.aave_v3.adapter import read_market
from protocols.registry import resolve
from tests.abis.scripted_node import Reply, ScriptedNode, serving
from tests.risk.cli.test_snapshot import KEY, Run, answers_of, market_of, run

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

__all__ = ["run"]
pytestmark = pytest.mark.chain

# Where providers put keys; `serving` gives the path, the test the user name.
PLACES = [f"/v2/{KEY}", f"/?apikey={KEY}", f"/rpc#{KEY}", "/"]
QUIET, WITHIN = 0, 12  # answers before the endpoint breaks: at once, and within the reading


def echo(status: int, headers: dict[str, str] | None = None) -> Reply:
    body = f"<h1>no access</h1> http://127.0.0.1/v2/{KEY} is not allowed, apikey={KEY}"
    return status, headers or {}, body.encode()


def refusal(status: int, code: int) -> Reply:
    error = {"code": code, "message": f"{KEY} of http://127.0.0.1/v2/{KEY} {'is unknown' * 50}"}
    return status, {}, json.dumps({"jsonrpc": "2.0", "id": 0, "error": error}).encode()


FAILURES: dict[str, Reply] = {
    **{f"HTTP {status}": echo(status) for status in (200, 400, 401, 403, 404, 413, 429, 500, 503)},
    "redirect": echo(307, {"Location": f"http://127.0.0.1:1/{KEY}"}),
    "redirect to no URL": echo(308, {"Location": f"http://[{KEY}"}),
    "refused": refusal(200, -32600),
    "refused with a status": refusal(403, -32602),
    "rate limit": refusal(200, -32005),
    "cut off": (200, {}, b'{"jsonrpc": "2.0", "id": 1, "result": "' + KEY.encode()),
    "no number": (200, {}, json.dumps({"jsonrpc": "2.0", "id": 0, "result": KEY}).encode()),
    "a broken length": (200, {"Content-Encoding": "gzip"}, KEY.encode()),
}


def breaking(world: DemoWorld, reply: Reply, after: int) -> ScriptedNode:
    """Return a node that answers ``after`` requests, and with ``reply`` ever after."""
    responses: list[Reply | None] = [None] * after
    return ScriptedNode(answers_of(world), responses + [reply] * 100)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Chain.__init__.__kwdefaults__
    assert defaults
    monkeypatch.setitem(defaults, "sleep", lambda _: None)


def files_in(folder: Path) -> list[bytes]:
    return [p.read_bytes() for p in folder.rglob("*") if p.is_file()]


def cases() -> list[tuple[str, str, int]]:
    """Return failures at once, with every place for a key in turn, and those a reading dies of."""
    turns = [(name, PLACES[i % len(PLACES)], QUIET) for i, name in enumerate(FAILURES)]
    return turns + [(name, PLACES[0], WITHIN) for name in ("HTTP 401", "redirect", "refused", "rate limit")]


@pytest.mark.parametrize(("failure", "place", "after"), cases())
def test_no_failure_brings_the_key_to_light(
    demo_chain: DemoWorld,
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: str,
    place: str,
    after: int,
) -> None:
    monkeypatch.setenv("BREAKWATER_CACHE", str(tmp_path / "cache"))
    caplog.set_level(logging.DEBUG)
    with serving(breaking(demo_chain, FAILURES[failure], after), place) as node:
        url = node.url.replace("http://", f"http://user:{KEY}@")
        code, out, err = run("snapshot", market_of(demo_chain), "--rpc", url, "-o", tmp_path / "snap")
        shown = [out, err, *traces(url, demo_chain)]
    assert (code, len(shown)) == (3, 5), err
    assert "127.0.0.1" in err
    assert not (tmp_path / "snap").exists()
    for text in [*shown, caplog.text]:
        assert KEY not in text
    assert not any(KEY.encode() in content for content in files_in(tmp_path))


def traces(url: str, world: DemoWorld) -> list[str]:
    """Return the traceback of the same failure where the packages are used without the command."""
    try:
        chain = Chain(url, sleep=lambda _: None)
        read_market(chain, resolve(market_of(world)), chain.block("latest"))
    except BreakwaterError as error:
        return ["".join(traceback.format_exception(error)), repr(error), repr(chain)]
    return []
