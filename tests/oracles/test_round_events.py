"""Rounds read from real Chainlink contracts on a local chain, through a change of aggregator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abis.chain import Chain
from abis.errors import BadReturn, FeedError, InputError, MalformedFile
from abis.findings import FindingKind
from abis.logs import Log
from examples.localchain.chain import LocalChain
from examples.localchain.feeds import Feed, deploy_feed, push_price
from examples.localchain.market_parts import ADMIN
from examples.localchain.node import running_node
from examples.localchain.rpc import RpcAnswer
from examples.localchain.spec import FeedSpec
from oracles.feed import fixed_delay
from oracles.feed_file import read_feed
from oracles.history import RoundHistory
from oracles.round_events import describe, phase_begins, read_round_events, round_event
from oracles.round_journal import recall
from risk.cli.main import main
from tests.abis.scripted_node import NodeError, ScriptedNode, serving
from tests.oracles.test_feed import feed
from tests.oracles.worlds import world

chain_test = pytest.mark.chain

TRUTH = feed(heartbeat_s=7_200.0, delay=fixed_delay(48))
BEFORE_CHANGE = 100
PRE, POST = 3, 2  # rounds of the new aggregator before it is confirmed, of the old after it is replaced
SPEC = FeedSpec("ETH / USD", 0, 50, 7_200)


@dataclass(frozen=True)
class Pushed:
    """A feed on a chain, and the rounds its proxy answered with."""

    local: LocalChain
    feed: Feed
    changed_at_block: int
    table: pd.DataFrame
    candles: pd.DataFrame


@pytest.fixture(scope="module")
def pushed(local_chain_installed: None) -> Iterator[Pushed]:
    table, candles = world(TRUTH, days=8, seed=31)
    times = [int(t.timestamp()) for t in table.time]
    answers = [int(a) for a in table.answer_raw]
    with running_node(times[0] - 3_600) as node:
        local = LocalChain(node)
        old = deploy_feed(local, ADMIN, SPEC)
        local.mine()
        for at, answer in zip(times[:BEFORE_CHANGE], answers[:BEFORE_CHANGE], strict=True):
            push_price(local, old, answer, at=at)
        changed, new = change_aggregator(local, old, times[BEFORE_CHANGE - 1])
        for k, (at, answer) in enumerate(
            zip(times[BEFORE_CHANGE:], answers[BEFORE_CHANGE:], strict=True), start=1
        ):
            push_price(local, new, answer, at=at)
            if k <= POST:  # nobody reads the old one any more
                push_price(local, old, answer * 2, at=at + 1)
        yield Pushed(local, old, changed, table, candles)


def change_aggregator(local: LocalChain, old: Feed, now: int) -> tuple[int, Feed]:
    """Let a new aggregator answer nonsense, then confirm it; return the block of the change."""
    new = deploy_feed(local, ADMIN, SPEC)
    local.send(ADMIN, new.aggregator, "addAccess", old.proxy.address)
    local.mine(now + 1)
    for k in range(PRE):
        push_price(local, new, 10**8, at=now + 2 + k)
    local.send(ADMIN, old.proxy, "proposeAggregator", new.aggregator.address)
    local.send(ADMIN, old.proxy, "confirmAggregator", new.aggregator.address)
    return local.mine(now + 10).number, new


def read(url: str, address: str, journals: Path | None = None) -> tuple[RoundHistory, Chain]:
    chain = Chain(url)
    head = chain.block("latest")
    history = read_round_events(
        chain,
        describe(chain, address, head),
        range(head.number + 1),
        lambda a: journals / f"{a}.log" if journals else None,
    )
    return history, chain


@chain_test
def test_rounds_are_those_the_proxy_answered_with_through_a_change_of_aggregator(pushed: Pushed) -> None:
    history, _ = read(pushed.local.node.url, pushed.feed.proxy.address)
    assert history.answer_raw.tolist() == [int(a) for a in pushed.table.answer_raw]
    assert history.time_s.tolist() == [t.timestamp() for t in pushed.table.time]
    assert history.decimals == 8
    assert list(history.segments()) == [slice(0, BEFORE_CHANGE), slice(BEFORE_CHANGE, len(history))]
    assert [f.kind for f in history.findings] == [FindingKind.MISSING]


@chain_test
def test_the_block_of_the_change_is_found(pushed: Pushed) -> None:
    chain = Chain(pushed.local.node.url)
    head = chain.block("latest")
    known = describe(chain, pushed.feed.proxy.address, head)
    assert (known.description, known.decimals) == ("ETH / USD", 8)
    assert [phase for phase, _ in known.aggregators] == [1, 2]
    begins = phase_begins(chain, known, range(20, head.number + 1))
    assert begins == {1: 20, 2: pushed.changed_at_block}
    # A range after the change knows the second phase only, and asks nothing of the first.
    late = range(pushed.changed_at_block, head.number + 1)
    assert phase_begins(chain, known, late) == {2: late.start}
    assert len(read_round_events(chain, known, late)) == len(pushed.table) - BEFORE_CHANGE


@chain_test
def test_an_aggregator_is_read_without_its_proxy(pushed: Pushed) -> None:
    history, _ = read(pushed.local.node.url, pushed.feed.aggregator.address)
    assert len(history) == BEFORE_CHANGE + POST


@chain_test
def test_a_node_without_old_state_gives_the_rounds_and_a_finding(pushed: Pushed) -> None:
    rpc = pushed.local.node.rpc
    head = pushed.local.head()

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_call" and head.hash not in str(params[1]) and params[1] != hex(head.number):
            return NodeError(-32000, "missing trie node 5d5c (path ) state 0x5d is not available")
        try:
            return rpc(method, *params)
        except RpcAnswer as refused:
            return NodeError(refused.error["code"], refused.error["message"])

    with serving(ScriptedNode(answer)) as node:
        history, _ = read(node.url, pushed.feed.proxy.address)
    assert len(history) == len(pushed.table) + PRE
    assert FindingKind.UNVERIFIED in {f.kind for f in history.findings}


@chain_test
def test_a_second_run_reads_the_rounds_from_the_journal(pushed: Pushed, tmp_path: Path) -> None:
    url, address = pushed.local.node.url, pushed.feed.proxy.address
    first, _ = read(url, address, tmp_path)
    (one, two) = sorted(tmp_path.iterdir())

    asked: list[str] = []

    def answer(method: str, params: list[Any]) -> Any:
        asked.append(method)
        return pushed.local.node.rpc(method, *params)

    with serving(ScriptedNode(answer)) as node:
        again, _ = read(node.url, address, tmp_path)
        assert "eth_getLogs" not in asked
        # A write cut short loses that stretch, nothing else.
        two.write_bytes(two.read_bytes()[:-20])
        resumed, _ = read(node.url, address, tmp_path)
    assert "eth_getLogs" in asked
    for other in (again, resumed):
        assert np.array_equal(other.answer_raw, first.answer_raw)
        assert np.array_equal(other.time_s, first.time_s)
    # Blocks that left the chain are forgotten.
    assert recall(one, lambda numbers: [None] * len(numbers)) == []


@chain_test
def test_the_commands_fit_and_replay_from_the_chain(
    pushed: Pushed,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BREAKWATER_CACHE", str(tmp_path / "cache"))
    candles, target = tmp_path / "candles.csv", tmp_path / "eth.toml"
    pushed.candles.to_csv(candles, index=False)
    node = ["--rpc", pushed.local.node.url, "--from-block", "0"]

    def run(*arguments: object) -> dict[str, Any]:
        with pytest.raises(SystemExit) as stop:
            main(["oracle", *(str(a) for a in arguments), "--json"])
        out, err = capsys.readouterr()
        assert stop.value.code in (0, None), err
        body: dict[str, Any] = json.loads(out)
        return body

    address = pushed.feed.proxy.address
    body = run("fit", *node, "--feed", address, "--candles", candles, "-o", target)
    assert (body["data"]["deviation_bps"], body["data"]["heartbeat_s"]) == (50, 7_200)
    assert body["inputs"]["last_block_hash"] == pushed.local.head().hash
    assert len(body["inputs"]["aggregators"]) == 2
    assert len(list((tmp_path / "cache" / "rounds").iterdir())) == 2
    written, _ = read_feed(target)
    assert (written.description, written.address) == ("ETH / USD", address)
    replayed = run("replay", target, *node, "--candles", candles)["data"]
    assert replayed["next_share"] > 0.9
    assert replayed["real"] == len(pushed.table) - 2  # two stretches, each starts on its first round


@chain_test
def test_what_is_no_feed_or_no_range_is_refused(pushed: Pushed) -> None:
    chain = Chain(pushed.local.node.url)
    head = chain.block("latest")
    with pytest.raises(FeedError, match="is no price feed"):
        describe(chain, "0x" + "00" * 19 + "77", head)
    known = describe(chain, pushed.feed.proxy.address, head)
    with pytest.raises(InputError, match="no range"):
        read_round_events(chain, known, range(5, 5))
    with pytest.raises(MalformedFile, match="0 usable rounds"):
        read_round_events(chain, known, range(1))


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        (("0x00",), "0x" + "0" * 64),
        (("0x00", "0x1", "0x2"), "0x"),
        (("0x00", "0xzz", "0x2"), "0x" + "0" * 64),
    ],
)
def test_an_event_that_does_not_decode_is_the_nodes_fault(topics: tuple[str, ...], data: str) -> None:
    with pytest.raises(BadReturn, match="in block 7 does not decode"):
        round_event(Log("0x" + "11" * 20, topics, data, 7))


def test_a_negative_answer_is_read_with_its_sign() -> None:
    minus_five = "0x" + f"{2**256 - 5:064x}"
    event = round_event(Log("0x" + "11" * 20, ("0x00", minus_five, "0x3"), "0x" + f"{9:064x}", 7))
    assert (event.answer_raw, event.round_id, event.updated_at_s, event.block) == (-5, 3, 9, 7)
