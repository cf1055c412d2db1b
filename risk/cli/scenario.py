"""``breakwater scenario``: the group of commands that make scenarios out of models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from risk.cli.scenario_basis import HELP as BASIS_HELP
from risk.cli.scenario_basis import basis
from risk.cli.scenario_waves import HELP, waves

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.venues.december_report import December
    from risk.venues.next_shock import NextShock

SCHEMA = "breakwater.scenario_build/1"
KNOWN = ("december-2025",)
_BEYOND = (
    "btc_low_usd",
    "eth_low_usd",
    "cascade_share",
    "widest_dispersion",
    "low",
    "own",
)  # published depth
PHASES = {
    "fit": "Runs of the fit",
    "what-ifs": "What-ifs",
    "ranges": "Ends of ranges",
    "next shock": "Next shock",
}
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
    group.command("basis", help=BASIS_HELP, no_args_is_help=True)(basis)
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
    from abis.errors import InputError
    from risk.cli.oracle_series import tell
    from risk.cli.progress import reporting
    from risk.cli.scenario_tables import show
    from risk.venues.december_report import cleaner, december, not_identified
    from risk.venues.december_table import table
    from risk.venues.december_w2 import share_needed

    if name not in KNOWN:
        raise InputError(f"no scenario '{name}'.", remedy=f"Known: {', '.join(KNOWN)}.")
    taken, factor = _market(snapshot, output), _factor(next_shock)
    rows: list[dict[str, Any]] = []
    shocks: tuple[NextShock, ...] = ()
    needed = even = None
    with reporting(PHASES) as report:
        found = december(candles, report)
        if ranges:
            rows = not_identified(found, report)
            needed = share_needed(found.fit, found.free)
        if factor is not None:
            shocks, even = cleaner(found, factor, report)
    if output is not None:
        _write(found, taken, output)
    if as_json:
        typer.echo(_json(found, rows, needed, shocks, even, candles is not None), nl=False)
        tell(found.findings)
        return
    show(found, rows, needed, shocks, even, next_shock or "")
    notes = set(table()["note"].values())  # the tables come with them, in full
    tell(f for f in found.findings if f.message not in notes)


def _market(snapshot: Path | None, output: Path | None) -> Snapshot | None:
    """Return the market scenarios are written for; what cannot be written is refused before the work."""
    from abis.errors import InputError, OutputExists
    from protocols.store import load

    if output is not None and output.exists():
        raise OutputExists(f"{output.name} exists.", remedy="Choose another name or remove it.")
    if snapshot is not None and output is None:
        raise InputError("--snapshot without -o.", remedy="Name the directory to write with -o.")
    return None if snapshot is None else load(snapshot)


def _factor(move: str | None) -> float | None:
    from abis.errors import BadShock
    from risk.scenarios.shocks import parse_percent

    if move is None:
        return None
    try:
        factor = parse_percent(move)
    except BadShock as error:
        raise BadShock(error.message, remedy="Write a signed percentage, such as --next-shock=-5%.") from None
    if factor == 1.0:
        raise BadShock(f"a next shock of '{move}' moves nothing.", remedy="Write one such as -5%.")
    return factor


def _write(found: December, taken: Snapshot | None, output: Path) -> None:
    from risk.scenarios.storage import write_scenarios
    from risk.venues.scenario import for_market

    scenarios = found.scenarios()
    write_scenarios(scenarios if taken is None else for_market(scenarios, taken), output)
    left = f" Left out, they run away: {', '.join(found.ran_away)}." if found.ran_away else ""
    typer.echo(f"Written to {output}.{left}", err=True)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Return a run without what it does not say: where it goes if it runs away, and what is no number."""
    lost = _BEYOND if row["diverges"] else ()
    return {k: None if v != v or k in lost else v for k, v in row.items()}


def _json(
    found: December,
    rows: list[dict[str, Any]],
    needed: float | None,
    shocks: tuple[NextShock, ...],
    even: float | None,
    candles: bool,
) -> str:
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
        "runs": [_known(summary(n, w)) for n, w in {BASE: found.wave, **found.others}.items()],
        "w2_runs_away": found.w2_runs_away,
        "not_identified": rows,
        "hyperliquid_share_needed": needed,
        "next_shock": [_known(asdict(n)) for n in shocks],
        "next_shock_even_share": even,
    }
    units = {
        "targets": "in each row's unit",
        "fit": "USD per percent of BTC; near and eth_beta pure numbers; whale USD; btc_low log move",
        "spectral_radius_before": "pure number; 1 and above feeds itself",
        "candle_error_bps": "basis points",
        "liquidations": "USD; shares of 1",
        "runs": "USD; shares of 1; widest_dispersion log difference between venues; null where it runs away",
        "not_identified": "USD; USD per percent; shares of 1",
        "hyperliquid_share_needed": "share of leveraged open interest",
        "next_shock": "USD; log moves; shares of 1",
        "next_shock_even_share": "share of what the wave closed",
    }
    inputs = {"scenario": KNOWN[0], "candles": candles, "scenarios_sha256": found.scenarios().sha256}
    return envelope(SCHEMA, data, inputs=inputs, units=units, findings=found.findings)
