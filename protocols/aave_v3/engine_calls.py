"""Updates as Aave's config engine and its risk stewards take them: lists of records, most fields kept.

A bonus leaves out the 100 % here, a debt ceiling counts whole dollars, and ``KEEP_CURRENT`` leaves a
field as it is.  The steward's functions take the same records and refuse more.
References: aave-v3-origin v3-config-engine (IAaveV3ConfigEngine.sol, EngineFlags.sol and libraries),
aave-v3-risk-stewards IRiskSteward.sol and RiskSteward.sol.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from abis.errors import InputError
from protocols.aave_v3.versions import since
from protocols.payload_calls import (
    KEEP_CURRENT,
    KEEP_CURRENT_ADDRESS,
    KEEP_CURRENT_STRING,
    KEPT,
    PayloadCall,
    Route,
    Setting,
    SettingKind,
)

_HUNDRED_PERCENT_BPS = 10_000
_KEEP = MappingProxyType(
    {"uint256": KEEP_CURRENT, "string": KEEP_CURRENT_STRING, "address": KEEP_CURRENT_ADDRESS}
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: what it sets, and how the engine writes it.

    Parameters
    ----------
    name : str
        As the contract names it.
    parameter : str
        As the snapshot names it.
    type : str
        ABI type.
    offset, scale : int
        The chain stores ``value * scale + offset``.
    is_flag : bool
        Whether 0 and 1 are false and true.
    """

    name: str
    parameter: str
    type: str = "uint256"
    offset: int = 0
    scale: int = 1
    is_flag: bool = False

    def written(self, value: int | bool | str) -> Any:
        """Return a stored value as the record holds it.

        Raises
        ------
        InputError
            If the engine cannot write it.
        """
        if isinstance(value, str) or self.type != "uint256":
            return value
        number = int(value) - self.offset
        if number < 0 or number % self.scale:
            raise InputError(
                f"the config engine cannot set {self.parameter} to {value}.",
                remedy="Send it to the configurator directly.",
            )
        return number // self.scale

    def stored(self, value: int | str) -> int | bool | str:
        """Return a record's value as the chain stores it."""
        if self.is_flag:
            return bool(value)
        if isinstance(value, str) or self.type != "uint256":
            return value
        return int(value) * self.scale + self.offset


