"""A running market of any release with random accounts in every special state."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import aave_v2, aave_v30, aave_v36
from .chain import LocalChain
from .contracts import named_address
from .market import Market
from .node import running_node
from .random_accounts import RandomAccount, random_accounts
from .random_market import (
    DOLLAR_EMODE,
    FROZEN,
    LOAN_EMODE,
    PAUSED,
    USD_UNIT,
    WITHOUT_LTV,
    in_dollars,
    random_market,
)
from .spec import MarketSpec

GENESIS_AT = 1_750_000_000
FUNDER = named_address("breakwater random funder")
LENDER = named_address("breakwater random lender")
_LENT_USD = 50_000_000
_MONTH_S = 30 * 86_400
_UNLIMITED = 2**256 - 1
_STABLE_RATE, _VARIABLE_RATE, _NO_REFERRAL = 1, 2, 0
_DEPLOY: dict[str, Callable[[LocalChain, MarketSpec], Market]] = {
    "2.0": aave_v2.deploy_market,
    "3.0": aave_v30.deploy_market,
    "3.6": aave_v36.deploy_market,
}


@dataclass(frozen=True, slots=True)
class RandomWorld:
    """A running market.

    Attributes
    ----------
    chain : LocalChain
        The chain, with its node.
    market : Market
        The deployed contracts.
    accounts : tuple of RandomAccount
        What every account was opened with.
    """

    chain: LocalChain
    market: Market
    accounts: tuple[RandomAccount, ...]

    @property
    def addresses(self) -> list[str]:
        """The accounts' addresses, in their order."""
        return [account.address for account in self.accounts]


@contextlib.contextmanager
def open_random_market(version: str, *, seed: int, accounts: int) -> Iterator[RandomWorld]:
    """Run a node with a market of random accounts until the block ends.

    Parameters
    ----------
    version : str
        Release, one of `random_accounts.STATES`.
    seed : int
        Same seed and accounts, same chain.
    accounts : int
        Number of accounts.

    Yields
    ------
    RandomWorld
        A month after opening, with reserves frozen, paused and without LTV since.

    Raises
    ------
    LocalChainMissing
        If the npm packages are not installed.
    """
    plans = random_accounts(in_dollars(version), version, seed=seed, accounts=accounts)
    with running_node(GENESIS_AT) as node:
        chain = LocalChain(node)
        market = _DEPLOY[version](chain, random_market(version))
        world = RandomWorld(chain, market, plans)
        _supply(world)
        _prepare(world)
        _borrow(world)
        _change_parameters(world)
        chain.mine(chain.head().timestamp + _MONTH_S)
        yield world


def _supply(world: RandomWorld) -> None:
    """Mint everything to one funder, who supplies for all; what comes by transfer, to itself."""
    chain, market = world.chain, world.market
    needed = Counter(_lent(market.version))
    for account in world.accounts:
        needed.update(account.supplied)
    for symbol, amount_raw in needed.items():
        token = market.reserves[symbol].underlying
        chain.send(market.admin, token, "mint", FUNDER, amount_raw)
        chain.send(FUNDER, token, "approve", market.pool.address, _UNLIMITED)
    chain.mine()
    supply = "deposit" if market.version == "2.0" else "supply"
    holders = [(LENDER, _lent(market.version))]
    holders += [
        (FUNDER if each.by_transfer else each.address, dict(each.supplied)) for each in world.accounts
    ]
    for holder, amounts in holders:
        for symbol, amount_raw in amounts.items():
            asset = market.reserves[symbol].underlying.address
            chain.send(FUNDER, market.pool, supply, asset, amount_raw, holder, _NO_REFERRAL)
    chain.mine()
    # Before the first borrow the supply index is exactly one, so amounts arrive whole.
    for account in world.accounts:
        for symbol, amount_raw in account.supplied.items() if account.by_transfer else ():
            chain.send(FUNDER, market.reserves[symbol].a_token, "transfer", account.address, amount_raw)
    chain.mine()


def _lent(version: str) -> dict[str, int]:
    """Return a large supply of every asset, so that whatever is borrowed is there."""
    return {
        each.symbol: _LENT_USD * USD_UNIT * 10**each.decimals // each.feed.price_raw
        for each in in_dollars(version).reserves
    }


def _prepare(world: RandomWorld) -> None:
    """Enter and leave e-modes, switch collateral on and off, delegate credit."""
    chain, pool, reserves = world.chain, world.market.pool, world.market.reserves
    use = "setUserUseReserveAsCollateral"
    for account in world.accounts:
        for emode in account.emodes:
            chain.send(account.address, pool, "setUserEMode", emode)
        for symbol in account.switched_on:
            chain.send(account.address, pool, use, reserves[symbol].underlying.address, True)
        for symbol in account.switched_off:
            chain.send(account.address, pool, use, reserves[symbol].underlying.address, False)
        for symbol in account.borrowed if account.borrower != account.address else ():
            token = reserves[symbol].variable_debt_token
            chain.send(account.address, token, "approveDelegation", account.borrower, _UNLIMITED)
    chain.mine()


def _borrow(world: RandomWorld) -> None:
    chain, market = world.chain, world.market
    for account in world.accounts:
        for mode, amounts in ((_STABLE_RATE, account.at_stable_rate), (_VARIABLE_RATE, account.borrowed)):
            for symbol, amount_raw in amounts.items():
                asset = market.reserves[symbol].underlying.address
                terms = (mode, _NO_REFERRAL, account.address)
                chain.send(account.borrower, market.pool, "borrow", asset, amount_raw, *terms)
    chain.mine()


def _change_parameters(world: RandomWorld) -> None:
    """Freeze, pause and take LTV away after the accounts have opened."""
    chain, market = world.chain, world.market

    def configure(function: str, symbol: str, *arguments: object) -> None:
        asset = market.reserves[symbol].underlying.address
        chain.send(market.admin, market.configurator, function, asset, *arguments)

    without = market.spec.reserve(WITHOUT_LTV)
    figures = (0, without.liquidation_threshold_bps, without.liquidation_bonus_bps)
    configure("configureReserveAsCollateral", WITHOUT_LTV, *figures)
    if market.version == "2.0":
        configure("freezeReserve", FROZEN)
    else:
        configure("setReserveFreeze", FROZEN, True)
        configure("setReservePause", PAUSED, True)
    if market.version == "3.6":
        configure("setAssetLtvzeroInEMode", "WETH", LOAN_EMODE, True)
        _take_out_of_emode(world, "USDT", DOLLAR_EMODE)
    chain.mine()


def _take_out_of_emode(world: RandomWorld, symbol: str, emode: int) -> None:
    """Leave enabled collateral with no threshold and no bonus.

    The configurator refuses it for what is supplied; positions from before v3.6 may have it.
    So the configurator itself is the sender here.
    """
    chain, market = world.chain, world.market
    place = [reserve.symbol for reserve in market.spec.reserves].index(symbol)
    bitmap = chain.read(market.pool, "getEModeCategoryCollateralBitmap", emode) & ~(1 << place)
    sender = market.configurator.address
    chain.send(sender, market.pool, "configureEModeCategoryCollateralBitmap", emode, bitmap)
