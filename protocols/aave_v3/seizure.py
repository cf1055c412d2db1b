"""How much one liquidation call repays and takes, in exact integers, Aave v2 to v3.7.

Beside the contract: the close factor, ``_calculateAvailableCollateralToLiquidate`` and the
dust rule of LiquidationLogic.sol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

from abis.units import (
    mul_div_down,
    percent_div_down,
    percent_div_half_up,
    percent_div_up,
    percent_mul_down,
    percent_mul_half_up,
    percent_mul_up,
)
from protocols.aave_v3.accrual import burned_scaled
from protocols.aave_v3.health import collateral_base_down, debt_base
from protocols.liquidation_rules import LiquidationRules, SeizureRounding, SizingRule
from protocols.position import AccountData, CollateralLeg, DebtLeg


@dataclass(frozen=True, slots=True)
class Seizure:
    """What a call takes: collateral including the fee, the debt it repays, the treasury's fee."""

    collateral_raw: int
    debt_raw: int
    fee_raw: int


@dataclass(frozen=True, slots=True)
class _Percent:
    """The four percentage operations of a seizure, each with its rounding."""

    add_bonus: Callable[[int, int], int]
    debt_needed: Callable[[int, int], int]
    strip_bonus: Callable[[int, int], int]
    fee: Callable[[int, int], int]


_HALF_UP = _Percent(percent_mul_half_up, percent_div_half_up, percent_div_half_up, percent_mul_half_up)
_SEIZURE: MappingProxyType[SeizureRounding, _Percent] = MappingProxyType(
    {
        SeizureRounding.BONUS_BEFORE_DIVISION: _HALF_UP,
        SeizureRounding.HALF_UP: _HALF_UP,
        SeizureRounding.DEBT_NEEDED_UP: replace(_HALF_UP, debt_needed=percent_div_up),
        SeizureRounding.DIRECTED: _Percent(
            percent_mul_down, percent_div_up, percent_div_down, percent_mul_up
        ),
    }
)


def max_liquidatable_debt_raw(
    data: AccountData, collateral: CollateralLeg, debt: DebtLeg, rules: LiquidationRules
) -> int:
    """Return the most one call may repay of ``debt`` (the close factor), smallest units.

    References
    ----------
    LiquidationLogic.sol, ``executeLiquidationCall`` (v3.3 on) and ``_calculateDebt`` (before).
    """
    owed = debt.balance_raw
    near_one = data.health_factor > rules.full_close_below_wad
    if rules.sizing is SizingRule.HALF_OF_RESERVE:
        return percent_mul_half_up(owed, rules.close_factor_bps)
    if rules.sizing is SizingRule.HALF_OR_FULL_OF_RESERVE:
        return percent_mul_half_up(owed, rules.close_factor_bps) if near_one else owed
    owed_base = debt_base(debt, owed, rules)
    held_base = collateral_base_down(collateral, collateral.balance_raw)
    if not (near_one and min(owed_base, held_base) >= rules.min_full_close_base_raw):
        return owed
    limit_base = percent_mul_half_up(data.total_debt_base, rules.close_factor_bps)
    if owed_base <= limit_base:
        return owed
    return mul_div_down(limit_base, debt.unit_raw, debt.price_raw)


def available_collateral(
    collateral: CollateralLeg, debt: DebtLeg, cover_raw: int, rules: LiquidationRules
) -> Seizure:
    """Return what repaying ``cover_raw`` seizes, and the smaller repayment if collateral runs out.

    Both prices and the bonus must be positive.

    References
    ----------
    LiquidationLogic.sol, ``_calculateAvailableCollateralToLiquidate``; protocol-v2
    LendingPoolCollateralManager.sol, which adds the bonus before it divides.
    """
    percent = _SEIZURE[rules.seizure_rounding]
    bonus_bps = collateral.bonus_bps
    debt_value = debt.price_in_call_raw * cover_raw * collateral.unit_raw
    per_collateral = collateral.price_raw * debt.unit_raw
    if rules.seizure_rounding is SeizureRounding.BONUS_BEFORE_DIVISION:
        wanted_raw = percent.add_bonus(debt_value, bonus_bps) // per_collateral
    else:
        wanted_raw = percent.add_bonus(debt_value // per_collateral, bonus_bps)
    seized_raw, repaid_raw = wanted_raw, cover_raw
    if wanted_raw > collateral.balance_raw:
        seized_raw = collateral.balance_raw
        worth_raw = mul_div_down(
            collateral.price_raw * seized_raw, debt.unit_raw, debt.price_in_call_raw * collateral.unit_raw
        )
        # Never above cover_raw: what it bought exceeds the balance by a whole unit or half of one.
        repaid_raw = percent.debt_needed(worth_raw, bonus_bps)
    fee_raw = 0
    if rules.has_protocol_fee and collateral.protocol_fee_bps:
        bonus_raw = seized_raw - percent.strip_bonus(seized_raw, bonus_bps)
        fee_raw = percent.fee(bonus_raw, collateral.protocol_fee_bps)
    return Seizure(seized_raw, repaid_raw, fee_raw)


def leaves_dust(collateral: CollateralLeg, debt: DebtLeg, seizure: Seizure, rules: LiquidationRules) -> bool:
    """Return whether a partial call would leave too little on either side (``MustNotLeaveDust``)."""
    debt_left_raw = debt.balance_raw - seizure.debt_raw
    collateral_left_raw = collateral.balance_raw - seizure.collateral_raw
    if debt_left_raw == 0 or collateral_left_raw == 0:
        return False
    left_base = min(
        debt_base(debt, debt_left_raw, rules), collateral_base_down(collateral, collateral_left_raw)
    )
    return left_base < rules.min_leftover_base_raw


def consumed_scaled(leg: CollateralLeg, seizure: Seizure, rules: LiquidationRules) -> int:
    """Return the scaled amount a seizure takes from the borrower.

    The liquidator's and the treasury's part are rounded apart, so together they may take a
    unit more than the whole; the treasury's part gives way.
    """
    rounding = rules.supply_balance_rounding
    to_liquidator = burned_scaled(seizure.collateral_raw - seizure.fee_raw, leg.index_ray, rounding)
    to_treasury = burned_scaled(seizure.fee_raw, leg.index_ray, rounding)
    return min(to_liquidator + to_treasury, burned_scaled(leg.balance_raw, leg.index_ray, rounding))
