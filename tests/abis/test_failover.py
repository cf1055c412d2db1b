"""Several endpoints over real HTTP: one takes over from another, or is compared with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from abis.calls import Call
from abis.chain import Chain, Header
from abis.errors import BlockUnavailable, ChainUnreachable, EndpointsDisagree, Reorganised, WrongChain
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

KEY = "s3cret-key-0123456789"
HASH, OTHER_HASH = "0x" + "ab" * 32, "0x" + "cd" * 32
BLOCK = Header(100, HASH, 1)
CALL = Call("0x" + "11" * 20, "f()(uint256)")
Answer = Callable[[str, list[Any]], Any]


def node(value: int = 7, chain_id: int = 1, block_hash: str = HASH, logs: int = 0) -> Answer:
    def answer(method: str, params: list[Any]) -> Any:
        return {
            "eth_chainId": hex(chain_id),
            "eth_getCode": "0x",
            "eth_getBlockByNumber": {"number": params[0] if params else "", "hash": block_hash}
            | {"timestamp": "0x1"},
            "eth_call": "0x" + value.to_bytes(32, "big").hex(),
            "eth_getLogs": [
                {"address": CALL.target, "topics": [], "data": "0x", "blockNumber": hex(n)}
                for n in range(100 - logs, 100)
            ],
        }[method]

    return answer


def dead(method: str, params: list[Any]) -> Any:
    return NodeError(-32005, "rate limit")


def pruned(method: str, params: list[Any]) -> Any:
    return NodeError(-32000, "missing trie node") if method == "eth_call" else node()(method, params)


@pytest.fixture
def serve() -> Iterator[Callable[..., list[ScriptedNode]]]:
    with ExitStack() as stack:
        yield lambda *answers: [stack.enter_context(serving(ScriptedNode(a), f"/v2/{KEY}")) for a in answers]


def chain_of(*nodes: ScriptedNode, **more: Any) -> Chain:
    return Chain(*(n.url for n in nodes), attempts=2, sleep=lambda _: None, **more)


@pytest.mark.parametrize("first", [dead, pruned])
def test_the_next_endpoint_takes_over_and_keeps_the_lead(serve: Any, first: Answer) -> None:
    one, two = serve(first, node())
    chain = chain_of(one, two)
    assert chain.connect() == 1
    assert chain.read([CALL], BLOCK) == [7]
    asked = len(one.seen)
    assert chain.read([CALL], BLOCK) == [7]
    assert len(one.seen) == asked
    assert chain.requests == len(one.seen) + len(two.seen)


def test_an_endpoint_that_dies_on_the_way_is_replaced(serve: Any) -> None:
    alive = {"yes": True}
    one, two = serve(lambda m, p: node()(m, p) if alive["yes"] else dead(m, p), node())
    chain = chain_of(one, two)
    assert chain.connect() == 1
    assert chain.read([CALL], BLOCK) == [7]
    alive["yes"] = False
    assert chain.read([CALL] * 3, BLOCK) == [7] * 3
    assert len(list(chain.logs([CALL.target], [], range(90, 101)))) == 1


@pytest.mark.parametrize("stranger", [node(9, chain_id=5), node(9, block_hash=OTHER_HASH), dead])
def test_an_endpoint_of_another_chain_or_block_never_takes_over(serve: Any, stranger: Answer) -> None:
    alive = {"yes": True}
    one, two, three = serve(lambda m, p: node()(m, p) if alive["yes"] else dead(m, p), stranger, node())
    chain = chain_of(one, two, three)
    chain.connect()
    chain.read([CALL], BLOCK)
    alive["yes"] = False
    assert chain.read([CALL], BLOCK) == [7]
    assert not any(isinstance(r, list) for r in two.seen)
    other = chain_of(one, two)
    other._chain_id = 1
    with pytest.raises(ChainUnreachable) as caught:
        other.read([CALL], BLOCK)
    assert KEY not in str(caught.value)


def test_when_all_fail_the_last_error_comes_out(serve: Any) -> None:
    one, two = serve(dead, pruned)
    with pytest.raises(BlockUnavailable):
        chain_of(one, two).read([CALL], BLOCK)
    with pytest.raises(ChainUnreachable, match="rate limit"):
        chain_of(one, one).connect()


@pytest.mark.parametrize("value", [7, 8])
def test_a_witness_reads_everything_too(serve: Any, value: int) -> None:
    one, two = serve(node(), node(value))
    chain = chain_of(one, witness=chain_of(two))
    chain.connect(1)
    block = chain.block(100)
    if value == 7:
        assert chain.read([CALL], block) == [7]
        return
    with pytest.raises(
        EndpointsDisagree, match=r"f\(\) on 0x1111.* at block 100: 0x0+7, but 0x0+8"
    ) as caught:
        chain.read([CALL], block)
    assert KEY not in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_witness_of_another_chain_block_or_history_is_noticed(serve: Any) -> None:
    one, chain_5, forked, forgetful = serve(
        node(logs=3), node(chain_id=5), node(block_hash=OTHER_HASH), node(logs=2)
    )
    with pytest.raises(WrongChain):
        chain_of(one, witness=chain_of(chain_5)).connect()
    with pytest.raises(EndpointsDisagree, match="block 100"):
        chain_of(one, witness=chain_of(forked)).block(100)
    with pytest.raises(EndpointsDisagree, match="3 events, but 2 events"):
        list(chain_of(one, witness=chain_of(forgetful)).logs([CALL.target], [], range(90, 100)))


def test_logs_that_end_in_another_block_than_the_one_being_read_are_refused(serve: Any) -> None:
    (one,) = serve(node(block_hash=OTHER_HASH))
    chain = chain_of(one)
    chain._block = BLOCK
    with pytest.raises(Reorganised, match="block 100"):
        list(chain.logs([CALL.target], [], range(90, 101)))
    assert len(list(chain.logs([CALL.target], [], range(90, 100)))) == 1


def test_a_node_without_batches_is_asked_one_by_one(serve: Any) -> None:
    (one,) = serve(node(logs=4))
    plain = one.body_for

    def no_batches(request: Any) -> bytes:
        refused = b'{"id": null, "error": {"code": -32600, "message": "single requests only"}}'
        return refused if isinstance(request, list) else plain(request)

    one.body_for = no_batches
    chain = chain_of(one)
    (piece,) = chain.logs([CALL.target], [], range(90, 100))
    assert len(piece.logs) == 4
    (piece,) = chain.logs([CALL.target], [], range(90, 100))
    assert [isinstance(r, list) for r in one.seen] == [True, False, False, False, False]
    assert chain.hashes([1, 2]) == [HASH, HASH]


def test_a_list_cut_at_a_round_number_is_read_again_in_parts(serve: Any) -> None:
    def cutting(method: str, params: list[Any]) -> Any:
        if method != "eth_getLogs":
            return node()(method, params)
        first, last = (int(params[0][k], 16) for k in ("fromBlock", "toBlock"))
        log = {"address": CALL.target, "topics": [], "data": "0x"}
        return [log | {"blockNumber": hex(n)} for n in range(first, last + 1) for _ in range(300)][:1000]

    (one,) = serve(cutting)
    pieces = list(chain_of(one).logs([CALL.target], [], range(10, 30)))
    assert sum(len(piece.logs) for piece in pieces) == 20 * 300


def test_a_node_that_lags_is_waited_for(serve: Any) -> None:
    behind = {"for": 1}

    def lagging(method: str, params: list[Any]) -> Any:
        if method == "eth_getBlockByNumber" and behind["for"]:
            behind["for"] -= 1
            return None
        if method == "eth_getLogs" and behind["for"]:
            return []
        return node(logs=5)(method, params)

    (one,) = serve(lagging)
    pieces = list(
        chain_of(
            one,
        ).logs([CALL.target], [], range(90, 100))
    )
    assert sum(len(piece.logs) for piece in pieces) == 5


def test_no_url_reaches_the_logs_of_the_libraries(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    (one,) = serve(node())
    with caplog.at_level(logging.DEBUG):
        chain = chain_of(one)
        chain.connect()
        chain.read([CALL], BLOCK)
    assert KEY not in caplog.text
