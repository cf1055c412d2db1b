"""The harm ledger of one liquidation call: who loses how much, and why.

Symbols: collateral value ``C``, debt ``D``, liquidation threshold ``LT``, bonus ``b`` (both
fractions), health factor ``HF = sum(LT C) / D``, target health factor ``h`` (1 = the legal
minimum), reference cost of selling ``s`` (fee, slippage and gas as a fraction of the value
sold, *not* a parameter of the protocol).

Every function takes and returns plain floats in one currency and may be called from Python
and from kernels; `risk.engine.ledger_arrays` has the array versions.
"""

from __future__ import annotations

from risk.engine.jit import shared

CALL_TARGET = 1.0  # target health factor h where the protocol states none


@shared
def lam(threshold: float, bonus: float) -> float:
    """Return ``LT (1 + b)``: weighted collateral removed per unit of debt repaid.

    A call raises the health factor exactly if ``HF > lam``.
    """
    return threshold * (1.0 + bonus)


@shared
def price_adjusted(bonus: float, collateral_fair_to_oracle: float, debt_fair_to_oracle: float) -> float:
    """Return the bonus a liquidator really gets when seizure is priced by a wrong oracle.

    ``(1 + b) (P_fair / P_oracle of the collateral) / (P_fair / P_oracle of the debt) - 1``.
    """
    return (1.0 + bonus) * collateral_fair_to_oracle / debt_fair_to_oracle - 1.0


@shared
def r_star(
    debt: float,
    collateral: float,
    health: float,
    threshold: float,
    bonus: float,
    target: float = CALL_TARGET,
) -> float:
    """Return the smallest repayment that restores the health factor to ``target``.

    ``r* = D (h - HF) / (h - LT (1 + b))`` for ``LT (1 + b) < HF < h``; 0 for ``HF >= h``; and
    ``min(D, C / (1 + b))``, everything, where repaying lowers the health factor.

    Notes
    -----
    Setting ``(HF D - lam r) / (D - r) = h`` and solving for r.  With several collaterals
    ``threshold`` and ``bonus`` are those of the seized one, ``health`` is the account's.
    """
    if health >= target:
        return 0.0
    slope = lam(threshold, bonus)
    if health <= slope:
        return min(debt, collateral / (1.0 + bonus))
    return debt * (target - health) / (target - slope)


@shared
def r_reference(
    debt: float,
    collateral: float,
    health_fair: float,
    threshold: float,
    cost: float,
    target: float = CALL_TARGET,
) -> float:
    """Return ``r_star`` with the reference cost ``s`` in place of the bonus.

    It is what an ideal protocol would repay: one that pays for the sale and nothing else.
    Since ``s`` is no parameter of the protocol, a larger bonus cannot make it larger.
    """
    return r_star(debt, collateral, health_fair, threshold, cost, target)


@shared
def over_liquidated(repaid: float, needed: float) -> float:
    """Return ``max(R - r*, 0)``, debt repaid beyond ``needed``.

    With ``r*`` at fair prices it holds dislocation (``HF_fair >= 1``: all of R) and excess in
    one number.  A description only: ``r*`` grows with the bonus, so a larger bonus can make
    it smaller while the borrower loses more.
    """
    return max(repaid - needed, 0.0)


@shared
def borrower_loss(
    repaid: float, bonus: float, collateral_fair_to_oracle: float, debt_fair_to_oracle: float
) -> float:
    """Return what the borrower loses at fair prices.

    ``(1 + b) R P_fair/P_oracle (collateral) - R P_fair/P_oracle (debt)``, with R at oracle prices.
    """
    return (1.0 + bonus) * repaid * collateral_fair_to_oracle - repaid * debt_fair_to_oracle


@shared
def avoidable_loss(loss: float, cost: float, needed: float) -> float:
    """Return ``XL = max(loss - s r_reference, 0)``: the loss beyond the cost of what was needed."""
    return max(loss - cost * needed, 0.0)


@shared
def loss_parts(
    loss: float, repaid: float, health_fair: float, cost: float, needed: float, target: float = CALL_TARGET
) -> tuple[float, float, float]:
    """Return the avoidable loss by cause: (dislocation, excess repayment, bonus).

    * ``HF_fair >= h``: nothing was called for, all of it is dislocation;
    * else the share of R beyond ``needed`` bears its part of the loss as excess, and what
      remains above the reference cost is bonus (including a seizure priced too low)::

          excess = loss max(R - r, 0) / R        bonus = loss min(R, r) / R - s r

      A negative bonus part (the sale cost more than was paid) reduces the excess.

    The avoidable loss *is* the sum of the three, in this order.
    """
    total = avoidable_loss(loss, cost, needed)
    if health_fair >= target:
        return total, 0.0, 0.0
    if repaid <= 0.0:
        return 0.0, 0.0, total
    excess = min(total, max(loss, 0.0) * (over_liquidated(repaid, needed) / repaid))
    return 0.0, excess, total - excess


@shared
def is_toxic(health: float, threshold: float, bonus: float, impact: float = 0.0) -> bool:
    """Return whether each unit repaid lowers the health factor.

    ``HF < LT (1 + b) (1 + impact)`` at oracle prices; ``impact`` is the relative fall in value
    of the collateral left per unit sold (0: the sale moves no price the oracle reads).
    """
    return health < lam(threshold, bonus) * (1.0 + impact)


@shared
def leaves_bad_debt(loan_to_value: float, bonus: float) -> bool:
    """Return whether liquidating everything leaves debt: ``D / C > 1 / (1 + b)``."""
    return loan_to_value * (1.0 + bonus) > 1.0


@shared
def under_liquidated(debt: float, health_fair: float, health_oracle: float) -> float:
    """Return ``D`` if the account is insolvent at fair but healthy at oracle prices, else 0."""
    return debt if health_fair < 1.0 <= health_oracle else 0.0


def toxic_band(threshold: float, bonus: float, full_close_below: float) -> tuple[float, float] | None:
    """Return the health factors in which a half-close lowers the health factor by design.

    ``(full_close_below, LT (1 + b))`` where the second is larger, else None.
    """
    top = lam(threshold, bonus)
    return (full_close_below, top) if top > full_close_below else None


def two_step_gain(close_factor: float, health: float, threshold: float, bonus: float) -> float:
    """Return what a liquidator gains by splitting one call in two, relative to the single call.

    ``((1 - CF) / CF) (1 - HF) / (1 - lam)``: first repay exactly what keeps the account
    liquidatable, then the close factor of the rest (Qin et al., IMC 2021).
    """
    return (1.0 - close_factor) / close_factor * (1.0 - health) / (1.0 - lam(threshold, bonus))


def lossless_fall(health: float, threshold: float, bonus: float) -> float:
    """Return the fall of the collateral's price up to which no debt is lost.

    ``max(1 - 1/HF, 1 - (1 + b) LT / HF)``: before the first the account is not liquidatable,
    before the second its collateral still pays debt and bonus (Gatto 2026).
    """
    return max(1.0 - 1.0 / health, 1.0 - lam(threshold, bonus) / health)
