"""``breakwater verify`` for what the solver wrote: the choice judged and certified again.

The search is not made again: whether there is a better choice is the solver's word.  What is checked is
that this choice, in this market, amounts to what is said of it and is proven as far as is said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from risk.cli.proposal_request import Files
    from risk.cli.solve_request import SolveRequest
    from risk.engine.arrays import IntArray
    from risk.proposal.bundle import Manifest
    from risk.proposal.changes import Change
    from risk.scenarios.scenarios import Scenarios
    from risk.solver.evaluate import Setting
    from risk.solver.menu import Menu
    from risk.solver.recommend import Solution

SOLUTION = "solution.json"
LABELS = {
    "certify": "generators certified under",
    "outer": "other histories",
    "judged": "choices judged",
    "stages": "stages of the plan",
}
# Entries of the solution that are computed again, beside both judgements and the proof.
COMPUTED = ("objective", "limits", "changes", "rows", "plan", "twins", "two_largest")
RELATIVE = 1e-9  # sums on another machine may round otherwise


def judge_again(manifest: Manifest, given: Mapping[str, bytes], folder: Path, files: Files) -> None:
    """Judge and certify the choice of a bundle and stage its plan again, and compare.

    Parameters
    ----------
    manifest : Manifest
    given : mapping of name to bytes
        The bundle's files.
    folder : Path
        Of the snapshot.
    files : Files
        The bundle's copies, or originals in their place.

    Raises
    ------
    LimitBroken
        Naming the first entry that differs.
    """
    from abis.errors import LimitBroken, MalformedFile
    from abis.strict_json import loads
    from protocols.store import load
    from risk.cli.progress import reporting
    from risk.cli.solve_request import SolveRequest
    from risk.cli.verify_page import PAGE, check_page, check_shape
    from risk.depth_file import load_depth
    from risk.solver.evaluate import Setting
    from risk.solver.limits import load_limits
    from risk.solver.menu import menu_of
    from risk.solver.solution_json import text

    request = SolveRequest.from_json(manifest.settings)
    if files.limits is None:
        raise MalformedFile("the bundle has no limits.", remedy="Get the bundle again from its source.")
    taken, limits = load(folder), load_limits(files.limits)
    batch = request.batch(taken, files)
    if batch.sha256 != manifest.scenarios_sha256:
        raise LimitBroken(
            "manifest.json: scenarios_sha256 is not what these inputs lead to.",
            remedy="If they were too large to be copied, give the original with --scenarios.",
        )
    curves = None if files.depth is None else load_depth(files.depth, taken)
    setting = Setting(taken, menu_of(taken, limits), batch, limits, None, curves)
    body = loads(given[SOLUTION])
    check_shape(body)
    _check_inputs(body["inputs"], manifest, files)
    with reporting(LABELS) as report:
        solution = _solution(setting, body, request, request.samples(taken, files), report)
    _check_plan_file(given, manifest.snapshot_sha256, solution.changes)
    _compare(body["data"], solution)
    check_page(given[PAGE].decode("utf-8", "replace"), text(solution))


def _solution(
    setting: Setting,
    body: Mapping[str, Any],
    request: SolveRequest,
    samples: Mapping[str, Scenarios],
    report: Callable[[str, int, int], None],
) -> Solution:
    """Return the solution judged, staged and certified again; what a search found is what the bundle says."""
    from abis.findings import Finding
    from risk.cli.verify_page import conflict_of, search_of
    from risk.solver.attempt import attempt
    from risk.solver.largest import largest_two
    from risk.solver.plan import stages
    from risk.solver.proof import prove
    from risk.solver.recommend import Solution
    from risk.solver.solution_json import attempt_json
    from risk.solver.twins import twins

    data, menu = body["data"], setting.menu
    found = tuple(Finding.from_json(f) for f in body["findings"])
    now = attempt(setting, menu.current, whole=True)
    compare("do_nothing", data["do_nothing"], attempt_json(now))
    report("judged", 1, 2)
    if data["recommended"] is None:
        search = search_of(data, now, None, menu)
        return Solution(setting, search, conflict_of(data["conflict"]), (), (), (), None, found)
    chosen = choice_of(menu, data["changes"])
    best = attempt(setting, chosen, whole=True)
    compare("recommended", data["recommended"], attempt_json(best))
    report("judged", 2, 2)
    plan = stages(setting, chosen, lambda d, n: report("stages", d, n))
    return Solution(
        setting=setting,
        search=search_of(data, now, best, menu),
        conflict=None,
        changes=menu.changes(chosen),
        plan=plan,
        neighbours=(),
        proof=prove(setting, chosen, samples, request.without_search().asked, report),
        findings=found,
        twins=twins(setting, chosen),
        largest=(largest_two(setting, menu.current), largest_two(setting, chosen)),
    )


def _check_inputs(said: Mapping[str, Any], manifest: Manifest, files: Files) -> None:
    """Refuse hashes in the solution that are not those of its bundle."""
    from risk.cli.scenario_options import sha256_of

    again = {
        "snapshot_sha256": manifest.snapshot_sha256,
        "limits_sha256": sha256_of(files.limits),
        "scenarios_sha256": manifest.scenarios_sha256,
        "seed": manifest.seed,
    }
    compare("inputs", {name: said.get(name) for name in again}, again)


def _compare(data: Mapping[str, Any], solution: Solution) -> None:
    """Hold all of a solution's data that was computed again to what was computed."""
    from risk.solver.solution_json import to_json

    again = json.loads(json.dumps(to_json(solution)))
    for name in COMPUTED:
        compare(name, data.get(name), again[name])
    if data["proof"] is not None and again["proof"] is not None:
        said, proof = dict(data["proof"]), again["proof"]
        for one in (said, proof):
            one.pop("identified")  # needs searches; its bytes have their hash
        compare("proof", said, proof)
    else:
        compare("proof", data["proof"], again["proof"])


