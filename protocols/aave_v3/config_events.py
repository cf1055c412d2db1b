"""The events that change an Aave v3 market's parameters, and what each of them says.

A ``*`` marks an indexed argument.  References: IPoolConfigurator.sol (aave-v3-core 1.19 and
aave-v3-origin up to 3.7), AaveOracle.sol, PoolAddressesProvider.sol, ACLManager.sol.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from abis.calls import topic

RESERVE, EMODE, EMODE_ASSET, ROLE, MARKET = "reserve", "emode", "emode_asset", "role", "market"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter and the arguments that hold its new and its old value, or the texts they are."""

    parameter: str
    new: str = ""
    old: str = ""
    new_text: str | None = None
    old_text: str | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an event."""

    kind: str
    name: str
    indexed: bool


@dataclass(frozen=True, slots=True)
class ConfigEvent:
    """One event; ``subject`` names the arguments that say what it is about."""

    name: str
    arguments: tuple[Argument, ...]
    kind: str
    subject: tuple[str, ...]
    fields: tuple[Field, ...]

    @property
    def topic(self) -> str:
        """Its ``topic0``."""
        return topic(f"{self.name}({','.join(a.kind for a in self.arguments)})")


def _event(declaration: str, kind: str, subject: str, *fields: Field) -> ConfigEvent:
    name, _, rest = declaration.rstrip(")").partition("(")
    arguments = []
    for part in rest.split(", "):
        type_, _, argument = part.partition(" ")
        arguments.append(Argument(type_.rstrip("*"), argument, type_.endswith("*")))
    return ConfigEvent(name, tuple(arguments), kind, tuple(subject.split()), fields)


def _flag(event: str, parameter: str) -> ConfigEvent:
    return _event(f"{event}(address* asset, bool on)", RESERVE, "asset", Field(parameter, "on"))


def _step(event: str, parameter: str, type_: str = "uint256") -> ConfigEvent:
    declaration = f"{event}(address* asset, {type_} old, {type_} new)"
    return _event(declaration, RESERVE, "asset", Field(parameter, "new", "old"))


def _member(event: str, parameter: str) -> ConfigEvent:
    declaration = f"{event}(address* asset, uint8 category, bool on)"
    return _event(declaration, EMODE_ASSET, "category asset", Field(parameter, "on"))


def _upgrade(event: str, parameter: str) -> ConfigEvent:
    declaration = f"{event}(address* asset, address* proxy, address* implementation)"
    return _event(declaration, RESERVE, "asset", Field(parameter, "implementation"))


def _moved(event: str, parameter: str) -> ConfigEvent:
    return _event(f"{event}(address* old, address* new)", MARKET, "", Field(parameter, "new", "old"))


def _fee(event: str, parameter: str, type_: str) -> ConfigEvent:
    return _event(f"{event}({type_} old, {type_} new)", MARKET, "", Field(parameter, "new", "old"))


_CONFIGURATOR = (
    _event(
        "ReserveInitialized(address* asset, address* a, address stable, address debt, address strategy)",
        RESERVE,
        "asset",
        Field("listed", new_text="true", old_text="false"),
        Field("a_token", "a"),
        Field("debt_token", "debt"),
        Field("rate_strategy", "strategy"),
    ),
    _event(
        "ReserveDropped(address* asset)",
        RESERVE,
        "asset",
        Field("listed", new_text="false", old_text="true"),
    ),
    _event(
        "CollateralConfigurationChanged(address* asset, uint256 ltv, uint256 threshold, uint256 bonus)",
        RESERVE,
        "asset",
        Field("ltv_bps", "ltv"),
        Field("liquidation_threshold_bps", "threshold"),
        Field("liquidation_bonus_bps", "bonus"),
    ),
    _event(
        "PendingLtvChanged(address* asset, uint256 ltv)", RESERVE, "asset", Field("pending_ltv_bps", "ltv")
    ),
    _flag("ReserveBorrowing", "borrowing_enabled"),
    _flag("ReserveFlashLoaning", "flash_loan_enabled"),
    _flag("ReserveStableRateBorrowing", "stable_borrowing_enabled"),
    _flag("ReserveActive", "active"),
    _flag("ReserveFrozen", "frozen"),
    _flag("ReservePaused", "paused"),
    _event(
        "BorrowableInIsolationChanged(address asset, bool on)",
        RESERVE,
        "asset",
        Field("borrowable_in_isolation", "on"),
    ),
    _step("SiloedBorrowingChanged", "siloed_borrowing", "bool"),
    _step("ReserveFactorChanged", "reserve_factor_bps"),
    _step("SupplyCapChanged", "supply_cap_tokens"),
    _step("BorrowCapChanged", "borrow_cap_tokens"),
    _step("DebtCeilingChanged", "debt_ceiling_usd_cents"),
    _step("UnbackedMintCapChanged", "unbacked_mint_cap_tokens"),
    _step("LiquidationProtocolFeeChanged", "liquidation_protocol_fee_bps"),
    _step("ReserveInterestRateStrategyChanged", "rate_strategy", "address"),
    _step("EModeAssetCategoryChanged", "emode_category", "uint8"),
    _event(
        "LiquidationGracePeriodChanged(address* asset, uint40 until)",
        RESERVE,
        "asset",
        Field("liquidation_grace_until_s", "until"),
    ),
    _event(
        "LiquidationGracePeriodDisabled(address* asset)",
        RESERVE,
        "asset",
        Field("liquidation_grace_until_s", new_text="0"),
    ),
    # InterestRateData is four static words, so the bytes decode as four arguments would.
    _event(
        "ReserveInterestRateDataChanged(address* asset, address* strategy, bytes data)",
        RESERVE,
        "asset",
        Field("rate_optimal_bps", "data.0"),
        Field("rate_base_bps", "data.1"),
        Field("rate_slope1_bps", "data.2"),
        Field("rate_slope2_bps", "data.3"),
    ),
    _upgrade("ATokenUpgraded", "a_token_implementation"),
    _upgrade("StableDebtTokenUpgraded", "stable_debt_token_implementation"),
    _upgrade("VariableDebtTokenUpgraded", "debt_token_implementation"),
    _event(
        "EModeCategoryAdded(uint8* category, uint256 ltv, uint256 threshold, uint256 bonus, "
        "address oracle, string label)",
        EMODE,
        "category",
        Field("ltv_bps", "ltv"),
        Field("liquidation_threshold_bps", "threshold"),
        Field("liquidation_bonus_bps", "bonus"),
        Field("price_source", "oracle"),
        Field("label", "label"),
    ),
    _event(
        "EModeCategoryIsolationChanged(uint8* category, bool on)", EMODE, "category", Field("isolated", "on")
    ),
    _member("AssetCollateralInEModeChanged", "collateral"),
    _member("AssetBorrowableInEModeChanged", "borrowable"),
    _member("AssetLtvzeroInEModeChanged", "ltvzero"),
    _fee("BridgeProtocolFeeUpdated", "bridge_protocol_fee_bps", "uint256"),
    _fee("FlashloanPremiumTotalUpdated", "flash_loan_premium_bps", "uint128"),
    _fee("FlashloanPremiumToProtocolUpdated", "flash_loan_premium_to_protocol_bps", "uint128"),
)
_ORACLE = (
    _event(
        "AssetSourceUpdated(address* asset, address* source)",
        RESERVE,
        "asset",
        Field("feed_source", "source"),
    ),
    _event(
        "BaseCurrencySet(address* currency, uint256 unit)",
        MARKET,
        "",
        Field("base_currency", "currency"),
        Field("base_currency_unit", "unit"),
    ),
    _event("FallbackOracleUpdated(address* oracle)", MARKET, "", Field("fallback_oracle", "oracle")),
)
_PROVIDER = (
    _moved("PoolUpdated", "pool_implementation"),
    _moved("PoolConfiguratorUpdated", "configurator_implementation"),
    _moved("PriceOracleUpdated", "price_oracle"),
    _moved("PriceOracleSentinelUpdated", "price_oracle_sentinel"),
    _moved("PoolDataProviderUpdated", "pool_data_provider"),
    _moved("ACLManagerUpdated", "acl_manager"),
    _moved("ACLAdminUpdated", "acl_admin"),
    _moved("OwnershipTransferred", "owner"),
    # An indexed string is on the chain as its hash only.
    _event("MarketIdSet(string* old, string* new)", MARKET, "", Field("market_id_keccak", "new", "old")),
    _event(
        "AddressSet(bytes32* id, address* old, address* new)", MARKET, "id", Field("address", "new", "old")
    ),
    _event(
        "AddressSetAsProxy(bytes32* id, address* proxy, address old, address* new)",
        MARKET,
        "id",
        Field("implementation", "new", "old"),
    ),
    _event(
        "ProxyCreated(bytes32* id, address* proxy, address* implementation)",
        MARKET,
        "id",
        Field("proxy", "proxy"),
    ),
)
_ACCESS = (
    _event(
        "RoleGranted(bytes32* role, address* account, address* by)",
        ROLE,
        "role account",
        Field("granted", new_text="true", old_text="false"),
    ),
    _event(
        "RoleRevoked(bytes32* role, address* account, address* by)",
        ROLE,
        "role account",
        Field("granted", new_text="false", old_text="true"),
    ),
    _event(
        "RoleAdminChanged(bytes32* role, bytes32* old, bytes32* new)",
        ROLE,
        "role",
        Field("admin", "new", "old"),
    ),
)
_PROXY = (
    _event(
        "Upgraded(address* implementation)",
        MARKET,
        "",
        Field("configurator_implementation", "implementation"),
    ),
)

EVENTS = MappingProxyType({e.topic: e for e in (*_CONFIGURATOR, *_ORACLE, *_PROVIDER, *_ACCESS, *_PROXY)})
ROLES = (
    "POOL_ADMIN",
    "EMERGENCY_ADMIN",
    "RISK_ADMIN",
    "FLASH_BORROWER",
    "BRIDGE",
    "ASSET_LISTING_ADMIN",
)
