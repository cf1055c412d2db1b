"""A snapshot of a real v2 market against the market's own answers, to the wei.

Read through the same doors a user takes: `protocols.registry.read_market` and the command line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from abis.calls import function
from abis.chain import Chain, silent
from abis.errors import NotAMarket, UnsupportedVersion
from abis.findings import FindingKind, Severity
from examples.localchain.artifacts import aave_v30
from examples.localchain.contracts import named_address
from examples.localchain.feeds import deploy_feed, queue_answer
from examples.localchain.random_accounts import STATES, State
from examples.localchain.random_market import in_dollars
from examples.localchain.random_world import RandomWorld, open_random_market
from examples.localchain.rpc import RpcAnswer
from examples.localchain.spec import FeedSpec
from protocols.extend import assume_snapshot
from protocols.journal import Journal
from protocols.registry import MarketSpec, read_market, resolve
from protocols.snapshot import BaseCurrency, Snapshot
from protocols.store import encode, load, save
from risk.cli.main import main
from tests.abis.scripted_node import NodeError, ScriptedNode, serving
from tests.differential import raw_market
from tests.differential.price_moves import MONTH_S, push
from tests.differential.random_trials import SEVERITIES, random_move
from tests.differential.raw_market import position_of, read_accounts
from tests.differential.snapshots import compare

pytestmark = pytest.mark.chain

ZERO = "0x" + "0" * 40
DOLLAR = "0x10F7Fc1F91Ba351f9C629c5947AD69bD03C05b96"  # UiPoolDataProvider.sol MOCK_USD_ADDRESS
Record = Callable[[str, object], None]


def spec_of(world: RandomWorld) -> MarketSpec:
    return resolve(f"aave-v2:{world.market.pool.address}")


def take(world: RandomWorld, which: int | str = "latest", spec: MarketSpec | None = None) -> Snapshot:
    chain = Chain(world.chain.node.url)
    return read_market(chain, spec or spec_of(world), chain.block(which), silent)


def send(world: RandomWorld, contract: object, name: str, *arguments: object) -> None:
    world.chain.send(world.market.admin, contract, name, *arguments)  # type: ignore[arg-type]
    world.chain.mine()


def about(taken: Snapshot, subject: str) -> list[tuple[FindingKind, Severity]]:
    return [(f.kind, f.severity) for f in taken.findings if f.subject == subject]


def test_all_six_values_of_every_account_after_every_move_and_a_month_later(
    v2_chain: RandomWorld, record_property: Record
) -> None:
    chain, random = v2_chain.chain, Random(11)
    taken = take(v2_chain)
    assert set(v2_chain.addresses) <= set(taken.book.accounts)
    assert not any(row.missing_scaled_raw for row in taken.completeness)
    compared = compare(v2_chain, taken)
    for severity in SEVERITIES:
        mark = chain.snapshot()
        push(v2_chain, random_move(random, v2_chain, severity))
        compared += compare(v2_chain, take(v2_chain))
        chain.mine(chain.head().timestamp + MONTH_S)
        compared += compare(v2_chain, take(v2_chain))
        chain.revert(mark)
    record_property("fields_compared", compared)
    assert compared == 6 * len(taken.book) * (1 + 2 * len(SEVERITIES))


@pytest.mark.verify
@pytest.mark.parametrize("seed", [21, 22, 23])
def test_all_six_values_in_three_large_markets(
    seed: int, local_chain_installed: None, record_property: Record
) -> None:
    with open_random_market("2.0", seed=seed, accounts=400) as world:
        test_all_six_values_of_every_account_after_every_move_and_a_month_later(world, record_property)
        test_every_leg_is_the_stored_one_with_its_index_and_the_part_at_a_stable_rate(world, record_property)


def test_all_six_values_at_past_blocks(v2_chain: RandomWorld) -> None:
    head = v2_chain.chain.head().number
    held = []
    for number in range(head, head - 6, -1):
        taken = take(v2_chain, number)
        assert taken.block.number == number
        held.append(len(taken.book))
        assert compare(v2_chain, taken) == 6 * held[-1]
    assert held[0] > held[-1] > 0  # the last of these blocks saw fewer accounts


def test_every_leg_is_the_stored_one_with_its_index_and_the_part_at_a_stable_rate(
    v2_chain: RandomWorld, record_property: Record
) -> None:
    v2_chain.chain.mine(v2_chain.chain.head().timestamp + MONTH_S)
    taken = take(v2_chain)
    market = raw_market.read_market(v2_chain)
    accounts = read_accounts(v2_chain, market, taken.book.accounts)
    stable = legs = 0
    for i, account in enumerate(accounts):
        stored = position_of(market, account, taken.block.timestamp_s)
        own = taken.position(i)
        assert own.collateral == tuple(leg for leg in stored.collateral if leg.balance_raw)
        # Nothing is borrowed at another price than it is valued at: v2 has no categories.
        plain = tuple(replace(leg, call_price_raw=None) for leg in own.debt)
        assert plain == tuple(replace(leg, call_price_raw=None) for leg in stored.debt if leg.balance_raw)
        stable += sum(leg.stable_raw > 0 for leg in own.debt)
        legs += len(own.collateral) + len(own.debt)
    record_property("legs_compared", legs)
    record_property("stable_debts", stable)
    assert stable >= 5
    assert legs > 300


def test_every_special_state_is_in_the_book(v2_chain: RandomWorld) -> None:
    taken = take(v2_chain)
    book, row = taken.book, {name: i for i, name in enumerate(taken.book.accounts)}
    assert Counter(a.state for a in v2_chain.accounts).keys() == set(STATES["2.0"])
    for account in v2_chain.accounts:
        i = row[account.address]
        held = slice(book.collateral.indptr[i], book.collateral.indptr[i + 1])
        owed = slice(book.debt.indptr[i], book.debt.indptr[i + 1])
        names = [taken.reserves[k].symbol for k in book.collateral.reserve[held]]
        counted = dict(zip(names, book.collateral.counted[held].tolist(), strict=True))
        debts = [taken.reserves[k].symbol for k in book.debt.reserve[owed]]
        assert set(names) == set(account.supplied)
        assert set(debts) == set(account.borrowed) | set(account.at_stable_rate)
        assert not any(counted[symbol] for symbol in account.switched_off)
        if account.state is State.STABLE_RATE:
            at_stable = {s for s, raw in zip(debts, book.debt.stable_raw[owed], strict=True) if raw}
            assert at_stable == set(account.at_stable_rate)
    frozen = {r.symbol for r in taken.reserves if r.frozen}
    assert frozen == {"FROZ"}
    assert taken.reserves[taken.asset_index("NOLTV")].ltv_bps == 0


def test_totals_indices_curves_and_feeds_are_those_of_the_contracts(v2_chain: RandomWorld) -> None:
    world, chain = v2_chain, v2_chain.chain
    chain.mine(chain.head().timestamp + MONTH_S)
    taken = take(world)
    for reserve, listed in zip(taken.reserves, world.market.reserves.values(), strict=True):
        asset, pool = listed.underlying.address, world.market.pool
        assert listed.stable_debt_token is not None
        variable = chain.read(listed.variable_debt_token, "totalSupply")
        stable = chain.read(listed.stable_debt_token, "totalSupply")
        assert reserve.asset == asset
        assert reserve.total_supply_raw == chain.read(listed.a_token, "totalSupply")
        assert reserve.total_debt_raw == variable + stable
        assert reserve.available_liquidity_raw == chain.read(
            listed.underlying, "balanceOf", listed.a_token.address
        )
        assert reserve.liquidity_index_ray == chain.read(pool, "getReserveNormalizedIncome", asset)
        assert reserve.variable_borrow_index_ray == chain.read(
            pool, "getReserveNormalizedVariableDebt", asset
        )
        assert reserve.price_raw == chain.read(world.market.oracle, "getAssetPrice", asset)
        wanted = world.market.spec.reserve(reserve.symbol)
        assert reserve.rate_model is not None
        assert reserve.rate_model.optimal_ray == wanted.rate.optimal_usage_bps * 10**23
        assert reserve.rate_model.slope2_ray == wanted.rate.slope2_bps * 10**23
        assert reserve.reserve_factor_bps == wanted.reserve_factor_bps
        assert (reserve.liquidation_protocol_fee_bps, reserve.supply_cap_tokens) == (0, 0)
        assert reserve.feed is not None
        assert (reserve.feed.source, reserve.feed.decimals) == (listed.feed.proxy.address, 18)
    names = ("provider", "pool", "oracle", "configurator")
    assert {n: taken.market.addresses[n] for n in names} == {
        n: getattr(world.market, n).address for n in names
    }
    stable_notes = [f for f in taken.findings if f.kind is FindingKind.UNSUPPORTED]
    assert {f.subject for f in stable_notes} == {"WETH", "USDC", "DAI"}


def test_the_feed_of_the_base_currency_is_read_at_the_block(v2_chain: RandomWorld) -> None:
    world, chain = v2_chain, v2_chain.chain
    feed = deploy_feed(chain, world.market.admin, FeedSpec("ETH / USD", 257_846_174_800, 50, 3600))
    chain.mine()
    queue_answer(chain, feed, 1, 257_846_174_800)
    answered = chain.mine().number
    spec = replace(spec_of(world), base_usd_feed=feed.proxy.address)
    taken = take(world, spec=spec)
    assert (taken.base.symbol, taken.base.unit_raw) == ("ETH", 10**18)
    assert taken.base.usd == Decimal("2578.461748")
    assert about(taken, world.market.oracle.address) == about(taken, feed.proxy.address) == []
    assert taken.price_usd[taken.asset_index("WETH")] == pytest.approx(2578.461748, rel=1e-12)
    assert taken.price_usd[taken.asset_index("WBTC")] == pytest.approx(109_621.67372468, rel=1e-9)
    compare(world, taken)
    chain.mine(chain.head().timestamp + MONTH_S)
    stale = take(world, spec=spec)
    assert about(stale, feed.proxy.address) == [(FindingKind.STALE, Severity.MEDIUM)]
    # Before its first answer: the dollar tokens stand in, and that is said.
    early = take(world, answered - 1, spec)
    assert about(early, feed.proxy.address) == [(FindingKind.ORACLE, Severity.MEDIUM)]
    assert about(early, world.market.oracle.address) == [(FindingKind.UNVERIFIED, Severity.MEDIUM)]
    assert float(early.base.usd) == pytest.approx(2578.46, rel=1e-3)


def test_without_a_feed_the_oracles_own_dollar_comes_before_dollar_tokens(v2_chain: RandomWorld) -> None:
    world, chain = v2_chain, v2_chain.chain
    oracle = world.market.oracle
    tokens = take(world)
    assert about(tokens, oracle.address) == [(FindingKind.UNVERIFIED, Severity.MEDIUM)]
    (note,) = [f for f in tokens.findings if f.subject == oracle.address]
    assert "USDT, USDC, DAI, GUSD" in note.message
    dollar_raw = 10**18 * 10**8 // 250_000_000_000
    feed = deploy_feed(chain, world.market.admin, FeedSpec("USD / ETH", dollar_raw, 50, 3600, 18))
    chain.mine()
    queue_answer(chain, feed, 1, dollar_raw)
    send(world, oracle, "setAssetSources", [DOLLAR], [feed.proxy.address])
    own = take(world)
    assert own.base.usd == 2500
    assert about(own, oracle.address) == [(FindingKind.UNVERIFIED, Severity.LOW)]


@pytest.mark.parametrize("dollar", [ZERO, DOLLAR])
def test_a_market_that_counts_in_us_dollars(v2_chain: RandomWorld, dollar: str) -> None:
    world, chain, admin = v2_chain, v2_chain.chain, v2_chain.market.admin
    wanted = in_dollars("2.0").reserves
    feeds = [deploy_feed(chain, admin, each.feed) for each in wanted]
    chain.mine()
    for feed, each in zip(feeds, wanted, strict=True):
        queue_answer(chain, feed, 1, each.feed.price_raw)
    assets = [r.underlying.address for r in world.market.reserves.values()]
    sources = [feed.proxy.address for feed in feeds]
    # AaveOracle of v3: the same getters, and a base currency of one's choice.
    terms = (world.market.provider.address, assets, sources, ZERO, dollar, 10**8)
    oracle = chain.deploy(admin, aave_v30("AaveOracle"), *terms)
    send(world, world.market.provider, "setPriceOracle", oracle.address)
    taken = take(world)
    assert taken.base == BaseCurrency("USD", 10**8, Decimal(1))
    assert about(taken, oracle.address) == []
    assert [r.price_raw for r in taken.reserves] == [each.feed.price_raw for each in wanted]
    assert compare(world, taken) == 6 * len(taken.book)


def set_revision(world: RandomWorld, revision: int) -> None:
    """Let the pool's proxy answer its revision itself; everything else goes on as before."""
    rpc, pool = world.chain.node.rpc, world.market.pool.address
    slot = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"  # EIP-1967
    implementation = rpc("eth_getStorageAt", pool, slot, "latest")[-40:]
    selector = function("LENDINGPOOL_REVISION()(uint256)").selector.hex()
    head = f"60003560e01c63{selector}14604957"
    # calldatacopy, delegatecall, returndatacopy; revert or return what came back
    call = f"3660006000376000600036600073{implementation}5af43d600060003e604457"
    body = head + call + "3d6000fd"
    at_return, at_revision = len(body) // 2, len(body) // 2 + 5
    body = body.replace("604957", f"60{at_revision:02x}57").replace("604457", f"60{at_return:02x}57")
    code = f"{body}5b3d6000f35b60{revision:02x}60005260206000f3"
    rpc("anvil_setCode", pool, "0x" + code)
    world.chain.mine()


