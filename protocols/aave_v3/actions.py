"""What suppliers do and when the pool refuses it, in exact integers, Aave v2 to v3.7.

Beside the contract: SupplyLogic.sol, EModeLogic.sol and ValidationLogic.sol; LendingPool.sol
and GenericLogic.sol of protocol-v2.  Tests run v2, v3.0 and v3.6 against the contract.
"""

from __future__ import annotations

from dataclasses import replace

from abis.units import MAX_UINT256, WAD, mul_div_down, percent_mul_half_up, wad_div_half_up
from protocols.aave_v3.accrual import balance_raw, burned_scaled, minted_scaled
from protocols.aave_v3.action_state import (
    AccountState,
    ActionRefusal,
    ActionResult,
    PoolState,
    closed,
    held_scaled,
    isolating_reserve,
    switched,
    weakens,
    with_collateral,
)
from protocols.aave_v3.health import account_data
from protocols.aave_v3.versions import since


def supply(pool: PoolState, account: AccountState, place: int, amount_raw: int) -> ActionResult:
    """Return what ``supply(asset, amount)`` on behalf of an account does.

    The first supply of an asset switches it on as collateral where it may be.  Whether the
    payer has the tokens is left to the caller.
    """
    leg = account.position.collateral[place]
    own, rounding = pool.reserves[place].configuration, pool.rules.supply_balance_rounding
    minted = minted_scaled(amount_raw, leg.index_ray, rounding)
    if amount_raw == 0 or (minted == 0 and since(pool.version, "3.5")):
        return ActionResult(ActionRefusal.ZERO_AMOUNT, account)
    refusal = closed(own) or (ActionRefusal.FROZEN if own.frozen else None)
    if refusal:
        return ActionResult(refusal, account)
    if own.supply_cap_tokens and _supplied_raw(pool, account, place, amount_raw) > (
        own.supply_cap_tokens * leg.unit_raw
    ):
        return ActionResult(ActionRefusal.SUPPLY_CAP, account)
    if minted == 0:
        return ActionResult(ActionRefusal.ZERO_MINT, account)
    held = held_scaled(leg, pool.rules)
    after = with_collateral(
        account, replace(leg, balance_raw=balance_raw(held + minted, leg.index_ray, rounding))
    )
    if held == 0 and becomes_collateral(pool, account, place):
        after = switched(pool, after, place, True)
    return ActionResult(None, after)


def _supplied_raw(pool: PoolState, account: AccountState, place: int, amount_raw: int) -> int:
    """Return what the supply cap is compared with: all that is supplied after the call."""
    reserve, index_ray = pool.reserves[place], account.position.collateral[place].index_ray
    rounding = pool.rules.supply_balance_rounding
    scaled = reserve.supplied_scaled + reserve.treasury_scaled
    if since(pool.version, "3.5"):
        return balance_raw(scaled + minted_scaled(amount_raw, index_ray, rounding), index_ray, rounding)
    return balance_raw(scaled, index_ray, rounding) + amount_raw


def may_be_collateral(pool: PoolState, account: AccountState, place: int) -> bool:
    """Return whether an account may switch a reserve on as collateral (``validateUseAsCollateral``)."""
    if account.position.collateral[place].ltv_bps == 0:
        return False
    if not account.bits.collateral:
        return True
    isolated = isolating_reserve(pool, account) is not None
    return not isolated and not pool.reserves[place].configuration.debt_ceiling_usd_cents


def becomes_collateral(pool: PoolState, account: AccountState, place: int) -> bool:
    """Return whether a first supply switches a reserve on by itself.

    Collateral with a debt ceiling is switched on by hand.  The role that v3.0.1 gave some
    contracts to do so for their users is left out.
    """
    if not since(pool.version, "3.0"):
        return True
    if pool.reserves[place].configuration.debt_ceiling_usd_cents:
        return False
    return may_be_collateral(pool, account, place)


