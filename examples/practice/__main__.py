"""Writes the tables of docs/practice.md, and what docs/solver.md shows of them.

``python -m examples.practice`` compares with practice on the demo market that ``make demo`` saved (some
minutes); with ``--data FOLDER`` also on published positions, walks through 2025 and replays Maker's
vaults (a quarter of an hour).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from examples.practice import forward, maker, rivals
from examples.practice.page import put_everywhere
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.practice import same_buffers


def main() -> None:
    """Write the tables that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m examples.practice", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of real data")
    names = ("demo", "smart", "published", "forward", "maker")
    parser.add_argument("--only", choices=names, action="append", help="one table; may be repeated")
    chosen = parser.parse_args()
    if not rivals.DEMO.is_dir():
        sys.exit("there is no demo market: run make demo first.")
    made = _with_data(chosen.data) if chosen.data else {}
    tables: dict[str, Callable[[], str]] = {"demo": _demo, "smart": _smart, **made}
    wanted = chosen.only or list(tables)
    if missing := [name for name in wanted if name not in tables]:
        sys.exit(f"{', '.join(missing)} need the real data: give --data FOLDER.")
    for name in wanted:
        print(f"{name} ...", file=sys.stderr, flush=True)
        made_text = tables[name]()
        put_everywhere(name, made_text)
        print(made_text)


def _demo() -> str:
    snapshot, depth = rivals.demo()
    return rivals.text(rivals.duels(snapshot, depth, chosen_on=rivals.CHOSEN_ON, judged_on=rivals.JUDGED_ON))


def _smart() -> str:
    snapshot, depth = rivals.demo()
    menu = same_buffers(menu_of(snapshot, read_limits(rivals.LIMITS)))
    return rivals.smart_text(snapshot, menu, depth)


def _with_data(folder: Path) -> dict[str, Callable[[], str]]:
    def published() -> str:
        snapshot = rivals.published(folder)
        return rivals.text(
            rivals.duels(snapshot, None, chosen_on=rivals.CHOSEN_ON, judged_on=rivals.JUDGED_ON)
        )

    def walk() -> str:
        snapshot, _ = rivals.demo()
        return forward.walk(forward.panel_of_folder(folder), snapshot)

    def regret() -> str:
        return maker.text(maker.months(maker.read_vaults(folder), maker.eth_panel(folder)))

    return {"published": published, "forward": walk, "maker": regret}


if __name__ == "__main__":
    main()