def test_an_unknown_revision_is_refused_unless_a_release_is_assumed(v2_chain: RandomWorld) -> None:
    set_revision(v2_chain, 77)
    with pytest.raises(
        UnsupportedVersion, match=r"LENDINGPOOL_REVISION 77.*Known: 2 to 5.*release"
    ) as caught:
        take(v2_chain)
    assert caught.value.exit_code == 2
    taken = take(v2_chain, spec=replace(spec_of(v2_chain), release="2.0"))
    assert taken.market.version == "2.0"
    assert about(taken, v2_chain.market.pool.address) == [(FindingKind.UNVERIFIED, Severity.HIGH)]
    assert compare(v2_chain, taken) == 6 * len(taken.book)
    set_revision(v2_chain, 5)
    assert about(take(v2_chain), v2_chain.market.pool.address) == []


def test_a_pool_that_values_accounts_by_other_rules_is_noticed(v2_chain: RandomWorld) -> None:
    rpc = v2_chain.chain.node.rpc
    rpc("anvil_setCode", v2_chain.market.multicall, "0x")  # each call is then a request of its own
    account_data = "0x" + function("getUserAccountData(address)").selector.hex()

    def answer(method: str, params: list[Any]) -> Any:
        try:
            said = rpc(method, *params)
        except RpcAnswer as refused:
            return NodeError(refused.error["code"], refused.error["message"])
        if method == "eth_call" and params[0].get("data", "").startswith(account_data):
            return f"0x{int(said[2:66], 16) + 1:064x}{said[66:]}"
        return said

    with serving(ScriptedNode(answer)) as node:
        chain = Chain(node.url, concurrency=1)
        taken = read_market(chain, spec_of(v2_chain), chain.block("latest"), silent)
    told = [f for f in taken.findings if f.kind is FindingKind.INCONSISTENT]
    assert [f.severity for f in told] == [Severity.HIGH]
    assert "otherwise than the rules of Aave 2.0: total_collateral_base" in told[0].message


