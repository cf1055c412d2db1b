"""The Aave rules against ``getUserAccountData`` and the other views of a real v3.0 market."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import pytest

from examples.demo.world import DemoWorld
from protocols.aave_v3.accrual import balance_raw, debt_index_ray, supply_index_ray
from protocols.aave_v3.rules import account_data
from tests.differential.price_moves import MONTH_S, MOVES, push
from tests.differential.raw_market import (
    position_of,
    read_account_data,
    read_accounts,
    read_all,
    read_market,
)

pytestmark = pytest.mark.chain


def test_all_six_values_of_every_account_in_every_price_round(
    demo_chain: DemoWorld, record_property: Callable[[str, object], None]
) -> None:
    addresses = [plan.address for plan in demo_chain.plans]
    chain = demo_chain.chain
    compared = _compare(demo_chain, addresses)
    for move in MOVES.values():
        mark = chain.snapshot()
        push(demo_chain, move)
        compared += _compare(demo_chain, addresses)
        chain.mine(chain.head().timestamp + MONTH_S)
        compared += _compare(demo_chain, addresses)
        chain.revert(mark)
    record_property("fields_compared", compared)
    assert compared == 6 * len(addresses) * (1 + 2 * len(MOVES))


def test_all_six_values_at_past_blocks(demo_chain: DemoWorld) -> None:
    addresses = [plan.address for plan in demo_chain.plans]
    head = demo_chain.chain.head().number
    for number in (head - 1, head - 7, head - 40):
        _compare(demo_chain, addresses, hex(number))


def test_a_categorys_price_source_counts_for_its_members(demo_chain: DemoWorld) -> None:
    world, chain = demo_chain, demo_chain.chain
    addresses = [plan.address for plan in world.plans if plan.emode == 1]
    before = read_account_data(world, addresses)
    _price_category_like(world, 1, "LINK")
    assert read_account_data(world, addresses) != before
    _compare(world, addresses)
    chain.mine(chain.head().timestamp + MONTH_S)
    _compare(world, addresses)


def test_indices_and_balances_at_later_times(demo_chain: DemoWorld) -> None:
    world, chain = demo_chain, demo_chain.chain
    market = read_market(world)  # stored once, evaluated at every later time
    accounts = read_accounts(world, market, [plan.address for plan in world.plans])
    pool, start_s = world.market.pool, chain.head().timestamp
    for after_s in (1, 12, 3_600, MONTH_S, 12 * MONTH_S):
        chain.mine(start_s + after_s)
        for i, reserve in enumerate(market.reserves):
            listed = world.market.reserves[reserve.symbol]
            holder = next(a for a in accounts if a.supplied_scaled[i])
            income, normalized_debt, held, owed = read_all(
                world,
                [
                    (pool, "getReserveNormalizedIncome", (listed.underlying.address,)),
                    (pool, "getReserveNormalizedVariableDebt", (listed.underlying.address,)),
                    (listed.a_token, "balanceOf", (holder.address,)),
                    (listed.variable_debt_token, "totalSupply", ()),
                ],
            )
            (scaled_debt,) = read_all(world, [(listed.variable_debt_token, "scaledTotalSupply", ())])
            times = (reserve.last_update_s, start_s + after_s)
            supply_ray = supply_index_ray(reserve.supply_index_ray, reserve.supply_rate_ray, *times)
            debt_ray = debt_index_ray(
                reserve.debt_index_ray, reserve.debt_rate_ray, *times, market.rules.debt_accrual
            )
            assert (supply_ray, debt_ray) == (income, normalized_debt)
            assert (
                balance_raw(holder.supplied_scaled[i], supply_ray, market.rules.supply_balance_rounding)
                == held
            )
            assert balance_raw(scaled_debt, debt_ray, market.rules.debt_balance_rounding) == owed


def test_configuration_words_decode_as_the_data_provider_says(demo_chain: DemoWorld) -> None:
    provider = demo_chain.market.data_provider
    for reserve in read_market(demo_chain).reserves:
        asset = demo_chain.market.reserves[reserve.symbol].underlying.address
        own = reserve.configuration
        general, caps, paused, fee, category, ceiling, siloed, unbacked = read_all(
            demo_chain,
            [
                (provider, "getReserveConfigurationData", (asset,)),
                (provider, "getReserveCaps", (asset,)),
                (provider, "getPaused", (asset,)),
                (provider, "getLiquidationProtocolFee", (asset,)),
                (provider, "getReserveEModeCategory", (asset,)),
                (provider, "getDebtCeiling", (asset,)),
                (provider, "getSiloedBorrowing", (asset,)),
                (provider, "getUnbackedMintCap", (asset,)),
            ],
        )
        assert general == (
            own.decimals,
            own.ltv_bps,
            own.liquidation_threshold_bps,
            own.liquidation_bonus_bps,
            own.reserve_factor_bps,
            own.liquidation_threshold_bps != 0,
            own.borrowing_enabled,
            own.stable_borrowing_enabled,
            own.active,
            own.frozen,
        )
        assert caps == (own.borrow_cap_tokens, own.supply_cap_tokens)
        assert (paused, fee, category) == (own.paused, own.liquidation_protocol_fee_bps, own.emode_category)
        assert (ceiling, siloed) == (own.debt_ceiling_usd_cents, own.siloed_borrowing)
        assert unbacked == own.unbacked_mint_cap_tokens


def _compare(world: DemoWorld, addresses: list[str], tag: str = "latest") -> int:
    """Assert that all six values agree for every account at a block; return how many were compared."""
    block = world.chain.node.rpc("eth_getBlockByNumber", tag, False)
    at_s = int(block["timestamp"], 16)
    market = read_market(world, tag)
    expected = read_account_data(world, addresses, tag)
    accounts = read_accounts(world, market, addresses, tag)
    computed = [account_data(position_of(market, a, at_s), market.rules) for a in accounts]
    assert dict(zip(addresses, computed, strict=True)) == dict(zip(addresses, expected, strict=True))
    return sum(len(astuple(data)) for data in computed)


def _price_category_like(world: DemoWorld, category: int, symbol: str) -> None:
    """Give a category the price of ``symbol`` as its own price source (v3.0 allows it)."""
    own = next(each for each in world.market.spec.emodes if each.id == category)
    world.chain.send(
        world.market.admin,
        world.market.configurator,
        "setEModeCategory",
        own.id,
        own.ltv_bps,
        own.liquidation_threshold_bps,
        own.liquidation_bonus_bps,
        world.market.reserves[symbol].underlying.address,
        own.label,
    )
    world.chain.mine()
