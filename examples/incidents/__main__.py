"""``python -m examples.incidents``: replay oracle incidents, known figures beside ours."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from abis.errors import BreakwaterError, InputError
from examples.incidents import wsteth_2026_03
from examples.incidents.record import Incident, data_folder
from examples.incidents.table import DOCUMENT, REAL_DATA, REPLAYS, data, known, number, write
from risk.cli.envelope import envelope
from risk.cli.scenario_options import sha256_of

SCHEMA = "breakwater.incidents/1"
_EPILOG = """examples:
  python -m examples.incidents
  python -m examples.incidents wsteth-2026 --json
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay incidents and return the exit code."""
    options = _parser().parse_args(arguments)
    talk = Console(stderr=True, highlight=False)
    try:
        incidents = [_replayed(name, talk) for name in _names(options.names)]
        if options.write:
            if len(incidents) != len(REPLAYS):
                raise InputError("--write with a choice of incidents.", remedy="Write all, or leave it out.")
            write(incidents)
            talk.print(f"Written to {DOCUMENT.relative_to(DOCUMENT.parents[1])}", markup=False)
        if options.json:
            inputs = {"change_sha256": sha256_of(wsteth_2026_03.FILE), "real_data_sha256": _hashes()}
            units = {"known": "rows' unit, a range", "ours": "rows' unit"}
            sys.stdout.write(envelope(SCHEMA, {"incidents": data(incidents)}, inputs=inputs, units=units))
        else:
            _print(incidents)
    except BreakwaterError as error:
        talk.print(f"error: {error}", style="bold red", markup=False)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.incidents",
        description="Replay oracle incidents: the figure on record beside the one computed here.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default: {', '.join(REPLAYS)}")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument("--write", action="store_true", help="write the table into docs/incidents.md")
    return parser


def _names(given: Sequence[str]) -> list[str]:
    for name in given:
        if name not in REPLAYS:
            raise InputError(f"no incident '{name}'.", remedy=f"Known: {', '.join(REPLAYS)}.")
    return list(given or REPLAYS)


def _replayed(name: str, talk: Console) -> Incident:
    with talk.status(f"Replaying {name}"):
        return REPLAYS[name]()


def _hashes() -> dict[str, str | None] | None:
    """Return the hash of every file of real data a replay reads; None without the folder."""
    folder = data_folder()
    return None if folder is None else {name: sha256_of(folder / name) for name in REAL_DATA}


def _print(incidents: Sequence[Incident]) -> None:
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE)
    table.add_column("Incident", overflow="fold")
    table.add_column("Figure", overflow="fold")
    for name in ("Known", "Ours", "Difference"):
        table.add_column(name, justify="right", overflow="fold")
    for incident in incidents:
        for k, row in enumerate(incident.rows):
            name = f"{incident.date} {incident.title}" if k == 0 else ""
            ours = f"{number(row.ours)} {row.unit}".strip()
            table.add_row(escape(name), escape(row.figure), known(row), escape(ours), row.difference())
        table.add_section()
    console.print(table)
    for incident in incidents:
        console.print(f"{incident.date}: {incident.lesson}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