def test_the_provider_names_the_market_too_and_other_contracts_do_not(v2_chain: RandomWorld) -> None:
    market = v2_chain.market
    by_provider = take(v2_chain, spec=resolve(f"aave-v2:{market.provider.address}"))
    by_pool = take(v2_chain)
    assert encode(replace(by_provider, market=by_pool.market)) == encode(by_pool)
    for other in (market.oracle.address, market.reserves["WETH"].a_token.address, named_address("nobody")):
        with pytest.raises(NotAMarket, match=other):
            take(v2_chain, spec=resolve(f"aave-v2:{other}"))
    with pytest.raises(NotAMarket):
        take(v2_chain, spec=resolve(f"aave-v3:{market.provider.address}"))


def test_a_paused_pool_pauses_every_reserve(v2_chain: RandomWorld) -> None:
    assert not any(r.paused for r in take(v2_chain).reserves)
    send(v2_chain, v2_chain.market.configurator, "setPoolPause", True)
    taken = take(v2_chain)
    assert all(r.paused for r in taken.reserves)
    assert compare(v2_chain, taken) == 6 * len(taken.book)


def test_a_scan_that_starts_too_late_is_told_by_the_totals_of_both_kinds_of_debt(
    v2_chain: RandomWorld,
) -> None:
    late = replace(spec_of(v2_chain), first_block=v2_chain.chain.head().number)
    taken = take(v2_chain, spec=late)
    assert len(taken.book) == 0
    gaps = [f for f in taken.findings if f.kind is FindingKind.MISSING]
    assert {f.severity for f in gaps} == {Severity.HIGH}
    at_stable = [f for f in gaps if "at stable rates: 100.0000% missing" in f.message]
    assert {f.subject for f in at_stable} == {"WETH", "USDC", "DAI"}
    assert len(gaps) - len(at_stable) == sum(row.total_scaled_raw > 0 for row in taken.completeness)