def withdraw(pool: PoolState, account: AccountState, place: int, amount_raw: int) -> ActionResult:
    """Return what ``withdraw(asset, amount)`` does; 2**256 - 1 withdraws everything."""
    leg, rules = account.position.collateral[place], pool.rules
    held = held_scaled(leg, rules)
    paid_raw = leg.balance_raw if amount_raw == MAX_UINT256 else amount_raw
    burned = burned_scaled(paid_raw, leg.index_ray, rules.supply_balance_rounding)
    if paid_raw == 0:
        return ActionResult(ActionRefusal.ZERO_AMOUNT, account)
    if burned > held or (paid_raw > leg.balance_raw and not since(pool.version, "3.5")):
        return ActionResult(ActionRefusal.MORE_THAN_HELD, account)
    refusal = closed(pool.reserves[place].configuration)
    if not refusal and not since(pool.version, "3.0"):
        refusal = _in_use_v2(pool, account, place, paid_raw, ActionRefusal.IN_USE)
    if not refusal and paid_raw > pool.reserves[place].cash_raw:
        refusal = ActionRefusal.NO_LIQUIDITY
    if not refusal and burned == 0:
        refusal = ActionRefusal.ZERO_BURN
    if refusal:
        return ActionResult(refusal, account)
    after = _reduced(pool, account, place, burned)
    emptied = burned == held if since(pool.version, "3.5") else paid_raw == leg.balance_raw
    if emptied:
        after = switched(pool, after, place, False)
    if since(pool.version, "3.0") and place in account.bits.collateral and account.bits.borrowing:
        refusal = weakens(pool, after, place)
    return ActionResult(refusal, account if refusal else after)


def _reduced(pool: PoolState, account: AccountState, place: int, burned: int) -> AccountState:
    leg, rules = account.position.collateral[place], pool.rules
    left = held_scaled(leg, rules) - burned
    left_raw = balance_raw(left, leg.index_ray, rules.supply_balance_rounding)
    return with_collateral(account, replace(leg, balance_raw=left_raw))


def _in_use_v2(
    pool: PoolState, account: AccountState, place: int, amount_raw: int, in_use: ActionRefusal
) -> ActionRefusal | None:
    """Return why v2 keeps a balance: it works with averages (``balanceDecreaseAllowed``)."""
    leg = account.position.collateral[place]
    if not account.bits.borrowing or not leg.counted or leg.threshold_bps == 0:
        return None
    data = account_data(account.position, pool.rules)
    if data.total_debt_base == 0:
        return None
    taken_base = mul_div_down(leg.price_raw, amount_raw, leg.unit_raw)
    left_base = data.total_collateral_base - taken_base
    if left_base == 0:
        return in_use
    weighted = data.total_collateral_base * data.current_liquidation_threshold
    if weighted < taken_base * leg.threshold_bps:
        return ActionRefusal.UNDERFLOW
    threshold_bps = (weighted - taken_base * leg.threshold_bps) // left_base
    health_wad = wad_div_half_up(percent_mul_half_up(left_base, threshold_bps), data.total_debt_base)
    return None if health_wad >= WAD else in_use


def transfer(
    pool: PoolState, sender: AccountState, receiver: AccountState, place: int, amount_raw: int
) -> tuple[ActionResult, AccountState]:
    """Return what a transfer of a supply token does to its sender, and the receiver after it.

    Until v3.5 what arrives where nothing was is switched on as collateral where it may be.
    """
    leg, rules = sender.position.collateral[place], pool.rules
    held = held_scaled(leg, rules)
    moved = burned_scaled(amount_raw, leg.index_ray, rules.supply_balance_rounding)
    if moved > held:
        return ActionResult(ActionRefusal.OVERDRAWN, sender), receiver
    if pool.reserves[place].configuration.paused:
        return ActionResult(ActionRefusal.PAUSED, sender), receiver
    after = _reduced(pool, sender, place, moved)
    emptied = moved == held if since(pool.version, "3.5") else amount_raw == leg.balance_raw
    if emptied:
        after = switched(pool, after, place, False)
    refusal = _transfer_refusal(pool, sender, after, place, amount_raw)
    if refusal:
        return ActionResult(refusal, sender), receiver
    return ActionResult(None, after), _received(pool, receiver, place, moved)


def _transfer_refusal(
    pool: PoolState, sender: AccountState, after: AccountState, place: int, amount_raw: int
) -> ActionRefusal | None:
    if not since(pool.version, "3.0"):
        # v2 asks of everybody, whatever is sent.
        unhealthy = account_data(after.position, pool.rules).health_factor < WAD
        return ActionRefusal.IN_USE if unhealthy else None
    if not amount_raw or place not in sender.bits.collateral or not sender.bits.borrowing:
        return None
    return weakens(pool, after, place)


def _received(pool: PoolState, receiver: AccountState, place: int, moved: int) -> AccountState:
    leg, rounding = receiver.position.collateral[place], pool.rules.supply_balance_rounding
    held = held_scaled(leg, pool.rules)
    after = with_collateral(
        receiver, replace(leg, balance_raw=balance_raw(held + moved, leg.index_ray, rounding))
    )
    first = leg.balance_raw == 0 and moved and not since(pool.version, "3.6")
    return (
        switched(pool, after, place, True) if first and becomes_collateral(pool, receiver, place) else after
    )


