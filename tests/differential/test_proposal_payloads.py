"""Payloads executed on a node of one's own: engine, configurator and batches, parameters and accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abis.calls import Call, encode
from abis.errors import InputError
from abis.fork import Fork, open_fork
from examples.localchain.config_engine import deploy_config_engine
from examples.localchain.random_world import RandomWorld
from protocols.aave_v3 import payloads
from protocols.execution import Execution, execute
from protocols.payload_calls import RawCall, Route, Setting, SettingKind
from protocols.snapshot import Snapshot
from risk.proposal.apply import applied
from risk.proposal.changes import read_changes
from risk.proposal.payload import settings_of
from risk.proposal.simulation import Simulation, compared
from tests.differential.snapshots import take
from tests.differential.test_proposal import PROPOSED, liquidatable

pytestmark = pytest.mark.chain


def run(world: RandomWorld, payload: list[RawCall], taken: Snapshot, engine: str | None = None) -> Execution:
    fork, chain = open_fork(world.chain.node.url)
    head = world.chain.head()
    done = execute(fork, chain, taken, payload, engine)
    assert world.chain.head() == head  # put back
    return done


def held(done: Execution, settings: tuple[Setting, ...]) -> Simulation:
    return compared(
        done.without.snapshot,
        done.executed.snapshot,
        done.without.health_wad,
        done.executed.health_wad,
        done.executed.pending_ltv_bps,
        settings,
    )


def encoded(
    taken: Snapshot, route: Route, texts: tuple[str, ...] = PROPOSED
) -> tuple[list[RawCall], tuple[Setting, ...]]:
    changes = read_changes(texts, taken)
    after = applied(taken, changes)
    settings = settings_of(changes, taken)
    return [RawCall(c.calldata) for c in payloads.encode(route, after, settings)], settings


@pytest.mark.parametrize("world_of", ["v30_random_chain", "v36_chain"])
def test_configurator_calls_do_what_is_predicted(world_of: str, request: pytest.FixtureRequest) -> None:
    world: RandomWorld = request.getfixturevalue(world_of)
    taken = take(world)
    assert taken.market.addresses["configurator"] == world.market.configurator.address
    payload, settings = encoded(taken, Route.CONFIGURATOR)
    done = run(world, payload, taken)
    assert [s.reason for s in done.sent] == [""] * len(payload)
    found = held(done, settings)
    assert found.agrees
    assert found.found
    assert set(found.found) == liquidatable(done.executed.snapshot) - liquidatable(done.without.snapshot)
    assert found.compared == len(done.without.health_wad) > 50


def test_the_config_engine_does_what_is_predicted(v36_chain: RandomWorld) -> None:
    engine = deploy_config_engine(v36_chain.chain, v36_chain.market)
    taken = take(v36_chain)
    payload, settings = encoded(taken, Route.ENGINE)
    changes = read_changes(PROPOSED, taken)
    for call in payloads.encode(Route.ENGINE, applied(taken, changes), settings):
        assert call.calldata == engine.encode(call.signature.partition("(")[0], *call.arguments)
    done = run(v36_chain, payload, taken, engine.address)
    assert [s.reason for s in done.sent] == [""] * (1 + len(payload))  # one gives the delegate its role
    found = held(done, settings)
    assert found.agrees
    assert found.found
    named = run(v36_chain, [replace(c, to=engine.address) for c in payload], taken)
    assert held(named, settings).found == found.found


def test_a_rate_curve_is_set_and_a_difference_is_named(v36_chain: RandomWorld) -> None:
    taken = take(v36_chain)
    asset = taken.reserves[taken.asset_index("WETH")].asset
    rates = {"rate_optimal_bps": 8_100, "rate_base_bps": 10, "rate_slope1_bps": 410, "rate_slope2_bps": 7_000}
    settings = tuple(Setting(SettingKind.RESERVE, asset, p, v) for p, v in rates.items())
    payload = [RawCall(c.calldata) for c in payloads.encode(Route.CONFIGURATOR, taken, settings)]
    done = run(v36_chain, payload, taken)
    assert held(done, settings).agrees
    other = replace(settings[0], value=8_200)
    (wrong,) = held(done, (other, *settings[1:])).parameters
    assert (wrong.parameter, wrong.before, wrong.after) == ("rate_optimal_bps", 8_200, 8_100)


def test_a_frozen_reserve_keeps_its_new_ltv_for_later(v36_chain: RandomWorld) -> None:
    taken = take(v36_chain)
    place = next(k for k, r in enumerate(taken.reserves) if r.frozen and r.liquidation_threshold_bps > 1_000)
    text = (f"{taken.reserves[place].asset}.ltv=10%",)
    payload, settings = encoded(taken, Route.CONFIGURATOR, text)
    done = run(v36_chain, payload, taken)
    assert done.executed.snapshot.reserves[place].ltv_bps == 0
    assert done.executed.pending_ltv_bps[taken.reserves[place].asset] == 1_000
    found = held(done, settings)
    assert found.agrees
    assert not held(done, (replace(settings[0], value=1_100),)).agrees


def test_differences_are_found(v36_chain: RandomWorld) -> None:
    taken = take(v36_chain)
    payload, settings = encoded(taken, Route.CONFIGURATOR)
    done = run(v36_chain, payload, taken)
    gentle = tuple(s for s in settings if s.parameter != "liquidation_threshold_bps")
    found = held(done, gentle)
    assert not found.agrees
    assert found.unexpected
    assert {r.parameter for r in found.parameters} == {"liquidation_threshold_bps"}
    assert not found.missing
    nothing = run(v36_chain, [], taken)
    found = held(nothing, settings)
    assert found.missing
    assert not found.found


def test_a_call_that_fails_says_why(v36_chain: RandomWorld) -> None:
    taken = take(v36_chain)
    asset = taken.reserves[0].asset
    data = "0x" + encode(Call("", "setSupplyCap(address,uint256)", (asset, 2**36))).hex()
    done = run(v36_chain, [RawCall(data)], taken)
    assert done.sent[0].reason
    with pytest.raises(InputError, match="names no contract"):
        run(v36_chain, [RawCall("0x12345678")], taken)


def test_a_steward_is_called_by_its_council_and_what_it_leaves_undone_is_found(
    v36_chain: RandomWorld,
) -> None:
    council, steward = "0x" + "5C" * 20, "0x" + "7E" * 20
    # A contract that answers everything with its council's address, and sets nothing.
    code = f"0x73{council[2:]}60005260206000f3"
    v36_chain.chain.node.rpc("anvil_setCode", steward, code)
    taken = take(v36_chain)
    payload, settings = encoded(taken, Route.STEWARD, ("WETH.supply_cap=900M",))
    done = run(v36_chain, [replace(c, to=steward) for c in payload], taken)
    assert [(s.step.sender.lower(), s.step.to, s.reason) for s in done.sent] == [
        (council.lower(), steward, "")
    ]
    (undone,) = held(done, settings).parameters
    assert (undone.parameter, undone.before) == ("supply_cap_tokens", 900_000_000)


class Node:
    """A chain that answers as it is told, and keeps what it was asked."""

    masked_url = "https://node.example/***"

    def __init__(self, answers: dict[str, object]) -> None:
        self.answers, self.asked = answers, list[str]()

    def request(self, method: str, params: list[object]) -> object:
        from abis.errors import RpcFailed

        self.asked.append(method)
        if method not in self.answers:
            raise RpcFailed(f"{method} is not there")
        return self.answers[method]


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({}, "does not name itself"),
        ({"web3_clientVersion": "Geth/v1.14", "evm_snapshot": "0x1", "evm_revert": True}, "does not name"),
        ({"web3_clientVersion": "anvil/v1.7.1"}, "cannot take a snapshot"),
        ({"web3_clientVersion": "anvil/v1.7.1", "evm_snapshot": "0x1", "evm_revert": False}, "cannot take"),
    ],
)
def test_no_other_node_is_sent_anything(answers: dict[str, object], named: str) -> None:
    node = Node(answers)
    with pytest.raises(InputError, match=named) as refusal:
        Fork(node)  # type: ignore[arg-type]
    assert "Nothing was sent" in str(refusal.value)
    assert set(node.asked) <= {"web3_clientVersion", "evm_snapshot", "evm_revert"}


def test_a_test_node_is_taken() -> None:
    for name in ("anvil/v1.7.1", "HardhatNetwork/2.22.1/@ethereumjs"):
        Fork(Node({"web3_clientVersion": name, "evm_snapshot": "0x1", "evm_revert": True}))  # type: ignore[arg-type]
