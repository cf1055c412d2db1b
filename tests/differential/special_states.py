"""Puts a market into states it is seldom in: sentinels, grace periods, inactive and paused reserves."""

from __future__ import annotations

from examples.localchain.contracts import named_address
from examples.localchain.random_world import RandomWorld
from protocols.aave_v3.versions import since

SENTINEL = named_address("breakwater test sentinel")
# PUSH1 answer, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN: the same answer to every question.
_ANSWERS = "0x60{answer:02x}60005260206000f3"
_ACTIVE_BIT = 56  # ReserveConfiguration.sol


def _asset(world: RandomWorld, symbol: str) -> str:
    return world.market.reserves[symbol].underlying.address


def _configure(world: RandomWorld, function: str, *arguments: object) -> None:
    world.chain.send(world.market.admin, world.market.configurator, function, *arguments)
    world.chain.mine()


def set_sentinel(world: RandomWorld, *, allows: bool) -> None:
    """Install a sentinel that allows borrowing and liquidating, or neither."""
    world.chain.node.rpc("anvil_setCode", SENTINEL, _ANSWERS.format(answer=int(allows)))
    world.chain.send(world.market.admin, world.market.provider, "setPriceOracleSentinel", SENTINEL)
    world.chain.mine()


def set_grace(world: RandomWorld, symbol: str, seconds: int) -> None:
    """Give a reserve a grace period, as it comes with the end of a pause (v3.1 on)."""
    _configure(world, "setReservePause", _asset(world, symbol), True, 0)
    _configure(world, "setReservePause", _asset(world, symbol), False, seconds)


def pause(world: RandomWorld, symbol: str) -> None:
    """Pause a reserve (v3)."""
    _configure(world, "setReservePause", _asset(world, symbol), True)


def deactivate(world: RandomWorld, symbol: str) -> None:
    """Make a reserve inactive.

    The configurator does so only for reserves nobody uses, so it is the sender here.
    """
    pool, asset = world.market.pool, _asset(world, symbol)
    (word,) = (world.chain.read(pool, "getConfiguration", asset),)
    word = (word[0] if isinstance(word, tuple) else word) & ~(1 << _ACTIVE_BIT)
    argument = (word,) if since(world.market.version, "3.0") else word
    world.chain.send(world.market.configurator.address, pool, "setConfiguration", asset, argument)
    world.chain.mine()


def set_collateral(world: RandomWorld, symbol: str, ltv_bps: int, threshold_bps: int, bonus_bps: int) -> None:
    """Give a reserve other collateral parameters."""
    figures = (ltv_bps, threshold_bps, bonus_bps)
    _configure(world, "configureReserveAsCollateral", _asset(world, symbol), *figures)
