"""Calls of PoolConfigurator and AaveOracle: from settings to calls, and what calls set.

Values are those the chain stores: a bonus includes 10000, caps are whole tokens.
References: IPoolConfigurator.sol (aave-v3-core 1.19 and aave-v3-origin up to 3.7), AaveOracle.sol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from abis.errors import InputError
from protocols.aave_v3.addresses import ZERO
from protocols.aave_v3.versions import since
from protocols.payload_calls import PayloadCall, Route, Setting, SettingKind, arguments_of
from protocols.snapshot import EMode, Reserve, Snapshot

COLLATERAL = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
# The price source left with v3.2, the isolation flag came with v3.7.
CATEGORY_UNTIL_31 = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
CATEGORY_UNTIL_36 = "setEModeCategory(uint8,uint16,uint16,uint16,string)"
CATEGORY_SINCE_37 = "setEModeCategory(uint8,uint16,uint16,uint16,string,bool)"
RATES = "setReserveInterestRateData(address,bytes)"
TRIPLE = ("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps")
RATE_PARAMETERS = ("rate_optimal_bps", "rate_base_bps", "rate_slope1_bps", "rate_slope2_bps")
_RATE_TYPES = "f(uint16,uint32,uint32,uint32)"  # DefaultReserveInterestRateStrategyV2.sol InterestRateData
_FIGURES = ("ltv", "liquidationThreshold", "liquidationBonus")

# One asset and one value: signature -> parameter, in the order they are sent.
SINGLES = MappingProxyType(
    {
        "setSupplyCap(address,uint256)": "supply_cap_tokens",
        "setBorrowCap(address,uint256)": "borrow_cap_tokens",
        "setReserveFactor(address,uint256)": "reserve_factor_bps",
        "setLiquidationProtocolFee(address,uint256)": "liquidation_protocol_fee_bps",
        "setDebtCeiling(address,uint256)": "debt_ceiling_usd_cents",
        "setUnbackedMintCap(address,uint256)": "unbacked_mint_cap_tokens",
        "setReserveBorrowing(address,bool)": "borrowing_enabled",
        "setReserveStableRateBorrowing(address,bool)": "stable_borrowing_enabled",
        "setReserveFlashLoaning(address,bool)": "flash_loan_enabled",
        "setReserveActive(address,bool)": "active",
        "setReserveFreeze(address,bool)": "frozen",
        "setReservePause(address,bool)": "paused",
        "setReserveLtvzero(address,bool)": "ltvzero",
        "setBorrowableInIsolation(address,bool)": "borrowable_in_isolation",
        "setSiloedBorrowing(address,bool)": "siloed_borrowing",
        "setAssetEModeCategory(address,uint8)": "emode_category",
        "setReserveInterestRateStrategyAddress(address,address)": "rate_strategy",
    }
)
_BY_PARAMETER = MappingProxyType({parameter: signature for signature, parameter in SINGLES.items()})
_MEMBERS = MappingProxyType(
    {
        "setAssetCollateralInEMode(address,uint8,bool)": "collateral",
        "setAssetBorrowableInEMode(address,uint8,bool)": "borrowable",
        "setAssetLtvzeroInEMode(address,uint8,bool)": "ltvzero",
    }
)


@dataclass(frozen=True, slots=True)
class Function:
    """One function that can be read: its signature, its contract, and what its arguments set."""

    signature: str
    route: Route
    names: tuple[str, ...]
    settings: Callable[[Sequence[Any]], Iterator[Setting]]


def calls(after: Snapshot, settings: Sequence[Setting]) -> tuple[PayloadCall, ...]:
    """Return the calls that make ``settings``, in an order every step of which is valid.

    Until v3.1 a category has to exceed its members, so reserves come before categories.

    Parameters
    ----------
    after : Snapshot
        The market as the settings leave it: some functions set several parameters at once.
    settings : sequence of Setting

    Raises
    ------
    InputError
        If the configurator has no function for a setting.
    """
    triples = [s for s in settings if s.parameter in TRIPLE]
    groups = dict.fromkeys((s.kind, s.subject) for s in triples)
    made = [_collateral(after, subject, triples) for kind, subject in groups if kind is SettingKind.RESERVE]
    made += [_category(after, subject) for kind, subject in groups if kind is SettingKind.EMODE]
    rates = dict.fromkeys(s.subject for s in settings if s.parameter in RATE_PARAMETERS)
    made += [_rates(after, subject, settings) for subject in rates]
    rest = [s for s in settings if s.parameter not in (*TRIPLE, *RATE_PARAMETERS)]
    return (*made, *(_single(s) for s in rest))


def _collateral(after: Snapshot, asset: str, settings: Sequence[Setting]) -> PayloadCall:
    reserve = _reserve(after, asset)
    # The LTV of a frozen reserve is kept for later; the snapshot after shows the one in force.
    given = {s.parameter: s.value for s in settings if s.subject == asset}
    figures = [given.get(name, getattr(reserve, name)) for name in TRIPLE]
    return PayloadCall(COLLATERAL, (asset, *figures), ("asset", *_FIGURES))


def _category(after: Snapshot, subject: str) -> PayloadCall:
    mode = next(m for m in after.emodes if str(m.id) == subject)
    return category_call(mode, after.market.version)


def category_call(mode: EMode, version: str) -> PayloadCall:
    """Return the call that sets a category to what it is."""
    figures = (mode.id, mode.ltv_bps, mode.liquidation_threshold_bps, mode.liquidation_bonus_bps)
    names = ("categoryId", *_FIGURES)
    if not since(version, "3.2"):
        source = mode.price_source or ZERO
        return PayloadCall(CATEGORY_UNTIL_31, (*figures, source, mode.label), (*names, "oracle", "label"))
    if not since(version, "3.7"):
        return PayloadCall(CATEGORY_UNTIL_36, (*figures, mode.label), (*names, "label"))
    return PayloadCall(
        CATEGORY_SINCE_37, (*figures, mode.label, mode.isolated), (*names, "label", "isolated")
    )


def _rates(after: Snapshot, asset: str, settings: Sequence[Setting]) -> PayloadCall:
    from abis.calls import Call, encode

    if not since(after.market.version, "3.1"):
        raise InputError(
            f"a market of release {after.market.version} has one contract per rate curve.",
            remedy="Deploy a strategy and set it; rates alone can be set from release 3.1 on.",
        )
    given = {s.parameter: s.value for s in settings if s.subject == asset}
    missing = [p for p in RATE_PARAMETERS if p not in given]
    if missing:
        raise InputError(f"{', '.join(missing)} of {asset} missing.", remedy="Give all four rate parameters.")
    data = encode(Call("", _RATE_TYPES, tuple(given[p] for p in RATE_PARAMETERS)))[4:]
    return PayloadCall(RATES, (asset, data), ("asset", "rateData"))


def _single(setting: Setting) -> PayloadCall:
    signature = _BY_PARAMETER.get(setting.parameter)
    if signature is None or setting.kind is not SettingKind.RESERVE:
        raise InputError(
            f"the configurator has no call for {setting.parameter} of {setting.subject}.",
            remedy=f"Known: {', '.join((*TRIPLE, *SINGLES.values()))}.",
        )
    return PayloadCall(signature, (setting.subject, setting.value), ("asset", setting.parameter))


def _reserve(after: Snapshot, asset: str) -> Reserve:
    return next(r for r in after.reserves if r.asset == asset)


def _of_single(parameter: str) -> Callable[[Sequence[Any]], Iterator[Setting]]:
    def read(arguments: Sequence[Any]) -> Iterator[Setting]:
        yield Setting(SettingKind.RESERVE, arguments[0], parameter, arguments[1])

    return read


def _of_member(parameter: str) -> Callable[[Sequence[Any]], Iterator[Setting]]:
    def read(arguments: Sequence[Any]) -> Iterator[Setting]:
        asset, category, on = arguments
        yield Setting(SettingKind.EMODE_ASSET, f"{category}:{asset}", parameter, on)

    return read


def _of_collateral(arguments: Sequence[Any]) -> Iterator[Setting]:
    for parameter, value in zip(TRIPLE, arguments[1:], strict=True):
        yield Setting(SettingKind.RESERVE, arguments[0], parameter, value)


def _of_category(*parameters: str) -> Callable[[Sequence[Any]], Iterator[Setting]]:
    def read(arguments: Sequence[Any]) -> Iterator[Setting]:
        for parameter, value in zip((*TRIPLE, *parameters), arguments[1:], strict=True):
            shown = "" if parameter == "price_source" and value == ZERO else value
            yield Setting(SettingKind.EMODE, str(arguments[0]), parameter, shown)

    return read


def _of_rates(arguments: Sequence[Any]) -> Iterator[Setting]:
    for parameter, value in zip(RATE_PARAMETERS, arguments_of(_RATE_TYPES, arguments[1]), strict=True):
        yield Setting(SettingKind.RESERVE, arguments[0], parameter, value)


def _of_pause(arguments: Sequence[Any]) -> Iterator[Setting]:
    yield Setting(SettingKind.RESERVE, arguments[0], "paused", arguments[1])
    yield Setting(SettingKind.RESERVE, arguments[0], "liquidation_grace_s", arguments[2])


def _of_market(parameter: str) -> Callable[[Sequence[Any]], Iterator[Setting]]:
    def read(arguments: Sequence[Any]) -> Iterator[Setting]:
        yield Setting(SettingKind.MARKET, "", parameter, arguments[0])

    return read


def _of_drop(arguments: Sequence[Any]) -> Iterator[Setting]:
    yield Setting(SettingKind.RESERVE, arguments[0], "listed", False)


def _of_sources(arguments: Sequence[Any]) -> Iterator[Setting]:
    for asset, source in zip(arguments[0], arguments[1], strict=True):
        yield Setting(SettingKind.RESERVE, asset, "feed_source", source)


_CONFIGURATOR, _ORACLE = Route.CONFIGURATOR, Route.ORACLE
FUNCTIONS = (
    Function(COLLATERAL, _CONFIGURATOR, ("asset", *_FIGURES), _of_collateral),
    Function(
        CATEGORY_UNTIL_31,
        _CONFIGURATOR,
        ("categoryId", *_FIGURES, "oracle", "label"),
        _of_category("price_source", "label"),
    ),
    Function(CATEGORY_UNTIL_36, _CONFIGURATOR, ("categoryId", *_FIGURES, "label"), _of_category("label")),
    Function(
        CATEGORY_SINCE_37,
        _CONFIGURATOR,
        ("categoryId", *_FIGURES, "label", "isolated"),
        _of_category("label", "isolated"),
    ),
    *(Function(s, _CONFIGURATOR, ("asset", p), _of_single(p)) for s, p in SINGLES.items()),
    *(Function(s, _CONFIGURATOR, ("asset", "categoryId", p), _of_member(p)) for s, p in _MEMBERS.items()),
    Function(RATES, _CONFIGURATOR, ("asset", "rateData"), _of_rates),
    Function(
        "setReservePause(address,bool,uint40)", _CONFIGURATOR, ("asset", "paused", "gracePeriod"), _of_pause
    ),
    Function("setPoolPause(bool)", _CONFIGURATOR, ("paused",), _of_market("paused")),
    Function("dropReserve(address)", _CONFIGURATOR, ("asset",), _of_drop),
    Function("setAssetSources(address[],address[])", _ORACLE, ("assets", "sources"), _of_sources),
    Function("setFallbackOracle(address)", _ORACLE, ("fallbackOracle",), _of_market("fallback_oracle")),
)
