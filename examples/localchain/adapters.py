"""A local Aave v3.0 market in which prices are made the ways Aave makes them.

Feeds are real Chainlink proxies and aggregators and the oracle is the real AaveOracle.  The
adapters between them are test contracts (see ``solidity/``): Aave publishes no bytecode of
its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .aave_v30 import deploy_market
from .artifacts import chainlink
from .chain import LocalChain
from .compile_adapters import adapter_artifact
from .contracts import Contract
from .feeds import ZERO_ADDRESS, Feed, deploy_feed, queue_answer
from .market import Market
from .market_parts import ADMIN
from .node import running_node
from .spec import FeedSpec, MarketSpec, RateSpec, ReserveSpec

GENESIS_AT = 1_750_000_000
SVR_CUTOFF_S = 60
_DAY_S = 86_400
_USD = 10**8
_WAD = 10**18
_RATE = RateSpec(8_000, 0, 400, 6_000)

# (reserve, description of its own feed, price in USD)
_RESERVES = (
    ("WETH", "ETH / USD", 2_500),
    ("wstETH", "wstETH / USD", 3_070),
    ("rETH", "rETH / USD", 2_890),
    ("weETH", "weETH / USD", 2_670),
    ("stETH", "stETH / USD", 2_499),
    ("WBTC", "WBTC / USD", 104_900),
    ("cbBTC", "BTC / USD", 105_000),
    ("USDC", "USDC / USD", 1),
    ("USDT", "USDT / USD", 1),
    ("USDe", "USDe / USD", 1),
    ("sUSDe", "sUSDe / USD", 1),
    ("PT-sUSDe", "PT-sUSDe / USD", 1),
    ("EURC", "EURC / USD", 1),
    ("GHO", "GHO / USD", 1),
    ("LINK", "LINK / USD", 14),
)
# (description, decimals, answer) of feeds that no reserve reads directly
_LEGS = (
    ("WBTC / BTC", 8, 99_900_000),
    ("EUR / USD", 8, 115_000_000),
    ("weETH / eETH Exchange Rate", 18, 1_069_000_000_000_000_000),
)


@dataclass(frozen=True, slots=True)
class OracleWorld:
    """A running market with composed prices.

    Attributes
    ----------
    chain : LocalChain
        The chain, with its node.
    market : Market
        The deployed market; its oracle reads ``sources``, not each reserve's own feed.
    feeds : mapping of str to Feed
        Every Chainlink feed by description.
    sources : mapping of str to Contract
        What the oracle reads, by symbol.
    parts : mapping of str to Contract
        Ratio providers and inner adapters by a name of their own.
    """

    chain: LocalChain
    market: Market
    feeds: Mapping[str, Feed]
    sources: Mapping[str, Contract]
    parts: Mapping[str, Contract]

    def price_raw(self, symbol: str) -> int:
        """Return what the oracle answers for a reserve now."""
        asset = self.market.reserves[symbol].underlying.address
        return int(self.chain.read(self.market.oracle, "getAssetPrice", asset))


@contextlib.contextmanager
def open_oracle_market(genesis_at: int = GENESIS_AT) -> Iterator[OracleWorld]:
    """Run a node with the market until the block ends.

    Raises
    ------
    LocalChainMissing
        If the npm packages are not installed.
    """
    with running_node(genesis_at) as node:
        chain = LocalChain(node)
        market = deploy_market(chain, market_spec())
        feeds = {reserve.feed.description: reserve.feed for reserve in market.reserves.values()}
        for description, decimals, answer in _LEGS:
            feeds[description] = deploy_feed(
                chain, ADMIN, FeedSpec(description, answer, 50, 86_400, decimals)
            )
            chain.mine()
            queue_answer(chain, feeds[description], 1, answer)
        chain.mine()
        parts: dict[str, Contract] = {}
        sources = {symbol: reserve.feed.proxy for symbol, reserve in market.reserves.items()}
        sources |= _staked(chain, market, feeds, parts, genesis_at)
        sources |= _pegged(chain, market, feeds, parts, genesis_at)
        sources |= _composed(chain, feeds, parts)
        chain.mine()
        set_sources(chain, market, sources)
        yield OracleWorld(chain, market, feeds, sources, parts)


def market_spec() -> MarketSpec:
    """Return the market's reserves; only their prices matter here."""
    reserves = tuple(
        ReserveSpec(
            symbol=symbol,
            name=symbol,
            decimals=18,
            ltv_bps=7_000,
            liquidation_threshold_bps=7_500,
            liquidation_bonus_bps=10_500,
            reserve_factor_bps=1_000,
            liquidation_protocol_fee_bps=1_000,
            supply_cap_tokens=0,
            borrow_cap_tokens=0,
            borrowing_enabled=True,
            borrowable_in_isolation=False,
            flash_loan_enabled=True,
            emode=0,
            rate=_RATE,
            feed=FeedSpec(description, price * _USD, 50, 3_600),
        )
        for symbol, description, price in _RESERVES
    )
    return MarketSpec("Local oracle market", (), reserves)


def set_sources(chain: LocalChain, market: Market, sources: Mapping[str, Contract]) -> None:
    """Mine a block in which the oracle gets these sources, by symbol."""
    assets = [market.reserves[symbol].underlying.address for symbol in sources]
    chain.send(ADMIN, market.oracle, "setAssetSources", assets, [s.address for s in sources.values()])
    chain.mine()


