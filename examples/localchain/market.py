"""A deployed market: every address a test or a reader may want, by symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .contracts import Contract
from .feeds import Feed
from .spec import MarketSpec


@dataclass(frozen=True, slots=True)
class MarketReserve:
    """Contracts of one reserve."""

    symbol: str
    decimals: int
    underlying: Contract
    a_token: Contract
    variable_debt_token: Contract
    rate_strategy: Contract
    feed: Feed


@dataclass(frozen=True, slots=True)
class Market:
    """Contracts of one market.

    Attributes
    ----------
    spec : MarketSpec
        What it was deployed from.
    admin : str
        Owner of everything, pool administrator and minter of every token.
    treasury : str
        Receiver of the protocol's share.
    provider, pool, configurator, acl_manager, oracle, data_provider : Contract
        The market's contracts; pool and configurator behind their proxies.
    ui_data_provider : Contract
        UiPoolDataProviderV3 of the same release.
    multicall : str
        Address of Multicall3.
    reserves : mapping of str to MarketReserve
        By symbol, in listing order.
    """

    spec: MarketSpec
    admin: str
    treasury: str
    provider: Contract
    pool: Contract
    configurator: Contract
    acl_manager: Contract
    oracle: Contract
    data_provider: Contract
    ui_data_provider: Contract
    multicall: str
    reserves: Mapping[str, MarketReserve]
