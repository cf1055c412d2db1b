"""Steps that deployments of several Aave releases share: feeds, tokens, curves, parameters.

``artifact`` is always the release's own, one of `examples.localchain.artifacts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .artifacts import aave_v30
from .chain import LocalChain
from .contracts import Artifact, Contract, named_address
from .feeds import ZERO_ADDRESS, Feed, deploy_feed, queue_answer
from .spec import MarketSpec, RateSpec

ADMIN = named_address("breakwater market admin")
TREASURY = named_address("breakwater market treasury")
USD = ZERO_ADDRESS  # AaveOracle's base currency when prices are in USD
USD_UNIT = 10**8
_RAY_PER_BPS = 10**23

ArtifactOf = Callable[[str], Artifact]


@dataclass(frozen=True, slots=True)
class Core:
    """A v3 market's contracts before anything is listed."""

    provider: Contract
    pool: Contract
    configurator: Contract
    acl_manager: Contract
    data_provider: Contract


def deploy_feeds_and_tokens(
    chain: LocalChain, spec: MarketSpec, first_answers: Mapping[str, int]
) -> tuple[dict[str, Feed], dict[str, Contract]]:
    """Deploy every reserve's feed, give it its first answer, and deploy its token."""
    feeds, tokens = {}, {}
    for reserve in spec.reserves:
        feeds[reserve.symbol] = deploy_feed(chain, ADMIN, reserve.feed)
        tokens[reserve.symbol] = chain.deploy(
            ADMIN, aave_v30("TestnetERC20"), reserve.name, reserve.symbol, reserve.decimals, ADMIN
        )
    chain.mine()
    for reserve in spec.reserves:
        answer = first_answers.get(reserve.symbol, reserve.feed.price_raw)
        queue_answer(chain, feeds[reserve.symbol], 1, answer)
    chain.mine()
    return feeds, tokens


def deploy_access_control(chain: LocalChain, artifact: ArtifactOf, provider: Contract) -> Contract:
    """Queue the keeper of roles and give the admin every role the deployment needs."""
    chain.send(ADMIN, provider, "setACLAdmin", ADMIN)
    acl_manager = chain.deploy(ADMIN, artifact("ACLManager"), provider.address)
    chain.send(ADMIN, provider, "setACLManager", acl_manager.address)
    for role in ("addPoolAdmin", "addEmergencyAdmin", "addRiskAdmin"):
        chain.send(ADMIN, acl_manager, role, ADMIN)
    return acl_manager


def deploy_oracle(
    chain: LocalChain,
    artifact: ArtifactOf,
    provider: Contract,
    feeds: Mapping[str, Feed],
    tokens: Mapping[str, Contract],
) -> tuple[Contract, Contract]:
    """Queue the oracle in US dollars, and the provider of data for user interfaces."""
    assets = [token.address for token in tokens.values()]
    sources = [feed.proxy.address for feed in feeds.values()]
    oracle = chain.deploy(
        ADMIN, artifact("AaveOracle"), provider.address, assets, sources, ZERO_ADDRESS, USD, USD_UNIT
    )
    chain.send(ADMIN, provider, "setPriceOracle", oracle.address)
    network_token = next(iter(feeds.values())).proxy.address
    ui_data_provider = chain.deploy(ADMIN, artifact("UiPoolDataProviderV3"), network_token, network_token)
    return oracle, ui_data_provider


def set_reserve_parameters(
    chain: LocalChain, configurator: Contract, spec: MarketSpec, tokens: Mapping[str, Contract]
) -> None:
    """Queue every reserve's own parameters, in the calls all v3 releases share."""
    for reserve in spec.reserves:
        collateral = (reserve.ltv_bps, reserve.liquidation_threshold_bps, reserve.liquidation_bonus_bps)
        calls: dict[str, tuple[object, ...]] = {}
        if reserve.liquidation_threshold_bps:
            calls["configureReserveAsCollateral"] = collateral
        calls["setReserveBorrowing"] = (reserve.borrowing_enabled,)
        calls["setBorrowableInIsolation"] = (reserve.borrowable_in_isolation,)
        calls["setReserveFlashLoaning"] = (reserve.flash_loan_enabled,)
        calls["setReserveFactor"] = (reserve.reserve_factor_bps,)
        calls["setLiquidationProtocolFee"] = (reserve.liquidation_protocol_fee_bps,)
        calls["setSupplyCap"] = (reserve.supply_cap_tokens,)
        calls["setBorrowCap"] = (reserve.borrow_cap_tokens,)
        if reserve.debt_ceiling_usd_cents:
            calls["setDebtCeiling"] = (reserve.debt_ceiling_usd_cents,)
        if reserve.siloed_borrowing:
            calls["setSiloedBorrowing"] = (True,)
        for function, arguments in calls.items():
            chain.send(ADMIN, configurator, function, tokens[reserve.symbol].address, *arguments)


def token_at(artifact: Artifact, address: str) -> Contract:
    """Return a token of the market behind its proxy."""
    return Contract(artifact.name, ZERO_ADDRESS, artifact.abi).at(address)


def curve_in_ray(rate: RateSpec) -> tuple[int, ...]:
    """Return optimal usage, base rate and both slopes, ray."""
    points = (rate.optimal_usage_bps, rate.base_bps, rate.slope1_bps, rate.slope2_bps)
    return tuple(bps * _RAY_PER_BPS for bps in points)


def token_names(symbol: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Return name and symbol of the tokens of these kinds, in their order."""
    words = {"a": "", "variableDebt": " Variable Debt", "stableDebt": " Stable Debt"}
    return tuple(
        text for kind in kinds for text in (f"Aave Demo{words[kind]} {symbol}", f"{kind}Demo{symbol}")
    )