def test_an_earlier_snapshot_extended_and_a_journal_continued_give_the_same_bytes(
    v2_chain: RandomWorld, tmp_path: Path
) -> None:
    world, chain, market = v2_chain, v2_chain.chain, v2_chain.market
    spec, reader = spec_of(world), Chain(v2_chain.chain.node.url)
    kept = Journal(tmp_path / "journal")
    earlier = read_market(reader, spec, reader.block("latest"), silent, kept)
    newcomer, giver = named_address("newcomer"), world.accounts[0]
    symbol = next(iter(giver.supplied))
    chain.send(giver.address, market.reserves[symbol].a_token, "transfer", newcomer, 1)
    chain.mine()
    whole = encode(take(world))
    extended = Journal()
    assume_snapshot(extended, earlier, spec, reader.chain_id)
    for journal in (extended, Journal(tmp_path / "journal")):
        asked: list[int] = []

        def note(phase: str, done: int, total: int, into: list[int] = asked) -> None:
            if phase == "events":
                into.append(total)

        taken = read_market(reader, spec, reader.block("latest"), note, journal)
        assert encode(taken) == whole
        assert newcomer in taken.book.accounts
        assert asked == [1]


def test_what_is_saved_is_what_was_read(v2_chain: RandomWorld, tmp_path: Path) -> None:
    taken = take(v2_chain)
    save(taken, tmp_path / "snap")
    again = load(tmp_path / "snap")
    assert encode(again) == encode(taken)
    assert [again.position(i) for i in range(len(again.book))] == [
        taken.position(i) for i in range(len(taken.book))
    ]