@dataclass(frozen=True, slots=True)
class Update:
    """One kind of record.

    Parameters
    ----------
    engine, steward : str
        Name of the function that takes a list of them; empty where there is none.
    kind : SettingKind
    fields : tuple of Field
        Those after what the record is about.
    first, last : str
        Releases whose contracts take this shape; empty for every later one.
    nested : bool
        Whether the fields stand in a record of their own.
    """

    engine: str
    steward: str
    kind: SettingKind
    fields: tuple[Field, ...]
    first: str = "3.0"
    last: str = ""
    nested: bool = False

    def signature(self, name: str) -> str:
        """Return the signature of the function ``name``."""
        inner = ",".join(f.type for f in self.fields)
        inner = f"({inner})" if self.nested else inner
        return f"{name}(({','.join((*self._subject_types, inner))})[])"

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the contract calls the parts of a record."""
        subject = {
            SettingKind.EMODE: ("eModeCategory",),
            SettingKind.EMODE_ASSET: ("asset", "eModeCategory"),
            SettingKind.FEED: ("oracle",),
        }
        return (*subject.get(self.kind, ("asset",)), *(f.name for f in self.fields))

    @property
    def _subject_types(self) -> tuple[str, ...]:
        types = {SettingKind.EMODE: ("uint8",), SettingKind.EMODE_ASSET: ("address", "uint8")}
        return types.get(self.kind, ("address",))

    def fits(self, version: str) -> bool:
        """Return whether contracts of a release take this shape."""
        return since(version, self.first) and (not self.last or since(self.last, version))

    def read(self, record: Sequence[Any]) -> Iterator[Setting]:
        """Yield what one record sets; what it keeps is left out."""
        size = len(self._subject_types)
        head, values = record[:size], record[size:]
        values = values[0] if self.nested else values
        subject = f"{head[1]}:{head[0]}" if self.kind is SettingKind.EMODE_ASSET else str(head[0])
        for field, value in zip(self.fields, values, strict=True):
            if value not in KEPT:
                yield Setting(self.kind, subject, field.parameter, field.stored(value))

    def write(self, subject: str, given: dict[str, int | bool | str]) -> tuple[Any, ...]:
        """Return the record that sets ``given`` and keeps the rest."""
        values = tuple(
            f.written(given[f.parameter]) if f.parameter in given else _KEEP[f.type] for f in self.fields
        )
        body = (values,) if self.nested else values
        if self.kind is SettingKind.EMODE:
            return (int(subject), *body)
        if self.kind is SettingKind.EMODE_ASSET:
            category, _, asset = subject.partition(":")
            return (asset, int(category), *body)
        return (subject, *body)


def _flag(name: str, parameter: str) -> Field:
    return Field(name, parameter, is_flag=True)


_LTV = Field("ltv", "ltv_bps")
_THRESHOLD = Field("liqThreshold", "liquidation_threshold_bps")
_BONUS = Field("liqBonus", "liquidation_bonus_bps", offset=_HUNDRED_PERCENT_BPS)
_FIGURES = (_LTV, _THRESHOLD, _BONUS)
_CEILING = Field("debtCeiling", "debt_ceiling_usd_cents", scale=100)
_FEE = Field("liqProtocolFee", "liquidation_protocol_fee_bps")
_LABEL = Field("label", "label", "string")
_SOURCE = Field("priceSource", "price_source", "address")
_FACTOR = Field("reserveFactor", "reserve_factor_bps")
_ENABLED = _flag("enabledToBorrow", "borrowing_enabled")
_FLASH = _flag("flashloanable", "flash_loan_enabled")
_ISOLATION = _flag("borrowableInIsolation", "borrowable_in_isolation")
_SILOED = _flag("withSiloedBorrowing", "siloed_borrowing")
_IN = (_flag("borrowable", "borrowable"), _flag("collateral", "collateral"))
_RATES = (
    Field("optimalUsageRatio", "rate_optimal_bps"),
    Field("baseVariableBorrowRate", "rate_base_bps"),
    Field("variableRateSlope1", "rate_slope1_bps"),
    Field("variableRateSlope2", "rate_slope2_bps"),
)
_R, _E, _M, _F = SettingKind.RESERVE, SettingKind.EMODE, SettingKind.EMODE_ASSET, SettingKind.FEED
_CATEGORIES, _COLLATERALS, _BORROWS = "updateEModeCategories", "updateCollateralSide", "updateBorrowSide"
_MEMBERS, _CAPS = "updateAssetsEMode", "updateCaps"

# In the order AaveV3Payload.sol executes them; a steward has no e-mode function before v3.2.
UPDATES = (
    Update(_CATEGORIES, "", _E, (*_FIGURES, _SOURCE, _LABEL), "3.0", "3.1"),
    Update(_CATEGORIES, _CATEGORIES, _E, (*_FIGURES, _LABEL), "3.2", "3.6"),
    Update(_CATEGORIES, _CATEGORIES, _E, (*_FIGURES, _LABEL, _flag("isolated", "isolated")), "3.7"),
    Update(_MEMBERS, "", _M, _IN, "3.2", "3.5"),
    Update(_MEMBERS, "", _M, (*_IN, _flag("ltvzero", "ltvzero")), "3.6"),
    Update(
        _BORROWS,
        "",
        _R,
        (
            *(_ENABLED, _FLASH, _flag("stableRateModeEnabled", "stable_borrowing_enabled")),
            *(_ISOLATION, _SILOED, _FACTOR),
        ),
        "3.0",
        "3.1",
    ),
    Update(_BORROWS, "", _R, (_ENABLED, _FLASH, _ISOLATION, _SILOED, _FACTOR), "3.2", "3.6"),
    Update(_BORROWS, "", _R, (_ENABLED, _FLASH, _FACTOR), "3.7"),
    Update(_COLLATERALS, _COLLATERALS, _R, (*_FIGURES, _CEILING, _FEE), "3.0", "3.6"),
    Update(_COLLATERALS, _COLLATERALS, _R, (*_FIGURES, _FEE), "3.7"),
    Update("updateRateStrategies", "updateRates", _R, _RATES, "3.1", nested=True),
    Update("updatePriceFeeds", "", _R, (Field("priceFeed", "feed_source", "address"),)),
    Update(
        _CAPS, _CAPS, _R, (Field("supplyCap", "supply_cap_tokens"), Field("borrowCap", "borrow_cap_tokens"))
    ),
    Update("", "updateStablePriceCaps", _F, (Field("priceCap", "price_cap_raw"),)),
    Update("", "updatePendleDiscountRates", _F, (Field("discountRate", "discount_rate_wad"),)),
    Update(
        "",
        "updateLstPriceCaps",
        _F,
        (
            Field("snapshotRatio", "snapshot_ratio_raw", "uint104"),
            Field("snapshotTimestamp", "snapshot_at_s", "uint48"),
            Field("maxYearlyRatioGrowthPercent", "growth_bps", "uint16"),
        ),
        nested=True,
    ),
)


def calls(route: Route, version: str, settings: Sequence[Setting]) -> tuple[PayloadCall, ...]:
    """Return the updates that make ``settings``: one call for each kind of record.

    Parameters
    ----------
    route : Route
        ``ENGINE`` or ``STEWARD``.
    version : str
        Release of the market.
    settings : sequence of Setting

    Raises
    ------
    InputError
        If the contract has no update for a setting, or refuses or skips its value.
    """
    waiting = list(settings)
    made = []
    for update in UPDATES:
        name = update.steward if route is Route.STEWARD else update.engine
        if not name or not update.fits(version):
            continue
        known = {f.parameter for f in update.fields}
        own = [s for s in waiting if s.kind is update.kind and s.parameter in known]
        waiting = [s for s in waiting if s not in own]
        if own:
            made.append(_call(update, name, own))
    if waiting:
        first = waiting[0]
        raise InputError(
            f"the {route} of release {version} has no update for {first.parameter} of {first.subject}.",
            remedy="Send it to the configurator directly.",
        )
    for setting in settings:
        _refuse(route, setting)
    return tuple(made)


def _call(update: Update, name: str, settings: Sequence[Setting]) -> PayloadCall:
    given: dict[str, dict[str, int | bool | str]] = {}
    for setting in settings:
        given.setdefault(setting.subject, {})[setting.parameter] = setting.value
    records = tuple(update.write(subject, values) for subject, values in given.items())
    return PayloadCall(update.signature(name), (records,), update.names)


# RiskSteward.sol: InvalidUpdateToZero; ParamChangeNotAllowed.
_CAP_PARAMETERS = ("supply_cap_tokens", "borrow_cap_tokens", "debt_ceiling_usd_cents")
_NEVER_ZERO_FOR_STEWARDS = frozenset({"ltv_bps", "liquidation_threshold_bps", *_CAP_PARAMETERS})
_NOT_FOR_STEWARDS = frozenset({"liquidation_protocol_fee_bps", "label", "isolated"})


def _refuse(route: Route, setting: Setting) -> None:
    """Refuse what the contracts refuse, or pass over without a word."""
    parameter, value = setting.parameter, setting.value
    reason = ""
    if route is Route.STEWARD and parameter in _NOT_FOR_STEWARDS:
        reason = f"a steward may not set {parameter}"
    elif route is Route.STEWARD and parameter in _NEVER_ZERO_FOR_STEWARDS and value == 0:
        reason = f"a steward may not set {parameter} to 0"
    elif route is Route.STEWARD and parameter == _BONUS.parameter and value == _HUNDRED_PERCENT_BPS:
        reason = "a steward may not set a bonus of 0"
    elif setting.kind is SettingKind.RESERVE and parameter == _THRESHOLD.parameter and value == 0:
        reason = "the config engine passes over a record with a threshold of 0"
    elif parameter == _FEE.parameter and int(value) >= _HUNDRED_PERCENT_BPS:
        reason = "the config engine wants a protocol fee below 100 %"
    elif parameter == _FACTOR.parameter and value == 0:
        reason = "the config engine wants a reserve factor above 0"
    if reason:
        raise InputError(f"{reason} ({setting.subject}).", remedy="Send it to the configurator directly.")


def skipped(update: Update, record: Sequence[Any]) -> bool:
    """Return whether the engine passes over a record: its collateral side does at a threshold of 0."""
    return update.engine == _COLLATERALS and record[2] == 0
