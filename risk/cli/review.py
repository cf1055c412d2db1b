"""``breakwater review``: a snapshot under shocks, as HTML, Markdown and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from risk.cli.scenario_options import DepthFile, Grids, ScenarioFile, Shocks, scenarios_of, sha256_of

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.cli.progress import Report
    from risk.depth import Depth
    from risk.outcome import Outcome
    from risk.report.review import Inputs, Review
    from risk.scenarios.scenarios import Scenarios

_HELP = """Review a snapshot: who is liquidated by which shock, and what debt stays unpaid.

Writes report.html (one file, opens offline), report.md (for a governance forum) and review.json \
(every figure with its unit) into the folder. Without --scenarios the standard set is run: each coin \
alone, each token against what it follows, and the market factor, down and up; --shock and --grid add to \
it, and the worst --shock becomes the headline. A FILE for --scenarios is a TOML spec or a Parquet \
directory and replaces the standard set.

Without --depth sales are assumed to move no price, and every number that rests on it says \
INFINITE DEPTH ASSUMED.

Examples:

  breakwater review snap -o out

  breakwater review snap -o out --shock "WETH=-30%,WBTC=-25%" --depth depth.csv

  breakwater review snap -o out --cover 5000000 --grid "wstETH/WETH=0:-10%:21" --force

  breakwater review snap -o out --scenarios crash.toml --json > review.json
"""
FILES = ("report.html", "report.md", "review.json")
_LABELS = {
    "scenarios": "Scenarios run",
    "reverse": "Reverse stress steps run",
    "files": "Files written",
}
_SHOWN_FINDINGS = 5


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("review", help=_HELP, no_args_is_help=True)(review)


def review(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write into.", show_default=False)],
    scenarios: ScenarioFile = None,
    shock: Shocks = None,
    grid: Grids = None,
    depth: DepthFile = None,
    cover: Annotated[
        float | None,
        typer.Option("--cover", help="USD that may be lost: finds the smallest shock that exhausts it."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of anything random; recorded.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Also write review.json to stdout.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if a finding is of high or critical severity.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace reports that are there.")] = False,
) -> None:
    """Review a snapshot."""
    from protocols.store import digest, load
    from risk.cli.outputs import refuse_existing
    from risk.cli.progress import reporting
    from risk.depth import Depth
    from risk.report.review import Inputs

    refuse_existing(output, FILES, force)
    _check_cover(cover)
    taken = load(snapshot)
    curves = Depth.load(depth, taken) if depth is not None else Depth.infinite_for(taken)
    batch = scenarios_of(taken, scenarios, shock or [], grid or [], standard=True)
    inputs = Inputs(
        snapshot_sha256=digest(snapshot),
        scenarios_sha256=batch.sha256,
        depth_sha256=sha256_of(depth),
        seed=batch.seed if seed is None else seed,
        cover_usd=cover,
    )
    with reporting(_LABELS) as report:
        made = _review(taken, batch, curves, inputs, report)
        text = _write(output, made, report)
    _summary(made, output)
    if as_json:
        typer.echo(text, nl=False)
    if strict:
        _refuse_grave(made)


def _check_cover(cover: float | None) -> None:
    import math

    from abis.errors import InputError

    if cover is not None and not (math.isfinite(cover) and cover >= 0):
        raise InputError(f"--cover {cover} is no amount.", remedy="Give USD of 0 or more, such as 5000000.")


def _review(taken: Snapshot, batch: Scenarios, depth: Depth, inputs: Inputs, report: Report) -> Review:
    from risk.report.feeds import market_oracles
    from risk.report.reverse import reverse_lines
    from risk.report.review import build

    # A shock is there to stay, so feeds catch up with it; along a path they lag.
    oracles = market_oracles(taken) if len(batch.time_s) > 1 else None

    def run(phase: str, scenarios: Scenarios, *, lag: bool) -> Outcome:
        from risk.engine.stress import stress

        return stress(
            taken,
            scenarios,
            oracles=oracles if lag else None,
            depth=depth,
            progress=lambda done, total: report(phase, done, total),
        )

    outcome = run("scenarios", batch, lag=True)
    reverse = None if inputs.cover_usd is None else run("reverse", reverse_lines(taken), lag=False)
    return build(taken, batch, outcome, depth, inputs, reverse=reverse)


def _write(output: Path, made: Review, report: Report) -> str:
    from risk.cli.outputs import write_files
    from risk.report.details import page
    from risk.report.html import to_html
    from risk.report.json_ import to_json
    from risk.report.markdown import to_markdown

    shown, text = page(made), to_json(made)
    texts = (to_html(shown), to_markdown(shown), text)
    write_files(output, dict(zip(FILES, texts, strict=True)))
    report("files", len(FILES), len(FILES))
    return text


def _summary(made: Review, output: Path) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from risk.report.formats import INFINITE_DEPTH, account, sentence
    from risk.report.headline import headline, tiles

    console = Console(stderr=True, highlight=False)
    for line in headline(made):
        console.print(sentence(line), markup=False)
    table = Table(box=box.SIMPLE, show_header=False)
    for tile in tiles(made):
        note = INFINITE_DEPTH if made.infinite_depth and tile.depth else ""
        detail = "; ".join(t for t in (tile.detail, note) if t)
        table.add_row(escape(tile.name), escape(tile.value), escape(detail))
    console.print(table)
    for f in made.findings[:_SHOWN_FINDINGS]:
        line = f"{f.severity.name.lower()}: {account(f.subject)}: {sentence(f.message)}"
        console.print(line, markup=False)
    rest = len(made.findings) - _SHOWN_FINDINGS
    if rest > 0:
        console.print(f"{rest} more findings in the report.", markup=False)
    console.print(f"Wrote {', '.join(FILES)} into {output}", markup=False, soft_wrap=True)


def _refuse_grave(made: Review) -> None:
    from abis.errors import LimitBroken
    from abis.findings import Severity
    from risk.report.formats import plural

    grave = [f for f in made.findings if f.severity >= Severity.HIGH]
    if grave:
        raise LimitBroken(
            f"{plural(len(grave), 'finding')} of high or critical severity.",
            remedy="See the report; leave --strict out to accept them.",
        )