def receive_seized(pool: PoolState, liquidator: AccountState, place: int, seized_raw: int) -> AccountState:
    """Return a liquidator after being paid in supply tokens, as ``receiveAToken`` asks.

    ``seized_raw`` is what the call pays out, without the fee.
    """
    leg, rounding = liquidator.position.collateral[place], pool.rules.supply_balance_rounding
    return _received(pool, liquidator, place, burned_scaled(seized_raw, leg.index_ray, rounding))


def use_as_collateral(pool: PoolState, account: AccountState, place: int, enabled: bool) -> ActionResult:
    """Return what ``setUserUseReserveAsCollateral(asset, enabled)`` does."""
    leg, own = account.position.collateral[place], pool.reserves[place].configuration
    if not since(pool.version, "3.0"):
        return _use_as_collateral_v2(pool, account, place, enabled)
    if leg.balance_raw == 0 and not since(pool.version, "3.6"):
        return ActionResult(ActionRefusal.NOTHING_SUPPLIED, account)
    if refusal := closed(own):
        return ActionResult(refusal, account)
    if enabled == (place in account.bits.collateral):
        return ActionResult(None, account)
    after = switched(pool, account, place, enabled)
    if not enabled:
        refusal = weakens(pool, after, place)
    elif held_scaled(leg, pool.rules) == 0:
        refusal = ActionRefusal.NOTHING_SUPPLIED
    elif not may_be_collateral(pool, account, place):
        refusal = ActionRefusal.ISOLATED_OR_ZERO_LTV
    return ActionResult(refusal, account if refusal else after)


def _use_as_collateral_v2(pool: PoolState, account: AccountState, place: int, enabled: bool) -> ActionResult:
    held_raw = account.position.collateral[place].balance_raw
    refusal = None if held_raw else ActionRefusal.NOTHING_SUPPLIED
    if not refusal and not enabled:
        refusal = _in_use_v2(pool, account, place, held_raw, ActionRefusal.DEPOSIT_IN_USE)
    return ActionResult(refusal, account if refusal else switched(pool, account, place, enabled))


def enter_emode(pool: PoolState, before: AccountState, inside: AccountState) -> ActionResult:
    """Return what ``setUserEMode`` does (v3.0 on).

    Parameters
    ----------
    pool : PoolState
        The pool.
    before : AccountState
        The account in the category it leaves, None for none.
    inside : AccountState
        The same account with the parameters of the category it enters.
    """
    left, category = before.category, inside.category
    entered_id, left_id = category.id if category else 0, left.id if left else 0
    if entered_id == left_id and since(pool.version, "3.6"):
        return ActionResult(None, before)
    if category is not None and category.liquidation_threshold_bps == 0:
        return ActionResult(ActionRefusal.BAD_CATEGORY, before)
    refusal = None
    if before.bits.borrowing or before.bits.collateral:
        refusal = _outside_emode(pool, inside)
    # v3.0 trusts that a category is never worse than none.
    if not refusal and (left_id or since(pool.version, "3.6")):
        unhealthy = account_data(inside.position, pool.rules).health_factor < WAD
        refusal = ActionRefusal.UNHEALTHY if unhealthy else None
    return ActionResult(refusal, before if refusal else inside)


def _outside_emode(pool: PoolState, inside: AccountState) -> ActionRefusal | None:
    """Return why what the account has does not go with its category."""
    category, borrowing = inside.category, inside.bits.borrowing
    if not since(pool.version, "3.6"):
        if category is None:
            return None
        members = (
            category.borrowable
            if since(pool.version, "3.2")
            else [i for i, r in enumerate(pool.reserves) if r.configuration.emode_category == category.id]
        )
        return None if all(i in members for i in borrowing) else ActionRefusal.BAD_CATEGORY
    for place in sorted({*borrowing, *inside.bits.collateral}):
        own = pool.reserves[place].configuration
        borrowable = place in category.borrowable if category else own.borrowing_enabled
        if place in borrowing and not borrowable:
            return ActionRefusal.DEBT_OUTSIDE_EMODE
        if place in inside.bits.collateral and inside.position.collateral[place].ltv_bps == 0:
            return ActionRefusal.COLLATERAL_OUTSIDE_EMODE
    return None
