"""Parameter histories of real markets against what the markets say block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from abis.chain import Chain
from abis.errors import InputError, NotAMarket
from abis.findings import FindingKind
from examples.demo.parameters import read_parameters
from examples.demo.world import DemoWorld
from examples.localchain.chain import LocalChain
from examples.localchain.contracts import named_address
from examples.localchain.feeds import ZERO_ADDRESS
from examples.localchain.market import Market
from examples.localchain.node import running_node
from protocols.aave_v3.adapter import read_market
from protocols.aave_v3.history import read_history
from protocols.history import UNDECODED, Change, History
from protocols.registry import resolve
from protocols.snapshot import Reserve, Snapshot
from tests.abis.scripted_node import NodeError, ScriptedNode, serving
from tests.differential.listing import list_reserve

pytestmark = pytest.mark.chain

RESERVE_FIELDS = (
    "ltv_bps",
    "liquidation_threshold_bps",
    "liquidation_bonus_bps",
    "borrowing_enabled",
    "flash_loan_enabled",
    "active",
    "frozen",
    "paused",
    "borrowable_in_isolation",
    "siloed_borrowing",
    "reserve_factor_bps",
    "supply_cap_tokens",
    "borrow_cap_tokens",
    "debt_ceiling_usd_cents",
    "liquidation_protocol_fee_bps",
    "emode_category",
)


def history_of(chain: LocalChain, market: Market, first: int, last: int | str = "latest") -> History:
    node = Chain(chain.node.url)
    return read_history(node, resolve(f"aave-v3:{market.provider.address}"), first, node.block(last))


def snapshot_of(chain: LocalChain, market: Market, block: int | str = "latest") -> Snapshot:
    node = Chain(chain.node.url)
    return read_market(node, resolve(f"aave-v3:{market.provider.address}"), node.block(block))


def text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def told(found: History) -> dict[tuple[str, str, str], str | None]:
    """The last value the history tells of each parameter."""
    return {(c.kind, c.subject, c.parameter): c.new for c in found.changes}


def state(taken: Snapshot) -> dict[tuple[str, str, str], str]:
    """What a snapshot says, named as histories name it."""
    found: dict[tuple[str, str, str], str] = {}
    for r in taken.reserves:
        found |= {("reserve", r.asset, name): text(getattr(r, name)) for name in RESERVE_FIELDS}
        found["reserve", r.asset, "feed_source"] = r.feed.source if r.feed else ""
        if r.rate_model:
            for name in ("optimal", "base", "slope1", "slope2"):
                ray = getattr(r.rate_model, f"{name}_ray")
                found["reserve", r.asset, f"rate_{name}_bps"] = str(ray // 10**23)
    for e in taken.emodes:
        for name in ("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps", "label"):
            found["emode", str(e.id), name] = str(getattr(e, name))
        found["emode", str(e.id), "price_source"] = e.price_source or ZERO_ADDRESS
        for name in ("collateral", "borrowable", "ltvzero"):
            for i, r in enumerate(taken.reserves):
                found["emode_asset", f"{e.id}:{r.asset}", name] = text(i in getattr(e, name))
    return found


def assert_each_change_is_the_chains(
    chain: LocalChain, market: Market, found: History, ignored: frozenset[str] = frozenset()
) -> int:
    """Compare every old and new value with the market before and at the change's block."""
    compared = 0
    for number in sorted({c.block for c in found.changes}):
        before = state(snapshot_of(chain, market, number - 1))
        after = state(snapshot_of(chain, market, number))
        for c in (c for c in found.changes if c.block == number and c.parameter not in ignored):
            key = (c.kind, c.subject, c.parameter)
            assert (c.old, c.new) == (before[key], after[key]), c
            compared += 1
    return compared


def configure(chain: LocalChain, market: Market, orders: list[tuple[Any, ...]]) -> int:
    """Send each order in a block of its own; return the first block."""
    first = chain.head().number + 1
    for contract, function, *arguments in orders:
        chain.send(market.admin, contract, function, *arguments)
        chain.mine()
    return first


