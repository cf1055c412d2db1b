"""Deploy a complete Aave v3.6 market from bytecode compiled of Aave's published source.

What differs from v3.0: one rate strategy for all assets, no stable debt, no bridge, and
e-modes that list their reserves in bitmaps, so that a reserve may be in several of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eth_abi.abi import encode

from .artifacts import aave_v36 as artifact
from .chain import LocalChain
from .contracts import Contract
from .feeds import ZERO_ADDRESS, Feed
from .market import Market, MarketReserve
from .market_parts import (
    ADMIN,
    TREASURY,
    Core,
    deploy_access_control,
    deploy_feeds_and_tokens,
    deploy_oracle,
    set_reserve_parameters,
    token_at,
    token_names,
)
from .multicall import install_multicall3
from .spec import EModeSpec, MarketSpec, RateSpec

VERSION = "3.6"
_LIBRARIES = ("BorrowLogic", "LiquidationLogic", "PoolLogic", "SupplyLogic", "ConfiguratorLogic")
_TOKEN_KINDS = ("a", "variableDebt")
_NO_REWARDS = ZERO_ADDRESS


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
        First answer of each reserve's feed; the spec's price by default.

    Returns
    -------
    Market
        The deployed contracts, the same ones at every run.

    Raises
    ------
    LocalChainMissing
        If the contracts are not compiled yet.
    TransactionReverted
        If the protocol refuses a parameter.
    """
    multicall = install_multicall3(chain.node)
    core, strategy = _deploy_core(chain, spec)
    feeds, tokens = deploy_feeds_and_tokens(chain, spec, first_answers or {})
    oracle, ui_data_provider = deploy_oracle(chain, artifact, core.provider, feeds, tokens)
    _list_reserves(chain, core, spec, tokens)
    set_reserve_parameters(chain, core.configurator, spec, tokens)
    _set_emodes(chain, core, spec, tokens)
    chain.mine()
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
        reserves=_resolve_reserves(chain, core, spec, feeds, tokens, strategy),
    )


def _deploy_core(chain: LocalChain, spec: MarketSpec) -> tuple[Core, Contract]:
    provider = chain.deploy(ADMIN, artifact("PoolAddressesProvider"), spec.market_id, ADMIN)
    strategy = chain.deploy(ADMIN, artifact("DefaultReserveInterestRateStrategyV2"), provider.address)
    libraries = {name: chain.deploy(ADMIN, artifact(name)).address for name in _LIBRARIES}
    flash = chain.deploy(ADMIN, artifact("FlashLoanLogic"), libraries=libraries)
    libraries["FlashLoanLogic"] = flash.address
    pool = chain.deploy(
        ADMIN, artifact("PoolInstance"), provider.address, strategy.address, libraries=libraries
    )
    configurator = chain.deploy(ADMIN, artifact("PoolConfiguratorInstance"), libraries=libraries)
    acl_manager = deploy_access_control(chain, artifact, provider)
    chain.send(ADMIN, provider, "setPoolImpl", pool.address)
    chain.send(ADMIN, provider, "setPoolConfiguratorImpl", configurator.address)
    # This data provider asks for the pool when it is deployed, so it comes last.
    data_provider = chain.deploy(ADMIN, artifact("AaveProtocolDataProvider"), provider.address)
    chain.send(ADMIN, provider, "setPoolDataProvider", data_provider.address)
    chain.mine()
    core = Core(
        provider=provider,
        pool=pool.at(chain.read(provider, "getPool")),
        configurator=configurator.at(chain.read(provider, "getPoolConfigurator")),
        acl_manager=acl_manager,
        data_provider=data_provider,
    )
    return core, strategy


def _list_reserves(chain: LocalChain, core: Core, spec: MarketSpec, tokens: Mapping[str, Contract]) -> None:
    pool = core.pool.address
    a_token = chain.deploy(ADMIN, artifact("ATokenInstance"), pool, _NO_REWARDS, TREASURY)
    debt_token = chain.deploy(ADMIN, artifact("VariableDebtTokenInstance"), pool, _NO_REWARDS)
    inputs = [
        (
            a_token.address,
            debt_token.address,
            tokens[reserve.symbol].address,
            *token_names(reserve.symbol, _TOKEN_KINDS),
            b"",
            _curve_data(reserve.rate),
        )
        for reserve in spec.reserves
    ]
    chain.send(ADMIN, core.configurator, "initReserves", inputs)
    chain.mine()


def _curve_data(rate: RateSpec) -> bytes:
    """Return the curve as DefaultReserveInterestRateStrategyV2 wants it, basis points."""
    points = (rate.optimal_usage_bps, rate.base_bps, rate.slope1_bps, rate.slope2_bps)
    return encode(["uint16", "uint32", "uint32", "uint32"], points)


def _set_emodes(chain: LocalChain, core: Core, spec: MarketSpec, tokens: Mapping[str, Contract]) -> None:
    for emode in spec.emodes:
        figures = (emode.ltv_bps, emode.liquidation_threshold_bps, emode.liquidation_bonus_bps)
        chain.send(ADMIN, core.configurator, "setEModeCategory", emode.id, *figures, emode.label)
        for function, symbol in _memberships(emode, spec):
            chain.send(ADMIN, core.configurator, function, tokens[symbol].address, emode.id, True)


def _memberships(emode: EModeSpec, spec: MarketSpec) -> Iterator[tuple[str, str]]:
    for reserve in spec.reserves:
        own = reserve.emode == emode.id
        if own or reserve.symbol in emode.collateral:
            yield "setAssetCollateralInEMode", reserve.symbol
        if (own and reserve.borrowing_enabled) or reserve.symbol in emode.borrowable:
            yield "setAssetBorrowableInEMode", reserve.symbol


def _resolve_reserves(
    chain: LocalChain,
    core: Core,
    spec: MarketSpec,
    feeds: Mapping[str, Feed],
    tokens: Mapping[str, Contract],
    strategy: Contract,
) -> dict[str, MarketReserve]:
    listed = [reserve.symbol for reserve in spec.reserves]
    assets = [(tokens[symbol].address,) for symbol in listed]
    answers = chain.read_many(core.data_provider, "getReserveTokensAddresses", assets)
    return {
        symbol: MarketReserve(
            symbol=symbol,
            decimals=spec.reserve(symbol).decimals,
            underlying=tokens[symbol],
            a_token=token_at(artifact("ATokenInstance"), a_token),
            variable_debt_token=token_at(artifact("VariableDebtTokenInstance"), debt_token),
            rate_strategy=strategy,
            feed=feeds[symbol],
        )
        for symbol, (a_token, _, debt_token) in zip(listed, answers, strict=True)
    }
