"""The harm ledger for arrays: every argument broadcasts, formulas as in `risk.engine.ledger`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.engine import ledger
from risk.engine.jit import vectorised

FloatArray = NDArray[np.float64]

_r_star = vectorised(ledger.r_star)
_loss = vectorised(ledger.borrower_loss)


def _floats(*values: ArrayLike) -> tuple[FloatArray, ...]:
    return tuple(np.asarray(v, dtype=np.float64) for v in values)


def r_star(
    debt: ArrayLike,
    collateral: ArrayLike,
    health: ArrayLike,
    threshold: ArrayLike,
    bonus: ArrayLike,
    target: ArrayLike = ledger.CALL_TARGET,
) -> FloatArray:
    """Return `ledger.r_star` element by element, broadcast shape.

    Pass the reference cost as ``bonus`` for `ledger.r_reference`.
    """
    return np.asarray(_r_star(*_floats(debt, collateral, health, threshold, bonus, target)))


def over_liquidated(repaid: ArrayLike, needed: ArrayLike) -> FloatArray:
    """Return ``max(R - r*, 0)`` element by element."""
    given, need = _floats(repaid, needed)
    return np.maximum(given - need, 0.0)


def borrower_loss(
    repaid: ArrayLike,
    bonus: ArrayLike,
    collateral_fair_to_oracle: ArrayLike,
    debt_fair_to_oracle: ArrayLike,
) -> FloatArray:
    """Return `ledger.borrower_loss` element by element."""
    return np.asarray(_loss(*_floats(repaid, bonus, collateral_fair_to_oracle, debt_fair_to_oracle)))


def avoidable_loss(loss: ArrayLike, cost: ArrayLike, needed: ArrayLike) -> FloatArray:
    """Return ``max(loss - s r, 0)`` element by element."""
    total, share, need = _floats(loss, cost, needed)
    return np.maximum(total - share * need, 0.0)


def loss_parts(
    loss: ArrayLike, repaid: ArrayLike, health_fair: ArrayLike, cost: ArrayLike, needed: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return `ledger.loss_parts` element by element: (dislocation, excess, bonus)."""
    loss_, given, health, share, need = np.broadcast_arrays(*_floats(loss, repaid, health_fair, cost, needed))
    total = avoidable_loss(loss_, share, need)
    beyond = np.divide(over_liquidated(given, need), given, out=np.zeros_like(given), where=given > 0)
    called_for = health < ledger.CALL_TARGET
    excess = np.where(called_for, np.minimum(total, np.maximum(loss_, 0.0) * beyond), 0.0)
    return np.where(called_for, 0.0, total), excess, np.where(called_for, total - excess, 0.0)
