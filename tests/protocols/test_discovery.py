from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abis.chain import Chain, Header
from abis.errors import BadReturn
from protocols.discovery import BORROW, MINT, SUPPLY, TRANSFER, deployment_block, find_holders
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

POOL, TOKEN = "0x" + "aa" * 20, "0x" + "bb" * 20
ALICE, BOB = "0x" + "01" * 20, "0x" + "02" * 20
HEAD = {"number": "0x9", "hash": "0x" + "cd" * 32, "timestamp": "0x1"}
BLOCK = Header(1_000, "0x" + "ab" * 32, 1_700_000_000)


def word(address: str) -> str:
    return "0x" + "00" * 12 + address[2:]


def event(address: str, *topics: str, block: int = 5) -> dict[str, Any]:
    return {"address": address, "topics": list(topics), "data": "0x", "blockNumber": hex(block)}


def test_topics_are_those_of_the_deployed_contracts() -> None:
    assert SUPPLY == "0x2b627736bca15cd5381dcf80b0bf11fd197d01a037c52b927a881a10fb73ba61"
    assert BORROW == "0xb3d084820fb1a9decffb176436bd02558d15fac9b0ddfed8c465bc7359d7dce0"
    assert MINT == "0x458f5fa412d0f69b08dd84872b0215675cc67bc1d5b6fd93300a1c3878b86196"
    assert TRANSFER == "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def holders_of(*events: dict[str, Any]) -> Any:
    node = ScriptedNode(lambda method, params: list(events) if method == "eth_getLogs" else HEAD)
    with serving(node):
        found = find_holders(Chain(node.url), POOL, [TOKEN], range(10))
    ((asked, _),) = node.seen
    assert asked["params"][0]["address"] == [POOL, TOKEN]
    assert asked["params"][0]["topics"] == [[SUPPLY, BORROW, MINT, TRANSFER]]
    return found


def test_the_receiver_is_the_holder_and_nobody_is_no_account() -> None:
    nobody = word("0x" + "00" * 20)
    found = holders_of(
        event(POOL, SUPPLY, word(TOKEN), word(ALICE), nobody),
        event(TOKEN, TRANSFER, word(ALICE), word(BOB)),
        event(TOKEN, TRANSFER, word(BOB), nobody),  # a burn
    )
    assert [a.lower() for a in found.accounts] == [ALICE, BOB]
    assert {a.lower() for a in found.of(TOKEN.upper().replace("X", "x"))} == {BOB}
    assert found.of(ALICE) == frozenset()


@pytest.mark.parametrize(
    "bad",
    [
        event(TOKEN, TRANSFER, word(ALICE)),  # no receiver
        event(TOKEN, TRANSFER, word(ALICE), "0x" + "ff" * 32),  # no address
        event(TOKEN, TRANSFER, word(ALICE), "0x12"),
        {"address": TOKEN, "topics": None, "data": "0x", "blockNumber": "0x1"},
        {"topics": []},
        "nonsense",
    ],
)
def test_a_log_that_names_no_holder_is_an_error(bad: Any) -> None:
    with pytest.raises(BadReturn):
        holders_of(bad)


def test_a_node_that_gives_no_list_of_logs_is_an_error() -> None:
    with serving(ScriptedNode(lambda method, params: 5)) as node, pytest.raises(BadReturn):
        find_holders(Chain(node.url), POOL, [TOKEN], range(10))


@pytest.mark.parametrize("born", [0, 1, 437, 999, 1_000])
def test_the_deployment_block_is_the_first_with_code(born: int) -> None:
    def answer(method: str, params: list[Any]) -> str:
        return "0x60" if int(params[1], 16) >= born else "0x"

    with serving(ScriptedNode(answer)) as node:
        assert deployment_block(Chain(node.url), POOL, BLOCK) == born
        assert len(node.seen) <= 11


def test_without_old_state_reading_starts_at_block_0() -> None:
    def pruned(method: str, params: list[Any]) -> Any:
        recent = int(params[1], 16) > 900
        return "0x60" if recent else NodeError(-32000, "missing trie node 12ab")

    with serving(ScriptedNode(pruned)) as node:
        assert deployment_block(Chain(node.url), POOL, BLOCK) == 0


@pytest.mark.chain
def test_every_account_of_the_demo_market_is_found(demo_chain: DemoWorld) -> None:
    market, chain = demo_chain.market, Chain(demo_chain.chain.node.url)
    head = chain.block("latest")
    tokens = {s: (r.a_token.address, r.variable_debt_token.address) for s, r in market.reserves.items()}
    every = [address for pair in tokens.values() for address in pair]
    found = find_holders(chain, market.pool.address, every, range(head.number + 1))
    assert {plan.address for plan in demo_chain.plans} <= set(found.accounts)
    assert any(plan.by_transfer for plan in demo_chain.plans)
    for plan in demo_chain.plans:
        for leg in plan.collateral:
            assert plan.address in found.of(tokens[leg.symbol][0])
        for leg in plan.debt:
            assert plan.address in found.of(tokens[leg.symbol][1])
    assert chain.has_code(market.provider.address, deployment_block(chain, market.provider.address, head))
