"""Cuts on a CVaR: what one tail says about every choice.

CVaR is the greatest mean of the loss under weights q that no scenario's share exceeds by more than
``1 / (1 - level)`` (Rockafellar, Uryasev and Zabarankin 2006).  The q of one choice's tail is allowed for
every other, so for losses that add up over options, ``L_s = sum L_ks z_k``, and a cover c ::

    CVaR((L - c)+) >= sum_s q_s 1[s over c at the choice] (sum_k L_ks z_k - c)      for all z

One row of numbers stands for the whole tail: the program needs no row a scenario (Kuenzi-Bay and Mayer
2006).  The cut is tight at the choice it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from risk.engine.arrays import FloatArray, IntArray

if TYPE_CHECKING:
    from risk.solver.program import TailLimit


@dataclass(frozen=True, eq=False, slots=True)
class TailCut:
    """``sum cost_k z_k - constant`` is no greater than the CVaR of any choice z.

    Parameters
    ----------
    cost : (M,) float64
    constant : float
    scenarios : (n,) int64
        Of the tail it came from.
    """

    cost: FloatArray
    constant: float
    scenarios: IntArray


@dataclass(eq=False, slots=True)
class TailCuts:
    """What is known of a CVaR, whatever its limit: copies of a `TailLimit` with another limit share it."""

    cuts: list[TailCut] = field(default_factory=list)
    of: tuple[object, ...] = ()

    def known(self, tail: TailLimit) -> list[TailCut]:
        """Return the cuts of a tail; none where its losses are other ones than before."""
        own = (tail.loss_usd, tail.weight, tail.level, tail.cover_usd)
        same = len(self.of) == len(own) and self.of[0] is own[0] and self.of[1] is own[1]
        if not same or self.of[2:] != own[2:]:
            self.cuts, self.of = [], own
        return self.cuts


def tail_cut(tail: TailLimit, z: FloatArray) -> tuple[float, TailCut]:
    """Return the CVaR at a choice, or at a mixture of options, and its cut.

    Parameters
    ----------
    tail : TailLimit
    z : (M,) float64
        Part of each option, 0 to 1.
    """
    used = np.flatnonzero(z)
    loss = z[used] @ tail.loss_usd[used]
    worst, share = _tail(loss, tail.level, tail.weight)
    if tail.cover_usd:
        over = loss[worst] > tail.cover_usd
        worst, share = worst[over], share[over]
    cost = tail.loss_usd[:, worst] @ share
    constant = tail.cover_usd * float(share.sum())
    return float(cost @ z) - constant, TailCut(cost, constant, worst)


def _tail(loss: FloatArray, level: float, weight: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the worst scenarios and what each counts in the CVaR; they add up to 1."""
    order = np.argsort(-loss, kind="stable")
    order = order[weight[order] > 0]
    w = weight[order] / weight.sum()
    before = np.concatenate([[0.0], np.cumsum(w)[:-1]])
    taken = np.clip(1 - level - before, 0.0, w)
    own = taken > 0
    return order[own], taken[own] / taken.sum()
