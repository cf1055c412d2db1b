"""The size of one call under any rule: one door, and the kernels of rules that look past the pair.

`risk.engine.sizing` has the rules of Aave v2 and v3, whose limit is a share of a debt.  Here are
those that need the whole account, beside LiquidationLogic.sol of aave-v4, ``absorb`` of
Comet.sol and ``liquidate`` of Morpho.sol.  Amounts and values as in `risk.engine.sizing`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from risk.engine.arrays import (
    ANY_AMOUNT,
    TO_TARGET_HEALTH,
    WHOLE_ACCOUNT,
    FloatArray,
    RuleNumbers,
)
from risk.engine.jit import jit
from risk.engine.sizing import Pair, Seizure, leaves_dust, most_repayable, seizure_of

WAD = 10**18
BPS = 10_000


class Standing(NamedTuple):
    """The account a call is made on: debt and health factor, and the pair's threshold.

    ``debt_value`` base units; ``health_wad`` an integer; ``near_one`` whether above the health
    factor at which everything may be closed; ``threshold_bps`` of the pair's collateral.
    """

    debt_value: float
    health_wad: int
    near_one: bool
    threshold_bps: float


class Absorption(NamedTuple):
    """What an account's collateral pays, what the borrower keeps of it, and what stays unpaid; base units."""

    credited: float
    surplus: float
    unpaid: float


@jit
def nothing() -> Seizure:
    """Return the call that is refused."""
    return Seizure(0.0, 0.0, 0.0)


@jit
def mul_div_down(a: int, b: int, c: int) -> int:
    """Return ``floor(a b / c)`` exactly, for 0 <= a < 2**20, 0 <= b <= c < 2**61."""
    quotient = np.int64(np.floor(np.float64(a) * (np.float64(b) / np.float64(c))))
    # The true remainder is within a few c of 0, so arithmetic that wraps has it exactly.
    left = np.int64(np.uint64(a) * np.uint64(b) - np.uint64(quotient) * np.uint64(c))
    while left < 0:
        quotient, left = quotient - 1, left + c
    while left >= c:
        quotient, left = quotient + 1, left - c
    return int(quotient)


@jit
def bonus_bps(health_wad: int, max_bonus_bps: int, rules: RuleNumbers) -> int:
    """Return the bonus at a health factor below 1, including 10000; bit-equal to the contract's."""
    if health_wad <= rules.full_bonus_below_wad:
        return max_bonus_bps
    least = BPS + (max_bonus_bps - BPS) * rules.bonus_at_one_bps // BPS
    above = WAD - rules.full_bonus_below_wad
    return least + mul_div_down(max_bonus_bps - least, WAD - health_wad, above)


@jit
def most_to_target(pair: Pair, standing: Standing, rules: RuleNumbers) -> float:
    """Return the repayment of the pair's debt that restores the target health factor, rounded up."""
    penalty = pair.bonus_bps * standing.threshold_bps / 1e8
    missing = rules.target_health - standing.health_wad / 1e18
    return float(np.ceil(standing.debt_value * missing / (rules.target_health - penalty) / pair.d_price))


@jit
def pays_for_all(pair: Pair) -> float:
    """Return the repayment that takes the pair's whole collateral, rounded up."""
    worth = pair.c_price * pair.c_amount / pair.d_price
    return float(min(np.ceil(worth * 10_000.0 / pair.bonus_bps), pair.d_amount))


@jit
def call_to_target(pair: Pair, standing: Standing, cover: float, rules: RuleNumbers) -> Seizure:
    """Return a call that restores the target; a side left as dust goes whole, or the call is refused."""
    repaid = min(most_to_target(pair, standing, rules), cover, pair.d_amount)
    left = pair.d_amount - repaid
    if 0.0 < left * pair.d_price < rules.min_leftover_base:
        if cover < pair.d_amount:
            return nothing()
        repaid = pair.d_amount
    seized = np.floor(repaid * pair.d_price * pair.bonus_bps / (pair.c_price * 10_000.0))
    short = 0.0 < (pair.c_amount - seized) * pair.c_price < rules.min_leftover_base
    if seized > pair.c_amount or (short and repaid < pair.d_amount):
        seized, repaid = pair.c_amount, pays_for_all(pair)
        if repaid > cover:
            return nothing()
    fee = np.ceil(seized * pair.fee_bps * (pair.bonus_bps - 10_000.0) / (pair.bonus_bps * 10_000.0))
    return Seizure(seized, repaid, fee)


@jit
def call_of_any_amount(pair: Pair, cover: float) -> Seizure:
    """Return a call of the offered amount, less where the collateral runs out."""
    repaid = min(cover, pair.d_amount)
    seized = np.floor(np.floor(repaid * pair.bonus_bps / 10_000.0) * pair.d_price / pair.c_price)
    if seized > pair.c_amount:
        return Seizure(pair.c_amount, pays_for_all(pair), 0.0)
    return Seizure(seized, repaid, 0.0)


@jit
def absorbed(value: FloatArray, paid_share: FloatArray, debt_value: float) -> Absorption:
    """Return what absorbing a whole account does; ``value`` (C,) base units, ``paid_share`` (C,) of it."""
    credited = 0.0
    for k in range(len(value)):
        credited += np.floor(value[k] * paid_share[k])
    return Absorption(credited, max(credited - debt_value, 0.0), max(debt_value - credited, 0.0))


@jit
def call_on_whole(pair: Pair) -> Seizure:
    """Return an absorption of an account of one collateral and one debt as a call: all for all it pays."""
    return Seizure(pair.c_amount, pays_for_all(pair), 0.0)


@jit
def call_of(pair: Pair, standing: Standing, cover: float, rules: RuleNumbers) -> Seizure:
    """Return what offering ``cover`` does under ``rules``; nothing if the rules refuse it.

    Parameters
    ----------
    pair : Pair
        With the bonus in force (`bonus_bps` where it depends on health).
    standing : Standing
    cover : float
        Repayment offered, smallest units; inf for as much as allowed.
    rules : RuleNumbers
    """
    if rules.sizing == TO_TARGET_HEALTH:
        return call_to_target(pair, standing, cover, rules)
    if rules.sizing == WHOLE_ACCOUNT:
        return call_on_whole(pair)
    if rules.sizing == ANY_AMOUNT:
        return call_of_any_amount(pair, cover)
    most = most_repayable(pair, standing.debt_value, standing.near_one, rules)
    call = seizure_of(pair, min(cover, most), rules)
    return nothing() if leaves_dust(pair, call, rules) else call


@jit
def socialised(pair: Pair, call: Seizure) -> float:
    """Return the debt suppliers lose at once where bad debt is socialised: none while collateral is left."""
    return pair.d_amount - call.repaid if call.seized >= pair.c_amount else 0.0
