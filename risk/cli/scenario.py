"""``breakwater scenario``: the group of commands that make scenarios out of models."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from risk.cli.scenario_waves import HELP, waves

if TYPE_CHECKING:
    from risk.venues.december_report import December
    from risk.venues.next_shock import NextShock

SCHEMA = "breakwater.scenario_build/1"
KNOWN = ("december-2025",)
_HELP = "Scenarios out of models of exchanges: liquidation cascades as paths of prices by venue."
_BUILD = """Build a scenario and hold it against what was published.

december-2025 is the liquidation wave of 7 December 2025: seven venues and the spot books, fitted to \
the day's published totals, shares, largest order and prices; the day of 16 December, predicted \
without having been seen; and the same day with one thing changed (engines staggered, depth doubled, \
leverage capped, withdrawals halted). It needs no other data; with --candles it is fitted to real \
five-minute candles. The table shows target beside result; what these figures do not identify is said \
below it. --next-shock asks whether a flush leaves a cleaner structure: the same fall before the wave, \
after it, and with leverage rebuilt. -o writes a directory of scenarios for breakwater stress \
--scenarios; with --snapshot its columns are that market's assets. See docs/december-2025.md.

Examples:

  breakwater scenario build december-2025

  breakwater scenario build december-2025 --candles candles/ --snapshot snap -o wave

  breakwater scenario build december-2025 --ranges --json

  breakwater scenario build december-2025 --next-shock=-5%
"""


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(
        name="scenario",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    group.callback()(lambda: None)
    group.command("build", help=_BUILD, no_args_is_help=True)(build)
    group.command("waves", help=HELP)(waves)
    app.add_typer(group)


def build(
    name: Annotated[str, typer.Argument(help="december-2025.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Directory to write.", show_default=False)
    ] = None,
    candles: Annotated[
        Path | None,
        typer.Option(help="Folder of five-minute candles of BTCUSDT and ETHUSDT.", show_default=False),
    ] = None,
    snapshot: Annotated[
        Path | None, typer.Option(help="Market whose assets the scenarios are of.", show_default=False)
    ] = None,
    ranges: Annotated[
        bool, typer.Option("--ranges", help="Repeat the fit at both ends of each free parameter.")
    ] = False,
    next_shock: Annotated[
        str | None,
        typer.Option(
            "--next-shock",
            help="Move of BTC, over an hour, before the wave, after it and with leverage rebuilt: -5%.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Build a scenario and hold it against what was published."""
    from abis.errors import InputError, OutputExists
    from risk.cli.oracle_series import tell
    from risk.cli.progress import reporting
    from risk.scenarios.shocks import parse_percent
    from risk.venues.december_report import cleaner, december, not_identified

    if name not in KNOWN:
        raise InputError(f"no scenario '{name}'.", remedy=f"Known: {', '.join(KNOWN)}.")
    if output is not None and output.exists():
        raise OutputExists(f"{output.name} exists.", remedy="Choose another name or remove it.")
    factor = None if next_shock is None else parse_percent(next_shock)
    labels = {"fit": "Runs of the fit", "what-ifs": "What-ifs", "ranges": "Ends of ranges"}
    with reporting(labels) as report:
        found = december(candles, report)
        rows = not_identified(found, report) if ranges else []
    shocks = () if factor is None else cleaner(found, factor)
    _write(found, snapshot, output)
    if as_json:
        typer.echo(_json(found, rows, shocks, candles is not None), nl=False)
    else:
        _print(found, rows, shocks, next_shock or "")
    tell(found.findings)


def _write(found: December, snapshot: Path | None, output: Path | None) -> None:
    from abis.errors import InputError

    if output is None:
        if snapshot is not None:
            raise InputError("--snapshot without -o.", remedy="Name the directory to write with -o.")
        return
    from protocols.store import load
    from risk.scenarios.storage import write_scenarios
    from risk.venues.scenario import for_market

    scenarios = found.scenarios()
    if snapshot is not None:
        scenarios = for_market(scenarios, load(snapshot))
    write_scenarios(scenarios, output)
    typer.echo(f"Written to {output}.", err=True)


def _json(found: December, rows: list[dict[str, Any]], shocks: tuple[NextShock, ...], candles: bool) -> str:
    from dataclasses import asdict

    from risk.cli.envelope import envelope
    from risk.venues.december_report import BASE, liquidations, summary

    data = {
        "targets": [
            {
                "id": b.target.id,
                "set": b.target.set,
                "what": b.target.what,
                "kind": b.target.kind,
                "target": b.target.value,
                "accepted": list(b.target.bounds()),
                "result": b.result,
                "met": b.met,
                "fitted": b.fitted,
                "unit": b.target.unit,
                "source": b.target.source,
            }
            for b in found.beside
        ],
        "fit": found.fit._asdict(),
        "spectral_radius_before": found.radius,
        "candle_error_bps": dict(found.error_bps),
        "liquidations": liquidations(found.wave),
        "runs": [summary(BASE, found.wave), *(summary(n, w) for n, w in found.others.items())],
        "not_identified": rows,
        "next_shock": [{k: None if v != v else v for k, v in asdict(n).items()} for n in shocks],
    }
    units = {
        "targets": "in each row's unit",
        "fit": "USD per percent of BTC; near and eth_beta pure numbers; whale USD; btc_low log move",
        "spectral_radius_before": "pure number; 1 and above feeds itself",
        "candle_error_bps": "basis points",
        "liquidations": "USD; shares of 1",
        "runs": "USD; shares of 1; widest_dispersion log difference between venues",
        "not_identified": "USD per percent; shares of 1",
        "next_shock": "USD; log moves; shares of 1",
    }
    inputs = {"scenario": KNOWN[0], "candles": candles, "scenarios_sha256": found.scenarios().sha256}
    return envelope(SCHEMA, data, inputs=inputs, units=units, findings=found.findings)


