"""``breakwater verify`` for what the solver wrote: the choice judged and certified again.

The search is not made again: whether there is a better choice is the solver's word.  What is checked is
that this choice, in this market, amounts to what is said of it and is proven as far as is said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from risk.cli.proposal_request import Files
    from risk.engine.arrays import IntArray
    from risk.proposal.bundle import Manifest
    from risk.proposal.changes import Change
    from risk.solver.menu import Menu

SOLUTION = "solution.json"
LABELS = {
    "certify": "generators certified under",
    "outer": "other histories",
    "judged": "choices judged",
    "stages": "stages of the plan",
}
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
    from risk.depth_file import load_depth
    from risk.solver.evaluate import Setting, amounts
    from risk.solver.limits import load_limits
    from risk.solver.menu import menu_of
    from risk.solver.objectives import value
    from risk.solver.plan import stages
    from risk.solver.proof import prove
    from risk.solver.solution_json import amounts_json, change_json, plan_json, rows_json

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
    data = loads(given[SOLUTION])["data"]
    with reporting(LABELS) as report:
        compare(
            "do_nothing", data["do_nothing"]["amounts"], amounts_json(amounts(setting, setting.menu.current))
        )
        report("judged", 1, 2)
        if data["recommended"] is None:
            _check_plan_file(given, manifest.snapshot_sha256, ())
            return
        chosen = choice_of(setting.menu, data["changes"])
        compare("recommended", data["recommended"]["amounts"], amounts_json(amounts(setting, chosen)))
        report("judged", 2, 2)
        changes = setting.menu.changes(chosen)
        compare("recommended.gain", data["recommended"]["gain"], value(setting, limits.objective, chosen))
        compare("changes", data["changes"], [change_json(c) for c in changes])
        compare("rows", data["rows"], rows_json(setting.menu, chosen))
        _check_plan_file(given, manifest.snapshot_sha256, changes)
        plan = plan_json(stages(setting, chosen, lambda d, n: report("stages", d, n)))
        compare("plan", data["plan"], plan)
        asked = request.without_search().asked
        proof = prove(setting, chosen, request.samples(taken, files), asked, report).to_json()
    said = dict(data["proof"])
    for body in (said, proof):
        body.pop("identified")  # needs searches; its bytes have their hash
    compare("proof", said, json.loads(json.dumps(proof)))


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
