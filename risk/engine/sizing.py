"""Kernels for the size of one call: close factor, seizure, fee and dust limits.

Beside LiquidationLogic.sol; amounts are smallest units, values base-currency units.  Both
are integers held in floats, rounded where and as the contract rounds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from risk.engine.arrays import (
    BONUS_BEFORE_DIVISION,
    DEBT_NEEDED_UP,
    DIRECTED,
    HALF_OF_RESERVE,
    HALF_OR_FULL_OF_RESERVE,
    RuleNumbers,
)
from risk.engine.health import U, rounded
from risk.engine.jit import leaf


class Pair(NamedTuple):
    """One collateral and one debt of an account at one moment.

    Amounts in smallest units, ``c_value`` and ``d_value`` base units, ``c_price`` and
    ``d_price`` base units per *smallest* unit, ``bonus_bps`` including 10000.
    """

    c_amount: float
    d_amount: float
    c_value: float
    d_value: float
    c_price: float
    d_price: float
    bonus_bps: float
    fee_bps: float


class Seizure(NamedTuple):
    """Collateral taken including the fee, debt repaid, treasury's fee; smallest units."""

    seized: float
    repaid: float
    fee: float


@leaf
def percent_half_up(value: float, bps: float) -> float:
    """Return ``floor((value bps + 5000) / 10000)``."""
    return float(np.floor((value * bps + 5_000.0) / 10_000.0))


@leaf
def most_repayable(pair: Pair, debt_value: float, near_one: bool, rules: RuleNumbers) -> float:
    """Return the most one call may repay of the pair's debt (the close factor)."""
    owed = pair.d_amount
    if rules.sizing == HALF_OF_RESERVE:
        return percent_half_up(owed, rules.close_factor_bps)
    if rules.sizing == HALF_OR_FULL_OF_RESERVE:
        return percent_half_up(owed, rules.close_factor_bps) if near_one else owed
    if not near_one or min(pair.c_value, pair.d_value) < rules.min_full_close_base:
        return owed
    limit = percent_half_up(debt_value, rules.close_factor_bps)
    if pair.d_value <= limit:
        return owed
    # Less than everything, by the rule; in floats the difference must not vanish.
    return float(min(np.floor(limit / pair.d_price), owed - max(1.0, owed * 4.0 * U)))


@leaf
def seizure_of(pair: Pair, cover: float, rules: RuleNumbers) -> Seizure:
    """Return what repaying ``cover`` seizes, with less repaid if the collateral runs out."""
    worth = pair.d_price * cover / pair.c_price
    if rules.seizure == BONUS_BEFORE_DIVISION:
        wanted = np.floor(worth * pair.bonus_bps / 10_000.0)
    elif rules.seizure == DIRECTED:
        wanted = np.floor(np.floor(worth) * pair.bonus_bps / 10_000.0)
    else:
        wanted = percent_half_up(np.floor(worth), pair.bonus_bps)
    seized, repaid = wanted, cover
    if wanted > pair.c_amount:
        seized = pair.c_amount
        needed = np.floor(pair.c_price * seized / pair.d_price) * 10_000.0 / pair.bonus_bps
        upward = rules.seizure == DEBT_NEEDED_UP or rules.seizure == DIRECTED
        repaid = min(cover, np.ceil(needed) if upward else np.floor(needed + 0.5))
    return Seizure(seized, repaid, protocol_fee(pair, seized, rules))


@leaf
def protocol_fee(pair: Pair, seized: float, rules: RuleNumbers) -> float:
    """Return the treasury's part of ``seized``: its share of the bonus."""
    if not rules.has_protocol_fee or pair.fee_bps == 0.0:
        return 0.0
    stripped = seized * 10_000.0 / pair.bonus_bps
    if rules.seizure == DIRECTED:
        return float(np.ceil((seized - np.floor(stripped)) * pair.fee_bps / 10_000.0))
    return percent_half_up(seized - np.floor(stripped + 0.5), pair.fee_bps)


@leaf
def leaves_dust(pair: Pair, call: Seizure, rules: RuleNumbers) -> bool:
    """Return whether a partial call would leave too little on either side."""
    d_left, c_left = pair.d_amount - call.repaid, pair.c_amount - call.seized
    if d_left <= 0.0 or c_left <= 0.0:
        return False
    d_base = rounded(d_left * pair.d_price, rules.debt_value_rounding)
    return bool(min(d_base, np.floor(c_left * pair.c_price)) < rules.min_leftover_base)


@leaf
def most_without_dust(pair: Pair, rules: RuleNumbers) -> float:
    """Return the largest repayment that surely leaves enough on both sides; below 1 if none.

    It stays clear of the limit by more than rounding can move either side, so that the
    contract accepts it, too.
    """
    margin = rules.min_leftover_base + pair.c_price + pair.d_price + 2.0
    shrink = 1.0 - 16.0 * U
    by_debt = (pair.d_value * shrink - margin) / pair.d_price
    by_collateral = (pair.c_value * shrink - margin) / pair.d_price * (10_000.0 / pair.bonus_bps)
    return float(np.floor(min(by_debt, by_collateral) * shrink))
