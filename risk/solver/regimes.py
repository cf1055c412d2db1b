"""The haircut as a rule of price regime: one choice for calm, out of range and stressed, on one base.

Thresholds, bonuses and caps are those of the recommendation in every regime: a threshold that fell when
stress begins would liquidate whom the buffer is there for.  What moves is the LTV, which frees nobody's
collateral and liquidates nobody: per regime as high as the limits let it be on days drawn from that regime,
with the new-position test read off the regime's own returns.  Then come the rules against procyclicality
(`risk.solver.procyclicality`): the floor, and the buffer, which calm has whole, stress not at all, and what
lies between by where its haircut lies between theirs.  What is left is judged, certified and staged anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.engine.arrays import IntArray
from risk.proposal.changes import Change
from risk.scenarios.scenarios import Scenarios
from risk.solver import regime_kept as kept
from risk.solver.amount import Amount
from risk.solver.cap_options import Kind
from risk.solver.certificate import RISK, Certificate, certify
from risk.solver.checks import check_limits
from risk.solver.conflicts import conflict
from risk.solver.evaluate import Setting, amounts
from risk.solver.limits import Limits
from risk.solver.losses import losses_of
from risk.solver.ltv_options import RISE, SPOKEN
from risk.solver.menu import Menu, Option, Row, Rule, menu_of, safe_ltv_bps
from risk.solver.parameters import Parameters
from risk.solver.plan import Stage, rule_of, stages
from risk.solver.procyclicality import BPS, Tempering
from risk.solver.recommend import Solution
from risk.solver.recommendation import stage
from risk.solver.regime_draws import (
    PATHS,
    REGIMES,
    Regime,
    Regimes,
    Source,
    log_paths_of,
    scenarios_of,
    table_of,
    weighted,
)
from risk.solver.resume import Checkpoint
from risk.solver.returns import DAY_S, Returns
from risk.solver.search import DEFAULT, Effort, search

Report = Callable[[str, int, int], None]  # phase, done, total
LTV_STEP_BPS = 25  # of the LTVs tried where the limits state none


@dataclass(frozen=True, slots=True)
class RowLtv:
    """The LTVs of one row in one regime, bps.

    Parameters
    ----------
    subject : str
    threshold_bps : int
    in_force, solved, published : int
        Today; what the regime's draws let it be; with floor and buffer.
    floor : int or None
        What the long look-back lets it be; None if no floor is asked for.
    """

    subject: str
    threshold_bps: int
    in_force: int
    solved: int
    published: int
    floor: int | None


@dataclass(frozen=True, eq=False)
class RegimeChoice:
    """What is set in one regime.

    Parameters
    ----------
    regime : Regime
    scenarios : Scenarios
        Days drawn from it, with the stressed share.
    ltvs : tuple of RowLtv
        Empty where no choice keeps the limits.
    changes : tuple of Change
        From what is in force.
    amounts : tuple of Amount
        Of what is published, on the scenarios.
    certificate : Certificate or None
        None where none was asked for.
    plan : tuple of Stage
        From what is in force.
    conflict : tuple of str
        Limits that cannot be kept together on these days.
    exempt : tuple of str
        Rows that are to stay although their LTV fails the new-position test in this regime.
    """

    regime: Regime
    scenarios: Scenarios
    ltvs: tuple[RowLtv, ...] = ()
    changes: tuple[Change, ...] = ()
    amounts: tuple[Amount, ...] = ()
    certificate: Certificate | None = None
    plan: tuple[Stage, ...] = ()
    conflict: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Tell whether there is a choice."""
        return bool(self.ltvs)

    @property
    def kept(self) -> bool:
        """Tell whether what is published keeps every limit."""
        return self.found and all(a.kept for a in self.amounts)


@dataclass(frozen=True, slots=True)
class Transition:
    """From one regime's settings to another's.

    Parameters
    ----------
    origin, to : Regime
    changes : tuple of Change
        Empty where nothing moves, or one of them has no choice.
    days : float
        Until the last step, within the market's steps and delays, counted from the first.
    """

    origin: Regime
    to: Regime
    changes: tuple[Change, ...]
    days: float


