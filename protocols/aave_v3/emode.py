"""Which parameters a collateral has for one account: its own or those of the account's category.

Until v3.1 a reserve names its one category; from v3.2 a category lists its reserves.
References: GenericLogic.sol, EModeLogic.sol, ValidationLogic.sol ``getUserReserveLtv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from protocols.aave_v3.versions import since
from protocols.snapshot import EMode


class BaseParameters(Protocol):
    """What a reserve says about itself: a `Reserve` or a `ReserveConfiguration`."""

    @property
    def ltv_bps(self) -> int:
        """Loan-to-value outside any category."""

    @property
    def liquidation_threshold_bps(self) -> int:
        """Liquidation threshold outside any category."""

    @property
    def liquidation_bonus_bps(self) -> int:
        """Liquidation bonus including 10000 outside any category."""

    @property
    def emode_category(self) -> int:
        """The reserve's category until v3.1, 0 = none."""


@dataclass(frozen=True, slots=True)
class EffectiveParameters:
    """LTV, liquidation threshold and bonus (including 10000) in force for one account, bps."""

    ltv_bps: int
    threshold_bps: int
    bonus_bps: int


def in_category(reserve: BaseParameters, index: int, category: EMode | None, version: str) -> bool:
    """Return whether reserve ``index`` takes its collateral parameters from the account's category.

    ``category`` is None for an account outside every category; ``index`` is the reserve's
    place in the snapshot, as in `EMode.collateral`.
    """
    if category is None:
        return False
    if since(version, "3.2"):
        return index in category.collateral
    return reserve.emode_category == category.id


def effective(
    reserve: BaseParameters, index: int, category: EMode | None, version: str
) -> EffectiveParameters:
    """Return the collateral parameters of reserve ``index`` for an account in ``category``.

    Parameters
    ----------
    reserve
        The reserve's own parameters.
    index : int
        Its place in the snapshot's reserves.
    category : EMode or None
        The account's category.
    version : str
        Release of the pool.

    Raises
    ------
    UnsupportedVersion
        If the release is not known.
    """
    inside = in_category(reserve, index, category, version)
    ltv_bps = _ltv_bps(reserve, index, category, inside, version)
    if category is not None and inside:
        return EffectiveParameters(
            ltv_bps, category.liquidation_threshold_bps, category.liquidation_bonus_bps
        )
    return EffectiveParameters(ltv_bps, reserve.liquidation_threshold_bps, reserve.liquidation_bonus_bps)


def _ltv_bps(reserve: BaseParameters, index: int, category: EMode | None, inside: bool, version: str) -> int:
    if category is None:
        return reserve.ltv_bps
    if not since(version, "3.6"):
        # A base LTV of 0 wins over the category's until v3.5.
        return category.ltv_bps if inside and reserve.ltv_bps else reserve.ltv_bps
    if inside:
        return 0 if index in category.ltvzero else category.ltv_bps
    return 0 if category.isolated and since(version, "3.7") else reserve.ltv_bps


def backs_debt(reserve: BaseParameters, enabled: bool, version: str) -> bool:
    """Return whether a supplied reserve backs the account's debt (`CollateralLeg.counted`).

    ``enabled`` is the account's collateral bit.  Until v3.5 a reserve whose own threshold is
    0 gives nothing, not even inside a category.
    """
    return enabled and (since(version, "3.6") or reserve.liquidation_threshold_bps != 0)


def price_emode(reserve: BaseParameters, category: EMode | None, version: str) -> int:
    """Return the category at whose price a reserve is valued for an account in it, 0 = its own price.

    Until v3.1 a category may name an entry of the oracle whose price replaces that of its
    members, as collateral and as debt (GenericLogic.sol ``eModeAssetPrice``).
    """
    if category is None or not _has_price(category, version):
        return 0
    return category.id if reserve.emode_category == category.id else 0


def call_price_emode(category: EMode | None, version: str) -> int:
    """Return the category at whose price a call counts any repayment for an account in it, 0 = none.

    LiquidationLogic.sol ``_getConfigurationData`` takes every debt of such an account for a
    member; one that has left the category since is valued at its own price and repaid at this.
    """
    return category.id if category is not None and _has_price(category, version) else 0


def _has_price(category: EMode, version: str) -> bool:
    return category.price_raw != 0 and not since(version, "3.2")
