"""What a node tells of the contracts a call reads, and what of a strange node is believed."""

from __future__ import annotations

from typing import Any

import pytest

from abis.blocks import Header
from abis.calls import Call
from abis.chain import Chain
from oracles.touched import Toucher
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

BLOCK = Header(number=7, hash="0x07", timestamp_s=1_750_000_000)
SOURCE, FEED, HIDDEN = (f"0x{k:02x}" + "00" * 18 + "11" for k in (1, 2, 3))
PRECOMPILE = "0x" + "00" * 19 + "02"
ANSWER = "latestAnswer()(int256)"
CALL = Call(SOURCE, ANSWER)


def listing(*addresses: str, keys: tuple[str, ...] = ("0x00",)) -> dict[str, Any]:
    return {"accessList": [{"address": a, "storageKeys": list(keys)} for a in addresses], "gasUsed": "0x1"}


def frame(to: str, *calls: dict[str, Any]) -> dict[str, Any]:
    return {"type": "CALL", "from": SOURCE, "to": to, "calls": list(calls)}


def node(lists: object, traces: object) -> ScriptedNode:
    answers = {"eth_createAccessList": lists, "debug_traceCall": traces}
    return ScriptedNode(lambda method, params: answers[method])


REFUSED = NodeError(-32601, "no such method")


def test_lists_and_traces_are_joined_and_precompiles_left_out() -> None:
    lists = listing(FEED, PRECOMPILE)
    traces = frame(SOURCE, frame(FEED, frame(HIDDEN)), frame(PRECOMPILE))
    with serving(node(lists, traces)) as served:
        toucher = Toucher(Chain(served.url), BLOCK)
        touched = toucher.of(CALL)
        assert touched is not None
        assert touched.contracts == {SOURCE, FEED, HIDDEN}
        assert (touched.reads_storage, touched.is_traced) == (True, True)
        assert toucher.of(CALL) is touched  # asked once
        assert len(served.seen) == 2
        assert (toucher.has_access_lists, toucher.has_traces, toucher.untold) == (True, True, [])
    assert [r["params"][1] for r in served.seen] == ["0x7", "0x7"]


def test_a_list_without_keys_reads_no_storage_and_a_trace_alone_might() -> None:
    with serving(node(listing(FEED, keys=()), REFUSED)) as served:
        touched = Toucher(Chain(served.url), BLOCK).of(CALL)
    assert touched is not None
    assert (touched.reads_storage, touched.is_traced) == (False, False)
    with serving(node(REFUSED, frame(SOURCE))) as served:
        touched = Toucher(Chain(served.url), BLOCK).of(CALL)
    assert touched is not None
    assert (touched.contracts, touched.reads_storage) == ({SOURCE}, True)


@pytest.mark.parametrize("nonsense", [None, 5, "x", [], {"accessList": None}, {"accessList": [{}]}])
def test_answers_without_sense_are_as_good_as_none(nonsense: object) -> None:
    with serving(node(nonsense, [5])) as served:
        toucher = Toucher(Chain(served.url), BLOCK)
        assert toucher.of(CALL) is None
        assert (toucher.has_access_lists, toucher.has_traces, toucher.untold) == (False, False, [CALL])


def test_a_node_without_the_methods_is_not_asked_for_ever() -> None:
    with serving(node(REFUSED, REFUSED)) as served:
        toucher = Toucher(Chain(served.url), BLOCK)
        for k in range(1, 11):
            assert toucher.of(Call(f"0x{k:040x}", ANSWER)) is None
    assert len(served.seen) == 2 * 3


def test_a_trace_of_too_many_calls_is_not_read_and_later_ones_are() -> None:
    bomb = frame(SOURCE, *[frame(FEED)] * 10_001)
    with serving(node(REFUSED, bomb)) as served:
        toucher = Toucher(Chain(served.url), BLOCK)
        assert toucher.of(CALL) is None
        served.answer = node(REFUSED, frame(FEED, frame(HIDDEN))).answer
        touched = toucher.of(Call(FEED, ANSWER))
    assert touched is not None
    assert touched.contracts == {FEED, HIDDEN}
    assert toucher.untold == [CALL]
