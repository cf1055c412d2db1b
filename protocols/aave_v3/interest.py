"""Rates from the two-slope model, and indices along a time line, in exact integers.

Beside the contract: ``calculateInterestRates`` of DefaultReserveInterestRateStrategy(V2).sol and
``updateState`` / ``updateInterestRates`` of ReserveLogic.sol.  The variable side only: debts at a
stable rate (until v3.1) have rates of their own and are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abis.errors import InputError
from abis.units import BPS, RAY, percent_mul_half_up, ray_div_half_up, ray_mul_half_up
from protocols.aave_v3.accrual import debt_index_ray, supply_index_ray
from protocols.liquidation_rules import DebtAccrual, LiquidationRules
from protocols.snapshot import RateModel, Reserve

WAD_TO_RAY = 10**9


@dataclass(frozen=True, slots=True)
class Rates:
    """Yearly rates of one reserve, ray."""

    supply_ray: int
    debt_ray: int


@dataclass(frozen=True, slots=True)
class Indices:
    """Indices of one reserve at one time, ray."""

    supply_ray: int
    debt_ray: int


def utilisation_ray(debt_raw: int, liquidity_raw: int) -> int:
    """Return ``debt / (liquidity + debt)``, 0 without debt, ray."""
    return ray_div_half_up(debt_raw, liquidity_raw + debt_raw) if debt_raw else 0


def borrow_rate_ray(model: RateModel, utilisation: int) -> int:
    """Return the yearly variable rate at a utilisation (ray).

    ``base + slope1 U / U_opt`` up to the optimum, ``base + slope1 + slope2 (U - U_opt) / (1 - U_opt)``
    beyond.
    """
    if utilisation <= model.optimal_ray:
        if model.optimal_ray == 0:
            return model.base_ray
        return model.base_ray + ray_div_half_up(
            ray_mul_half_up(model.slope1_ray, utilisation), model.optimal_ray
        )
    excess = ray_div_half_up(utilisation - model.optimal_ray, RAY - model.optimal_ray)
    return model.base_ray + model.slope1_ray + ray_mul_half_up(model.slope2_ray, excess)


def rates_at(
    model: RateModel, debt_raw: int, liquidity_raw: int, reserve_factor_bps: int, *, averaged: bool = False
) -> Rates:
    """Return both rates: suppliers share what borrowers pay less the treasury's part.

    Parameters
    ----------
    model : RateModel
    debt_raw, liquidity_raw : int
        Debt at the variable rate, and cash.
    reserve_factor_bps : int
    averaged : bool
        Whether the release weighs variable and stable debt into one rate first (`averages_debts`),
        which rounds once more even where no debt is stable.
    """
    utilisation = utilisation_ray(debt_raw, liquidity_raw)
    debt = borrow_rate_ray(model, utilisation)
    if not debt_raw:
        return Rates(0, debt)
    paid = debt
    if averaged:
        weight = debt_raw * WAD_TO_RAY
        paid = ray_div_half_up(ray_mul_half_up(weight, debt), weight)
    supply = percent_mul_half_up(ray_mul_half_up(paid, utilisation), BPS - reserve_factor_bps)
    return Rates(supply, debt)


def averages_debts(rules: LiquidationRules) -> bool:
    """Return whether suppliers are paid the average of variable and stable debts (until v3.1)."""
    return rules.version in ("2.0", "3.0", "3.1")


def indices_along(
    reserve: Reserve,
    rules: LiquidationRules,
    elapsed_s: Sequence[int],
    *,
    from_model: bool = True,
    liquidity_raw: int | None = None,
) -> list[Indices]:
    """Return a reserve's indices so many seconds after the snapshot, one each.

    The reserve is taken to be touched at the snapshot and at every time given, as a market in use
    is: its rates follow its utilisation, and debt compounds over the steps.

    Parameters
    ----------
    reserve : Reserve
    rules : LiquidationRules
        Its ``debt_accrual`` says which series compounds.
    elapsed_s : sequence of int
        Never decreasing, from 0 on.
    from_model : bool
        Rates from the reserve's rate model; else, and where it has none, the snapshot's stand still.
    liquidity_raw : int, optional
        Withdrawable liquidity; the snapshot's by default, 0 for a utilisation of 100 %.

    Raises
    ------
    InputError
        If a time lies before the one before it.
    """
    if any(b < a for a, b in zip([0, *elapsed_s], elapsed_s, strict=False)):
        raise InputError("times of accrual go backwards.", remedy="Sort the path.")
    liquidity = reserve.available_liquidity_raw if liquidity_raw is None else liquidity_raw
    now = Indices(reserve.liquidity_index_ray, reserve.variable_borrow_index_ray)
    out, at_s = [], 0
    model = reserve.rate_model if from_model else None
    averaged = averages_debts(rules)
    rates = _rates(reserve, model, now, liquidity, averaged)
    for t in elapsed_s:
        if t > at_s:
            now = _grown(now, rates, t - at_s, rules.debt_accrual)
            rates, at_s = _rates(reserve, model, now, liquidity, averaged), t
        out.append(now)
    return out


def _rates(
    reserve: Reserve, model: RateModel | None, now: Indices, liquidity_raw: int, averaged: bool
) -> Rates:
    if model is None:
        return Rates(reserve.liquidity_rate_ray, reserve.variable_borrow_rate_ray)
    debt_raw = reserve.total_debt_raw * now.debt_ray // max(reserve.variable_borrow_index_ray, 1)
    return rates_at(model, debt_raw, liquidity_raw, reserve.reserve_factor_bps, averaged=averaged)


def _grown(now: Indices, rates: Rates, seconds: int, series: DebtAccrual) -> Indices:
    return Indices(
        supply_index_ray(now.supply_ray, rates.supply_ray, 0, seconds),
        debt_index_ray(now.debt_ray, rates.debt_ray, 0, seconds, series),
    )
