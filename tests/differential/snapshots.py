"""Takes snapshots of a running market and holds them against the market's own answers."""

from __future__ import annotations

from dataclasses import astuple

from abis.chain import Chain
from examples.localchain.random_world import RandomWorld
from protocols.aave_v3.adapter import read_market
from protocols.exact import exact_rules
from protocols.registry import MarketSpec, resolve
from protocols.snapshot import Snapshot
from tests.differential.raw_market import World


def spec_of(world: World) -> MarketSpec:
    """Return the market as a reader names it."""
    return resolve(f"aave-v3:{world.market.provider.address}")


def take(world: World, which: int | str = "latest") -> Snapshot:
    """Take a snapshot at a block."""
    chain = Chain(world.chain.node.url)
    return read_market(chain, spec_of(world), chain.block(which))


def compare(world: World, taken: Snapshot) -> int:
    """Assert that all six values of every account agree; return how many fields were compared."""
    exact = exact_rules(taken.rules)
    tag = hex(taken.block.number)
    pool = world.market.pool
    calls = [
        [{"to": pool.address, "data": pool.encode("getUserAccountData", a)}, tag] for a in taken.book.accounts
    ]
    answers = world.chain.node.rpc.batch("eth_call", calls)
    expected = [pool.decode("getUserAccountData", 1, a) for a in answers]
    computed = [
        astuple(exact.account_data(taken.position(i), taken.rules)) for i in range(len(taken.book.accounts))
    ]
    assert dict(zip(taken.book.accounts, computed, strict=True)) == dict(
        zip(taken.book.accounts, expected, strict=True)
    )
    return sum(len(row) for row in computed)


def check_snapshot(world: RandomWorld) -> int:
    """Compare a snapshot now and one a day later; return how many fields were compared."""
    taken = take(world)
    assert taken.market.version == world.market.version
    assert not any(row.missing_scaled_raw for row in taken.completeness)
    assert set(world.addresses) <= set(taken.book.accounts)
    fields = compare(world, taken)
    world.chain.mine(world.chain.head().timestamp + 86_400)
    fields += compare(world, take(world))
    assert fields == 12 * len(taken.book.accounts)
    return fields
