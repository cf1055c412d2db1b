"""Exact value, borrowing power and health factor of an account, Aave v2 to v3.7.

Beside the contract: GenericLogic.sol.  What differs between releases is chosen by the
`LiquidationRules` record, never by a name.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from abis.units import (
    MAX_UINT256,
    mul_div_down,
    mul_div_half_up,
    mul_div_up,
    percent_mul_down,
    percent_mul_half_up,
    percent_mul_up,
    wad_div_half_up,
)
from protocols.liquidation_rules import HealthFormula, LiquidationRules, Rounding
from protocols.position import AccountData, CollateralLeg, DebtLeg, Position

_MUL_DIV: MappingProxyType[Rounding, Callable[[int, int, int], int]] = MappingProxyType(
    {Rounding.DOWN: mul_div_down, Rounding.UP: mul_div_up, Rounding.HALF_UP: mul_div_half_up}
)
_PERCENT_MUL: MappingProxyType[Rounding, Callable[[int, int], int]] = MappingProxyType(
    {Rounding.DOWN: percent_mul_down, Rounding.UP: percent_mul_up, Rounding.HALF_UP: percent_mul_half_up}
)


def collateral_base_down(leg: CollateralLeg, amount_raw: int) -> int:
    """Return the value of ``amount_raw`` of the leg's asset, base-currency units, rounded down."""
    return mul_div_down(amount_raw, leg.price_raw, leg.unit_raw)


def debt_base(leg: DebtLeg, amount_raw: int, rules: LiquidationRules) -> int:
    """Return the value of ``amount_raw`` of the leg's asset, base-currency units, rounded by ``rules``."""
    return _MUL_DIV[rules.debt_value_rounding](amount_raw, leg.price_raw, leg.unit_raw)


def is_counted(leg: CollateralLeg, rules: LiquidationRules) -> bool:
    """Return whether a leg enters the collateral sum and may be seized."""
    return leg.counted and (rules.counts_zero_threshold or leg.threshold_bps != 0)


def account_data(position: Position, rules: LiquidationRules) -> AccountData:
    """Return the six values of ``getUserAccountData``.

    Every item is rounded by itself and then summed.  With C the collateral, D the debt, c
    and LT value and threshold of an item::

        truncated average  HF = wad_div(percent_mul(C, floor(sum(c LT) / C)), D)
        full precision     HF = floor(wad_div(sum(c LT), D) / 10000)

    Parameters
    ----------
    position : Position
        Balances accrued to the time asked about, prices and effective parameters.
    rules : LiquidationRules
        The market's rules.

    Returns
    -------
    AccountData
        Base-currency units, bps and wad; the health factor without debt is 2**256 - 1.

    References
    ----------
    GenericLogic.sol, ``calculateUserAccountData`` and ``calculateAvailableBorrows``.
    """
    counted = [
        (collateral_base_down(leg, leg.balance_raw), leg)
        for leg in position.collateral
        if is_counted(leg, rules)
    ]
    collateral_base = sum(value for value, _ in counted)
    weighted = sum(value * leg.threshold_bps for value, leg in counted)
    debt = sum(debt_base(leg, leg.balance_raw, rules) for leg in position.debt)
    threshold_bps = weighted // collateral_base if collateral_base else 0
    lent = sum(value * leg.ltv_bps for value, leg in counted)
    ltv_bps = lent // collateral_base if collateral_base else 0
    return AccountData(
        total_collateral_base=collateral_base,
        total_debt_base=debt,
        available_borrows_base=_available_borrows_base(collateral_base, debt, ltv_bps, rules),
        current_liquidation_threshold=threshold_bps,
        ltv=ltv_bps,
        health_factor=_health_factor_wad(collateral_base, weighted, threshold_bps, debt, rules),
    )


def _health_factor_wad(
    collateral_base: int, weighted: int, threshold_bps: int, debt: int, rules: LiquidationRules
) -> int:
    if debt == 0:
        return MAX_UINT256
    if rules.health_formula is HealthFormula.FULL_PRECISION:
        return wad_div_half_up(weighted, debt) // 10_000
    return wad_div_half_up(percent_mul_half_up(collateral_base, threshold_bps), debt)


def _available_borrows_base(collateral_base: int, debt: int, ltv_bps: int, rules: LiquidationRules) -> int:
    limit = _PERCENT_MUL[rules.borrow_limit_rounding](collateral_base, ltv_bps)
    return max(limit - debt, 0)
