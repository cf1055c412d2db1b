"""From scaled amounts and stored indices to balances at a chosen time, and back.

A balance is a scaled amount times an index.  Indices grow with time, scaled amounts only
change when the account acts, so a balance is exact at any timestamp::

    stored index --factor(rate, seconds)--> index at t --x scaled--> balance at t

Choose the timestamp of the block that will hold the liquidation, not of the snapshot.

References
----------
MathUtils.sol (linear and compounded interest), ReserveLogic.sol (normalized income and debt),
TokenMath.sol (v3.5 on), StableDebtToken.sol (until v3.1), WadRayMath.sol.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from abis.errors import InputError
from abis.units import (
    RAY,
    YEAR_S,
    ray_div_down,
    ray_div_half_up,
    ray_div_up,
    ray_mul_down,
    ray_mul_half_up,
    ray_mul_up,
)
from protocols.liquidation_rules import DebtAccrual, Rounding

_RAY_MUL: MappingProxyType[Rounding, Callable[[int, int], int]] = MappingProxyType(
    {Rounding.DOWN: ray_mul_down, Rounding.UP: ray_mul_up, Rounding.HALF_UP: ray_mul_half_up}
)
_RAY_DIV: MappingProxyType[Rounding, Callable[[int, int], int]] = MappingProxyType(
    {Rounding.DOWN: ray_div_down, Rounding.UP: ray_div_up, Rounding.HALF_UP: ray_div_half_up}
)
_OPPOSITE = MappingProxyType(
    {Rounding.DOWN: Rounding.UP, Rounding.UP: Rounding.DOWN, Rounding.HALF_UP: Rounding.HALF_UP}
)


def linear_factor_ray(rate_ray: int, elapsed_s: int) -> int:
    """Return the growth of the supply index over ``elapsed_s`` seconds, simple interest, ray."""
    return RAY + rate_ray * elapsed_s // YEAR_S


def compounded_factor_ray(rate_ray: int, elapsed_s: int, series: DebtAccrual) -> int:
    """Return the growth of the debt index over ``elapsed_s`` seconds, ray.

    Parameters
    ----------
    rate_ray : int
        Yearly borrow rate.
    elapsed_s : int
        Seconds since the index was stored.
    series : DebtAccrual
        Which three-term approximation of continuous compounding the release uses.
    """
    if series is DebtAccrual.TAYLOR:
        return _taylor_ray(rate_ray, elapsed_s)
    return _binomial_ray(rate_ray, elapsed_s, series)


def _taylor_ray(rate_ray: int, n: int) -> int:
    x = rate_ray * n // YEAR_S
    return RAY + x + ray_mul_half_up(x, x // 2 + ray_mul_half_up(x, x // 6))


def _binomial_ray(rate_ray: int, n: int, series: DebtAccrual) -> int:
    if series is DebtAccrual.RATE_PER_SECOND:
        per_second = rate_ray // YEAR_S
        first = per_second * n
        squared = ray_mul_half_up(per_second, per_second)
        cubed = ray_mul_half_up(squared, per_second)
    else:
        first = rate_ray * n // YEAR_S
        squared = ray_mul_half_up(rate_ray, rate_ray) // YEAR_S**2
        cubed = ray_mul_half_up(squared, rate_ray) // YEAR_S
    pairs, triples = n * (n - 1), n * (n - 1) * (n - 2)
    return RAY + first + pairs * squared // 2 + triples * cubed // 6


def supply_index_ray(stored_ray: int, rate_ray: int, last_update_s: int, at_s: int) -> int:
    """Return the supply index at ``at_s`` (``getReserveNormalizedIncome``), ray.

    Raises
    ------
    InputError
        If ``at_s`` lies before the last update.
    """
    return ray_mul_half_up(linear_factor_ray(rate_ray, _elapsed_s(last_update_s, at_s)), stored_ray)


def debt_index_ray(stored_ray: int, rate_ray: int, last_update_s: int, at_s: int, series: DebtAccrual) -> int:
    """Return the debt index at ``at_s`` (``getReserveNormalizedVariableDebt``), ray.

    Raises
    ------
    InputError
        If ``at_s`` lies before the last update.

    Notes
    -----
    This is what the view returns.  A state update leaves the *stored* index untouched while
    the reserve has no debt at all.
    """
    elapsed_s = _elapsed_s(last_update_s, at_s)
    return ray_mul_half_up(compounded_factor_ray(rate_ray, elapsed_s, series), stored_ray)


def stable_debt_raw(
    principal_raw: int, rate_ray: int, last_update_s: int, at_s: int, series: DebtAccrual
) -> int:
    """Return what an account owes at its stable rate at ``at_s`` (``StableDebtToken.balanceOf``).

    Until v3.1 a reserve may have such debt besides the variable one.  Each account's grows at
    a rate of its own, from the ``principal_raw`` it owed when it last acted.

    Raises
    ------
    InputError
        If ``at_s`` lies before the last update.
    """
    elapsed_s = _elapsed_s(last_update_s, at_s)
    return ray_mul_half_up(principal_raw, compounded_factor_ray(rate_ray, elapsed_s, series))


def balance_raw(scaled_raw: int, index_ray: int, rounding: Rounding) -> int:
    """Return the balance of a scaled amount, rounded as the release's token does."""
    return _RAY_MUL[rounding](scaled_raw, index_ray)


def minted_scaled(amount_raw: int, index_ray: int, rounding: Rounding) -> int:
    """Return the scaled amount a supply or a borrow of ``amount_raw`` adds.

    ``rounding`` is the token's balance rounding: tokens round a mint the same way, so that
    suppliers never get more, and borrowers never owe less, than was moved.
    """
    return _RAY_DIV[rounding](amount_raw, index_ray)


def burned_scaled(amount_raw: int, index_ray: int, rounding: Rounding) -> int:
    """Return the scaled amount a withdrawal, transfer or repayment of ``amount_raw`` removes.

    ``rounding`` is the token's balance rounding: tokens round a burn the opposite way.
    Burning a whole balance removes exactly the scaled amount behind it (index >= 1 ray), so
    this is also the inverse of `balance_raw`.
    """
    return _RAY_DIV[_OPPOSITE[rounding]](amount_raw, index_ray)


def _elapsed_s(last_update_s: int, at_s: int) -> int:
    if at_s < last_update_s:
        raise InputError(
            f"time {at_s} lies before the reserve's last update at {last_update_s}.",
            remedy="Choose a timestamp at or after the block that was read.",
        )
    return at_s - last_update_s
