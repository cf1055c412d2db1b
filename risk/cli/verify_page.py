"""``breakwater verify`` for solution.md: the page written again from what was computed again.

What explains a choice, its next candidates and other depths need judgements by the hundred or searches: their
parts of the page have their hash only, and so has the rule by price regime.  All else must be the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from risk.solver.amount import Amount
    from risk.solver.attempt import Attempt
    from risk.solver.conflicts import Conflict
    from risk.solver.menu import Menu
    from risk.solver.search import Search

PAGE = "solution.md"
NOT_COMPUTED = (
    "### Why, parameter by parameter",
    "### Prices within which this stands",
    "### The next candidate of each row",
    "### What the data does not identify",
)
REGIMES = "## By price regime"  # this heading and all that follows


def check_page(said: str, again: str) -> None:
    """Refuse a page that says anything else where everything was computed again.

    Parameters
    ----------
    said, again : str
        Markdown; the second without an explanation.

    Raises
    ------
    LimitBroken
        Naming the first line that differs.
    """
    from itertools import zip_longest

    from abis.errors import LimitBroken

    for left, right in zip_longest(_computed(said), _computed(again), fillvalue=""):
        if left != right:
            raise LimitBroken(
                f"{PAGE} is not what its inputs lead to: {left[:80]!r} is there, {right[:80]!r} is computed.",
                remedy="Trust the figures computed, or solve again.",
            )


def _computed(page: str) -> list[str]:
    """Return the lines that are not blank of all parts that are computed again."""
    out: list[str] = []
    computed = True
    for line in page.split(f"\n{REGIMES}\n")[0].split("\n"):
        if line.startswith("#"):
            computed = not line.startswith(NOT_COMPUTED)
        if computed and line:
            out.append(line)
    return out


def check_shape(body: Any) -> None:
    """Refuse a solution.json without what is read of it here.

    Raises
    ------
    MalformedFile
        If an entry is missing or of another kind.
    """
    from abis.errors import MalformedFile
    from abis.findings import Finding

    try:
        data, _ = body["data"], dict(body["inputs"])
        for one in body["findings"]:
            Finding.from_json(one)
        for a in (*data["attempts"], data["do_nothing"], data["recommended"] or data["do_nothing"]):
            _numbers(a["gain"], *(x for m in _amounts(a["amounts"]) for x in (m.value, m.limit)))
        _numbers(*(_bound(data[name]) for name in ("surrogate_bound", "exact_bound")))
        conflict = conflict_of(data["conflict"])
        _numbers(*({} if conflict is None else conflict.relaxed | (conflict.together or {})).values())
        for change in data["changes"]:
            change["name"], change["after"]
        _ = data["stopped_early"], data["proof"] is None or data["proof"]["identified"]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MalformedFile(
            f"solution.json is none that 'breakwater solve' writes: {error!r}.",
            remedy="Get the bundle again from its source.",
        ) from error


def _numbers(*values: Any) -> None:
    """Refuse what is no number.

    Raises
    ------
    TypeError
    """
    for value in values:
        if not isinstance(value, int | float):
            raise TypeError(f"{str(value)[:40]!r} is no number")


def search_of(data: Mapping[str, Any], now: Attempt, best: Attempt | None, menu: Menu) -> Search:
    """Return the search as its JSON tells of it: its bounds and attempts are the solver's word.

    Parameters
    ----------
    data : mapping
        Of solution.json.
    now, best : Attempt
        Judged again.
    menu : Menu
    """
    import numpy as np

    from risk.solver.attempt import Attempt
    from risk.solver.program import Choice, Program
    from risk.solver.search import Search

    tried = (Attempt(menu.current, a["gain"], _amounts(a["amounts"])) for a in data["attempts"])
    none = np.zeros(0, dtype=np.int64)  # a page says nothing of the programs
    return Search(
        now=now,
        attempts=tuple(tried),
        best=best,
        surrogate=Choice(None, -math.inf, math.inf),
        surrogate_bound=_bound(data["surrogate_bound"]),
        exact_bound=_bound(data["exact_bound"]),
        stopped=data["stopped_early"],
        program=Program(none, np.zeros(0)),
    )


def conflict_of(said: Mapping[str, Any] | None) -> Conflict | None:
    """Return a conflict as its JSON tells of it."""
    from risk.solver.conflicts import Conflict

    if said is None:
        return None
    relaxed = {k: _bound(v) for k, v in said["relaxed"].items()}
    return Conflict(tuple(said["names"]), relaxed, said.get("together"))


def _amounts(said: Sequence[Mapping[str, Any]]) -> tuple[Amount, ...]:
    from risk.solver.amount import Amount

    return tuple(Amount(a["name"], a["value"], _bound(a["limit"]), a["model"]) for a in said)


def _bound(said: float | None) -> float:
    return math.inf if said is None else said
