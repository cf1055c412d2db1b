"""``python -m tests.faults.table``: the fault table of docs/faults.md, measured now."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from examples.demo.world import open_demo_market
from tests.faults.proxy import Kind
from tests.faults.trials import SHARE, Tally, Trials

SEED, ACCOUNTS = 7, 40


def row(name: str, tally: Tally) -> str:
    refused = ", ".join(f"{count} {error}" for error, count in sorted(tally.refused.items())) or "0"
    injected = sum(tally.injected.values())
    return f"| {name} | {tally.reads} | {injected} | {tally.completed} | {refused} | {tally.wrong} |"


def main() -> int:
    """Print the table as Markdown; exit code 1 if any result was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.table", description=__doc__)
    parser.add_argument("--reads", type=int, default=40, help="reads a kind of fault (default %(default)s)")
    reads = parser.parse_args().reads
    groups: list[tuple[str, Sequence[Kind], float]] = [(k.value, [k], SHARE) for k in Kind]
    groups += [
        ("all of these at once", list(Kind), SHARE),
        ("all of these, every second request fails", list(Kind), 0.5),
    ]
    wrong = 0
    print("| fault | reads | faults injected | completed | refused, by error | wrong results |")
    print("|---|--:|--:|--:|---|--:|")
    with open_demo_market(seed=SEED, accounts=ACCOUNTS) as world:
        trials = Trials(world)
        for name, kinds, share in groups:
            print(f"{name} ...", file=sys.stderr)
            tally = trials.run(kinds, range(reads), share)
            print(row(name, tally), flush=True)
            wrong += tally.wrong
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
