"""Interest rates against the real strategies: what a market sets when it is touched, to the last unit."""

from __future__ import annotations

import pytest

from examples.localchain.random_market import FROZEN, PAUSED
from examples.localchain.random_world import FUNDER, RandomWorld
from protocols.aave_v3.interest import averages_debts, rates_at
from tests.differential.snapshots import take

pytestmark = pytest.mark.chain


def test_v30_sets_the_rates_of_the_model(v30_random_chain: RandomWorld) -> None:
    assert compare(v30_random_chain) > 5


def test_v36_sets_the_rates_of_the_model(v36_chain: RandomWorld) -> None:
    assert compare(v36_chain) > 5


def compare(world: RandomWorld) -> int:
    """Touch every open reserve in one block, compare both rates, and return how many had debt."""
    chain, market = world.chain, world.market
    mark = chain.snapshot()
    try:
        touched = [symbol for symbol in market.reserves if symbol not in (FROZEN, PAUSED)]
        for symbol in touched:
            token = market.reserves[symbol].underlying
            chain.send(market.admin, token, "mint", FUNDER, 1_000)
        chain.mine()
        for symbol in touched:
            token = market.reserves[symbol].underlying
            chain.send(FUNDER, token, "approve", market.pool.address, 1_000)
            chain.send(FUNDER, market.pool, "supply", token.address, 1_000, FUNDER, 0)
        chain.mine()
        taken = take(world)
    finally:
        chain.revert(mark)
    with_debt = 0
    for reserve in taken.reserves:
        if reserve.symbol not in touched:
            continue
        assert reserve.rate_model is not None
        assert reserve.last_update_s == taken.block.timestamp_s
        rates = rates_at(
            reserve.rate_model,
            reserve.total_debt_raw,
            reserve.available_liquidity_raw,
            reserve.reserve_factor_bps,
            averaged=averages_debts(taken.rules),
        )
        expected = reserve.liquidity_rate_ray, reserve.variable_borrow_rate_ray
        assert (rates.supply_ray, rates.debt_ray) == expected, reserve.symbol
        with_debt += reserve.total_debt_raw > 0
    return with_debt