def _print(found: December, rows: list[dict[str, Any]], shocks: tuple[NextShock, ...], move: str) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_targets(found))
    console.print(_venues(found))
    console.print(_runs(found))
    if rows:
        console.print(_ranges(rows))
    if shocks:
        console.print(_next(shocks, move))
    for asset, error in found.error_bps.items():
        console.print(
            f"{asset}: the run's index stays within {error:.1f} bps (root mean square) of the candles."
        )
    console.print(f"Spectral radius before the wave: {found.radius:.2f}; 1 and above feeds itself.")


def plain_table(title: str, *columns: str) -> Any:
    """Return an empty table, its first column to the left."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, title=title, title_justify="left")
    for n, column in enumerate(columns):
        table.add_column(column, justify="left" if n == 0 else "right")
    return table


def _shown(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value:.1%}"
    return f"{value / 1e6:,.1f} M" if value >= 1e6 else f"{value:,.0f}"


def _targets(found: December) -> Any:
    table = plain_table(
        "Target beside result", "Figure", "Set", "Target", "Accepted", "Result", "Fitted", "Met"
    )
    for b in found.beside:
        t, (low, high) = b.target, b.target.bounds()
        accepted = f"{_shown(low, t.unit)} to {_shown(high, t.unit)}"
        used = "yes" if b.fitted else "predicted"
        result = _shown(b.result, t.unit)
        table.add_row(
            t.what, t.set, _shown(t.value, t.unit), accepted, result, used, "yes" if b.met else "no"
        )
    return table


def _venues(found: December) -> Any:
    from risk.venues.december_report import liquidations

    table = plain_table(
        "Liquidations by venue, USD", "Venue", "Total", "Longs", "Book", "Vault", "ADL", "Largest order"
    )
    for row in liquidations(found.wave):
        if row["liquidated_usd"] > 0:
            amounts = [_shown(row[f"{w}_usd"], "USD") for w in ("book", "vault", "adl")]
            largest = _shown(row["largest_order_usd"], "USD")
            total = _shown(row["liquidated_usd"], "USD")
            table.add_row(row["venue"], total, f"{row['long_share']:.0%}", *amounts, largest)
    return table


def _runs(found: December) -> Any:
    from risk.venues.december_report import BASE, summary

    table = plain_table(
        "The same day with one thing changed",
        "Run",
        "Liquidated",
        "BTC low",
        "ETH low",
        "Cascade's part",
        "Dispersion",
    )
    for name, wave in {BASE: found.wave, **found.others}.items():
        row = summary(name, wave)
        lows = [f"{row[k]:,.0f}" for k in ("btc_low_usd", "eth_low_usd")]
        parts = [f"{row[k]:.1%}" for k in ("cascade_share", "widest_dispersion")]
        if row["diverges"]:  # beyond published depth: that it ran away is known, not where to
            lows, parts = ["runs away"] * 2, ["–"] * 2
        table.add_row(name, _shown(row["liquidated_usd"], "USD"), *lows, *parts)
    return table


def _ranges(rows: list[dict[str, Any]]) -> Any:
    table = plain_table(
        "Not identified: the fit at both ends of each range", "Parameter", "Value", "Met", "Cascade's part"
    )
    for row in rows:
        met = f"{row['targets_met']} of {row['targets']}"
        table.add_row(row["parameter"], f"{row['value']:g}", met, f"{row['cascade_share']:.1%}")
    return table


def _next(shocks: tuple[NextShock, ...], move: str) -> Any:
    table = plain_table(
        f"The same next shock: BTC {move} over an hour",
        "State",
        "Open",
        "Radius",
        "Liquidated",
        "Low",
        "Own part",
    )
    table.padding = (0, 1, 0, 0)
    for n in shocks:
        low = "runs away" if n.diverges else f"{math.expm1(n.low):.2%}"
        own = "–" if n.diverges or n.own != n.own else f"{n.own:.1%}"
        amounts = (_shown(n.open_interest_usd, "USD"), f"{n.spectral_radius:.2f}")
        table.add_row(n.state, *amounts, _shown(n.liquidated_usd, "USD"), low, own)
    return table
