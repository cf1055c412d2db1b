"""A snapshot of a real v3.0 market against the market's own answers, to the last unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from abis.chain import Chain
from abis.errors import Reorganised
from abis.findings import FindingKind, Severity
from examples.demo.world import DemoWorld
from examples.localchain.chain import Head
from examples.localchain.contracts import Contract, named_address
from protocols.aave_v3 import adapter
from protocols.aave_v3.adapter import read_market
from protocols.aave_v3.versions import rules_for
from protocols.exact import exact_rules
from protocols.liquidation_rules import HealthFormula, Rounding
from protocols.store import encode
from tests.differential.listing import list_reserve
from tests.differential.price_moves import MONTH_S, MOVES, push
from tests.differential.snapshots import compare, spec_of, take

pytestmark = pytest.mark.chain

STABLE = 1


def test_all_six_values_of_every_account_in_every_price_round_and_a_month_later(
    demo_chain: DemoWorld, record_property: Callable[[str, object], None]
) -> None:
    chain = demo_chain.chain
    accounts = len(take(demo_chain).book)
    assert accounts == len(demo_chain.plans)
    compared = compare(demo_chain, take(demo_chain))
    for move in MOVES.values():
        mark = chain.snapshot()
        push(demo_chain, move)
        compared += compare(demo_chain, take(demo_chain))
        chain.mine(chain.head().timestamp + MONTH_S)
        compared += compare(demo_chain, take(demo_chain))
        chain.revert(mark)
    record_property("fields_compared", compared)
    assert compared == 6 * accounts * (1 + 2 * len(MOVES))


def test_all_six_values_at_past_blocks(demo_chain: DemoWorld) -> None:
    head = demo_chain.chain.head().number
    for number in (head - 1, head - 7, head - 40):
        taken = take(demo_chain, number)
        assert taken.block.number == number
        assert compare(demo_chain, taken) == 6 * len(demo_chain.plans)


def test_totals_indices_and_cash_are_those_of_the_tokens_and_nothing_is_missing(
    demo_chain: DemoWorld,
) -> None:
    world, chain = demo_chain, demo_chain.chain
    chain.mine(chain.head().timestamp + MONTH_S)
    taken = take(world)
    assert taken.findings == ()
    assert [r.symbol for r in taken.reserves] == list(world.market.reserves)
    for reserve, listed in zip(taken.reserves, world.market.reserves.values(), strict=True):
        asset = listed.underlying.address
        assert reserve.asset == asset
        assert reserve.total_supply_raw == chain.read(listed.a_token, "totalSupply")
        assert reserve.total_debt_raw == chain.read(listed.variable_debt_token, "totalSupply")
        assert reserve.available_liquidity_raw == chain.read(
            listed.underlying, "balanceOf", listed.a_token.address
        )
        pool = world.market.pool
        assert reserve.liquidity_index_ray == chain.read(pool, "getReserveNormalizedIncome", asset)
        assert reserve.variable_borrow_index_ray == chain.read(
            pool, "getReserveNormalizedVariableDebt", asset
        )
        assert reserve.price_raw == chain.read(world.market.oracle, "getAssetPrice", asset)
        assert reserve.rate_model is not None
    assert all(row.missing_scaled_raw == 0 for row in taken.completeness)
    assert sum(row.found_scaled_raw > 0 for row in taken.completeness) >= len(taken.reserves)


def test_parameters_and_feeds_are_those_the_market_was_made_with(demo_chain: DemoWorld) -> None:
    taken = take(demo_chain)
    for reserve, wanted in zip(taken.reserves, demo_chain.market.spec.reserves, strict=True):
        for name in (
            "symbol",
            "decimals",
            "ltv_bps",
            "liquidation_threshold_bps",
            "liquidation_bonus_bps",
            "reserve_factor_bps",
            "liquidation_protocol_fee_bps",
            "supply_cap_tokens",
            "borrow_cap_tokens",
            "borrowing_enabled",
            "borrowable_in_isolation",
            "flash_loan_enabled",
        ):
            assert getattr(reserve, name) == getattr(wanted, name), (reserve.symbol, name)
        assert reserve.emode_category == wanted.emode
        assert reserve.rate_model is not None
        assert reserve.rate_model.optimal_ray == wanted.rate.optimal_usage_bps * 10**23
        assert reserve.rate_model.slope2_ray == wanted.rate.slope2_bps * 10**23
        feed, made = reserve.feed, demo_chain.market.reserves[reserve.symbol].feed
        assert feed is not None
        assert (feed.source, feed.aggregator) == (made.proxy.address, made.aggregator.address)
        assert (feed.description, feed.decimals) == (made.description, 8)
        assert feed.answer_raw == reserve.price_raw
        assert 0 < feed.updated_at_s <= taken.block.timestamp_s
    assert [(e.id, e.label, e.liquidation_threshold_bps) for e in taken.emodes] == [
        (e.id, e.label, e.liquidation_threshold_bps) for e in demo_chain.market.spec.emodes
    ]
    assert {p.address: p.emode for p in demo_chain.plans} == dict(
        zip(taken.book.accounts, map(int, taken.book.emode), strict=True)
    )


def test_an_account_that_supplies_without_using_it_as_collateral_is_in_the_book(
    demo_chain: DemoWorld,
) -> None:
    taken = take(demo_chain)
    book = taken.book
    idle = {
        (book.accounts[int(a)], taken.reserves[int(r)].symbol)
        for a, r, counted in zip(
            book.collateral.account, book.collateral.reserve, book.collateral.counted, strict=True
        )
        if not counted
    }
    switched_off = {(p.address, symbol) for p in demo_chain.plans for symbol in p.switched_off}
    assert switched_off
    assert switched_off <= idle


def test_the_same_block_gives_the_same_bytes_with_and_without_multicall(demo_chain: DemoWorld) -> None:
    first = encode(take(demo_chain))
    assert encode(take(demo_chain)) == first
    demo_chain.chain.node.rpc("anvil_setCode", demo_chain.market.multicall, "0x")
    assert encode(take(demo_chain)) == first


def test_logs_that_start_too_late_are_told_by_the_totals(demo_chain: DemoWorld) -> None:
    chain = Chain(demo_chain.chain.node.url)
    late = replace(spec_of(demo_chain), first_block=demo_chain.chain.head().number)
    taken = read_market(chain, late, chain.block("latest"))
    assert len(taken.book) == 0
    gaps = [f for f in taken.findings if f.kind is FindingKind.MISSING]
    assert {f.severity for f in gaps} == {Severity.HIGH}
    assert len(gaps) == sum(row.total_scaled_raw > 0 for row in taken.completeness)
    full = take(demo_chain)
    held_usd = float(full.collateral_usd.sum() + full.debt_usd.sum())
    assert sum(f.value_usd or 0.0 for f in gaps) == pytest.approx(held_usd, rel=1e-9)


def test_a_block_that_leaves_the_chain_while_it_is_read_is_noticed(demo_chain: DemoWorld) -> None:
    world = demo_chain
    mark = world.chain.snapshot()
    world.chain.mine()
    chain = Chain(world.chain.node.url)
    block = chain.block("latest")

    def reorganise(phase: str, done: int, total: int) -> None:
        if phase == "events" and not moved:
            world.chain.revert(mark)
            moved.append(world.chain.mine(block.timestamp_s + 1))

    moved: list[Head] = []
    with pytest.raises(Reorganised, match=f"block {block.number} left the chain"):
        read_market(chain, spec_of(world), block, reorganise)
    assert moved[0].number == block.number
    with pytest.raises(Reorganised):
        chain.confirm(block)
    chain.confirm(chain.block("latest"))


def test_a_price_that_cannot_be_read_counts_as_0_and_is_reported(demo_chain: DemoWorld) -> None:
    world, market = demo_chain, demo_chain.market
    link = market.reserves["LINK"]
    # A token is no feed: latestAnswer() reverts, and there is no fallback oracle.
    world.chain.send(
        market.admin, market.oracle, "setAssetSources", [link.underlying.address], [link.underlying.address]
    )
    world.chain.mine()
    before, taken = take(world, world.chain.head().number - 1), take(world)
    assert {r.symbol: r.price_raw for r in taken.reserves} == {
        r.symbol: 0 if r.symbol == "LINK" else r.price_raw for r in before.reserves
    }
    (finding,) = taken.findings
    assert (finding.kind, finding.severity) == (FindingKind.ORACLE, Severity.HIGH)
    assert finding.subject == link.underlying.address
    feed = taken.reserves[taken.asset_index("LINK")].feed
    assert feed is not None
    assert (feed.answer_raw, feed.updated_at_s, feed.description) == (0, 0, "")


def test_stable_rate_debt_counts_as_the_contract_counts_it(demo_chain: DemoWorld) -> None:
    world, chain, market = demo_chain, demo_chain.chain, demo_chain.market
    usdc = market.reserves["USDC"].underlying.address
    chain.send(market.admin, market.configurator, "setReserveStableRateBorrowing", usdc, True)
    chain.mine()
    taken = take(world)
    exact = exact_rules(taken.rules)
    able = [
        a
        for i, a in enumerate(taken.book.accounts)
        if exact.account_data(taken.position(i), taken.rules).available_borrows_base > 2 * 10**10
        and taken.book.emode[i] == 0
    ][:3]
    for account in able:
        chain.send(account, market.pool, "borrow", usdc, 50 * 10**6, STABLE, 0, account)
    chain.mine()
    chain.mine(chain.head().timestamp + MONTH_S)
    taken = take(world)
    compare(world, taken)
    assert able
    (finding,) = taken.findings
    assert finding.kind is FindingKind.UNSUPPORTED
    assert finding.message.startswith(f"{len(able)} accounts owe")


def test_a_dropped_reserve_shifts_places_but_not_bits_and_texts_are_bounded(demo_chain: DemoWorld) -> None:
    world, chain, market = demo_chain, demo_chain.chain, demo_chain.market
    hostile = "<script>alert(1)</script>" * 40
    gone = list_reserve(world, "GONE", price_raw=10**8)
    kept = list_reserve(world, hostile, price_raw=3 * 10**8)
    chain.send(market.admin, market.configurator, "dropReserve", gone.address)
    holder = named_address("holder of the newest reserve")
    chain.send(market.admin, kept, "mint", holder, 10**21)
    chain.mine()
    chain.send(holder, kept, "approve", market.pool.address, 10**21)
    chain.send(holder, market.pool, "supply", kept.address, 10**21, holder, 0)
    chain.mine()
    chain.send(holder, market.pool, "borrow", market.reserves["USDC"].underlying.address, 10**8, 2, 0, holder)
    chain.mine(chain.head().timestamp + MONTH_S)
    taken = take(world)
    compare(world, taken)
    newest = taken.reserves[-1]
    assert (newest.asset, newest.id) == (kept.address, len(taken.reserves))
    assert newest.symbol == hostile[:64]
    assert holder in taken.book.accounts
    assert all(row.missing_scaled_raw == 0 for row in taken.completeness)
    assert sorted(f.message.partition(";")[0] for f in taken.findings) == [
        "feed description has 1006 characters",
        "symbol has 1000 characters",
    ]


def test_a_token_with_a_bytes32_symbol_and_one_without_any_are_read(demo_chain: DemoWorld) -> None:
    world = demo_chain
    # Code that answers every call with one word, and code that refuses every call.
    word = b"MKR".ljust(32, b"\0").hex()
    set_code(world, world.market.reserves["LINK"].underlying, f"0x7f{word}60005260206000f3")
    set_code(world, world.market.reserves["GHO"].underlying, "0x60006000fd")
    taken = take(world)
    names = {r.asset: r.symbol for r in taken.reserves}
    assert names[world.market.reserves["LINK"].underlying.address] == "MKR"
    assert names[world.market.reserves["GHO"].underlying.address] == ""
    assert sorted(f.message for f in taken.findings) == [
        "The asset has no available liquidity; it counts as 0.",
        "The asset has no readable symbol; its address names it.",
    ]
    compare(world, taken)


def set_code(world: DemoWorld, contract: Contract, code: str) -> None:
    world.chain.node.rpc("anvil_setCode", contract.address, code)
    world.chain.mine()


def test_a_steward_that_is_none_leaves_the_documented_bounds_with_a_finding(demo_chain: DemoWorld) -> None:
    chain = Chain(demo_chain.chain.node.url)
    wrong = replace(spec_of(demo_chain), steward=demo_chain.market.oracle.address)
    taken = read_market(chain, wrong, chain.block("latest"))
    assert taken.change_rules == take(demo_chain).change_rules
    (finding,) = taken.findings
    assert (finding.kind, finding.subject) == (FindingKind.UNVERIFIED, demo_chain.market.oracle.address)


def test_rules_that_are_not_the_pools_are_noticed(
    demo_chain: DemoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork that changed how debt is rounded and health computed, behind the same getters."""
    changed = {"health_formula": HealthFormula.FULL_PRECISION, "debt_value_rounding": Rounding.UP}
    monkeypatch.setattr(adapter, "rules_for", lambda version: replace(rules_for(version), **changed))
    (finding,) = take(demo_chain).findings
    assert (finding.kind, finding.severity) == (FindingKind.INCONSISTENT, Severity.HIGH)
    assert finding.message.startswith("The pool values ")
    assert "rules of Aave 3.0: total_debt_base is " in finding.message
    assert finding.subject in {plan.address for plan in demo_chain.plans}
