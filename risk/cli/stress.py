"""``breakwater stress``: scenarios through the oracles and the liquidators, and one account explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from risk.cli.scenario_options import DepthFile, Grids, ScenarioFile, Shocks, scenarios_of, sha256_of
from risk.cli.stress_tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from risk.outcome import Outcome

_HELP = """Run scenarios against a snapshot: who is liquidated, what it costs them, what stays unpaid.

Without --scenarios, --shock and --grid the standard set is run. Printed are the worst scenarios, figures \
over all of them (mean, VaR, CVaR; with intervals where scenarios were drawn at random), the harm ledger \
of the worst one by reserve and e-mode, and what the market could lose whatever the scenario. --json has \
all of it, --csv one table. --explain tells one account's story in one scenario, step by step. Without \
--depth sales are assumed to move no price, and the output says INFINITE DEPTH ASSUMED.

Examples:

  breakwater stress snap

  breakwater stress snap --shock "WETH=-30%,WBTC=-25%" --depth depth.csv --csv

  breakwater stress snap --scenarios paths.toml --level 99% --level 99.9% --csv --table figures

  breakwater stress snap --grid "WETH=0:-60%:61" --by avoidable_loss_usd --events calls.parquet

  breakwater stress snap --depth pools.toml --depth-sensitivity --attribution

  breakwater stress snap --scenarios paths.toml --interest --latency-blocks 25 --feedback 0.5

  breakwater stress snap --scenarios paths.toml --executor dask://10.0.0.5:8786

  breakwater stress snap --shock "WETH=-30%" --explain 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045
