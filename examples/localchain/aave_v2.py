"""Deploy a complete Aave v2 market from the bytecode Aave published (npm @aave/protocol-v2).

It counts in ether: the first reserve is wrapped ether, whose price is one by definition,
and every other feed answers in ether.  Token implementations belong to one asset each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .artifacts import aave_v2 as artifact
from .chain import LocalChain
from .contracts import Contract
from .feeds import ZERO_ADDRESS, Feed
from .market import Market, MarketReserve
from .market_parts import (
    ADMIN,
    TREASURY,
    curve_in_ray,
    deploy_feeds_and_tokens,
    token_at,
    token_names,
)
from .multicall import install_multicall3
from .spec import MarketSpec, ReserveSpec

VERSION = "2.0"
_STABLE_CURVE = (2 * 10**25, 10**27)  # the two slopes of the stable rate, ray
_STABLE_BASE_RATE = 3 * 10**25
_TOKENS = {"a": "AToken", "stableDebt": "StableDebtToken", "variableDebt": "VariableDebtToken"}
_UNLINKED = ("ReserveLogic", "GenericLogic")


@dataclass(frozen=True, slots=True)
class _Core:
    provider: Contract
    pool: Contract
    configurator: Contract
    rate_oracle: Contract


def deploy_market(
    chain: LocalChain, spec: MarketSpec, first_answers: Mapping[str, int] | None = None
) -> Market:
    """Deploy a market and give every feed its first answer.

    Parameters
    ----------
    chain : LocalChain
        A local chain with an empty queue.
    spec : MarketSpec
        Reserves, wrapped ether first; prices in ether with 18 decimals, no e-modes.
    first_answers : mapping of str to int, optional
        First answer of each reserve's feed; the spec's price by default.

    Returns
    -------
    Market
        The deployed contracts, the same ones at every run.

    Raises
    ------
    TransactionReverted
        If the protocol refuses a parameter.
    """
    multicall = install_multicall3(chain.node)
    core = _deploy_core(chain, spec)
    feeds, tokens = deploy_feeds_and_tokens(chain, spec, first_answers or {})
    oracle = _deploy_oracles(chain, core, spec, feeds, tokens)
    strategies = _list_reserves(chain, core, spec, tokens)
    for reserve in spec.reserves:
        _set_parameters(chain, core, reserve, tokens[reserve.symbol])
    data_provider = chain.deploy(ADMIN, artifact("AaveProtocolDataProvider"), core.provider.address)
    chain.mine()
    return Market(
        version=VERSION,
        spec=spec,
        admin=ADMIN,
        treasury=TREASURY,
        provider=core.provider,
        pool=core.pool,
        configurator=core.configurator,
        acl_manager=None,
        oracle=oracle,
        data_provider=data_provider,
        ui_data_provider=None,
        multicall=multicall,
        reserves=dict(_resolve_reserves(chain, data_provider, spec, feeds, tokens, strategies)),
    )


def _deploy_core(chain: LocalChain, spec: MarketSpec) -> _Core:
    provider = chain.deploy(ADMIN, artifact("LendingPoolAddressesProvider"), spec.market_id)
    libraries = {name: chain.deploy(ADMIN, artifact(name)).address for name in _UNLINKED}
    validation = chain.deploy(ADMIN, artifact("ValidationLogic"), libraries=libraries)
    libraries["ValidationLogic"] = validation.address
    pool = chain.deploy(ADMIN, artifact("LendingPool"), libraries=libraries)
    configurator = chain.deploy(ADMIN, artifact("LendingPoolConfigurator"))
    manager = chain.deploy(ADMIN, artifact("LendingPoolCollateralManager"))
    rate_oracle = chain.deploy(ADMIN, artifact("LendingRateOracle"))
    for role, address in (
        ("setPoolAdmin", ADMIN),
        ("setEmergencyAdmin", ADMIN),
        ("setLendingPoolCollateralManager", manager.address),
        ("setLendingRateOracle", rate_oracle.address),
        ("setLendingPoolImpl", pool.address),
        ("setLendingPoolConfiguratorImpl", configurator.address),
    ):
        chain.send(ADMIN, provider, role, address)
    chain.mine()
    return _Core(
        provider=provider,
        pool=pool.at(chain.read(provider, "getLendingPool")),
        configurator=configurator.at(chain.read(provider, "getLendingPoolConfigurator")),
        rate_oracle=rate_oracle,
    )


def _deploy_oracles(
    chain: LocalChain,
    core: _Core,
    spec: MarketSpec,
    feeds: Mapping[str, Feed],
    tokens: Mapping[str, Contract],
) -> Contract:
    assets = [token.address for token in tokens.values()]
    sources = [feed.proxy.address for feed in feeds.values()]
    ether = tokens[spec.reserves[0].symbol].address
    oracle = chain.deploy(ADMIN, artifact("AaveOracle"), assets, sources, ZERO_ADDRESS, ether)
    chain.send(ADMIN, core.provider, "setPriceOracle", oracle.address)
    for asset in assets:
        chain.send(ADMIN, core.rate_oracle, "setMarketBorrowRate", asset, _STABLE_BASE_RATE)
    chain.mine()
    return oracle


def _list_reserves(
    chain: LocalChain, core: _Core, spec: MarketSpec, tokens: Mapping[str, Contract]
) -> dict[str, Contract]:
    strategies = {}
    for reserve in spec.reserves:
        asset = tokens[reserve.symbol].address
        names = token_names(reserve.symbol, tuple(_TOKENS))
        implementations = []
        for i, (kind, contract) in enumerate(_TOKENS.items()):
            treasury = (TREASURY,) if kind == "a" else ()
            arguments = (core.pool.address, asset, *treasury, *names[2 * i : 2 * i + 2], ZERO_ADDRESS)
            implementations.append(chain.deploy(ADMIN, artifact(contract), *arguments).address)
        strategies[reserve.symbol] = chain.deploy(
            ADMIN,
            artifact("DefaultReserveInterestRateStrategy"),
            core.provider.address,
            *curve_in_ray(reserve.rate),
            *_STABLE_CURVE,
        )
        terms = (*implementations, reserve.decimals, strategies[reserve.symbol].address)
        chain.send(ADMIN, core.configurator, "initReserve", *terms)
    chain.mine()
    return strategies


def _set_parameters(chain: LocalChain, core: _Core, reserve: ReserveSpec, token: Contract) -> None:
    figures = (reserve.ltv_bps, reserve.liquidation_threshold_bps, reserve.liquidation_bonus_bps)
    if reserve.liquidation_threshold_bps:
        chain.send(ADMIN, core.configurator, "configureReserveAsCollateral", token.address, *figures)
    if reserve.borrowing_enabled:
        terms = (token.address, reserve.stable_borrowing)
        chain.send(ADMIN, core.configurator, "enableBorrowingOnReserve", *terms)
    chain.send(ADMIN, core.configurator, "setReserveFactor", token.address, reserve.reserve_factor_bps)


def _resolve_reserves(
    chain: LocalChain,
    data_provider: Contract,
    spec: MarketSpec,
    feeds: Mapping[str, Feed],
    tokens: Mapping[str, Contract],
    strategies: Mapping[str, Contract],
) -> Iterator[tuple[str, MarketReserve]]:
    for reserve in spec.reserves:
        symbol = reserve.symbol
        addresses = chain.read(data_provider, "getReserveTokensAddresses", tokens[symbol].address)
        a_token, stable_debt_token, debt_token = (
            token_at(artifact(name), address)
            for name, address in zip(_TOKENS.values(), addresses, strict=True)
        )
        yield (
            symbol,
            MarketReserve(
                symbol=symbol,
                decimals=reserve.decimals,
                underlying=tokens[symbol],
                a_token=a_token,
                variable_debt_token=debt_token,
                rate_strategy=strategies[symbol],
                feed=feeds[symbol],
                stable_debt_token=stable_debt_token,
            ),
        )
