"""A deployed market: every address a test or a reader may want, by symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .contracts import Contract
from .feeds import Feed
from .spec import MarketSpec


@dataclass(frozen=True, slots=True)
class MarketReserve:
    """Contracts of one reserve; a stable-debt token where accounts may owe at stable rates."""

    symbol: str
    decimals: int
    underlying: Contract
    a_token: Contract
    variable_debt_token: Contract
    rate_strategy: Contract
    feed: Feed
    stable_debt_token: Contract | None = None


@dataclass(frozen=True, slots=True)
class Market:
    """Contracts of one market.

    Attributes
    ----------
    version : str
        Release of its contracts, major and minor number.
    spec : MarketSpec
        What it was deployed from.
    admin : str
        Owner of everything, pool administrator and minter of every token.
    treasury : str
        Receiver of the protocol's share.
    provider, pool, configurator, oracle, data_provider : Contract
        The market's contracts; pool and configurator behind their proxies.
    acl_manager : Contract or None
        Keeper of roles; v2 has none.
    ui_data_provider : Contract or None
        UiPoolDataProviderV3 of the same release; v2's was never published with it.
    multicall : str
        Address of Multicall3.
    reserves : mapping of str to MarketReserve
        By symbol, in listing order.
    """

    version: str
    spec: MarketSpec
    admin: str
    treasury: str
    provider: Contract
    pool: Contract
    configurator: Contract
    acl_manager: Contract | None
    oracle: Contract
    data_provider: Contract
    ui_data_provider: Contract | None
    multicall: str
    reserves: Mapping[str, MarketReserve]
