"""`recommend`: which parameters to set, all at once, and the proof beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from abis.errors import InputError
from abis.findings import Finding, FindingKind, Severity, ranked
from oracles.graph import OracleGraph
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.arrays import IntArray
from risk.proposal.changes import Change
from risk.proposal.pending import pending_findings
from risk.scenarios.scenarios import Scenarios
from risk.solver.certificate import check_sample
from risk.solver.checks import check_limits
from risk.solver.conflicts import Conflict, conflict
from risk.solver.evaluate import Setting
from risk.solver.held_sets import older_findings
from risk.solver.identified import settings_of
from risk.solver.largest import LargestTwo, largest_two
from risk.solver.limits import Limits
from risk.solver.losses import Losses
from risk.solver.menu import menu_of, untested
from risk.solver.neighbours import Neighbour, neighbours
from risk.solver.objectives import gains
from risk.solver.pins import BOX
from risk.solver.plan import Stage, stages
from risk.solver.proof import ASKED, Asked, Proof, prove
from risk.solver.relaxation import all_losses, single_row_losses
from risk.solver.resume import Checkpoint
from risk.solver.scenario_limits import scenario_limits
from risk.solver.search import DEFAULT, Effort, Search, search
from risk.solver.seed import closed_form_seeds
from risk.solver.twins import Twin, twins

Report = Callable[[str, int, int], None]  # phase, done, total


@dataclass(frozen=True, eq=False)
class Solution:
    """What the solver has to say.

    Parameters
    ----------
    setting : Setting
    search : Search
    conflict : Conflict or None
        Where nothing is feasible in the additive model.
    changes : tuple of Change
        Empty where doing nothing is best or nothing was found.
    plan : tuple of Stage
    neighbours : tuple of Neighbour
    proof : Proof or None
        None where there is no recommendation.
    twins : tuple of Twin
        The same prints false and real, under what is recommended; empty where nothing is.
    largest : tuple of LargestTwo
        The two largest borrowers in force and recommended; empty where nothing is.
    findings : tuple of Finding
        Of the scenarios, of the engine's runs, of frozen reserves and older parameters, and of the solver
        itself; each once, the gravest first.
    losses, single : tuple of Losses
        Of all accounts and of those under one row, for whoever solves again under other limits.
    """

    setting: Setting
    search: Search
    conflict: Conflict | None
    changes: tuple[Change, ...]
    plan: tuple[Stage, ...]
    neighbours: tuple[Neighbour, ...]
    proof: Proof | None
    findings: tuple[Finding, ...]
    losses: tuple[Losses, ...] = ()
    single: tuple[Losses, ...] = ()
    twins: tuple[Twin, ...] = ()
    largest: tuple[LargestTwo, ...] = ()

    def __str__(self) -> str:
        """Return it as the text a person reads first."""
        from risk.solver.solution_json import text

        return text(self)

    @property
    def chosen(self) -> IntArray | None:
        """Return the recommended options, None if there are none."""
        return None if self.search.best is None else self.search.best.chosen


def recommend(
    snapshot: Snapshot,
    limits: Limits,
    scenarios: Scenarios,
    *,
    samples: Mapping[str, Scenarios] | None = None,
    asked: Asked = ASKED,
    oracles: OracleGraph | None = None,
    depth: Depth | None = None,
    effort: Effort = DEFAULT,
    checkpoint: Checkpoint | None = None,
    progress: Report | None = None,
) -> Solution:
    """Return the parameters that are best within the limits.

    Parameters
    ----------
    snapshot : Snapshot
    limits : Limits
    scenarios : Scenarios
        The choice is made on these.
    samples : mapping of str to Scenarios, optional
        Independent draws that certify it, by generator.
    asked : Asked
        What else is to be known of it.
    oracles : OracleGraph, optional
    depth : Depth, optional
    effort : Effort
        How long to search.
    checkpoint : Checkpoint, optional
        What an interrupted run left, and where this one leaves it.
    progress : callable (phase, done, total), optional

    Raises
    ------
    InputError
        If nothing may move, the limits name what the market has not, or what is asked
        cannot be known: too few draws, sensitivity without a depth.
    """
    _check_box(limits)
    check_limits(snapshot, limits, scenarios, depth=depth, realised=effort.realised)
    told = progress or _silent
    menu = menu_of(snapshot, limits)
    setting = Setting(snapshot, menu, scenarios, limits, oracles, depth, checkpoint)
    for objective in limits.objectives:
        gains(setting, objective)  # refuses what this market earns nothing of, before the sweep
    if checkpoint is not None:
        checkpoint.bind(setting)
    for sample in (samples or {}).values():
        check_sample(setting, sample, risk=asked.risk, tries=asked.tries)
    if asked.sensitivity_attempts:
        settings_of(setting)
    single = single_row_losses(
        setting,
        kept=None if checkpoint is None else checkpoint.losses("single"),
        progress=lambda d, n: told("bound", d, n),
    )
    losses = all_losses(
        setting,
        single,
        kept=None if checkpoint is None else checkpoint.losses("several"),
        progress=lambda d, n: told("sweep", d, n),
    )
    found = search(
        setting,
        losses,
        effort=effort,
        single=single,
        starts=closed_form_seeds(setting),
        progress=lambda d, n: told("search", d, n),
    )
    if found.best is None:
        return Solution(
            setting,
            found,
            _conflict(setting, found),
            (),
            (),
            (),
            None,
            _findings(setting, found),
            losses,
            single,
        )
    chosen = found.best.chosen
    proof = prove(setting, chosen, samples or {}, asked, told, losses=losses, single=single)
    return Solution(
        setting=setting,
        search=found,
        conflict=None,
        changes=menu.changes(chosen),
        plan=stages(setting, chosen, lambda d, n: told("stages", d, n)),
        neighbours=neighbours(
            setting,
            chosen,
            realised=effort.realised,
            progress=lambda d, n: told("neighbours", d, n),
        ),
        proof=proof,
        findings=_findings(setting, found),
        losses=losses,
        single=single,
        twins=twins(setting, chosen),
        largest=(largest_two(setting, menu.current), largest_two(setting, chosen)),
    )


def _conflict(setting: Setting, found: Search) -> Conflict | None:
    """Return what conflicts, in the team's own limits: the model's may have been lowered on the way."""
    none = conflict(found.program)
    if none is None:
        return None
    asked = {one.name: one.limit for one in scenario_limits(setting.limits)}
    lowered = {
        t.name: asked[t.name.rpartition(" (follow ")[0]] / t.limit_usd
        for t in found.program.tails
        if t.limit_usd > 0  # a limit of 0 was not lowered
    }

    def raised(values: Mapping[str, float]) -> dict[str, float]:
        return {k: v * lowered.get(k, 1.0) for k, v in values.items()}

    together = None if none.together is None else raised(none.together)
    return Conflict(none.names, raised(none.relaxed), together)


def _silent(phase: str, done: int, total: int) -> None:
    pass


def _findings(setting: Setting, found: Search) -> tuple[Finding, ...]:
    runs = [found.now, *found.attempts, *([found.best] if found.best else [])]
    out = [*setting.scenarios.findings, *(f for run in runs for f in run.findings)]
    out += older_findings(setting.snapshot)
    if found.best is not None:
        out += pending_findings(setting.snapshot, setting.menu.changes(found.best.chosen))
    if missing := untested(setting.snapshot, setting.limits):
        out.append(
            Finding(
                FindingKind.MISSING,
                Severity.MEDIUM,
                "new_position.probability",
                f"not tested for want of returns: {', '.join(missing)}.",
                None,
                "Lower their LTVs by hand, or widen the table of returns.",
            )
        )
    if setting.depth is None:
        out.append(
            Finding(
                FindingKind.UNVERIFIED,
                Severity.HIGH,
                "depth",
                "INFINITE DEPTH ASSUMED: sales move no price.",
                None,
                "Give --depth.",
            )
        )
    return tuple(dict.fromkeys(ranked(out)))


def _check_box(limits: Limits) -> None:
    if all(limits[name] == 0 for name in BOX.values()):
        raise InputError(
            f"the box is empty, nothing may move: {', '.join(BOX.values())} are all 0.",
            remedy="Raise one of them.",
        )