def test_snapshot_and_accounts_on_the_command_line_with_a_market_of_ones_own(
    v2_chain: RandomWorld,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, chain = v2_chain, v2_chain.chain
    feed = deploy_feed(chain, world.market.admin, FeedSpec("ETH / USD", 257_846_174_800, 50, 3600))
    chain.mine()
    queue_answer(chain, feed, 1, 257_846_174_800)
    chain.mine()
    file = tmp_path / "markets.toml"
    file.write_text(
        f'[markets.my-v2]\nprotocol = "aave-v2"\nchain_id = 31337\naddress = "{world.market.pool.address}"\n'
        f'base_usd_feed = "{feed.proxy.address}"\n'
    )
    monkeypatch.setenv("BREAKWATER_MARKETS", str(file))

    def run(*arguments: object) -> tuple[str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        assert not stop.value.code
        out, err = capsys.readouterr()
        return out, err

    _, said = run("snapshot", "my-v2", "--rpc", chain.node.url, "-o", tmp_path / "snap")
    assert "my-v2 (aave-v2 2.0)" in said
    assert "of the totals found" in said
    assert "medium: DAI: 6 accounts owe" in said
    taken = load(tmp_path / "snap")
    out, _ = run("accounts", tmp_path / "snap", "--top", len(taken.book), "--json")
    body = json.loads(out)
    assert body["units"]["total_collateral_base"] == "1e-18 ETH"
    rows = body["data"]["rows"]
    pool, tag = world.market.pool, hex(taken.block.number)
    for row in rows:
        call = {"to": pool.address, "data": pool.encode("getUserAccountData", row["account"])}
        answer = pool.decode("getUserAccountData", 1, chain.node.rpc("eth_call", call, tag))
        assert [int(v) for k, v in row.items() if k != "account"] == list(answer)
    assert len(rows) == len(taken.book) > len(world.accounts) - 1
