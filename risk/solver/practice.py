"""Today's practice on the solver's own menu, so that both can be compared on the same book.

Three rivals, each a choice of one option a row:

* what is in force;
* one asset at a time: each threshold as high as a value at risk lets it rise while all others stay as
  they are, then one joint check (as Gauntlet and Chaos Labs describe their work: 95th percentiles of
  insolvent debt and of liquidated debt, a box of 3 % either way; Aave governance forum, thread 11603);
* SmartLTV, ``exp(-c sigma sqrt(d / l)) - beta``, of every collateral against every debt it backs, the
  lowest taken (backstop-protocol/smart-ltv, SmartLTV.sol).

None of them speaks of LTVs apart from thresholds, so on the common menu every LTV keeps its distance
to the threshold: no rival is beaten by a dimension it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.stress import stress
from risk.measures import expected_shortfall, value_at_risk
from risk.proposal.apply import applied
from risk.scenarios.scenarios import Scenarios
from risk.solver.cap_options import Kind
from risk.solver.evaluate import Setting, enactment, together
from risk.solver.losses import Losses, losses_of
from risk.solver.menu import BPS, Menu, Option, Rule
from risk.solver.parameters import Parameters
from risk.solver.search import search
from risk.solver.seed import thresholds_of

LEVEL = 0.95  # of the values at risk that practice quotes
BOX_BPS = 300  # how far practice moves a threshold at once
HALVINGS = 5  # of the share of a rival's harm in the search for the least


@dataclass(frozen=True, slots=True)
class Judged:
    """What a choice brings, on scenarios it was not made on.

    Parameters
    ----------
    name : str
    power_usd : float
        Most that may be borrowed against what is supplied.
    bad_debt_usd, avoidable_usd : float
        CVaR of the engine's totals.
    liquidated_usd : float
        CVaR of the debt of all accounts liquidated.
    bad_debt_var_usd : float
        Value at risk at `LEVEL` of potential bad debt: what practice looks at.
    enacted_usd : float
        Debt of accounts the change itself makes liquidatable.
    """

    name: str
    power_usd: float
    bad_debt_usd: float
    avoidable_usd: float
    liquidated_usd: float
    bad_debt_var_usd: float
    enacted_usd: float


@dataclass(frozen=True, slots=True)
class Duel:
    """A rival beside the solver.

    Parameters
    ----------
    rival : Judged
    same_harm : Judged or None
        The most borrowing power at no more of any harm than the rival's; None where the search found
        nothing better than the rival's own choice.
    same_power : Judged or None
        The smallest share of all of the rival's harms at no less borrowing power, counted above what
        neither the lowest nor the highest thresholds of the menu avoid; None likewise.
    share : float
        That share, on the scenarios the choices were made on; 1 if none was smaller.
    """

    rival: Judged
    same_harm: Judged | None
    same_power: Judged | None
    share: float


def same_buffers(menu: Menu) -> Menu:
    """Return the menu with every LTV as far below its threshold as it is in force."""
    rows = []
    for row in menu.rows:
        if row.kind is not Kind.COLLATERAL:
            rows.append(row)
            continue
        now = row.options[row.current].parameters
        buffer = now.threshold_bps - now.ltv_bps
        kept: dict[Parameters, Option] = {now: row.options[row.current]}
        for option in row.options:
            p = option.parameters
            ltv = max(p.threshold_bps - buffer, 1) if now.ltv_bps else 0
            moved = Parameters(ltv, p.threshold_bps, p.bonus_bps)
            kept.setdefault(moved, Option(moved, option.broken - {Rule.NEW_POSITION}))
        rows.append(replace(row, options=tuple(kept.values()), current=0))
    return Menu(tuple(rows))


def power_usd(setting: Setting, chosen: IntArray) -> float:
    """Return the most that may be borrowed against what is supplied under a choice."""
    ltv = np.array([setting.menu.options[k].parameters.ltv_bps for k in chosen.tolist()]) / BPS
    return float(ltv @ setting.supplied_usd)


def one_at_a_time(
    setting: Setting, losses: Losses, *, level: float = LEVEL, box_bps: int = BOX_BPS
) -> IntArray:
    """Return each row's highest threshold at which values at risk stay what they are today.

    Every row is moved alone, bonus as it is; values at risk of potential bad debt and of liquidated
    debt may not rise.  Jointly the rows that rose then step down together until that holds again.

    Parameters
    ----------
    setting : Setting
        With the menu of `same_buffers`.
    losses : Losses
        Of debts as they are.
    level : float
    box_bps : int
        How far a threshold may rise.
    """
    menu, weight = setting.menu, setting.scenarios.weight
    measures = ("bad_debt_usd", "eligible_usd")
    now = {m: getattr(losses.swept.now, m) for m in measures}
    most = {m: value_at_risk(now[m], level, weight) + 1e-6 for m in measures}
    ladders = [thresholds_of(menu, r, box_bps) for r in range(len(menu.rows))]
    at = []
    for ladder in ladders:
        held = [
            all(
                value_at_risk(now[m] + getattr(losses.swept.change, m)[k], level, weight) <= most[m]
                for m in measures
            )
            for k in ladder.tolist()
        ]
        at.append(int(np.flatnonzero(held)[-1]))
    start = [int(np.flatnonzero(lad == menu.current[r])[0]) for r, lad in enumerate(ladders)]
    while True:
        chosen = np.array([lad[k] for lad, k in zip(ladders, at, strict=True)])
        joint = together(setting, chosen, 0.0)
        if all(value_at_risk(getattr(joint, m), level, weight) <= most[m] for m in measures) or at == start:
            return chosen
        at = [k - int(np.sign(k - s)) for k, s in zip(at, start, strict=True)]


def judged(setting: Setting, chosen: IntArray, name: str) -> Judged:
    """Return what a choice brings on the scenarios of the setting, debts as they are."""
    after = applied(setting.snapshot, setting.menu.changes(chosen))
    outcome = stress(after, setting.scenarios, oracles=setting.oracles, depth=setting.depth)
    swept, level = together(setting, chosen, 0.0), setting.limits["tail.level"]

    def tail(values: FloatArray) -> float:
        return expected_shortfall(values.reshape(len(values), -1).sum(axis=1), level, outcome.weight)

    enacted = next(a.value for a in enactment(setting, after) if a.name == "enactment.usd")
    return Judged(
        name=name,
        power_usd=power_usd(setting, chosen),
        bad_debt_usd=tail(outcome.bad_debt_usd),
        avoidable_usd=tail(outcome.avoidable_loss_usd),
        liquidated_usd=tail(swept.eligible_usd),
        bad_debt_var_usd=value_at_risk(swept.bad_debt_usd, LEVEL, setting.scenarios.weight),
        enacted_usd=enacted,
    )


def duel(setting: Setting, fresh: Scenarios, chosen: IntArray, name: str) -> Duel:
    """Return a rival beside what the solver makes of the rival's own harm, and of its own power.

    Parameters
    ----------
    setting : Setting
        With the scenarios all choices are made on.
    fresh : Scenarios
        Independent ones all are judged on.
    chosen : (R,) int64
        The rival's.
    """
    held = replace(setting, limits=replace(setting.limits, relever=(0.0,)))
    losses = losses_of(held.snapshot, held.menu, held.scenarios, held.limits, oracles=held.oracles)
    arena = _Arena(held, losses, _harm(held, chosen), _floor(held), chosen)
    new, needed = replace(held, scenarios=fresh), power_usd(held, chosen)
    full = arena.within(1.0)
    if full is not None and power_usd(held, full) <= needed:
        full = None
    share, least = arena.least(needed * (1 - 1e-12))
    return Duel(
        rival=judged(new, chosen, name),
        same_harm=None if full is None else judged(new, full, f"solver, no more harm than {name}"),
        same_power=None if least is None else judged(new, least, f"solver, no less power than {name}"),
        share=share,
    )


def most_power(setting: Setting, chosen: IntArray) -> IntArray:
    """Return the choice of most power at no more harm than a given one, which it is where none is better."""
    losses = losses_of(
        setting.snapshot, setting.menu, setting.scenarios, setting.limits, oracles=setting.oracles
    )
    harm = _harm(setting, chosen)
    best = _Arena(setting, losses, harm, harm, chosen).within(1.0)
    return chosen if best is None else best


@dataclass(frozen=True, eq=False, slots=True)
class _Arena:
    """Where the solver meets a rival: harms by the name of the limit that bounds them."""

    held: Setting
    losses: tuple[Losses, ...]
    harm: dict[str, float]
    floor: dict[str, float]
    start: IntArray  # the rival's choice, which keeps its own harm

    def within(self, share: float) -> IntArray | None:
        """Return the choice of most power within a share of the rival's harm above the floor."""
        floor = {k: min(self.floor[k], v) for k, v in self.harm.items()}
        most = {k: floor[k] + share * (v - floor[k]) for k, v in self.harm.items()}
        numbers = MappingProxyType(dict(self.held.limits.numbers) | most)
        held = replace(self.held, limits=replace(self.held.limits, numbers=numbers))
        best = search(held, self.losses, starts=[self.start]).best
        return None if best is None else best.chosen

    def least(self, needed: float) -> tuple[float, IntArray | None]:
        """Return the smallest share at which there is as much power as needed, by halving."""
        low, high, best = 0.0, 1.0, None
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            found = self.within(middle)
            if found is not None and power_usd(self.held, found) >= needed:
                high, best = middle, found
            else:
                low = middle
        return high, best


def _harm(held: Setting, chosen: IntArray) -> dict[str, float]:
    """Return a choice's harms; where sweep and engine both count one, the larger: a limit binds both."""
    there, swept = judged(held, chosen, ""), together(held, chosen, 0.0)
    level, weight = held.limits["tail.level"], held.scenarios.weight
    return {
        "bad_debt.cvar_usd": max(there.bad_debt_usd, expected_shortfall(swept.bad_debt_usd, level, weight)),
        "avoidable_loss.cvar_usd": max(
            there.avoidable_usd, expected_shortfall(swept.avoidable_usd, level, weight)
        ),
        "liquidations.cvar_usd": there.liquidated_usd,
        "enactment.usd": there.enacted_usd,
    }


def _floor(held: Setting) -> dict[str, float]:
    """Return what of each harm neither the lowest nor the highest thresholds avoid."""
    ladders = [thresholds_of(held.menu, r) for r in range(len(held.menu.rows))]
    ends = [_harm(held, np.array([ladder[end] for ladder in ladders])) for end in (0, -1)]
    return {name: min(end[name] for end in ends) for name in ends[0]}