def _check_plan_file(given: Mapping[str, bytes], snapshot_sha256: str, changes: Sequence[Change]) -> None:
    """Refuse a plan.json, what `breakwater propose --from` reads, that is not the choice's.

    Raises
    ------
    LimitBroken
        If it asks for other changes, is missing, or is there where nothing changes.
    """
    from abis.errors import LimitBroken
    from risk.cli.plan_file import NAME, plan_text

    wanted = plan_text(snapshot_sha256, changes).encode() if changes else None
    if given.get(NAME) != wanted:
        raise LimitBroken(
            f"{NAME} does not ask for the changes of {SOLUTION}.", remedy="Solve again, or write it by hand."
        )


def choice_of(menu: Menu, changes: list[Mapping[str, Any]]) -> IntArray:
    """Return the options that make these changes.

    Raises
    ------
    LimitBroken
        If the menu of the limits has no such choice.
    """
    import numpy as np

    from abis.errors import LimitBroken

    wanted = {str(c["name"]): c["after"] for c in changes}
    chosen, used = [], set()
    for r, row in enumerate(menu.rows):
        makes = [{c.name: c.after for c in row.changes(k)} for k in range(len(row.options))]
        own = {name: wanted[name] for made in makes for name in made if name in wanted}
        if own not in makes:
            raise LimitBroken(f"{SOLUTION}: no choice on the menu changes {', '.join(sorted(own))[:200]} so.")
        used |= set(own)
        chosen.append(int(menu.first[r]) + makes.index(own))
    if extra := sorted(set(wanted) - used):
        raise LimitBroken(f"{SOLUTION}: {extra[0][:200]!r} is nothing the limits let change.")
    return np.array(chosen, dtype=np.int64)


def compare(place: str, said: Any, again: Any) -> None:
    """Refuse what differs by more than rounding.

    Raises
    ------
    LimitBroken
        Naming the first place that differs.
    """
    from abis.errors import LimitBroken

    if isinstance(said, dict) and isinstance(again, dict) and set(said) == set(again):
        for key in said:
            compare(f"{place}.{key}", said[key], again[key])
    elif isinstance(said, list) and isinstance(again, list) and len(said) == len(again):
        for k, (left, right) in enumerate(zip(said, again, strict=True)):
            compare(f"{place}[{k}]", left, right)
    elif not _same(said, again):
        raise LimitBroken(
            f"{SOLUTION}: {place} is not what its inputs lead to: {str(said)[:80]!r} is there, "
            f"{str(again)[:80]!r} is computed.",
            remedy="Trust the figures computed, or solve again.",
        )


def _same(said: Any, again: Any) -> bool:
    number = int | float
    if (
        isinstance(said, number)
        and isinstance(again, number)
        and isinstance(said, bool) == isinstance(again, bool)
    ):
        return math.isclose(said, again, rel_tol=RELATIVE, abs_tol=RELATIVE)
    return type(said) is type(again) and said == again
