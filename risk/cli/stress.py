"""``breakwater stress``: scenarios through the oracles and the liquidators, and one account explained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from risk.cli.scenario_options import DepthFile, Grids, ScenarioFile, Shocks, scenarios_of, sha256_of

if TYPE_CHECKING:
    import pandas as pd

    from protocols.snapshot import Snapshot
    from risk.depth import Depth
    from risk.outcome import Outcome
    from risk.scenarios.scenarios import Scenarios

SCHEMA = "breakwater.stress/1"
_HELP = """Run scenarios against a snapshot: who is liquidated, what it costs them, what stays unpaid.

Without --scenarios, --shock and --grid the standard set is run. The table shows the worst \
scenarios; --csv and --json give all of them. --explain tells one account's story in one scenario, step \
by step. Without --depth sales are assumed to move no price, and the output says INFINITE DEPTH ASSUMED.

Examples:

  breakwater stress snap

  breakwater stress snap --shock "WETH=-30%,WBTC=-25%" --depth depth.csv --csv

  breakwater stress snap --grid "WETH=0:-60%:61" --by avoidable_loss_usd --events calls.parquet

  breakwater stress snap --depth depth.csv --depth-sensitivity

  breakwater stress snap --scenarios paths.toml --interest --latency-blocks 25 --feedback 0.5

  breakwater stress snap --scenarios paths.toml --executor dask://10.0.0.5:8786

  breakwater stress snap --shock "WETH=-30%" --explain 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045
