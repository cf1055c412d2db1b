"""What one liquidation call does to an account, in exact integers, Aave v2 to v3.7.

Beside the contract: ``executeLiquidationCall`` of LiquidationLogic.sol and
``validateLiquidationCall`` of ValidationLogic.sol.

Left to the caller, because a position does not hold it: what `eligibility` decides (active,
not paused, past the grace period, the sequencer sentinel), the liquidator's identity, and
whether the reserve has the liquidity to pay the underlying out.  Every debt is taken to be
in an active reserve.
"""

from __future__ import annotations

from dataclasses import replace

from abis.errors import InputError
from protocols.aave_v3.accrual import balance_raw, burned_scaled
from protocols.aave_v3.health import account_data, collateral_base_down, is_counted
from protocols.aave_v3.seizure import (
    Seizure,
    available_collateral,
    consumed_scaled,
    leaves_dust,
    max_liquidatable_debt_raw,
)
from protocols.liquidation_rules import LiquidationRules
from protocols.position import AccountData, CollateralLeg, DebtLeg, LiquidationResult, Position, Refusal


def has_no_collateral_left(
    data: AccountData, leg: CollateralLeg, seizure: Seizure, rules: LiquidationRules
) -> bool:
    """Return whether the account's whole collateral value goes in this call, so that bad debt is burned."""
    if not rules.creates_deficit:
        return False
    taken_raw = seizure.collateral_raw
    if rules.deficit_by_scaled:
        scaled = consumed_scaled(leg, seizure, rules)
        taken_raw = balance_raw(scaled, leg.index_ray, rules.supply_balance_rounding)
    return collateral_base_down(leg, taken_raw) == data.total_collateral_base


def liquidate(
    position: Position,
    collateral: int,
    debt: int,
    amount_raw: int,
    rules: LiquidationRules,
    *,
    in_tokens: bool = False,
) -> LiquidationResult:
    """Return what ``liquidationCall`` does to an account, or why it reverts.

    Parameters
    ----------
    position : Position
        The borrower, accrued to the time of the call.
    collateral, debt : int
        Places of the two legs in the position.
    amount_raw : int
        Debt the liquidator offers to repay, smallest units; 2**256 - 1 for as much as allowed.
    rules : LiquidationRules
        The market's rules.
    in_tokens : bool
        Whether the liquidator takes the market's own tokens (``receiveAToken``): they are
        transferred and not burned, and a transfer may be of nothing.

    Returns
    -------
    LiquidationResult
        With a refusal, zero amounts and the unchanged position if the call reverts.

    Raises
    ------
    InputError
        If a leg does not exist or the amount is negative.

    Notes
    -----
    Tokens store scaled amounts, so what is left differs from ``balance - taken`` by the
    rounding of the index: with each leg's own ``index_ray`` the returned position holds the
    balances the chain will report, with the default of one ray plain differences.  The test
    for "nothing left" of v3.7 works on scaled amounts and is exact under the same condition;
    earlier releases need no index.

    References
    ----------
    LiquidationLogic.sol, ``executeLiquidationCall``; ValidationLogic.sol, ``validateLiquidationCall``.
    """
    _check_call(position, collateral, debt, amount_raw)
    leg, owed = position.collateral[collateral], position.debt[debt]
    data = account_data(position, rules)
    refusal = _ineligible(data, leg, owed, rules, in_tokens=in_tokens)
    if refusal:
        return _refused(position, refusal)
    cover_raw = min(amount_raw, max_liquidatable_debt_raw(data, leg, owed, rules))
    seizure = available_collateral(leg, owed, cover_raw, rules)
    if leaves_dust(leg, owed, seizure, rules):
        return _refused(position, Refusal.DUST)
    all_gone = has_no_collateral_left(data, leg, seizure, rules)
    if _burns_nothing(leg, owed, seizure, all_gone, rules, in_tokens=in_tokens):
        return _refused(position, Refusal.ZERO_AMOUNT)
    left = _collateral_after(leg, seizure, all_gone, rules)
    debts, deficit_raw = _debt_after(position.debt, debt, seizure, all_gone, rules)
    before, behind = position.collateral[:collateral], position.collateral[collateral + 1 :]
    return LiquidationResult(
        refusal=None,
        debt_repaid_raw=seizure.debt_raw,
        collateral_seized_raw=seizure.collateral_raw,
        protocol_fee_raw=seizure.fee_raw,
        deficit_raw=deficit_raw,
        after=Position((*before, left, *behind), debts),
    )


