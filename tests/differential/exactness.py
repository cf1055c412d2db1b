"""``python -m tests.differential.exactness``: the table of docs/exactness.md, measured now.

The trials are those of ``make verify``.  A difference ends its trial, is said on standard
error and stands in the table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from examples.localchain.artifacts import compiled_or_reason
from examples.localchain.random_world import open_random_market
from protocols.aave_v3.versions import RELEASES
from tests.differential.machine_drive import drive_at_length
from tests.differential.machine_market import ACTORS
from tests.differential.priced_categories import price_categories
from tests.differential.random_trials import LARGE_ACCOUNTS, check_large_market
from tests.differential.snapshots import check_snapshot
from tests.differential.test_spark import check as check_spark
from tests.differential.test_spark import liquidate_inside

DOC = Path(__file__).resolve().parents[2] / "docs" / "exactness.md"
BEGIN = "<!-- table: written by `make exactness` -->"
END = "<!-- end of table -->"
HEADER = (
    "release",
    "compared with",
    "trial",
    "accounts",
    "fields compared",
    "liquidations compared",
    "refusals compared",
    "differences",
)
NOT_RUN = "not run against a contract"
PUBLISHED, COMPILED = "published bytecode", "published source, compiled at set-up"
COMPARED_WITH: Mapping[str, str] = {"2.0": PUBLISHED, "3.0": PUBLISHED, "3.6": COMPILED}
SPARK = "Spark"
SNAPSHOT_ACCOUNTS = 110

Trial = Callable[[int], Counter[str]]  # seed -> accounts, fields compared, liquidated, refused


@dataclass(frozen=True, slots=True)
class Row:
    """One row: release, what it is compared with, name of the trial, and how it is run."""

    release: str
    compared_with: str
    name: str
    trial: Trial


def random_accounts(version: str, seed: int) -> Counter[str]:
    """Compare three large markets of random accounts."""
    counts: Counter[str] = Counter()
    for each in range(seed, seed + 3):
        counts += check_large_market(version, seed=each, record=lambda *_: None)
    return counts


def users_at_random(version: str, seed: int) -> Counter[str]:
    """Let the state machine run; it draws its own steps, whatever the seed."""
    del seed
    counts = drive_at_length(version)
    counts["accounts"] = len(ACTORS)
    counts["refused"] = counts["actions refused"] + counts["liquidations refused"]
    return counts


def snapshots(version: str, seed: int) -> Counter[str]:
    """Read a market of random accounts as the command does."""
    with open_random_market(version, seed=seed, accounts=SNAPSHOT_ACCOUNTS) as world:
        return Counter({"accounts": SNAPSHOT_ACCOUNTS, "fields compared": check_snapshot(world)})


def priced_categories(seed: int) -> Counter[str]:
    """Compare two large markets whose categories have prices of their own, as on Spark."""
    counts: Counter[str] = Counter()
    for each in (seed, seed + 1):
        with open_random_market("3.0", seed=each, accounts=LARGE_ACCOUNTS) as world:
            priced = price_categories(world)
            fields = check_spark(world)
            counts += Counter({"accounts": LARGE_ACCOUNTS, "fields compared": fields})
            counts += liquidate_inside(priced, Random(each))
    return counts


def rows() -> list[Row]:
    """Return what is run against a contract, in the order of the table."""
    found = []
    for version, compared_with in COMPARED_WITH.items():
        found.append(
            Row(version, compared_with, "random accounts", lambda s, v=version: random_accounts(v, s))
        )
        found.append(
            Row(version, compared_with, "users at random", lambda s, v=version: users_at_random(v, s))
        )
        if version != "2.0":
            found.append(
                Row(version, compared_with, "snapshots by the reader", lambda s, v=version: snapshots(v, s))
            )
    with_prices = "v3.0's published bytecode, e-modes with prices of their own"
    found.append(Row(SPARK, with_prices, "random accounts", priced_categories))
    return found


def measured(row: Row, seed: int) -> tuple[str, ...]:
    """Run a row and return its cells."""
    started_s = time.monotonic()
    differences = 0
    try:
        counts = row.trial(seed)
    except AssertionError as error:
        counts, differences = Counter(), 1
        print(f"difference in {row.release}, {row.name}: {error}", file=sys.stderr)
    print(f"    {row.release}, {row.name}: {time.monotonic() - started_s:.0f} s", file=sys.stderr)
    figures = [counts[name] for name in ("accounts", "fields compared", "liquidated", "refused")]
    cells = [f"{figure:,}" if figure else "" for figure in figures]
    return (title(row.release), row.compared_with, row.name, *cells, str(differences))


def title(release: str) -> str:
    """Return a release as people call it."""
    if release == SPARK:
        return release
    return "Aave v2" if release == "2.0" else f"Aave v{release}"


def not_run() -> list[tuple[str, ...]]:
    """Return the rows of the releases without a contract to compare with."""
    rest = [release for release in RELEASES if release not in COMPARED_WITH]
    return [(title(release), NOT_RUN, "vectors and laws", "", "", "", "", "") for release in rest]


def table(cells: Sequence[Sequence[str]]) -> str:
    """Return the Markdown table of these rows."""
    rule = ("---", "---", "---", "--:", "--:", "--:", "--:", "--:")
    lines = (HEADER, rule, *cells)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines).replace("|  |", "| |")


def written(text: str, cells: Sequence[Sequence[str]]) -> str:
    """Return the document with another table between the markers."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table(cells)}\n\n{END}{after}"


def parsed(text: str) -> list[dict[str, str]]:
    """Return the rows of the document's table by column; `ValueError` if it is not the command's."""
    inside = text.split(BEGIN)[1].split(END)[0].strip().splitlines()
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in inside]
    if tuple(lines[0]) != HEADER:
        raise ValueError(f"the table's header is {lines[0]}")
    return [dict(zip(HEADER, line, strict=True)) for line in lines[2:]]


def main() -> int:
    """Run every trial and write the table; exit code 1 if anything differs, 3 without the contracts."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.exactness", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=11, help="first seed of the markets (default %(default)s)"
    )
    parser.add_argument("--print", action="store_true", help="print the table, leave the document alone")
    arguments = parser.parse_args()
    if reason := compiled_or_reason():
        print(reason, file=sys.stderr)
        return 3
    cells = [measured(row, arguments.seed) for row in rows()] + not_run()
    if arguments.print:
        print(table(cells))
    else:
        DOC.write_text(written(DOC.read_text(encoding="utf-8"), cells), encoding="utf-8")
        print(f"written to {DOC.name}", file=sys.stderr)
    return 1 if any(row[-1] not in ("", "0") for row in cells) else 0


if __name__ == "__main__":
    sys.exit(main())
