"""What a solution says, as a person reads it and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from risk.scenarios.build import grid
from risk.solver.explain import Explained, explain
from risk.solver.identified import Identified, Variant
from risk.solver.limits import read_limits
from risk.solver.outer import Outer, Spread
from risk.solver.proof_text import proof_text
from risk.solver.protects import Protected, Share
from risk.solver.recommend import Solution, recommend
from risk.solver.solution_json import text, to_json
from tests.risk.report import made
from tests.risk.solver.small import LIMITS

HOSTILE = ("<b>|x", "](http://a.b)", "WBTC", "USDC", "GHO", "@all")


@pytest.fixture(scope="module")
def solved() -> tuple[Solution, Explained]:
    snapshot = made.market(symbols=HOSTILE)
    solution = recommend(snapshot, read_limits(LIMITS), grid("market=0:-40%:9", snapshot))
    assert solution.chosen is not None
    return solution, explain(solution.setting, solution.chosen)


def test_it_reads_in_order(solved: tuple[Solution, Explained]) -> None:
    written = text(*solved)
    parts = (
        "## Doing nothing",
        "## Recommendation",
        "### One unit of collateral value",
        "### Limits, and what is left of each",
        "### Plan",
        "### Why, parameter by parameter",
        "### Prices within which this stands",
        "### The next candidate of each row",
        "### One print, once false and once real",
        "### The two largest borrowers alone",
    )
    places = [written.index(part) for part in parts]
    assert places == sorted(places)


def test_slices_sum_to_one(solved: tuple[Solution, Explained]) -> None:
    for row in to_json(*solved)["rows"]:
        assert sum(row[n] for n in ("ltv", "user_buffer", "protocol_buffer", "bonus_wedge")) == pytest.approx(
            1
        )
        assert row["haircut"] == pytest.approx(1 - row["ltv"])


def test_every_change_is_explained(solved: tuple[Solution, Explained]) -> None:
    body = json.loads(json.dumps(to_json(*solved), allow_nan=False))
    changed = [c["name"] for c in body["changes"]]
    assert changed
    told = [p["name"] for p in body["explained"]["parameters"] if p["before"] != p["after"]]
    assert told == changed
    for one in body["explained"]["parameters"]:
        if one["before"] != one["after"]:
            assert one["sentence"].startswith(("Raise ", "Lower "))
    assert to_json(solved[0])["explained"] is None


def test_the_box_is_named_where_it_stops_a_step(solved: tuple[Solution, Explained]) -> None:
    """An LTV at the end of its box is there for the box, not for want of gain."""
    ends = [
        p
        for p in to_json(*solved)["explained"]["parameters"]
        if p["name"].endswith(".ltv") and p["after"] - p["before"] == 100
    ]
    assert ends
    for one in ends:
        assert "box.ltv_bps" in one["binding"]
        by = {s["by"]: s for s in one["steps"]}
        more, less = by[25], by[-25]
        assert "box.ltv_bps" in more["breaks"]
        assert "box.ltv_bps" not in less["breaks"]


def test_slack_is_what_is_left(solved: tuple[Solution, Explained]) -> None:
    for amount in to_json(*solved)["recommended"]["amounts"]:
        if amount["limit"] is None:
            assert amount["slack"] is None
        else:
            assert amount["slack"] == amount["limit"] - amount["value"]


def test_names_cannot_break_the_page(solved: tuple[Solution, Explained]) -> None:
    """No name opens a link, a tag or a mention, and every row has its table's columns."""
    written = text(*solved)
    assert "](http://a.b)" not in written.replace("`](http://a.b)`", "")
    assert " @all" not in written
    columns = 0
    for line in written.splitlines():
        bars = line.replace("\\|", "").count("|")
        if not line.startswith("|"):
            columns = 0
            continue
        columns = columns or bars
        assert bars == columns, line


def test_names_cannot_break_the_proof(solved: tuple[Solution, Explained]) -> None:
    """Limits named after tokens: under other histories, and under other inputs."""
    hostile = f"bad_debt.per_reserve.{HOSTILE[0]}.cvar_usd"
    spread = Spread(hostile, 0.0, 1.0, (0.0, 2.0))
    assert solved[0].proof is not None
    proof = replace(
        solved[0].proof,
        outer=Outer("stressed", 2, 1_000, 1, 37, (spread,)),
        identified=Identified((Variant("depth x 3", (hostile,), True),), ()),
    )
    written = proof_text(proof)
    assert hostile not in written
    assert "\n| `bad_debt.per_reserve.<b>\\|x.cvar_usd` | 0% |" in written
    assert "| depth x 3 | bad\\_debt" in written


def test_a_scenario_and_what_it_costs_are_told_apart(solved: tuple[Solution, Explained]) -> None:
    """A name that ends in a number stands beside a number."""
    whom = Protected(50, 1.0, (Share("fhs 74", 632_947.0),), (Share("0xab", 5.0),), 0.0)
    first, *rest = solved[1].parameters
    explained = replace(solved[1], parameters=(replace(first, protects=(whom,)), *rest))
    written = text(solved[0], explained)
    assert "in: fhs 74: 632,947. Of these it falls on: 0xab: 5;" in written