def _ineligible(
    data: AccountData, leg: CollateralLeg, owed: DebtLeg, rules: LiquidationRules, *, in_tokens: bool
) -> Refusal | None:
    # The contract's order: a call that fails several tests reports the first.
    if data.health_factor >= rules.liquidatable_below_wad:
        return Refusal.HEALTHY
    if not is_counted(leg, rules):
        return Refusal.NOT_COLLATERAL
    if owed.balance_raw == 0:
        return Refusal.NO_DEBT
    if leg.price_raw == 0 or owed.price_in_call_raw == 0:
        return Refusal.NO_PRICE
    # Collateral of threshold 0 (counted from v3.6 on) has no bonus: nothing is seized, and
    # nothing cannot be burned.  As tokens it can be had, unless a fee divides by the bonus.
    worthless = leg.bonus_bps == 0 and (not in_tokens or leg.protocol_fee_bps)
    return Refusal.ZERO_AMOUNT if worthless else None


def _burns_nothing(
    leg: CollateralLeg,
    owed: DebtLeg,
    seizure: Seizure,
    all_gone: bool,
    rules: LiquidationRules,
    *,
    in_tokens: bool,
) -> bool:
    """Return whether one of the burns is of zero scaled units, which tokens refuse."""
    repaid_raw = owed.balance_raw if all_gone else seizure.debt_raw
    variable_raw = owed.balance_raw - owed.stable_raw
    paid_out_raw = seizure.collateral_raw - seizure.fee_raw
    burns = []
    if not in_tokens:
        burns.append(burned_scaled(paid_out_raw, leg.index_ray, rules.supply_balance_rounding))
    # Without variable debt a repayment burns stable debt alone, which has no index.
    if variable_raw or not repaid_raw:
        from_variable_raw = min(repaid_raw, variable_raw)
        burns.append(burned_scaled(from_variable_raw, owed.index_ray, rules.debt_balance_rounding))
    return 0 in burns


def _collateral_after(
    leg: CollateralLeg, seizure: Seizure, all_gone: bool, rules: LiquidationRules
) -> CollateralLeg:
    rounding = rules.supply_balance_rounding
    held = burned_scaled(leg.balance_raw, leg.index_ray, rounding)
    taken = consumed_scaled(leg, seizure, rules)
    if rules.deficit_by_scaled:
        disabled = taken == held or all_gone
    else:
        disabled = seizure.collateral_raw == leg.balance_raw
    left_raw = balance_raw(held - taken, leg.index_ray, rounding)
    return replace(leg, balance_raw=left_raw, counted=leg.counted and not disabled)


def _debt_after(
    debts: tuple[DebtLeg, ...], repaid: int, seizure: Seizure, all_gone: bool, rules: LiquidationRules
) -> tuple[tuple[DebtLeg, ...], tuple[int, ...]]:
    """Return the debts after the call and, per debt, what was burned as deficit."""
    if all_gone:
        unpaid = [leg.balance_raw for leg in debts]
        unpaid[repaid] -= seizure.debt_raw
        return tuple(replace(leg, balance_raw=0, stable_raw=0) for leg in debts), tuple(unpaid)
    left = _repaid(debts[repaid], seizure.debt_raw, rules)
    return (*debts[:repaid], left, *debts[repaid + 1 :]), (0,) * len(debts)


def _repaid(leg: DebtLeg, paid_raw: int, rules: LiquidationRules) -> DebtLeg:
    """Return the debt after a repayment: at the variable rate first, at the stable rate after."""
    rounding = rules.debt_balance_rounding
    variable_raw = leg.balance_raw - leg.stable_raw
    from_variable_raw = min(paid_raw, variable_raw)
    owed = burned_scaled(variable_raw, leg.index_ray, rounding)
    left = owed - burned_scaled(from_variable_raw, leg.index_ray, rounding)
    stable_raw = leg.stable_raw - (paid_raw - from_variable_raw)
    left_raw = balance_raw(left, leg.index_ray, rounding) + stable_raw
    return replace(leg, balance_raw=left_raw, stable_raw=stable_raw)


def _refused(position: Position, refusal: Refusal) -> LiquidationResult:
    return LiquidationResult(refusal, 0, 0, 0, (0,) * len(position.debt), position)


def _check_call(position: Position, collateral: int, debt: int, amount_raw: int) -> None:
    for name, place, legs in (
        ("collateral", collateral, position.collateral),
        ("debt", debt, position.debt),
    ):
        if not 0 <= place < len(legs):
            raise InputError(f"{name} leg {place} does not exist.", remedy=f"The position has {len(legs)}.")
    if amount_raw < 0:
        raise InputError(f"amount {amount_raw} is negative.", remedy="Offer 0 or more smallest units.")
