"""Deploy a complete Aave v3.0 market from the bytecode Aave published.

The steps follow the order of Aave's own deployment (npm @aave/deploy-v3): addresses
provider, logic libraries, pool and configurator behind proxies, access control, oracle,
token implementations, reserves, parameters, e-modes.
"""

from __future__ import annotations

from collections.abc import Mapping

from .artifacts import aave_v30 as artifact
from .chain import LocalChain
from .contracts import Contract
from .feeds import ZERO_ADDRESS, Feed
from .market import Market, MarketReserve
from .market_parts import (
    ADMIN,
    TREASURY,
    Core,
    curve_in_ray,
    deploy_access_control,
    deploy_feeds_and_tokens,
    deploy_oracle,
    set_reserve_parameters,
    token_at,
    token_names,
)
from .multicall import install_multicall3
from .spec import MarketSpec, ReserveSpec

VERSION = "3.0"
_RAY = 10**27
_LIBRARIES = (
    "SupplyLogic",
    "BorrowLogic",
    "LiquidationLogic",
    "EModeLogic",
    "BridgeLogic",
    "PoolLogic",
    "ConfiguratorLogic",
)
# Stable-rate borrowing is part of v3.0's curve but was never enabled in this market.
_TOKEN_KINDS = ("a", "variableDebt", "stableDebt")
_NO_STABLE_BORROWING = (0, 0, 0, 0, _RAY // 5)


def deploy_market(
    chain: LocalChain, spec: MarketSpec, first_answers: Mapping[str, int] | None = None
) -> Market:
    """Deploy a market and give every feed its first answer.

    Parameters
    ----------
    chain : LocalChain
        A local chain with an empty queue.
    spec : MarketSpec
        Reserves, e-modes and parameters.
    first_answers : mapping of str to int, optional
        First answer of each reserve's feed, 8 decimals; the spec's price by default.

    Returns
    -------
    Market
        The deployed contracts.  The same spec on a fresh chain of the same genesis time
        gives the same addresses and blocks.

    Raises
    ------
    TransactionReverted
        If the protocol refuses a parameter, for instance an e-mode threshold that is not
        above its members' (a rule of v3.0).
    """
    multicall = install_multicall3(chain.node)
    core = _deploy_core(chain, spec)
    feeds, tokens = deploy_feeds_and_tokens(chain, spec, first_answers or {})
    oracle, ui_data_provider = deploy_oracle(chain, artifact, core.provider, feeds, tokens)
    strategies = _list_reserves(chain, core, spec, tokens)
    set_reserve_parameters(chain, core.configurator, spec, tokens)
    _set_emodes(chain, core, spec, tokens)
    chain.mine()
    reserves = _resolve_reserves(chain, core, spec, feeds, tokens, strategies)
    return Market(
        version=VERSION,
        spec=spec,
        admin=ADMIN,
        treasury=TREASURY,
        provider=core.provider,
        pool=core.pool,
        configurator=core.configurator,
        acl_manager=core.acl_manager,
        oracle=oracle,
        data_provider=core.data_provider,
        ui_data_provider=ui_data_provider,
        multicall=multicall,
        reserves=reserves,
    )


def _deploy_core(chain: LocalChain, spec: MarketSpec) -> Core:
    provider = chain.deploy(ADMIN, artifact("PoolAddressesProvider"), spec.market_id, ADMIN)
    libraries = {name: chain.deploy(ADMIN, artifact(name)).address for name in _LIBRARIES}
    flash = chain.deploy(ADMIN, artifact("FlashLoanLogic"), libraries=libraries)
    libraries["FlashLoanLogic"] = flash.address
    pool = chain.deploy(ADMIN, artifact("Pool"), provider.address, libraries=libraries)
    configurator = chain.deploy(ADMIN, artifact("PoolConfigurator"), libraries=libraries)
    acl_manager = deploy_access_control(chain, artifact, provider)
    data_provider = chain.deploy(ADMIN, artifact("AaveProtocolDataProvider"), provider.address)
    chain.send(ADMIN, provider, "setPoolDataProvider", data_provider.address)
    chain.send(ADMIN, provider, "setPoolImpl", pool.address)
    chain.send(ADMIN, provider, "setPoolConfiguratorImpl", configurator.address)
    chain.mine()
    return Core(
        provider=provider,
        pool=pool.at(chain.read(provider, "getPool")),
        configurator=configurator.at(chain.read(provider, "getPoolConfigurator")),
        acl_manager=acl_manager,
        data_provider=data_provider,
    )


def _list_reserves(
    chain: LocalChain, core: Core, spec: MarketSpec, tokens: dict[str, Contract]
) -> dict[str, Contract]:
    pool = core.pool.address
    implementations = [
        chain.deploy(ADMIN, artifact(name), pool).address
        for name in ("AToken", "StableDebtToken", "VariableDebtToken")
    ]
    strategies = {}
    inputs = []
    for reserve in spec.reserves:
        symbol = reserve.symbol
        strategies[symbol] = chain.deploy(
            ADMIN,
            artifact("DefaultReserveInterestRateStrategy"),
            core.provider.address,
            *curve_in_ray(reserve.rate),
            *_NO_STABLE_BORROWING,
        )
        addresses = (strategies[symbol].address, tokens[symbol].address, TREASURY, ZERO_ADDRESS)
        inputs.append(
            (*implementations, reserve.decimals, *addresses, *token_names(symbol, _TOKEN_KINDS), b"")
        )
    chain.send(ADMIN, core.configurator, "initReserves", inputs)
    chain.mine()
    return strategies


def _set_emodes(chain: LocalChain, core: Core, spec: MarketSpec, tokens: dict[str, Contract]) -> None:
    def configure(function: str, *arguments: object) -> None:
        chain.send(ADMIN, core.configurator, function, *arguments)

    for emode in spec.emodes:
        figures = (emode.ltv_bps, emode.liquidation_threshold_bps, emode.liquidation_bonus_bps)
        # The zero address: no price of its own, members keep their own feeds.
        configure("setEModeCategory", emode.id, *figures, ZERO_ADDRESS, emode.label)
    for reserve in spec.reserves:
        if reserve.emode:
            configure("setAssetEModeCategory", tokens[reserve.symbol].address, reserve.emode)


def _resolve_reserves(
    chain: LocalChain,
    core: Core,
    spec: MarketSpec,
    feeds: dict[str, Feed],
    tokens: dict[str, Contract],
    strategies: dict[str, Contract],
) -> dict[str, MarketReserve]:
    def resolve(reserve: ReserveSpec) -> MarketReserve:
        symbol = reserve.symbol
        asset = tokens[symbol].address
        a_token, _, debt_token = chain.read(core.data_provider, "getReserveTokensAddresses", asset)
        return MarketReserve(
            symbol=symbol,
            decimals=reserve.decimals,
            underlying=tokens[symbol],
            a_token=token_at(artifact("AToken"), a_token),
            variable_debt_token=token_at(artifact("VariableDebtToken"), debt_token),
            rate_strategy=strategies[symbol],
            feed=feeds[symbol],
        )

    return {reserve.symbol: resolve(reserve) for reserve in spec.reserves}