def test_the_whole_history_of_a_market_ends_in_its_state(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    found = history_of(chain, market, 0)
    assert found.findings == ()
    told_last, now = told(found), state(snapshot_of(chain, market))
    compared = {key: now[key] for key in told_last if key in now}
    assert {key: told_last[key] for key in compared} == compared
    # What no event ever set is what a new reserve starts with.
    fresh = Reserve("", "", 18, 0, 0, 0, 0, borrowing_enabled=False, flash_loan_enabled=False)
    unset = {k for k in now if k not in told_last and k[0] == "reserve" and k[2] in RESERVE_FIELDS}
    assert {now[k] for k in unset} <= {text(getattr(fresh, k[2])) for k in unset}
    assert len(compared) > 10 * len(market.reserves)


@pytest.mark.verify
def test_every_change_on_a_v3_0_market_has_the_values_before_and_after(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    configurator = market.configurator
    link, usdc, cbbtc = (market.reserves[s].underlying.address for s in ("LINK", "USDC", "cbBTC"))
    feed = market.reserves["USDC"].feed.proxy.address
    orders: list[tuple[Any, ...]] = [
        (configurator, "setSupplyCap", link, 123),
        (configurator, "setSupplyCap", link, 125),
        (configurator, "setBorrowCap", link, 7),
        (configurator, "configureReserveAsCollateral", link, 6_000, 7_000, 10_700),
        (configurator, "configureReserveAsCollateral", link, 6_000, 7_000, 10_800),
        (configurator, "setReserveFactor", usdc, 1_111),
        (configurator, "setLiquidationProtocolFee", link, 1_200),
        (configurator, "setReserveFlashLoaning", link, False),
        (configurator, "setReserveBorrowing", link, False),
        (configurator, "setSiloedBorrowing", cbbtc, True),
        (configurator, "setBorrowableInIsolation", link, True),
        (configurator, "setReserveFreeze", link, True),
        (configurator, "setReservePause", link, True),
        (configurator, "setReservePause", link, False),
        (configurator, "setEModeCategory", 1, 9_310, 9_510, 10_110, ZERO_ADDRESS, "Ether"),
        (market.oracle, "setAssetSources", [link], [feed]),
    ]
    first = configure(chain, market, orders)
    found = history_of(chain, market, first)
    assert found.findings == ()
    assert (found.first, found.last) == (first, first + len(orders) - 1)
    assert assert_each_change_is_the_chains(chain, market, found) == len(found.changes)
    assert [c.block - first for c in found.changes if c.parameter == "ltv_bps" and c.kind == "reserve"] == [3]
    assert {c.block - first for c in found.changes} == set(range(len(orders)))
    assert {c.sender for c in found.changes} == {market.admin}
    assert {c.symbol for c in found.changes if c.kind == "reserve"} == {"LINK", "USDC", "cbBTC"}
    for c in found.changes:
        assert c.called == orders[c.block - first][0].address == c.contract
        block = chain.node.rpc("eth_getBlockByNumber", hex(c.block), False)
        assert c.timestamp_s == int(block["timestamp"], 16)
        assert c.transaction in block["transactions"]


def test_a_range_ends_where_it_is_told_and_may_be_empty(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    link = market.reserves["LINK"].underlying.address
    orders = [(market.configurator, "setSupplyCap", link, k) for k in (5, 6, 7)]
    first = configure(chain, market, orders)
    found = history_of(chain, market, first + 1, first + 1)
    assert [(c.old, c.new) for c in found.changes] == [("5", "6")]
    chain.mine()
    assert history_of(chain, market, first + 3).changes == ()
    with pytest.raises(InputError, match="are no range"):
        history_of(chain, market, first + 9)
    with pytest.raises(NotAMarket):
        history_of(chain, market, 0, 0)


def test_an_event_that_repeats_what_is_in_force_is_kept_whole(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    link, spec = market.reserves["LINK"].underlying.address, market.spec.reserve("LINK")
    values = (spec.ltv_bps, spec.liquidation_threshold_bps, spec.liquidation_bonus_bps)
    first = configure(chain, market, [(market.configurator, "configureReserveAsCollateral", link, *values)])
    found = history_of(chain, market, first)
    assert [(c.old, c.new) for c in found.changes] == [(str(v), str(v)) for v in values]


def test_listing_dropping_roles_and_a_new_oracle_are_told(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    first = chain.head().number + 1
    token = list_reserve(demo_chain, "NEW", price_raw=10**8)
    council = named_address("risk council")
    assert market.acl_manager is not None
    configure(
        chain,
        market,
        [
            (market.configurator, "dropReserve", token.address),
            (market.acl_manager, "addRiskAdmin", council),
            (market.provider, "setPriceOracle", named_address("another oracle")),
            (market.provider, "setPriceOracle", market.oracle.address),
        ],
    )
    found = history_of(chain, market, first)
    assert found.findings == ()
    listed = [(c.old, c.new) for c in found.changes if c.parameter == "listed"]
    assert listed == [("false", "true"), ("true", "false")]
    ltv = [(c.old, c.new) for c in found.changes if c.parameter == "ltv_bps"]
    assert ltv == [("0", "5000")]
    assert [(c.subject, c.old, c.new) for c in found.changes if c.kind == "role"] == [
        (f"RISK_ADMIN:{council}", "false", "true")
    ]
    oracles = [(c.old, c.new) for c in found.changes if c.parameter == "price_oracle"]
    other = named_address("another oracle")
    assert oracles == [(market.oracle.address, other), (other, market.oracle.address)]


def test_an_unknown_event_is_listed_undecoded_with_a_finding(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    # LOG1 of 32 zero bytes under a topic no Aave contract has, from the oracle's address.
    topic = "ab" * 32
    chain.node.rpc("anvil_setCode", market.oracle.address, f"0x7f{topic}60206000a100")
    first = chain.head().number + 1
    transaction = {"from": market.admin, "to": market.oracle.address, "gas": hex(10**6), "gasPrice": "0x0"}
    chain.node.rpc("eth_sendTransaction", transaction)
    chain.mine()
    found = history_of(chain, market, first)
    (change,) = found.changes
    assert (change.kind, change.parameter, change.event) == (UNDECODED, UNDECODED, f"0x{topic}")
    assert (change.old, change.new) == (None, "0x" + "00" * 32)
    (finding,) = found.findings
    assert (finding.kind, finding.subject) == (FindingKind.UNSUPPORTED, market.oracle.address)
    assert finding.message.startswith("1 events of topic 0xabab")


def test_without_old_state_old_values_are_unknown_and_that_is_said(demo_chain: DemoWorld) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    link = market.reserves["LINK"].underlying.address
    configurator = market.configurator
    first = configure(
        chain,
        market,
        [
            (configurator, "configureReserveAsCollateral", link, 6_000, 7_000, 10_700),
            (configurator, "configureReserveAsCollateral", link, 6_100, 7_000, 10_700),
            (configurator, "setSupplyCap", link, 5),
        ],
    )
    head = chain.node.rpc("eth_getBlockByNumber", "latest", False)["hash"]

    def pruned(method: str, params: list[Any]) -> Any:
        at = params[-1] if method in ("eth_call", "eth_getCode") else "latest"
        newest = at.get("blockHash") == head if isinstance(at, dict) else at in ("latest", hex(found_head))
        if not newest:
            return NodeError(-32000, "missing trie node 5d5c (path ) state 0x5d is not available")
        return chain.node.rpc(method, *params)

    found_head = chain.head().number
    with serving(ScriptedNode(pruned)) as node:
        reader = Chain(node.url)
        found = read_history(
            reader, resolve(f"aave-v3:{market.provider.address}"), first, reader.block("latest")
        )
    assert [(c.parameter, c.old, c.new) for c in found.changes] == [
        ("ltv_bps", None, "6000"),
        ("liquidation_threshold_bps", None, "7000"),
        ("liquidation_bonus_bps", None, "10700"),
        ("ltv_bps", "6000", "6100"),
        ("supply_cap_tokens", "20000000", "5"),
    ]
    (finding,) = found.findings
    assert (finding.kind, finding.subject) == (FindingKind.MISSING, f"block {first - 1}")


@pytest.fixture(scope="module")
def v36(local_chain_installed: None) -> Iterator[tuple[LocalChain, Market]]:
    """A v3.6 market without accounts."""
    from examples.localchain.aave_v36 import deploy_market

    with running_node(1_750_000_000) as node:
        chain = LocalChain(node)
        yield chain, deploy_market(chain, read_parameters())


def test_every_change_on_a_v3_6_market_has_the_values_before_and_after(
    v36: tuple[LocalChain, Market],
) -> None:
    chain, market = v36
    configurator = market.configurator
    link, usdc, weth = (market.reserves[s].underlying.address for s in ("LINK", "USDC", "WETH"))
    curve = (9_000, 10, 450, 5_000)
    orders: list[tuple[Any, ...]] = [
        (configurator, "setReserveInterestRateData", usdc, _encoded(curve)),
        (configurator, "setReserveInterestRateData", usdc, _encoded((9_000, 10, 460, 5_000))),
        (configurator, "setAssetCollateralInEMode", link, 1, True),
        (configurator, "setAssetBorrowableInEMode", link, 1, True),
        (configurator, "setAssetLtvzeroInEMode", link, 1, True),
        (configurator, "setAssetCollateralInEMode", link, 1, False),
        (configurator, "setReserveFreeze", weth, True),
        (configurator, "setReserveFreeze", weth, False),
        (configurator, "setEModeCategory", 1, 9_310, 9_510, 10_110, "Ether"),
        (configurator, "setBorrowCap", link, 9),
        (configurator, "setReservePause", link, True, 0),
    ]
    first = configure(chain, market, orders)
    found = history_of(chain, market, first)
    assert found.findings == ()
    pending = frozenset({"pending_ltv_bps", "liquidation_grace_until_s"})
    compared = assert_each_change_is_the_chains(chain, market, found, pending)
    assert compared >= len(orders)
    assert {c.block - first for c in found.changes} == set(range(len(orders)))
    rates = [(c.parameter, c.old, c.new) for c in found.changes if c.block == first + 1]
    assert rates == [("rate_slope1_bps", "450", "460")]
    assert told(history_of(chain, market, 0)).items() >= told(found).items()


def _encoded(curve: tuple[int, ...]) -> bytes:
    from eth_abi.abi import encode

    return encode(["uint16", "uint32", "uint32", "uint32"], curve)


def test_the_history_of_a_market_at_birth_has_no_undecoded_event(v36: tuple[LocalChain, Market]) -> None:
    chain, market = v36
    found = history_of(chain, market, 0)
    assert found.findings == ()
    assert UNDECODED not in {c.kind for c in found.changes}
    listed = [c.symbol for c in found.changes if c.parameter == "listed"]
    assert listed == list(market.reserves)


def test_histories_of_the_parts_make_up_the_history_of_the_whole(v36: tuple[LocalChain, Market]) -> None:
    chain, market = v36
    head = chain.head().number
    middle = head // 2
    whole = history_of(chain, market, 0, head)
    halves = (
        history_of(chain, market, 0, middle).changes + history_of(chain, market, middle + 1, head).changes
    )
    assert [_bare(c) for c in halves] == [_bare(c) for c in whole.changes]


def _bare(change: Change) -> Change:
    # At the birth of a market some old values are unknown to one reading and 0 to the other.
    return replace(change, old=None) if change.old in (None, "0", "false", "", ZERO_ADDRESS) else change
