"""The chain reader over real HTTP; faults come from a scripted endpoint."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from abis.calls import Call, decode_values, encode
from abis.chain import Chain, Header
from abis.endpoint import mask_url, scrub
from abis.errors import (
    BadReturn,
    BlockUnavailable,
    ChainUnreachable,
    Reorganised,
    RpcFailed,
    WrongChain,
)
from abis.multicall import MULTICALL3
from abis.rpc_faults import Fault, fault_of
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

KEY = "s3cret-key-0123456789"
HASH = "0x" + "ab" * 32
BLOCK = Header(100, HASH, 1_700_000_000)
TOKEN = "0x" + "11" * 20
BAD_TOKEN = "0x" + "22" * 20
DATA = {TOKEN: (7).to_bytes(32, "big")}


def honest(method: str, params: list[Any]) -> Any:
    """A tiny chain: one contract answering 7, no Multicall3, block 100."""
    if method == "eth_chainId":
        return "0x1"
    if method == "eth_getCode":
        return "0x"
    if method == "eth_getBlockByNumber":
        return (
            {"number": "0x64", "hash": HASH, "timestamp": hex(1_700_000_000)} if params[0] != "0x65" else None
        )
    if method == "eth_call":
        target = params[0]["to"]
        if target == BAD_TOKEN:
            return NodeError(3, "execution reverted: paused")
        return "0x" + DATA.get(target, b"").hex()
    if method == "eth_getLogs":
        return []
    return NodeError(-32601, "method not found")


@contextmanager
def node(
    answer: Callable[[str, list[Any]], Any] = honest, *, path: str = "/v2/" + KEY
) -> Iterator[tuple[Any, Any]]:
    with serving(ScriptedNode(answer), path) as scripted:
        yield scripted, Chain(scripted.url, sleep=lambda _: None)


def balance(token: str = TOKEN, optional: bool = False) -> Call:
    return Call(token, "balanceOf(address)(uint256)", (TOKEN,), optional=optional)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://eth-mainnet.example/v2/{KEY}", "https://eth-mainnet.example/***"),
        (f"https://user:{KEY}@rpc.example:8443", "https://rpc.example:8443"),
        (f"https://rpc.example/?apikey={KEY}", "https://rpc.example/***"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://[::1]:8545/", "http://[::1]:8545"),
        (f"https://rpc.example:{KEY}/x", "https://rpc.example/***"),
        (KEY, "***"),
        (f"http://[{KEY}", "***"),
    ],
)
def test_a_masked_url_shows_the_host_and_nothing_else(url: str, shown: str) -> None:
    assert mask_url(url) == shown
    assert KEY not in mask_url(url)


def test_texts_of_an_endpoint_lose_its_key_and_control_characters() -> None:
    url = f"https://user:pass-word-1@rpc.example/v2/{KEY}?token={KEY}x"
    said = scrub(f"bad key {KEY}\x1b[31m\nfor {url}, pass-word-1", url)
    assert KEY not in said
    assert "pass-word-1" not in said
    assert said.isprintable()
    assert len(scrub("x" * 5000, url)) < 300
    assert scrub(f"bad key {KEY}/+", f"https://rpc.example/v2/{KEY}%2F%2B") == "bad key ***"


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        (3, "execution reverted: query returned more than 10000 results", Fault.REVERT),
        (-32000, "execution reverted", Fault.REVERT),
        (-32603, "EVM error InvalidFEOpcode", Fault.REVERT),
        (-32603, "EVM error OutOfGas", Fault.OUT_OF_GAS),
        (-32000, "missing trie node 5d5c (path ) state 0x5d is not available", Fault.NO_STATE),
        (-32602, "BlockOutOfRangeError: block height is 0 but requested was 999", Fault.UNKNOWN_BLOCK),
        (-32000, "header not found", Fault.UNKNOWN_BLOCK),
        (-32000, "hash ab12 is not currently canonical", Fault.REORG),
        (-32005, "query returned more than 10000 results", Fault.TOO_LARGE),
        (
            -32602,
            "Log response size exceeded. You can make requests with up to a 2K block range",
            Fault.TOO_LARGE,
        ),
        (-32005, "daily request count exceeded, request rate limited", Fault.TRANSIENT),
        (-32005, "limit", Fault.TRANSIENT),
        (429, "slow down", Fault.TRANSIENT),
        (-32603, "something", Fault.TRANSIENT),
        (-32602, "invalid argument 1: json: cannot unmarshal object", Fault.OTHER),
        (-32601, "Method not found", Fault.OTHER),
    ],
)
def test_error_answers_are_sorted_by_what_to_do(code: int, message: str, fault: Fault) -> None:
    assert fault_of(code, message) is fault


def test_connect_returns_the_chain_id_and_refuses_another_chain() -> None:
    with node() as (_, chain):
        assert chain.connect() == 1
        assert chain.connect(1) == 1
        with pytest.raises(WrongChain, match=r"serves chain 1.*lives on chain 137") as caught:
            chain.connect(137)
        assert caught.value.exit_code == 2


def test_a_closed_port_is_unreachable_at_once_and_the_key_stays_hidden() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        chain = Chain(f"http://127.0.0.1:{held.getsockname()[1]}/v2/{KEY}", sleep=_never)
        with pytest.raises(ChainUnreachable, match=r"connection refused.*Check the RPC URL") as caught:
            chain.connect(1)
    assert caught.value.exit_code == 3
    assert KEY not in str(caught.value)
    assert KEY not in repr(chain)


@pytest.mark.parametrize("url", ["localhost:8545", "ws://127.0.0.1:1", "", "http://", "/etc/passwd"])
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(ChainUnreachable, match="no http"):
        Chain(url)


@pytest.mark.parametrize(
    "reply",
    [
        (401, {}, b"invalid key " + KEY.encode()),
        (404, {}, b"<html>not here</html>"),
        (200, {}, b"<html>welcome</html>"),
        (200, {}, b'"hello"'),
        (200, {}, b"\xff\xfe"),
        (200, {}, b'{"jsonrpc": "2.0", "id": 0, "result": "mainnet"}'),
        (
            403,
            {},
            json.dumps({"error": {"code": -32600, "message": f"Must be authenticated: {KEY}"}}).encode(),
        ),
    ],
)
def test_an_endpoint_that_is_no_node_is_unreachable(reply: Any) -> None:
    with node() as (scripted, chain):
        scripted.responses = [reply]
        chain._rpc._rpcs[0]._sleep = _never
        with pytest.raises(ChainUnreachable) as caught:
            chain.connect()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        (429, {"Retry-After": "7"}, b"slow down"),
        (500, {}, b""),
        (503, {}, b"<html>maintenance</html>"),
        (200, {}, b'{"jsonrpc": "2.0", "id": 1, "resu'),
        (200, {}, json.dumps({"id": 1, "error": {"code": -32005, "message": "rate limit"}}).encode()),
        (429, {}, json.dumps({"error": {"code": 429, "message": "compute units per second"}}).encode()),
    ],
)
def test_failures_that_may_pass_are_tried_again(reply: Any) -> None:
    with node() as (scripted, chain):
        chain.connect()
        waits: list[float] = []
        chain._rpc._rpcs[0]._sleep = waits.append
        scripted.responses = [reply, reply]
        assert chain.read([balance()], BLOCK) == [7]
        assert len(waits) == 2
        assert waits == [7.0, 7.0] if "Retry-After" in reply[1] else waits == sorted(waits)


def test_a_failure_that_does_not_pass_ends_in_a_stated_error() -> None:
    with node() as (scripted, chain):
        chain.connect()
        scripted.responses = [(503, {}, b"")] * 50
        with pytest.raises(ChainUnreachable, match="HTTP 503"):
            chain.block("latest")
        assert len(scripted.seen) == 1 + 6


def test_only_the_unanswered_part_of_a_batch_is_asked_again() -> None:
    turns = {"left": 2}

    def limited(method: str, params: list[Any]) -> Any:
        if method == "eth_call" and params[0]["to"] == TOKEN and turns["left"]:
            turns["left"] -= 1
            return NodeError(-32005, "rate limit")
        return honest(method, params)

    with node(limited) as (scripted, chain):
        assert chain.read([balance(), balance(BAD_TOKEN, optional=True)], BLOCK) == [7, None]
        assert [len(r) for r in scripted.seen if isinstance(r, list)] == [2, 1, 1]


def test_blocks_come_by_number_and_tag_and_a_missing_one_is_named() -> None:
    with node() as (_, chain):
        assert chain.block("latest") == chain.block(100) == chain.block("100") == BLOCK
        with pytest.raises(BlockUnavailable, match="does not have block 101") as caught:
            chain.block(101)
        assert caught.value.exit_code == 2


def test_a_reorganised_block_is_noticed() -> None:
    with node() as (_, chain):
        chain.confirm(BLOCK)
        with pytest.raises(Reorganised, match="block 100 left the chain"):
            chain.confirm(Header(100, "0x" + "cd" * 32, BLOCK.timestamp_s))


def test_state_is_read_by_block_hash_where_the_node_knows_the_form() -> None:
    with node() as (scripted, chain):
        chain.read([balance()], BLOCK)
        assert scripted.seen[-1][0]["params"][1] == {"blockHash": HASH, "requireCanonical": True}


def test_a_node_without_eip_1898_is_read_by_number() -> None:
    def old(method: str, params: list[Any]) -> Any:
        if len(params) > 1 and isinstance(params[1], dict):
            return NodeError(-32602, "invalid argument 1: json: cannot unmarshal object")
        return honest(method, params)

    with node(old) as (scripted, chain):
        assert chain.read([balance()], BLOCK) == [7]
        assert scripted.seen[-1][0]["params"][1] == hex(100)


@pytest.mark.parametrize("method", ["eth_getCode", "eth_call"])
@pytest.mark.parametrize(
    ("message", "hash_now", "error"),
    [
        ("missing trie node 12ab", HASH, BlockUnavailable),
        ("hash is not currently canonical", HASH, Reorganised),
        ("header for hash not found", "0x" + "cd" * 32, Reorganised),
    ],
)
def test_missing_state_and_reorganisation_are_told_apart(
    method: str, message: str, hash_now: str, error: type[Exception]
) -> None:
    def pruned(asked: str, params: list[Any]) -> Any:
        if asked == "eth_getBlockByNumber":
            return {"number": "0x64", "hash": hash_now, "timestamp": "0x1"}
        return NodeError(-32000, message) if asked == method else honest(asked, params)

    with node(pruned) as (_, chain), pytest.raises(error, match=r"block 100.*(archive node|Run again)"):
        chain.read([balance()], BLOCK)


def test_reverts_and_misfits_are_none_where_optional_and_errors_elsewhere() -> None:
    nobody = "0x" + "33" * 20
    with node() as (_, chain):
        assert chain.read([balance(BAD_TOKEN, True), balance(), balance(nobody, True)], BLOCK) == [
            None,
            7,
            None,
        ]
        with pytest.raises(RpcFailed, match=rf"balanceOf\({TOKEN}\) on {BAD_TOKEN} reverts at block 100"):
            chain.read([balance(BAD_TOKEN)], BLOCK)
        with pytest.raises(BadReturn, match="answered nothing"):
            chain.read([balance(nobody)], BLOCK)


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_batches_shrink_to_what_the_endpoint_takes(limit: int) -> None:
    with serving(ScriptedNode(honest)) as scripted:
        plain = scripted.body_for

        def limited(request: Any) -> bytes:
            if isinstance(request, list) and len(request) > limit:
                return json.dumps(
                    {"id": None, "error": {"code": -32600, "message": "no more than this"}}
                ).encode()
            return plain(request)

        scripted.body_for = limited  # type: ignore[method-assign]
        chain = Chain(scripted.url, sleep=_never)
        assert chain.read([balance()] * 30, BLOCK) == [7] * 30


def test_multicall_asks_calls_that_starve_their_neighbours_again_alone() -> None:
    """A burning contract makes the ones behind it fail; none of them may read as reverted."""
    asked: list[int] = []

    def burning(method: str, params: list[Any]) -> Any:
        if method == "eth_getCode":
            return "0x60"
        if method == "eth_call" and params[0]["to"] == MULTICALL3:
            (items,) = decode_values(
                ("(address,bool,bytes)[]",), bytes.fromhex(params[0]["data"][10:]), "test"
            )
            asked.append(len(items))
            burnt = False
            results = []
            for target, _, _ in items:
                burnt = burnt or target == BAD_TOKEN
                results.append((not burnt, b"" if burnt else DATA.get(target, b"")))
            from eth_abi.abi import encode as abi_encode

            return "0x" + abi_encode(["(bool,bytes)[]"], [results]).hex()
        return honest(method, params)

    with node(burning) as (_, chain):
        calls = [balance(), balance(BAD_TOKEN, True), balance(), balance()]
        assert chain.read(calls, BLOCK) == [7, None, 7, 7]
    assert asked == [4]


def test_multicall_halves_when_the_gas_of_one_request_is_used_up() -> None:
    sizes: list[int] = []

    def small(method: str, params: list[Any]) -> Any:
        if method == "eth_getCode":
            return "0x60"
        if method == "eth_call" and params[0]["to"] == MULTICALL3:
            (items,) = decode_values(
                ("(address,bool,bytes)[]",), bytes.fromhex(params[0]["data"][10:]), "test"
            )
            sizes.append(len(items))
            if len(items) > 30:
                return NodeError(-32000, "out of gas")
            from eth_abi.abi import encode as abi_encode

            return "0x" + abi_encode(["(bool,bytes)[]"], [[(True, DATA[TOKEN])] * len(items)]).hex()
        return honest(method, params)

    with node(small) as (_, chain):
        assert chain.read([balance()] * 100, BLOCK) == [7] * 100
    assert max(s for s in sizes if s <= 30) >= 25
    assert sum(s for s in sizes if s <= 30) == 100


@pytest.mark.parametrize("limit", [1, 7, 64, 10_000])
def test_log_ranges_split_and_join_without_gap_or_overlap(limit: int) -> None:
    def ranged(method: str, params: list[Any]) -> Any:
        if method == "eth_getBlockByNumber":
            return {"number": params[0], "hash": HASH, "timestamp": "0x1"}
        if method != "eth_getLogs":
            return honest(method, params)
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        if last - first + 1 > limit:
            return NodeError(-32005, "query returned more than 10000 results")
        return [
            {"address": TOKEN, "topics": [HASH], "data": "0x", "blockNumber": hex(n)}
            for n in range(first, last + 1)
        ]

    done: list[int] = []
    with node(ranged) as (_, chain):
        pieces = chain.logs([TOKEN], [], range(5, 105), lambda _, n, total: done.append(n * 1000 + total))
        assert sorted(log.block for piece in pieces for log in piece.logs) == list(range(5, 105))
    assert done[-1] == 100 * 1000 + 100
    assert done == sorted(done)


def test_a_single_block_with_too_many_logs_is_an_error_and_not_a_loop() -> None:
    def refusing(method: str, params: list[Any]) -> Any:
        return NodeError(-32005, "too many results") if method == "eth_getLogs" else honest(method, params)

    with node(refusing) as (_, chain), pytest.raises(RpcFailed, match="too many results"):
        list(chain.logs([TOKEN], [], range(10)))


def test_the_reader_sends_only_reading_methods() -> None:
    with node() as (scripted, chain):
        chain.connect()
        chain.read([balance()], chain.block("latest"))
        list(chain.logs([TOKEN], [], range(10)))
        flat = [r for seen in scripted.seen for r in (seen if isinstance(seen, list) else [seen])]
    assert {r["method"] for r in flat} <= {
        "eth_chainId",
        "eth_getCode",
        "eth_getBlockByNumber",
        "eth_call",
        "eth_getLogs",
    }


def test_requests_are_counted() -> None:
    with node() as (scripted, chain):
        chain.connect()
        chain.read([balance()] * 5, BLOCK)
        assert chain.requests == len(scripted.seen)


def test_a_slow_endpoint_times_out_and_is_tried_again() -> None:
    release = threading.Event()
    first = threading.Event()

    def slow(method: str, params: list[Any]) -> Any:
        if method == "eth_chainId" and not first.is_set():
            first.set()
            release.wait(10)
        return honest(method, params)

    with serving(ScriptedNode(slow)) as scripted:
        chain = Chain(scripted.url, timeout_s=0.2, sleep=lambda _: release.set())
        assert chain.connect() == 1
        assert chain.requests == 2


def test_a_range_that_takes_too_long_is_halved_and_not_waited_for_again() -> None:
    release = threading.Event()
    spans: list[int] = []

    def slow(method: str, params: list[Any]) -> Any:
        if method == "eth_getLogs":
            spans.append(int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1)
            if spans[-1] > 60:
                release.wait(10)
        return honest(method, params)

    with serving(ScriptedNode(slow)) as scripted:
        chain = Chain(scripted.url, timeout_s=0.2, sleep=_never)
        assert [log for piece in chain.logs([TOKEN], [], range(100)) for log in piece.logs] == []
        release.set()
    assert spans == [100, 50, 50]


def _never(seconds: float) -> None:
    raise AssertionError(f"slept {seconds} s")


def test_call_data_is_selector_and_arguments() -> None:
    assert encode(balance()).hex() == "70a08231" + "00" * 12 + "11" * 20


@pytest.mark.parametrize("said", ["../../../etc/cron.d", "0x" + "zz" * 32, "0x", "\x1b[2J", None, 7, ["0x"]])
def test_a_block_hash_that_is_none_is_not_taken_over(said: Any) -> None:
    """It would be printed, and name files of the cache."""

    def answer(method: str, params: list[Any]) -> Any:
        return {"number": "0x1", "hash": said, "timestamp": "0x1"} if "Block" in method else "0x1"

    with serving(ScriptedNode(answer)) as scripted:
        chain = Chain(scripted.url, sleep=_never)
        with pytest.raises(BadReturn, match=r"127\.0\.0\.1:\d+ answered a block hash that is none"):
            chain.block(1)
        assert chain.hashes([1]) == [None]