"""
_LABELS = {
    "scenarios": "Scenarios run",
    "potential": "Scenarios run for potential bad debt",
    "sensitivity": "Scenarios run with other depth",
    "attribution": "Scenarios run with causes switched off",
}


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("stress", help=_HELP, no_args_is_help=True)(stress)


def stress(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    scenarios: ScenarioFile = None,
    shock: Shocks = None,
    grid: Grids = None,
    depth: DepthFile = None,
    by: Annotated[str, typer.Option(help="Column the table is sorted by.")] = "bad_debt_usd",
    top: Annotated[int, typer.Option(min=1, help="Scenarios in the table.")] = 10,
    level: Annotated[
        list[str] | None,
        typer.Option("--level", help="Level of VaR and CVaR; may be repeated. 95% and 99% without."),
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="Parquet file for every liquidation call.", show_default=False)
    ] = None,
    explain: Annotated[
        str | None, typer.Option(help="Account to explain, in the worst scenario or --scenario.")
    ] = None,
    scenario: Annotated[str | None, typer.Option(help="Scenario to explain, by name.")] = None,
    interest: Annotated[bool, typer.Option("--interest", help="Let interest accrue along paths.")] = False,
    latency_blocks: Annotated[
        float, typer.Option(min=0, help="Blocks from liquidatable to the first call, 12 s each.")
    ] = 0.0,
    feedback: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of sales' impact that oracles see."),
    ] = 0.0,
    depth_sensitivity: Annotated[
        bool,
        typer.Option(
            "--depth-sensitivity", help="Say what hangs on depth: x 1/3, x 3, -86 %, utilisation 100 %."
        ),
    ] = False,
    attribution: Annotated[
        bool,
        typer.Option(
            "--attribution",
            help="Part the harm between oracle error, close factors, price impact and exchange cascade.",
        ),
    ] = False,
    without_cascade: Annotated[
        Path | None,
        typer.Option(help="The same scenarios without the exchanges' cascade, for --attribution."),
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(help="Dask scheduler to run on, dask://host:port.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write one table as CSV.")] = False,
    table: Annotated[str, typer.Option(help=f"Table that --csv writes: {', '.join(TABLES)}.")] = TABLES[0],
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 on a finding of medium severity or worse.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the events file.")] = False,
) -> None:
    """Run scenarios against a snapshot."""
    from protocols.store import digest, load
    from risk.cli import stress_payload, stress_runs, stress_tables
    from risk.cli.progress import reporting
    from risk.depth import Depth

    _check(as_json, as_csv, explain, scenario, events, force)
    _check_tables(by, table, as_csv, depth_sensitivity, attribution, without_cascade)
    _check_executor(executor)
    levels = _levels(level)
    taken = load(snapshot)
    curves = Depth.load(depth, taken) if depth is not None else Depth.infinite_for(taken)
    if scenarios is not None and executor is not None:
        scenarios = scenarios.absolute()  # workers stand elsewhere
    batch = scenarios_of(taken, scenarios, shock or [], grid or [], standard=False)
    options = stress_runs.options_of(taken, batch, curves, interest, latency_blocks, feedback)
    options["executor"] = executor
    with reporting(_LABELS) as report:
        outcome = stress_runs.run_of(taken, batch, options, report, "scenarios", events=events or False)
        if events is not None:
            typer.echo(f"Wrote {_rows(events):,} calls into {events}", err=True)
        if explain is not None:
            typer.echo(repr(outcome.explain(explain, scenario or _worst(outcome, by))))
            return
        found = stress_runs.results_of(taken, batch, outcome, options, levels, report)
        if depth_sensitivity:
            found = found._replace(sensitivity=stress_runs.sensitivity_of(taken, batch, options, report))
        if attribution:
            calm = without_cascade
            twin = None if calm is None else scenarios_of(taken, calm, [], [], standard=False)
            parted = stress_runs.attribution_of(taken, batch, options, twin, report)
            found = found._replace(attribution=parted)
    if as_json:
        chosen = {"interest": interest, "latency_blocks": latency_blocks, "feedback": feedback}
        inputs = {
            "snapshot_sha256": digest(snapshot),
            "scenarios_sha256": batch.sha256,
            "depth_sha256": sha256_of(depth),
            "seed": batch.seed,
            "levels": levels,
            **{name: value for name, value in chosen.items() if value},
        }
        typer.echo(stress_payload.to_json(found, inputs), nl=False)
    elif as_csv:
        typer.echo(stress_payload.to_csv(found, _table(table, depth_sensitivity, attribution)), nl=False)
    else:
        stress_tables.print_all(found, by, top)
    stress_tables.print_findings(outcome.findings)
    if strict:
        _refuse_grave(outcome)


def _check(
    as_json: bool,
    as_csv: bool,
    explain: str | None,
    scenario: str | None,
    events: Path | None,
    force: bool,
) -> None:
    from abis.errors import InputError, OutputExists

    if as_json + as_csv + (explain is not None) > 1:
        raise InputError("--json, --csv and --explain exclude each other.", remedy="Choose one.")
    if scenario is not None and explain is None:
        raise InputError("--scenario needs --explain.", remedy="Name the account to explain.")
    if events is not None and events.exists() and not force:
        raise OutputExists(f"'{events}' exists.", remedy="Choose another file or give --force.")


def _check_tables(
    by: str,
    table: str,
    as_csv: bool,
    depth_sensitivity: bool,
    attribution: bool,
    without_cascade: Path | None,
) -> None:
    from abis.errors import InputError
    from risk.outcome import TOTALS

    if by not in TOTALS:
        raise InputError(f"--by {by} is no column.", remedy=f"Choose one of {', '.join(TOTALS)}.")
    if table not in TABLES:
        raise InputError(f"--table {table} is no table.", remedy=f"Choose one of {', '.join(TABLES)}.")
    if table != TABLES[0] and not as_csv:
        raise InputError("--table needs --csv.", remedy="--json and the printed tables have all.")
    for name, option, given in (
        ("sensitivity", "--depth-sensitivity", depth_sensitivity),
        ("attribution", "--attribution", attribution),
    ):
        if table == name and not given:
            raise InputError(f"--table {name} needs {option}.", remedy=f"Add {option}.")
    if without_cascade is not None and not attribution:
        raise InputError("--without-cascade needs --attribution.", remedy="Add --attribution.")


def _check_executor(executor: str | None) -> None:
    from risk.engine.cluster import address_of

    if executor is not None:
        address_of(executor)


def _table(table: str, depth_sensitivity: bool, attribution: bool) -> str:
    """Return the table --csv writes: that of the analysis asked for, where only one was and none named."""
    if table == TABLES[0] and depth_sensitivity != attribution:
        return "sensitivity" if depth_sensitivity else "attribution"
    return table


def _levels(texts: Sequence[str] | None) -> list[float]:
    """Return levels written as ``95%`` or ``0.95``."""
    from abis.errors import InputError
    from risk.figures import LEVELS

    if not texts:
        return list(LEVELS)
    levels = []
    for text in texts:
        try:
            value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            value = float("nan")
        if not 0 < value < 1 or value in levels:
            raise InputError(
                f"--level {text} is no level, or stands there twice.", remedy="Write 99% or 0.99."
            )
        levels.append(value)
    return levels


def _refuse_grave(outcome: Outcome) -> None:
    from abis.errors import LimitBroken
    from abis.findings import Severity
    from risk.report.formats import plural

    grave = [f for f in outcome.findings if f.severity >= Severity.MEDIUM]
    if grave:
        raise LimitBroken(
            f"{plural(len(grave), 'finding')} of medium severity or worse.",
            remedy="See the findings; leave --strict out to accept them.",
        )


def _worst(outcome: Outcome, by: str) -> int:
    return int(outcome.worst(1, by).index[0])


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)