def deploy_adapter(chain: LocalChain, name: str, *arguments: Any) -> Contract:
    """Queue a test contract of ``solidity/`` and return it."""
    return chain.deploy(ADMIN, adapter_artifact(name), *arguments)


def deploy_ratio_cap(
    chain: LocalChain,
    market: Market,
    name: str,
    base: Contract,
    provider: Contract,
    description: str,
    cap: tuple[int, int, int],
) -> Contract:
    """Queue a ratio cap whose ``cap`` is snapshot ratio, its time, and yearly growth in bps."""
    assert market.acl_manager is not None
    setup = (market.acl_manager.address, base.address, provider.address, 18, 7 * _DAY_S, description)
    return deploy_adapter(chain, name, setup, cap)


def _staked(
    chain: LocalChain, market: Market, feeds: Mapping[str, Feed], parts: dict[str, Contract], now: int
) -> dict[str, Contract]:
    eth = feeds["ETH / USD"].proxy
    parts["stETH shares"] = deploy_adapter(chain, "SharesProvider", 12_289 * _WAD, 10_000 * _WAD)
    parts["rETH rate"] = deploy_adapter(chain, "ExchangeRateProvider", 1_160 * 10**15)
    chain.mine()

    def cap(kind: str, provider: Contract, name: str, *limits: int) -> Contract:
        return deploy_ratio_cap(chain, market, kind, eth, provider, name, (limits[0], limits[1], limits[2]))

    two_months_ago, month_ago = now - 60 * _DAY_S, now - 30 * _DAY_S
    return {
        # A hair below its cap: 1.2289 of 1.22925.
        "wstETH": cap(
            "SharesRatioCap",
            parts["stETH shares"],
            "Capped wstETH / USD",
            1_210 * 10**15,
            two_months_ago,
            968,
        ),
        # Above its cap: 1.16 of 1.1547.
        "rETH": cap(
            "ExchangeRateRatioCap", parts["rETH rate"], "Capped rETH / USD", 1_150 * 10**15, month_ago, 500
        ),
        "weETH": cap(
            "FeedRatioCap",
            feeds["weETH / eETH Exchange Rate"].proxy,
            "Capped weETH / USD",
            1_065 * 10**15,
            month_ago,
            875,
        ),
    }


def _pegged(
    chain: LocalChain, market: Market, feeds: Mapping[str, Feed], parts: dict[str, Contract], now: int
) -> dict[str, Contract]:
    assert market.acl_manager is not None
    roles = market.acl_manager.address

    def stable(feed: str, name: str) -> Contract:
        return deploy_adapter(chain, "StableCap", roles, feeds[feed].proxy.address, name, 104_000_000)

    usdc, usdt = stable("USDC / USD", "Capped USDC / USD"), stable("USDT / USD", "Capped USDT / USD")
    parts["sUSDe vault"] = deploy_adapter(chain, "VaultProvider", 1_180 * 10**15, 2_000_000_000)
    parts["PT"] = deploy_adapter(chain, "PrincipalToken", now + 90 * _DAY_S)
    eur = deploy_adapter(
        chain,
        "EurCap",
        roles,
        feeds["EURC / USD"].proxy.address,
        feeds["EUR / USD"].proxy.address,
        "Capped EURC / USD",
        104_000_000,
        8,
    )
    chain.mine()
    vault, token = parts["sUSDe vault"], parts["PT"]
    limits = (1_170 * 10**15, now - 10 * _DAY_S, 5_000)
    return {
        "USDC": usdc,
        "USDT": usdt,
        "USDe": usdt,
        "EURC": eur,
        "sUSDe": deploy_ratio_cap(chain, market, "VaultRatioCap", usdt, vault, "Capped sUSDe / USD", limits),
        "PT-sUSDe": deploy_adapter(
            chain,
            "LinearDiscount",
            roles,
            usdt.address,
            token.address,
            "PT-sUSDe / USD, linear discount",
            8 * 10**16,
            20 * 10**16,
        ),
        "GHO": deploy_adapter(chain, "FixedPrice", roles, 8, _USD, "Fixed GHO / USD"),
    }


def _composed(
    chain: LocalChain, feeds: Mapping[str, Feed], parts: dict[str, Contract]
) -> dict[str, Contract]:
    parts["stETH / ETH"] = deploy_adapter(chain, "OneForOne", "stETH / ETH, one for one")
    dual = deploy_adapter(chain, "DualFeed", 8, "LINK / USD", SVR_CUTOFF_S)
    parts["LINK dual aggregator"] = dual
    proxy = chain.deploy(ADMIN, chainlink("EACAggregatorProxy"), dual.address, ZERO_ADDRESS)
    chain.send(ADMIN, dual, "setSecondaryProxy", proxy.address)
    chain.send(ADMIN, dual, "transmit", 14 * _USD, True)
    chain.mine()

    def times(peg: str, asset: Contract, name: str) -> Contract:
        return deploy_adapter(chain, "PegToBase", feeds[peg].proxy.address, asset.address, 8, name)

    return {
        "WBTC": times("BTC / USD", feeds["WBTC / BTC"].proxy, "WBTC / BTC / USD"),
        "stETH": times("ETH / USD", parts["stETH / ETH"], "stETH / ETH / USD"),
        "LINK": proxy,
    }
