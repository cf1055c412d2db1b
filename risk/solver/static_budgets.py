"""Cap-fill and related assets in the program: budgets over one option a row, without scenarios.

Cap-fill of asset i in e-mode m is ``F = min(headroom_i x LTV_m, lendable_m)``: the cap of one row times
the LTV of another.  Options being chosen whole, the product is linear exactly: with ``k`` the caps of i,
ascending, ``y_k`` whether its cap is at least the k-th, and ``l`` the LTVs of the row of m::

    sum_l F(k, l) z_l  -  (1 - y_k) max_l F(k, l)  <=  budget                       for every k

which for the chosen cap says ``F <= budget`` and for smaller ones less.  Where borrow caps are rows too,
``lendable`` is what their lowest options leave, and each pair of cap and LTV that needs more than the
budget leaves bounds what may be lent: ``lendable <= budget + (2 - y_k - y_l) lendable_max``.

The tokens of one coin together: ``sum_i F_i``, linear for any one cap each; asked with every token at
the same rank of its caps, and in the e-mode that pays best today.  That is less than the limit asks, so
no choice within it is lost; what is chosen against it is seen in the exact judgement and cut off
(`risk.solver.cuts`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.solver import cap_fill
from risk.solver.cap_options import Kind
from risk.solver.evaluate import Setting
from risk.solver.parameters import parameters_of
from risk.solver.program import Budget
from risk.solver.related import related

ROUNDING = 1e-9  # relative: what the exact judgement lets pass


def cap_fill_budgets(setting: Setting) -> tuple[Budget, ...]:
    """Return the budgets of ``cap_fill.usd`` and ``cap_fill.per_issuer_usd``, none where they are inf."""
    each = setting.limits["cap_fill.usd"] * (1 + ROUNDING)
    together = setting.limits["cap_fill.per_issuer_usd"] * (1 + ROUNDING)
    market = _Market(setting)
    budgets: list[Budget] = []
    if math.isfinite(each):
        for i in range(len(setting.snapshot.reserves)):
            for mode in cap_fill.modes_of(setting.snapshot, i):
                budgets += market.single(i, mode, each)
    if math.isfinite(together):
        for members in cap_fill.families(setting.snapshot).values():
            budgets += market.family(members, together)
    return tuple(budgets)


def related_budgets(setting: Setting) -> tuple[Budget, ...]:
    """Return the budgets of ``sanity.related_excess_bps``: an LTV and a threshold less those above."""
    limit = setting.limits["sanity.related_excess_bps"]
    if not math.isfinite(limit):
        return ()
    market = _Market(setting)
    options = setting.menu.options
    budgets = []
    for i, above in related(setting.snapshot):
        for name in ("ltv_bps", "threshold_bps"):
            cost = np.zeros(len(options) + 1)
            for place, sign in ((i, 1), (above, -1)):
                own = market.options(Kind.COLLATERAL, place)
                cost[own] += [sign * getattr(options[k].parameters, name) for k in own.tolist()]
            budgets.append(Budget("sanity.related_excess_bps", cost, limit))
    return tuple(budgets)


class _Market:
    """What each option leaves of headroom and of what may be lent."""

    def __init__(self, setting: Setting) -> None:
        self.snapshot, self.menu = setting.snapshot, setting.menu
        self.row = {(r.kind, r.is_emode, r.place): k for k, r in enumerate(self.menu.rows)}

    def options(self, kind: Kind, place: int, is_emode: bool = False) -> IntArray:
        """Return the options of a row, as places among all; empty where the row does not move."""
        k = self.row.get((kind, is_emode, place))
        none = np.zeros(0, dtype=np.int64)
        return none if k is None else np.arange(self.menu.first[k], self.menu.first[k + 1])

    def single(self, i: int, mode: int, limit: float) -> Iterator[Budget]:
        """Yield the budgets of one asset in one e-mode row."""
        levels = self._levels(i, mode)
        debts = cap_fill.debts(self.snapshot, mode) - {i}
        lowest, most = self._lendable(debts)
        if levels is None or most <= limit:
            return
        for cap in self._caps(i):
            power = self._power(i, cap, levels)
            if lowest > limit:
                yield self._filled("cap_fill.usd", [(i, cap, levels, np.minimum(power, lowest))], limit)
            elif (power > limit).any():
                yield self._lent(i, cap, levels[power > limit], debts, most, limit)

    def family(self, members: list[int], limit: float) -> Iterator[Budget]:
        """Yield the budgets of several tokens filled together, every one at the same rank of its caps."""
        if self._lendable(cap_fill.family_debts(self.snapshot, members))[0] <= limit:
            return
        ladders = {i: self._caps(i) for i in members}
        for rank in range(max(map(len, ladders.values()), default=0)):
            terms = []
            for i in members:
                cap = ladders[i][min(rank, len(ladders[i]) - 1)]
                best = self._best(i, cap, set(members))
                if best is not None:
                    terms.append((i, cap, *best))
            if terms:
                yield self._filled("cap_fill.per_issuer_usd", terms, limit)

    def _best(self, i: int, cap: int, worthless: set[int]) -> tuple[IntArray, FloatArray] | None:
        """Return the LTV options of the e-mode row in which a fill pays most today, and what each pays."""
        best: tuple[float, IntArray, FloatArray] | None = None
        for mode in cap_fill.modes_of(self.snapshot, i):
            levels = self._levels(i, mode)
            if levels is None:
                continue
            lowest = self._lendable(cap_fill.debts(self.snapshot, mode) - worthless)[0]
            paid = np.minimum(self._power(i, cap, levels), lowest)
            if best is None or paid.max() > best[0]:
                best = float(paid.max()), levels, paid
        return None if best is None else best[1:]

    def _levels(self, i: int, mode: int) -> IntArray | None:
        """Return the options that set the LTV of a reserve in an e-mode row, None if it lends nothing."""
        snapshot = self.snapshot
        if not cap_fill.is_open(snapshot.reserves[i]) or not parameters_of(snapshot, i, mode).ltv_bps:
            return None
        found = self.options(Kind.COLLATERAL, mode - 1 if mode else i, mode > 0)
        return found if len(found) else None

    def _caps(self, i: int) -> list[int]:
        """Return the supply caps a reserve may have, ascending; 0, none, alone."""
        own = self.options(Kind.SUPPLY_CAP, i)
        if not len(own):
            return [self.snapshot.reserves[i].supply_cap_tokens]
        return sorted(self.menu.options[k].cap_tokens for k in own.tolist())

    def _power(self, i: int, cap: int, levels: IntArray) -> FloatArray:
        headroom = cap_fill.headroom_usd(self.snapshot, i, cap)
        ltvs = [self.menu.options[k].parameters.ltv_bps for k in levels.tolist()]
        return np.array([cap_fill.power_usd(self.snapshot, i, ltv, headroom) for ltv in ltvs])

    def _lendable(self, debts: set[int]) -> tuple[float, float]:
        """Return the least and the most that may be lent of some reserves."""
        low = high = 0.0
        for j in debts:
            own = self.options(Kind.BORROW_CAP, j)
            caps = [self.menu.options[k].cap_tokens for k in own.tolist()]
            values = [
                cap_fill.lendable_usd(self.snapshot, j, cap)
                for cap in caps or [self.snapshot.reserves[j].borrow_cap_tokens]
            ]
            low, high = low + min(values), high + max(values)
        return low, high

    def _at_least(self, i: int, cap: int) -> IntArray:
        """Return the options with a supply cap of at least one; empty where the cap does not move."""
        own = self.options(Kind.SUPPLY_CAP, i)
        return own[[self.menu.options[k].cap_tokens >= cap for k in own.tolist()]]

    def _filled(self, name: str, terms: list[tuple[int, int, IntArray, FloatArray]], limit: float) -> Budget:
        """Return the budget of fills at one cap each; the constant stands in the row always chosen."""
        cost = np.zeros(len(self.menu.options) + 1)
        for i, cap, levels, paid in terms:
            cost[levels] += paid
            above = self._at_least(i, cap)
            if len(above):
                cost[above] += paid.max()
                cost[-1] -= paid.max()
        return Budget(name, cost, limit)

    def _lent(self, i: int, cap: int, levels: IntArray, debts: set[int], most: float, limit: float) -> Budget:
        """Return the bound on what may be lent where a cap and an LTV are both at least so high."""
        cost = np.zeros(len(self.menu.options) + 1)
        for j in debts:
            own = self.options(Kind.BORROW_CAP, j)
            for k in own.tolist():
                cost[k] += cap_fill.lendable_usd(self.snapshot, j, self.menu.options[k].cap_tokens)
            if not len(own):
                cost[-1] += cap_fill.lendable_usd(
                    self.snapshot, j, self.snapshot.reserves[j].borrow_cap_tokens
                )
        for at_least in (self._at_least(i, cap), levels):
            if len(at_least):
                cost[at_least] += most
                cost[-1] -= most
        return Budget("cap_fill.usd", cost, limit)