"""
_TEXT = ("scenario", "group")
_COUNTS = ("eligible_accounts",)
_SHOWN = {
    "scenario": "Scenario",
    "eligible_accounts": "Liquidatable",
    "eligible_debt_usd": "Their debt",
    "repaid_usd": "Repaid",
    "bad_debt_usd": "Bad debt",
    "avoidable_loss_usd": "Avoidable loss",
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
    executor: Annotated[
        str | None,
        typer.Option(help="Dask scheduler to run on, dask://host:port.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write all scenarios as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write all scenarios as CSV.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the events file.")] = False,
) -> None:
    """Run scenarios against a snapshot."""
    from protocols.store import load
    from risk.depth import Depth

    _check(as_json, as_csv, explain, scenario, events, force)
    _check_alone(depth_sensitivity, as_json or as_csv or explain is not None or events is not None)
    _check_executor(executor)
    taken = load(snapshot)
    curves = Depth.load(depth, taken) if depth is not None else Depth.infinite_for(taken)
    batch = scenarios_of(taken, scenarios, shock or [], grid or [], standard=False)
    _check_column(by)
    options = _options(interest, latency_blocks, feedback) | {"executor": executor}
    if depth_sensitivity:
        _print_sensitivity(taken, batch, curves, options)
        return
    outcome = _run(taken, batch, curves, options, events=events or False)
    if events is not None:
        typer.echo(f"Wrote {_rows(events):,} calls into {events}", err=True)
    if explain is not None:
        typer.echo(repr(outcome.explain(explain, scenario or _worst(outcome, by))))
    elif as_json:
        chosen = {"interest": interest, "latency_blocks": latency_blocks, "feedback": feedback}
        typer.echo(_json(outcome, batch, snapshot, depth, chosen), nl=False)
    elif as_csv:
        typer.echo(_csv(outcome), nl=False)
    else:
        _print_table(outcome, by, top)


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


def _check_column(by: str) -> None:
    from abis.errors import InputError
    from risk.outcome import TOTALS

    if by not in TOTALS:
        raise InputError(f"--by {by} is no column.", remedy=f"Choose one of {', '.join(TOTALS)}.")


def _check_alone(depth_sensitivity: bool, other: bool) -> None:
    from abis.errors import InputError

    if depth_sensitivity and other:
        raise InputError(
            "--depth-sensitivity prints a table of its own.",
            remedy="Leave out --json, --csv, --events and --explain.",
        )


def _check_executor(executor: str | None) -> None:
    from risk.engine.cluster import address_of

    if executor is not None:
        address_of(executor)


def _options(interest: bool, latency_blocks: float, feedback: float) -> dict[str, Any]:
    """Return the keywords of `risk.stress` that the options name."""
    from risk.engine.feedback import Feedback
    from risk.engine.liquidators import Liquidators

    return {
        "accrual": interest,
        "liquidators": Liquidators(latency_blocks=latency_blocks),
        "feedback": Feedback(feedback) if feedback else None,
    }


def _print_sensitivity(taken: Snapshot, batch: Scenarios, depth: Depth, options: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from risk.engine.liquidity import Liquidity
    from risk.report.formats import INFINITE_DEPTH, label, usd
    from risk.sensitivity import depth_sensitivity

    def run(curves: Depth, liquidity: Liquidity | None) -> Outcome:
        more = {"liquidity": liquidity} if liquidity else {}
        return _run(taken, batch, curves, options | more, events=False)

    got = depth_sensitivity(run, depth)
    table = Table(box=box.SIMPLE)
    columns = ("Variant", "Worst scenario", "Largest bad debt", "Largest avoidable loss", "Largest repaid")
    for k, heading in enumerate(columns):
        table.add_column(heading, justify="left" if k < 2 else "right")
    for row in got.table.to_dict(orient="records"):
        amounts = (row[f"max_{what}_usd"] for what in ("bad_debt", "avoidable_loss", "repaid"))
        worst = escape(label(str(row["worst_scenario"])))
        table.add_row(str(row["variant"]), worst, *(usd(float(amount)) for amount in amounts))
    Console().print(table)
    for row in got.conclusions.to_dict(orient="records"):
        verdict = "holds" if row["holds"] else f"NOT IDENTIFIED BY THE DATA: reversed by {row['fails']}"
        typer.echo(f"{label(str(row['conclusion']), 200)}: {verdict}")
    if got.infinite_depth:
        typer.echo(f"{INFINITE_DEPTH}: the factors do not touch reserves without a curve.")


def _run(
    taken: Snapshot, batch: Scenarios, depth: Depth, options: dict[str, Any], *, events: bool | Path
) -> Outcome:
    from risk.cli.progress import reporting
    from risk.engine.stress import stress as run
    from risk.report.feeds import market_oracles

    with reporting({"scenarios": "Scenarios run"}) as report:
        return run(
            taken,
            batch,
            # A shock is there to stay, so feeds catch up with it; along a path they lag.
            oracles=market_oracles(taken) if len(batch.time_s) > 1 else None,
            depth=depth,
            events=events,
            **options,
            progress=lambda done, total: report("scenarios", done, total),
        )


def _worst(outcome: Outcome, by: str) -> int:
    return int(outcome.worst(1, by).index[0])


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def _json(
    outcome: Outcome, batch: Scenarios, snapshot: Path, depth: Path | None, chosen: dict[str, Any]
) -> str:
    from protocols.store import digest
    from risk.cli.envelope import envelope

    frame = outcome.frame()
    data = {
        "infinite_depth": outcome.infinite_depth,
        "assets": list(outcome.assets),
        "rows": [dict(row) | _per_asset(outcome, k) for k, row in enumerate(frame.to_dict(orient="records"))],
    }
    units = {name: "count" if name in _COUNTS else _unit(name) for name in frame.columns if name not in _TEXT}
    units |= dict.fromkeys(("bad_debt_by_asset", "avoidable_loss_by_asset"), "USD, one an asset")
    inputs = {
        "snapshot_sha256": digest(snapshot),
        "scenarios_sha256": batch.sha256,
        "depth_sha256": sha256_of(depth),
        "seed": batch.seed,
        **{name: value for name, value in chosen.items() if value},
    }
    return envelope(SCHEMA, data, inputs=inputs, units=units, findings=outcome.findings)


def _unit(name: str) -> str:
    return "USD × hours" if name.endswith("_usd_hours") else "USD"


def _per_asset(outcome: Outcome, k: int) -> dict[str, Any]:
    return {
        "bad_debt_by_asset": outcome.bad_debt_usd[k].tolist(),
        "avoidable_loss_by_asset": outcome.avoidable_loss_usd[k].tolist(),
    }


def _csv(outcome: Outcome) -> str:
    from risk.report.formats import label

    frame = outcome.frame()
    # Names of a user's scenarios hold symbols of tokens: shown so that no spreadsheet runs them.
    shown = frame.assign(**{name: [label(text, 1_000) for text in frame[name]] for name in _TEXT})
    return str(shown.to_csv(index=False, lineterminator="\n"))


def _print_table(outcome: Outcome, by: str, top: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from risk.report.formats import INFINITE_DEPTH, label, plural, usd

    columns = dict(_SHOWN)
    if by not in columns:
        columns[by] = by.removesuffix("_usd").replace("_", " ").capitalize()
    table = Table(box=box.SIMPLE)
    for name, heading in columns.items():
        table.add_column(heading, justify="left" if name == "scenario" else "right")
    write: dict[str, Callable[[Any], str]] = {
        "scenario": lambda text: escape(label(text)),
        "eligible_accounts": lambda n: f"{n:,}",
    }
    worst: pd.DataFrame = outcome.worst(top, by)
    for row in worst[list(columns)].to_dict(orient="records"):
        table.add_row(*(write.get(str(name), usd)(value) for name, value in row.items()))
    Console().print(table)
    if outcome.infinite_depth:
        typer.echo(INFINITE_DEPTH)
    typer.echo(f"{len(worst):,} of {plural(len(outcome), 'scenario')} shown, worst first by {by}.", err=True)
