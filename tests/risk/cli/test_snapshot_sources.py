"""Where ``breakwater snapshot`` reads: what it remembers, extends, fails over to and compares with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from protocols.store import digest, load
from risk.cli.main import main
from tests.abis.scripted_node import NodeError, ScriptedNode, serving
from tests.risk.cli.test_snapshot import KEY, answers_of, market_of

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

pytestmark = pytest.mark.chain


@pytest.fixture
def take(
    demo_chain: DemoWorld,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[int, str, Path]]:
    """Take a snapshot and return exit code, stderr and where it was written."""
    monkeypatch.delenv("ETH_RPC_URL", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("BREAKWATER_CACHE", str(tmp_path_factory.mktemp("cache")))

    def command(*options: object, rpc: str = demo_chain.chain.node.url) -> tuple[int, str, Path]:
        out = tmp_path_factory.mktemp("out") / "snapshot"
        with pytest.raises(SystemExit) as stop:
            main(["snapshot", market_of(demo_chain), "--rpc", rpc, "-o", str(out), *map(str, options)])
        return int(stop.value.code or 0), capsys.readouterr().err, out

    return command


def cache_of(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    monkeypatch.setenv("BREAKWATER_CACHE", str(folder))
    return folder


def files_in(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


def asked(node: ScriptedNode, method: str) -> list[Any]:
    flat = [r for seen in node.seen for r in (seen if isinstance(seen, list) else [seen])]
    return [r["params"] for r in flat if r["method"] == method]


def test_a_second_reading_asks_only_what_is_not_known_and_says_the_same(
    demo_chain: DemoWorld, take: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_of(monkeypatch, tmp_path)
    with serving(ScriptedNode(answers_of(demo_chain)), f"/v2/{KEY}") as node:
        code, _, first = take(rpc=node.url)
        assert code == 0
        requests = len(node.seen)
        node.seen.clear()
        code, _, second = take(rpc=node.url)
        assert code == 0
        assert digest(first) == digest(second)
        assert len(node.seen) < requests // 2
        assert asked(node, "eth_getLogs") == []
        node.seen.clear()
        demo_chain.chain.mine()
        code, _, third = take(rpc=node.url)
        head = demo_chain.chain.head().number
        spans = {(p[0]["fromBlock"], p[0]["toBlock"]) for p in asked(node, "eth_getLogs")}
    assert (code, spans) == (0, {(hex(head), hex(head))})
    assert load(third).block.number == head


def test_no_key_is_kept_printed_or_logged(
    demo_chain: DemoWorld,
    take: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = cache_of(monkeypatch, tmp_path)
    with caplog.at_level(logging.DEBUG), serving(ScriptedNode(answers_of(demo_chain)), f"/{KEY}") as node:
        code, err, out = take(rpc=node.url)
        port = node.url.split(":")[2].split("/")[0]
    assert code == 0
    written = [p.read_bytes() for p in [*files_in(cache), *files_in(out)]]
    assert len(files_in(cache)) == 2
    for text in [*written, err.encode(), caplog.text.encode()]:
        assert KEY.encode() not in text
        assert f"127.0.0.1:{port}".encode() not in text


def test_nothing_is_kept_on_request_and_on_a_local_chain(
    take: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(monkeypatch, tmp_path)
    assert take("--no-cache")[0] == 0
    assert files_in(cache) == []
    monkeypatch.delenv("BREAKWATER_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert take()[0] == 0
    assert files_in(tmp_path) == []


def test_an_earlier_snapshot_is_extended_and_the_result_is_that_of_a_whole_reading(
    demo_chain: DemoWorld, take: Any
) -> None:
    head = demo_chain.chain.head().number
    _, _, earlier = take("--no-cache", "--block", head - 30)
    _, _, whole = take("--no-cache")
    with serving(ScriptedNode(answers_of(demo_chain))) as node:
        code, err, out = take("--no-cache", "--extend", earlier, rpc=node.url)
        firsts = [int(p[0]["fromBlock"], 16) for p in asked(node, "eth_getLogs")]
    assert (code, digest(out)) == (0, digest(whole)), err
    assert firsts == [head - 29]


def test_a_snapshot_of_a_block_that_was_replaced_counts_for_nothing(demo_chain: DemoWorld, take: Any) -> None:
    chain = demo_chain.chain
    mark = chain.snapshot()
    at = chain.mine().timestamp
    _, _, earlier = take("--no-cache")
    chain.revert(mark)
    chain.mine(at + 1)
    _, _, whole = take("--no-cache")
    with serving(ScriptedNode(answers_of(demo_chain))) as node:
        code, _, out = take("--no-cache", "--extend", earlier, rpc=node.url)
        firsts = [int(p[0]["fromBlock"], 16) for p in asked(node, "eth_getLogs")]
    assert (code, digest(out)) == (0, digest(whole))
    assert max(firsts) < 100


def test_a_snapshot_of_another_market_cannot_be_extended(
    take: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from protocols.store import save

    _, _, earlier = take("--no-cache")
    taken = load(earlier)
    save(replace(taken, market=replace(taken.market, chain_id=1)), tmp_path / "other", False)
    code, err, out = take("--no-cache", "--extend", tmp_path / "other")
    assert (code, out.exists()) == (2, False)
    assert "on chain 1, not of" in err


def test_a_second_endpoint_takes_over(
    demo_chain: DemoWorld, take: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abis.rpc.time.sleep", lambda _: None)
    busy: list[str] = []

    def failing(method: str, params: list[Any]) -> Any:
        busy.append(method)
        return answers_of(demo_chain)(method, params) if len(busy) < 12 else NodeError(-32005, "rate limit")

    _, _, whole = take("--no-cache")
    with serving(ScriptedNode(failing), f"/{KEY}") as node:
        code, err, out = take("--no-cache", "--rpc", demo_chain.chain.node.url, rpc=node.url)
    assert (code, digest(out)) == (0, digest(whole)), err
    assert len(busy) > 12


def test_a_cross_check_passes_where_the_endpoints_agree_and_stops_where_not(
    demo_chain: DemoWorld, take: Any
) -> None:
    honest = answers_of(demo_chain)

    def lying(method: str, params: list[Any]) -> Any:
        found = honest(method, params)
        long = isinstance(found, str) and len(found) > 5_000
        return found[:-1] + "1" if method == "eth_call" and long else found  # one bit of a balance

    _, _, whole = take("--no-cache")
    for answer, expected in ((honest, 0), (lying, 3)):
        with serving(ScriptedNode(answer), f"/{KEY}") as node:
            code, err, out = take("--cross-check", "--rpc", node.url)
        assert code == expected, err
        assert KEY not in err
        assert out.exists() == (code == 0)
        if code:
            assert "disagree about" in err
        else:
            assert digest(out) == digest(whole)
    code, err, _ = take("--cross-check")
    assert (code, "--cross-check needs two endpoints" in err) == (2, True)


@pytest.mark.parametrize("options", [("--concurrency", 1), ("--requests-per-second", 400)])
def test_pace_and_concurrency_change_nothing_in_the_result(take: Any, options: tuple[object, ...]) -> None:
    _, _, whole = take("--no-cache")
    code, err, out = take("--no-cache", *options)
    assert (code, digest(out)) == (0, digest(whole)), err
