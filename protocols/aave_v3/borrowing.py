"""What borrowers do and when the pool refuses it, in exact integers, Aave v2 to v3.7.

Beside the contract: BorrowLogic.sol, IsolationModeLogic.sol and ``validateBorrow`` of
ValidationLogic.sol.  The order of the checks is the contract's: a call that fails several
reports the first.  Tests run v2, v3.0 and v3.6 against the contract.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from abis.units import WAD, mul_div_down, percent_div_half_up, percent_div_up
from protocols.aave_v3.accrual import balance_raw, burned_scaled, minted_scaled
from protocols.aave_v3.action_state import (
    AccountState,
    ActionRefusal,
    ActionResult,
    PoolState,
    closed,
    held_scaled,
    isolating_reserve,
    with_debt,
)
from protocols.aave_v3.health import account_data
from protocols.aave_v3.versions import since
from protocols.position import DebtLeg

_CEILING_DECIMALS = 2  # ReserveConfiguration.DEBT_CEILING_DECIMALS


def borrow(pool: PoolState, account: AccountState, place: int, amount_raw: int) -> ActionResult:
    """Return what ``borrow(asset, amount)`` at the variable rate does to the account that will owe.

    Whether the caller was given credit is left to the caller.

    Parameters
    ----------
    pool : PoolState
        The pool at the time of the call.
    account : AccountState
        The account that will owe.
    place : int
        The reserve.
    amount_raw : int
        What is borrowed, smallest units.
    """
    after = _with_new_debt(pool, account, place, amount_raw)
    checks = _checks_after_minting if since(pool.version, "3.5") else _checks_before_minting
    refusal = next((refusal for refusal in checks(pool, account, after, place, amount_raw) if refusal), None)
    return ActionResult(refusal, account if refusal else after)


def _with_new_debt(pool: PoolState, account: AccountState, place: int, amount_raw: int) -> AccountState:
    leg, rounding = account.position.debt[place], pool.rules.debt_balance_rounding
    scaled = held_scaled(leg, pool.rules) + minted_scaled(amount_raw, leg.index_ray, rounding)
    owed_raw = balance_raw(scaled, leg.index_ray, rounding) + leg.stable_raw
    return with_debt(account, replace(leg, balance_raw=owed_raw), borrowing=True)


def _checks_before_minting(
    pool: PoolState, account: AccountState, after: AccountState, place: int, amount_raw: int
) -> Iterator[ActionRefusal | None]:
    """Yield the checks until v3.4, which judge the account as it is and the debt by its price."""
    own, leg = pool.reserves[place].configuration, account.position.debt[place]
    zero = ActionRefusal.ZERO_AMOUNT if amount_raw == 0 else None
    if since(pool.version, "3.0"):
        yield zero
    yield closed(own) or (ActionRefusal.FROZEN if own.frozen else None)
    yield zero
    yield None if own.borrowing_enabled else ActionRefusal.NOT_BORROWABLE
    if since(pool.version, "3.1") and amount_raw > _supply_raw(pool, account, place):
        yield ActionRefusal.ZERO_AMOUNT
    yield None if pool.borrow_allowed else ActionRefusal.SENTINEL
    yield _over_cap(pool, leg, place, amount_raw)
    yield _isolation(pool, account, place, amount_raw)
    yield _outside_category(pool, account, place)
    yield _not_covered(pool, account, leg, amount_raw)
    yield _siloed(pool, account, place)
    minted = minted_scaled(amount_raw, leg.index_ray, pool.rules.debt_balance_rounding)
    yield None if minted else ActionRefusal.ZERO_MINT
    yield ActionRefusal.NO_LIQUIDITY if amount_raw > pool.reserves[place].cash_raw else None


def _checks_after_minting(
    pool: PoolState, account: AccountState, after: AccountState, place: int, amount_raw: int
) -> Iterator[ActionRefusal | None]:
    """Yield the checks from v3.5 on, which judge the account with its new debt."""
    own, leg = pool.reserves[place].configuration, account.position.debt[place]
    rounding = pool.rules.debt_balance_rounding
    minted = minted_scaled(amount_raw, leg.index_ray, rounding)
    yield None if minted else ActionRefusal.ZERO_AMOUNT
    yield closed(own) or (ActionRefusal.FROZEN if own.frozen else None)
    if account.category is None or not since(pool.version, "3.6"):
        yield None if own.borrowing_enabled else ActionRefusal.NOT_BORROWABLE
    yield _outside_category(pool, account, place)
    owed_raw = balance_raw(minted, leg.index_ray, rounding)
    yield ActionRefusal.ZERO_AMOUNT if owed_raw > _supply_raw(pool, account, place) else None
    yield None if pool.borrow_allowed else ActionRefusal.SENTINEL
    yield _over_cap(pool, leg, place, amount_raw)
    yield _siloed(pool, account, place)
    yield _isolation(pool, account, place, amount_raw)
    yield ActionRefusal.NO_LIQUIDITY if amount_raw > pool.reserves[place].cash_raw else None
    data = account_data(after.position, pool.rules)
    yield None if data.ltv else ActionRefusal.ZERO_LTV
    yield ActionRefusal.UNHEALTHY if data.health_factor < WAD else None
    needed_base = percent_div_up(data.total_debt_base, data.ltv)
    yield ActionRefusal.NOT_COVERED if needed_base > data.total_collateral_base else None


def _supply_raw(pool: PoolState, account: AccountState, place: int) -> int:
    index_ray = account.position.collateral[place].index_ray
    return balance_raw(pool.reserves[place].supplied_scaled, index_ray, pool.rules.supply_balance_rounding)


def _over_cap(pool: PoolState, leg: DebtLeg, place: int, amount_raw: int) -> ActionRefusal | None:
    reserve, rounding = pool.reserves[place], pool.rules.debt_balance_rounding
    cap_raw = reserve.configuration.borrow_cap_tokens * leg.unit_raw
    if cap_raw == 0:
        return None
    scaled = reserve.borrowed_scaled
    if since(pool.version, "3.5"):
        minted = minted_scaled(amount_raw, leg.index_ray, rounding)
        total_raw = balance_raw(scaled + minted, leg.index_ray, rounding)
    else:
        total_raw = balance_raw(scaled, leg.index_ray, rounding) + reserve.stable_raw + amount_raw
    return ActionRefusal.BORROW_CAP if total_raw > cap_raw else None


def _isolation(pool: PoolState, account: AccountState, place: int, amount_raw: int) -> ActionRefusal | None:
    """Return why an account in isolation may not borrow; the debt counts at par, without a price."""
    isolating = isolating_reserve(pool, account)
    if isolating is None:
        return None
    own, collateral = pool.reserves[place].configuration, pool.reserves[isolating]
    if not own.borrowable_in_isolation:
        return ActionRefusal.NOT_BORROWABLE_IN_ISOLATION
    cents = amount_raw // 10 ** (own.decimals - _CEILING_DECIMALS)
    over = collateral.isolated_debt_cents + cents > collateral.configuration.debt_ceiling_usd_cents
    return ActionRefusal.DEBT_CEILING if over else None


def _outside_category(pool: PoolState, account: AccountState, place: int) -> ActionRefusal | None:
    category = account.category
    if category is None:
        return None
    if since(pool.version, "3.2"):
        return None if place in category.borrowable else ActionRefusal.NOT_BORROWABLE_IN_EMODE
    own = pool.reserves[place].configuration
    return None if own.emode_category == category.id else ActionRefusal.BAD_CATEGORY


def _not_covered(
    pool: PoolState, account: AccountState, leg: DebtLeg, amount_raw: int
) -> ActionRefusal | None:
    data = account_data(account.position, pool.rules)
    if data.total_collateral_base == 0:
        return ActionRefusal.NO_COLLATERAL
    if data.ltv == 0 and since(pool.version, "3.0"):
        return ActionRefusal.ZERO_LTV
    if data.health_factor <= WAD:
        return ActionRefusal.UNHEALTHY
    if data.ltv == 0:
        return ActionRefusal.ZERO_LTV  # v2 divides by it
    new_base = mul_div_down(leg.price_raw, amount_raw, leg.unit_raw)
    needed_base = percent_div_half_up(data.total_debt_base + new_base, data.ltv)
    return ActionRefusal.NOT_COVERED if needed_base > data.total_collateral_base else None


def _siloed(pool: PoolState, account: AccountState, place: int) -> ActionRefusal | None:
    """Return whether a siloed asset would not be the only one borrowed."""
    borrowing = account.bits.borrowing
    if not borrowing:
        return None
    # The contract looks at the one borrowed asset; of several, none can be siloed.
    held_siloed = len(borrowing) == 1 and pool.reserves[borrowing[0]].configuration.siloed_borrowing
    if held_siloed:
        return None if borrowing[0] == place else ActionRefusal.SILOED
    return ActionRefusal.SILOED if pool.reserves[place].configuration.siloed_borrowing else None


def repay(pool: PoolState, account: AccountState, place: int, amount_raw: int) -> ActionResult:
    """Return what ``repay(asset, amount)`` of the variable debt does to the account that owes.

    More than is owed repays what is owed.
    """
    leg, rules = account.position.debt[place], pool.rules
    shut = closed(pool.reserves[place].configuration)
    zero = ActionRefusal.ZERO_AMOUNT if amount_raw == 0 else None
    refusal = (zero or shut) if since(pool.version, "3.0") else (shut or zero)
    variable_raw = leg.balance_raw - leg.stable_raw
    if not refusal and variable_raw == 0:
        refusal = ActionRefusal.NO_DEBT
    paid_raw = min(amount_raw, variable_raw)
    burned = burned_scaled(paid_raw, leg.index_ray, rules.debt_balance_rounding)
    if not refusal and burned == 0:
        refusal = ActionRefusal.ZERO_BURN
    if refusal:
        return ActionResult(refusal, account)
    left = held_scaled(leg, rules) - burned
    left_raw = balance_raw(left, leg.index_ray, rules.debt_balance_rounding) + leg.stable_raw
    # Until v3.4 the bit goes with the amount: one unit less may burn all, and leave it set.
    borrowing = left_raw > 0 if since(pool.version, "3.5") else paid_raw < leg.balance_raw
    return ActionResult(None, with_debt(account, replace(leg, balance_raw=left_raw), borrowing=borrowing))
