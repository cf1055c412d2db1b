"""Deploy a complete Aave v3.0 market from the bytecode Aave published.

The steps follow the order of Aave's own deployment (npm @aave/deploy-v3): addresses
provider, logic libraries, pool and configurator behind proxies, access control, oracle,
token implementations, reserves, parameters, e-modes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .artifacts import aave_v30 as artifact
from .chain import LocalChain
from .contracts import Contract, named_address
from .feeds import ZERO_ADDRESS, Feed, deploy_feed, queue_answer
from .market import Market, MarketReserve
from .multicall import install_multicall3
from .spec import MarketSpec, RateSpec, ReserveSpec

ADMIN = named_address("breakwater market admin")
TREASURY = named_address("breakwater market treasury")
_USD = ZERO_ADDRESS  # AaveOracle's base currency when prices are in USD
_USD_UNIT = 10**8
_RAY_PER_BPS = 10**23
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
_NO_STABLE_BORROWING = (0, 0, 0, 0, _RAY // 5)


@dataclass(frozen=True, slots=True)
class _Core:
    provider: Contract
    pool: Contract
    configurator: Contract
    acl_manager: Contract
    data_provider: Contract


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
    feeds, tokens = _deploy_feeds_and_tokens(chain, spec, first_answers or {})
    oracle, ui_data_provider = _deploy_oracle(chain, core, feeds, tokens)
    strategies = _list_reserves(chain, core, spec, tokens)
    _set_parameters(chain, core, spec, tokens)
    chain.mine()
    reserves = _resolve_reserves(chain, core, spec, feeds, tokens, strategies)
    return Market(
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


def _deploy_core(chain: LocalChain, spec: MarketSpec) -> _Core:
    provider = chain.deploy(ADMIN, artifact("PoolAddressesProvider"), spec.market_id, ADMIN)
    libraries = {name: chain.deploy(ADMIN, artifact(name)).address for name in _LIBRARIES}
    flash = chain.deploy(ADMIN, artifact("FlashLoanLogic"), libraries=libraries)
    libraries["FlashLoanLogic"] = flash.address
    pool = chain.deploy(ADMIN, artifact("Pool"), provider.address, libraries=libraries)
    configurator = chain.deploy(ADMIN, artifact("PoolConfigurator"), libraries=libraries)
    chain.send(ADMIN, provider, "setACLAdmin", ADMIN)
    acl_manager = chain.deploy(ADMIN, artifact("ACLManager"), provider.address)
    chain.send(ADMIN, provider, "setACLManager", acl_manager.address)
    for role in ("addPoolAdmin", "addEmergencyAdmin", "addRiskAdmin"):
        chain.send(ADMIN, acl_manager, role, ADMIN)
    data_provider = chain.deploy(ADMIN, artifact("AaveProtocolDataProvider"), provider.address)
    chain.send(ADMIN, provider, "setPoolDataProvider", data_provider.address)
    chain.send(ADMIN, provider, "setPoolImpl", pool.address)
    chain.send(ADMIN, provider, "setPoolConfiguratorImpl", configurator.address)
    chain.mine()
    return _Core(
        provider=provider,
        pool=pool.at(chain.read(provider, "getPool")),
        configurator=configurator.at(chain.read(provider, "getPoolConfigurator")),
        acl_manager=acl_manager,
        data_provider=data_provider,
    )


def _deploy_feeds_and_tokens(
    chain: LocalChain, spec: MarketSpec, first_answers: Mapping[str, int]
) -> tuple[dict[str, Feed], dict[str, Contract]]:
    feeds, tokens = {}, {}
    for reserve in spec.reserves:
        feeds[reserve.symbol] = deploy_feed(chain, ADMIN, reserve.feed)
        tokens[reserve.symbol] = chain.deploy(
            ADMIN, artifact("TestnetERC20"), reserve.name, reserve.symbol, reserve.decimals, ADMIN
        )
    chain.mine()
    for reserve in spec.reserves:
        answer = first_answers.get(reserve.symbol, reserve.feed.price_raw)
        queue_answer(chain, feeds[reserve.symbol], 1, answer)
    chain.mine()
    return feeds, tokens


def _deploy_oracle(
    chain: LocalChain, core: _Core, feeds: dict[str, Feed], tokens: dict[str, Contract]
) -> tuple[Contract, Contract]:
    assets = [token.address for token in tokens.values()]
    sources = [feed.proxy.address for feed in feeds.values()]
    provider = core.provider.address
    oracle = chain.deploy(
        ADMIN, artifact("AaveOracle"), provider, assets, sources, ZERO_ADDRESS, _USD, _USD_UNIT
    )
    chain.send(ADMIN, core.provider, "setPriceOracle", oracle.address)
    network_token = next(iter(feeds.values())).proxy.address
    ui_data_provider = chain.deploy(ADMIN, artifact("UiPoolDataProviderV3"), network_token, network_token)
    return oracle, ui_data_provider


def _list_reserves(
    chain: LocalChain, core: _Core, spec: MarketSpec, tokens: dict[str, Contract]
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
            *_curve_in_ray(reserve.rate),
            *_NO_STABLE_BORROWING,
        )
        addresses = (strategies[symbol].address, tokens[symbol].address, TREASURY, ZERO_ADDRESS)
        inputs.append((*implementations, reserve.decimals, *addresses, *_token_names(symbol), b""))
    chain.send(ADMIN, core.configurator, "initReserves", inputs)
    chain.mine()
    return strategies


def _curve_in_ray(rate: RateSpec) -> tuple[int, ...]:
    points = (rate.optimal_usage_bps, rate.base_bps, rate.slope1_bps, rate.slope2_bps)
    return tuple(bps * _RAY_PER_BPS for bps in points)


def _token_names(symbol: str) -> tuple[str, ...]:
    """Return names and symbols of the three tokens, in the order `initReserves` wants."""
    kinds = (("", "a"), (" Variable Debt", "variableDebt"), (" Stable Debt", "stableDebt"))
    return tuple(
        text for kind, short in kinds for text in (f"Aave Demo{kind} {symbol}", f"{short}Demo{symbol}")
    )


def _set_parameters(chain: LocalChain, core: _Core, spec: MarketSpec, tokens: dict[str, Contract]) -> None:
    def configure(function: str, *arguments: object) -> None:
        chain.send(ADMIN, core.configurator, function, *arguments)

    for reserve in spec.reserves:
        asset = tokens[reserve.symbol].address
        collateral = (reserve.ltv_bps, reserve.liquidation_threshold_bps, reserve.liquidation_bonus_bps)
        if reserve.liquidation_threshold_bps:
            configure("configureReserveAsCollateral", asset, *collateral)
        configure("setReserveBorrowing", asset, reserve.borrowing_enabled)
        configure("setBorrowableInIsolation", asset, reserve.borrowable_in_isolation)
        configure("setReserveFlashLoaning", asset, reserve.flash_loan_enabled)
        configure("setReserveFactor", asset, reserve.reserve_factor_bps)
        configure("setLiquidationProtocolFee", asset, reserve.liquidation_protocol_fee_bps)
        configure("setSupplyCap", asset, reserve.supply_cap_tokens)
        configure("setBorrowCap", asset, reserve.borrow_cap_tokens)
    for emode in spec.emodes:
        figures = (emode.ltv_bps, emode.liquidation_threshold_bps, emode.liquidation_bonus_bps)
        # The zero address: no price of its own, members keep their own feeds.
        configure("setEModeCategory", emode.id, *figures, ZERO_ADDRESS, emode.label)
    for reserve in spec.reserves:
        if reserve.emode:
            configure("setAssetEModeCategory", tokens[reserve.symbol].address, reserve.emode)


def _resolve_reserves(
    chain: LocalChain,
    core: _Core,
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
            a_token=Contract("AToken", ZERO_ADDRESS, artifact("AToken").abi).at(a_token),
            variable_debt_token=Contract(
                "VariableDebtToken", ZERO_ADDRESS, artifact("VariableDebtToken").abi
            ).at(debt_token),
            rate_strategy=strategies[symbol],
            feed=feeds[symbol],
        )

    return {reserve.symbol: resolve(reserve) for reserve in spec.reserves}