def by_regime(
    solution: Solution,
    regimes: Regimes,
    *,
    draws: int,
    seed: int,
    certified: int = 0,
    tries: int = 1,
    effort: Effort = DEFAULT,
    paths: int = PATHS,
    checkpoint: Checkpoint | None = None,
    progress: Report | None = None,
) -> tuple[RegimeChoice, ...]:
    """Return one choice a regime, mildest first.

    Parameters
    ----------
    solution : Solution
        Whose thresholds, bonuses and caps hold in every regime.
    regimes : Regimes
    draws, seed : int
        Of each regime; the same seed for all, so that what differs is the regime.
    certified, tries : int
        Independent days that certify each; their seed is that of the draws plus the try.
    effort : Effort
    paths : int
        Behind the new-position test.
    checkpoint : Checkpoint, optional
        What an interrupted run left, and where this one leaves it.
    progress : callable (phase, done, total), optional

    Raises
    ------
    InputError
        If the solution recommends nothing to build on, draws are too few for the limits, or history
        is shorter than the floor's look-back.
    """
    if solution.chosen is None:
        raise InputError("there is no choice that a rule by regime could vary.", remedy="Relax a limit.")
    options = Tempering.of(solution.setting.limits)
    total = len(REGIMES) + (options.floor_lookback_days > 0)
    told = progress or (lambda phase, done, n: None)
    maker = _Maker(solution, regimes, draws, seed, effort, paths, checkpoint, total, told)
    found: dict[Regime, _Solved] = {}
    for k, regime in enumerate(REGIMES):
        stressed = regimes.sources(Regime.STRESSED)[0][0]
        sources = weighted(regimes.sources(regime), stressed, options.stressed_weight)
        found[regime] = maker.solve(regimes, sources, k)
    floor = None
    if options.floor_lookback_days:
        last, source = regimes.lookback(options.floor_lookback_days)
        floor = maker.solve(last, ((source, 1.0),), total - 1).ltv_bps
    out = []
    for k, (regime, one) in enumerate(found.items(), 1):
        sample = maker.sample(regimes, regime, certified, tries, options) if certified else None
        out.append(_choice(solution.setting, regime, one, found, floor, options, sample, tries, told))
        told("regimes judged", k, len(REGIMES))
    return tuple(out)


@dataclass(frozen=True, eq=False, slots=True)
class _Solved:
    """The choice on one regime's draws: its menu, None where there is none, and what conflicts."""

    scenarios: Scenarios
    menu: Menu
    chosen: IntArray | None
    conflict: tuple[str, ...]
    exempt: tuple[str, ...]
    part: Checkpoint | None  # of the draws

    @property
    def ltv_bps(self) -> tuple[int, ...] | None:
        """Return the LTV of every row."""
        if self.chosen is None:
            return None
        return tuple(self.menu.options[k].parameters.ltv_bps for k in self.chosen.tolist())


@dataclass(frozen=True, eq=False, slots=True)
class _Maker:
    """What all regimes have in common."""

    solution: Solution
    regimes: Regimes
    draws: int
    seed: int
    effort: Effort
    paths: int
    checkpoint: Checkpoint | None
    total: int  # choices
    told: Report

    def solve(self, regimes: Regimes, sources: Sequence[tuple[Source, float]], place: int) -> _Solved:
        """Return the best LTVs on days from these sources, thresholds as recommended."""
        setting = self.solution.setting
        snapshot, limits = setting.snapshot, setting.limits
        scenarios = scenarios_of(regimes.model, sources, snapshot, self.draws, self.seed)
        check_limits(snapshot, limits, scenarios, depth=setting.depth, realised=self.effort.realised)
        menu, exempt = _menu(self.solution, _table(limits, regimes, sources, self.paths, self.seed))
        part = kept.part_of(self.checkpoint, scenarios)
        own = replace(setting, menu=menu, scenarios=scenarios, known=part)
        if part is not None:
            part.bind(own)
        chosen, names = kept.solved(part, own, self.effort, lambda: self._search(own, part, place))
        self.told("regimes", place + 1, self.total)
        return _Solved(scenarios, menu, chosen, names, exempt, part)

    def _search(self, own: Setting, part: Checkpoint | None, place: int) -> kept.Solved:
        """Return the best choice, or what conflicts; this is what takes long."""
        draws, most = self.draws, self.effort.attempts
        losses = losses_of(
            own.snapshot,
            own.menu,
            own.scenarios,
            own.limits,
            oracles=own.oracles,
            kept=kept.sweeps_of(part, own),
            progress=lambda d, _: self.told("regimes swept", place * draws + d, self.total * draws),
        )
        found = search(
            own,
            losses,
            effort=self.effort,
            progress=lambda d, _: self.told("regimes searched", place * most + d, self.total * most),
        )
        self.told("regimes searched", (place + 1) * most, self.total * most)
        if found.best is not None:
            return found.best.chosen, ()
        none = conflict(found.program)
        names = (a.name for a in found.now.amounts if not a.kept) if none is None else none.names
        return None, tuple(names)

    def sample(
        self, regimes: Regimes, regime: Regime, certified: int, tries: int, options: Tempering
    ) -> Scenarios:
        stressed = regimes.sources(Regime.STRESSED)[0][0]
        sources = weighted(regimes.sources(regime), stressed, options.stressed_weight)
        return scenarios_of(
            regimes.model, sources, self.solution.setting.snapshot, certified, self.seed + tries
        )


