"""What one liquidation call does to an account of an Aave v4 spoke, in exact integers.

Beside the contract: LiquidationLogic.sol of aave/aave-v4.  A call repays what restores the
spoke's target health factor, all of a debt that would be left as dust, and takes all of a collateral
that would be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from abis.units import BPS, RAY, WAD, mul_div_down, mul_div_up
from protocols.aave_v4.position import (
    Account,
    Drawn,
    Supplied,
    debt_value_ray,
    health_factor_wad,
    value,
)
from protocols.liquidation_rules import LiquidationRules

USD = 10**26  # value of a US dollar


class Refusal(StrEnum):
    """Why a call reverts."""

    HEALTHY = "health_factor_not_below_threshold"
    NOT_COLLATERAL = "collateral_cannot_be_liquidated"
    NO_DEBT = "reserve_not_borrowed"
    DUST = "must_not_leave_dust"
    ZERO_AMOUNT = "invalid_amount"


@dataclass(frozen=True, slots=True)
class Result:
    """What a call does, or why it reverts.

    Parameters
    ----------
    refusal : Refusal or None
    bonus_bps : int
        Including 10000.
    premium_ray, drawn_shares : int
        Premium and drawn shares repaid.
    shares, fee_shares : int
        Supply shares seized, with what goes to the treasury.
    deficit_ray : tuple of int
        Per drawn reserve, debt reported to the hub as deficit.
    after : Account
    """

    refusal: Refusal | None
    bonus_bps: int
    premium_ray: int
    drawn_shares: int
    shares: int
    fee_shares: int
    deficit_ray: tuple[int, ...]
    after: Account


def bonus_bps(health_wad: int, max_bonus_bps: int, rules: LiquidationRules) -> int:
    """Return the bonus, including 10000: the largest from ``full_bonus_below_wad`` down, less above.

    ``calculateLiquidationBonus``: linear between the share ``bonus_at_one_bps`` of it at health 1
    and all of it.
    """
    if health_wad <= rules.full_bonus_below_wad:
        return max_bonus_bps
    least = BPS + mul_div_down(max_bonus_bps - BPS, rules.bonus_at_one_bps, BPS)
    return least + mul_div_down(max_bonus_bps - least, WAD - health_wad, WAD - rules.full_bonus_below_wad)


def debt_to_target_ray(
    account: Account, health_wad: int, bonus: int, factor_bps: int, drawn: Drawn, rules: LiquidationRules
) -> int:
    """Return the debt whose repayment restores the target health factor, rounded up.

    ``calculateDebtToTargetHealthFactor``: x of ``(W - bonus factor x) / (D - x) = target``.
    """
    penalty_wad = bonus * factor_bps * (WAD // BPS**2)
    return mul_div_up(
        debt_value_ray(account),
        10**drawn.decimals * (rules.target_health_wad - health_wad),
        (rules.target_health_wad - penalty_wad) * drawn.price_raw * WAD,
    )


def liquidate(account: Account, supplied: int, drawn: int, cover_raw: int, rules: LiquidationRules) -> Result:
    """Return what ``liquidationCall`` does to an account, or why it reverts.

    Parameters
    ----------
    account : Account
    supplied, drawn : int
        Places of the two reserves.
    cover_raw : int
        Debt the liquidator offers to repay, smallest units.
    rules : LiquidationRules
        Of sizing ``to_target_health``.

    Notes
    -----
    Left to the caller: paused reserves, the liquidator's identity, liquidity of the hub.
    """
    own, owed = account.supplied[supplied], account.drawn[drawn]
    health = health_factor_wad(account)
    refusal = _ineligible(own, owed, health, cover_raw, rules)
    if refusal or health is None:
        return _refused(account, refusal or Refusal.HEALTHY)
    bonus = bonus_bps(health, own.max_bonus_bps, rules)
    repay = _debt_to_repay(account, health, bonus, own, owed, cover_raw, rules)
    if repay is None:
        return _refused(account, Refusal.DUST)
    shares = own.shares_down(_collateral_for(own, owed, _amount_ray(owed, repay), bonus))
    if shares > own.shares or _leaves_dust(own, owed, shares, repay, rules):
        shares = own.shares
        repay = _allocated(_debt_for(own, owed, bonus), owed)
        if _amount_ray(owed, repay) > cover_raw * RAY:
            return _refused(account, Refusal.DUST)
    fee = mul_div_up(shares, own.fee_bps * (bonus - BPS), bonus * BPS)
    return _settled(account, supplied, drawn, Result(None, bonus, *repay, shares, fee, (), account))


def _ineligible(
    own: Supplied, owed: Drawn, health: int | None, cover_raw: int, rules: LiquidationRules
) -> Refusal | None:
    if cover_raw <= 0:
        return Refusal.ZERO_AMOUNT
    if not owed.debt_ray:
        return Refusal.NO_DEBT
    if health is None or health >= rules.liquidatable_below_wad:
        return Refusal.HEALTHY
    return None if own.counted and own.factor_bps and own.shares else Refusal.NOT_COLLATERAL


def _allocated(wanted_ray: int, owed: Drawn, cover_ray: int | None = None) -> tuple[int, int]:
    """Return (premium, drawn shares) that repay ``wanted_ray``: premium first, in whole units."""
    premium = min(-(-wanted_ray // RAY) * RAY, owed.premium_ray)
    if cover_ray is not None:
        premium = min(premium, cover_ray)
    shares = min(-(-max(wanted_ray - premium, 0) // owed.index_ray), owed.shares)
    if cover_ray is not None:
        shares = min(shares, (cover_ray - premium) // owed.index_ray)
    return premium, shares


def _amount_ray(owed: Drawn, repay: tuple[int, int]) -> int:
    return repay[0] + repay[1] * owed.index_ray


def _debt_to_repay(
    account: Account,
    health: int,
    bonus: int,
    own: Supplied,
    owed: Drawn,
    cover_raw: int,
    rules: LiquidationRules,
) -> tuple[int, int] | None:
    """Return (premium, drawn shares); None if dust would be left and the offer is too small for all."""
    target = debt_to_target_ray(account, health, bonus, own.factor_bps, owed, rules)
    repay = _allocated(target, owed, cover_raw * RAY)
    left = owed.debt_ray - _amount_ray(owed, repay)
    if not 0 < value(left, owed.price_raw, owed.decimals) < rules.min_leftover_base_raw * RAY:
        return repay
    return (owed.premium_ray, owed.shares) if cover_raw * RAY >= owed.debt_ray else None


def _collateral_for(own: Supplied, owed: Drawn, debt_ray: int, bonus: int) -> int:
    return mul_div_down(
        debt_ray,
        owed.price_raw * 10**own.decimals * bonus,
        10**owed.decimals * own.price_raw * BPS * RAY,
    )


def _debt_for(own: Supplied, owed: Drawn, bonus: int) -> int:
    """Return the debt that all of a collateral pays for, ray, rounded up."""
    return mul_div_up(
        own.assets_up(own.shares),
        own.price_raw * 10**owed.decimals * BPS * RAY,
        owed.price_raw * 10**own.decimals * bonus,
    )


def _leaves_dust(
    own: Supplied, owed: Drawn, shares: int, repay: tuple[int, int], rules: LiquidationRules
) -> bool:
    left = value(own.assets_down(own.shares - shares), own.price_raw, own.decimals)
    whole = repay == (owed.premium_ray, owed.shares)
    return shares < own.shares and left < rules.min_leftover_base_raw and not whole


def _settled(account: Account, supplied: int, drawn: int, result: Result) -> Result:
    """Return the result with the account after it, and what becomes a deficit."""
    own, owed = account.supplied[supplied], account.drawn[drawn]
    own = replace(own, shares=own.shares - result.shares)
    owed = replace(
        owed, shares=owed.shares - result.drawn_shares, premium_ray=owed.premium_ray - result.premium_ray
    )
    left = Account(
        (*account.supplied[:supplied], own, *account.supplied[supplied + 1 :]),
        (*account.drawn[:drawn], owed, *account.drawn[drawn + 1 :]),
    )
    backing = any(s.counted and s.factor_bps and s.shares for s in left.supplied)
    deficit = tuple(0 if backing else d.debt_ray for d in left.drawn)
    if not backing:
        left = replace(left, drawn=tuple(replace(d, shares=0, premium_ray=0) for d in left.drawn))
    return replace(result, deficit_ray=deficit, after=left)


def _refused(account: Account, refusal: Refusal) -> Result:
    return Result(refusal, 0, 0, 0, 0, 0, (0,) * len(account.drawn), account)