def _table(
    limits: Limits, regimes: Regimes, sources: Sequence[tuple[Source, float]], paths: int, seed: int
) -> Returns | None:
    """Return the pairs' returns in a regime; None where the new-position test asks for nothing."""
    if limits["new_position.probability"] >= 1:
        return None
    horizon_s = int(limits["new_position.horizon_days"]) * DAY_S
    drawn = log_paths_of(regimes.model, sources, horizon_s, paths, seed)
    return table_of(regimes.model.coins, drawn, horizon_s, "drawn from the regime")


def _menu(solution: Solution, table: Returns | None) -> tuple[Menu, tuple[str, ...]]:
    """Return the LTVs of a regime around the recommended rows, and rows that stay against the test."""
    setting = solution.setting
    snapshot, limits = setting.snapshot, setting.limits
    base = setting.menu
    if limits["procyclicality.thresholds_move"]:
        base = menu_of(snapshot, limits, table=table)
    assert solution.chosen is not None
    rows, exempt = [], []
    for row, k in zip(setting.menu.rows, (solution.chosen - setting.menu.first[:-1]).tolist(), strict=True):
        if row.kind is not Kind.COLLATERAL or row.subject in limits.keep:
            kept = _only(row, k)
            if _fails(snapshot, limits, row, table):
                exempt.append(row.name)
            rows.append(kept)
        elif limits["procyclicality.thresholds_move"]:
            rows.append(next(r for r in base.rows if r.name == row.name))
        else:
            rows.append(_ltvs(snapshot, limits, row, row.options[k], table))
    return Menu(tuple(rows)), tuple(exempt)


def _only(row: Row, option: int) -> Row:
    """Return a row that has a chosen option and nothing else but what is in force, which is refused."""
    now = row.options[row.current]
    taken = row.options[option]
    free = replace(taken, broken=taken.broken - {Rule.NEW_POSITION})
    if taken == now:
        return replace(row, options=(free,), current=0)
    return replace(row, options=(replace(now, broken=now.broken | {Rule.PIN}), free), current=0)


def _fails(snapshot: Snapshot, limits: Limits, row: Row, table: Returns | None) -> bool:
    if row.kind is not Kind.COLLATERAL:
        return False
    p = row.options[row.current].parameters
    return p.ltv_bps > safe_ltv_bps(snapshot, limits, row, p.threshold_bps, table=table)


def _ltvs(snapshot: Snapshot, limits: Limits, row: Row, taken: Option, table: Returns | None) -> Row:
    """Return a row with the LTVs a regime may have at the recommended threshold and bonus."""
    now, p = row.options[row.current], taken.parameters
    safe = safe_ltv_bps(snapshot, limits, row, p.threshold_bps, table=table)
    held = now.parameters.ltv_bps
    fit = (now.parameters.threshold_bps, now.parameters.bonus_bps) == (p.threshold_bps, p.bonus_bps)
    broken = now.broken - {Rule.NEW_POSITION} | ({Rule.NEW_POSITION} if held > safe else frozenset())
    first = replace(now, broken=broken if fit else broken | {Rule.PIN})
    options = [
        Option(Parameters(v, p.threshold_bps, p.bonus_bps), taken.broken - {Rule.NEW_POSITION})
        for v in _grid(limits, held, min(p.threshold_bps, safe))
    ]
    return replace(row, options=(first, *(o for o in options if o.parameters != first.parameters)), current=0)


def _grid(limits: Limits, held: int, safe: int) -> list[int]:
    """Return LTVs from the highest allowed down: below what is in force they have no limit to help keep.

    Unless another limit or the objective speaks of LTVs: then as far down as the box reaches.
    """
    if held == 0:
        return [0]
    reach, step = int(limits["box.ltv_bps"]), int(limits["box.ltv_step_bps"]) or LTV_STEP_BPS
    most = max(min(safe, held + reach), 1)
    spoken = any(math.isfinite(limits[name]) for name in SPOKEN) or limits.migration
    least = min(held, most) - (reach if spoken or not set(limits.objectives) <= RISE else 0)
    return [*range(most, max(least, 1), -step), max(min(least, most), 1)]


def _choice(
    setting: Setting,
    regime: Regime,
    one: _Solved,
    solved: Mapping[Regime, _Solved],
    floor: tuple[int, ...] | None,
    options: Tempering,
    sample: Scenarios | None,
    tries: int,
    told: Report,
) -> RegimeChoice:
    """Return what is published in a regime, judged."""
    if one.chosen is None or one.ltv_bps is None:
        return RegimeChoice(regime, one.scenarios, conflict=one.conflict, exempt=one.exempt)
    calm, stressed = solved[Regime.CALM].ltv_bps, solved[Regime.STRESSED].ltv_bps
    rows, ltvs = [], []
    for r, (row, k) in enumerate(
        zip(one.menu.rows, (one.chosen - one.menu.first[:-1]).tolist(), strict=True)
    ):
        taken = row.options[k]
        now = row.options[row.current]
        if row.kind is Kind.COLLATERAL:
            p = taken.parameters
            least = None if floor is None else floor[r]
            own = p.ltv_bps
            if row.subject not in setting.limits.keep and own > 0:
                own = tempered(
                    own,
                    least,
                    None if calm is None else calm[r],
                    None if stressed is None else stressed[r],
                    options.release_buffer,
                )
            ltvs.append(RowLtv(row.subject, p.threshold_bps, now.parameters.ltv_bps, p.ltv_bps, own, least))
            taken = replace(taken, parameters=replace(p, ltv_bps=own))
        rows.append(replace(row, options=(now, taken), current=0))
    menu = Menu(tuple(rows))
    chosen = menu.first[:-1] + 1
    own = replace(setting, menu=menu, scenarios=one.scenarios, known=one.part)

    def certified() -> Certificate:
        assert sample is not None
        return certify(own, chosen, sample, risk=RISK, tries=tries)

    return RegimeChoice(
        regime,
        one.scenarios,
        tuple(ltvs),
        menu.changes(chosen),
        amounts(own, chosen),
        None if sample is None else kept.certificate(one.part, own, chosen, sample, tries, certified),
        stages(own, chosen, lambda d, n: told("regimes staged", d, n)),
        exempt=one.exempt,
    )


def tempered(ltv: int, floor: int | None, calm: int | None, stressed: int | None, buffer: float) -> int:
    """Return the published LTV of a row in a regime, bps: the floor, then what is left of the buffer.

    Parameters
    ----------
    ltv : int
        Solved for the regime.
    floor, calm, stressed : int or None
        Solved on the long look-back and for these regimes; None where there is none.
    buffer : float
        Share of the haircut that calm is raised by.  Out of it the same share of the buffer is used up
        as the regime's haircut has gone of the way from that of calm to that of stress.
    """
    ends = [ltv if v is None else v for v in (calm, stressed)]
    if floor is not None:
        ltv, *ends = (min(v, floor) for v in (ltv, *ends))
    mild, hard = (BPS - v for v in ends)
    haircut = BPS - ltv
    if hard <= mild or stressed is None:  # stress asks for no more: there is nothing to release to
        return ltv
    left = min(max((hard - haircut) / (hard - mild), 0.0), 1.0)
    return BPS - math.ceil(min(haircut * (1 + buffer * left), max(haircut, hard)) - 1e-9)


def transitions(snapshot: Snapshot, choices: Sequence[RegimeChoice]) -> tuple[Transition, ...]:
    """Return what moves between every two regimes, and how long that takes within governance's steps."""
    return tuple(_transition(snapshot, a, b) for a, b in permutations(choices, 2))


def _transition(snapshot: Snapshot, origin: RegimeChoice, to: RegimeChoice) -> Transition:
    if not (origin.found and to.found):
        return Transition(origin.regime, to.regime, (), math.nan)
    before, after = (_values(choice) for choice in (origin, to))
    changes = []
    days = 0.0
    for key, change in (before | after).items():
        old = before[key].after if key in before else change.before
        new = after[key].after if key in after else change.before
        if old == new:
            continue
        moved = replace(change, before=old, after=new)
        changes.append(moved)
        schedule = stage(old, new, rule_of(snapshot, moved), 0)
        days = max(days, (schedule[-1].not_before_s - schedule[0].not_before_s) / DAY_S)
    return Transition(origin.regime, to.regime, tuple(changes), days)


def _values(choice: RegimeChoice) -> dict[str, Change]:
    return {change.name: change for change in choice.changes}
