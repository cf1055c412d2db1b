"""``breakwater oracle replay``: candles through a feed's settings, beside the rounds that happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from oracles.comparison import ReplayReport
    from oracles.feed import PriceFeed
    from oracles.history import RoundHistory

SCHEMA = "breakwater.oracle_replay/1"

_HELP = """Drive candles through a feed's settings and compare its rounds with those that happened.

FEED is a feed file (oracle fit writes one), ROUNDS a .csv or .parquet file of the feed's real rounds, \
--candles the market. Without ROUNDS the events of the feed file's address are read from a node: --rpc and \
--from-block. Use a period the feed was not fitted on: --since and --until choose it. See docs/oracle-fit.md.

Examples:

  breakwater oracle replay eth-usd.toml rounds.csv --candles eth.csv

  breakwater oracle replay eth-usd.toml rounds.parquet --candles c.parquet --where symbol=ETH \
--since 2023-06-01 --until 2023-07-01 --json
"""

# name, what it is called, unit ("" for a count)
_SHOWN = (
    ("real", "rounds that happened", ""),
    ("predicted", "rounds predicted", ""),
    ("predicted_share", "of those that happened, predicted", "share"),
    ("confirmed_share", "of those predicted, happened", "share"),
    ("chance_share", "predicted by chance", "share"),
    ("next_share", "predicted from the round before", "share"),
    ("deviation_share", "predicted, of those that moved by the threshold", "share"),
    ("other_share", "predicted, of the others", "share"),
    ("late_median_s", "predicted later than real, median", "s"),
    ("late_p5_s", "  5th percentile", "s"),
    ("late_p95_s", "  95th percentile", "s"),
    ("answer_median_bps", "error of a matched answer, median", "bps"),
    ("answer_p95_bps", "  95th percentile", "bps"),
    ("answer_p99_bps", "  99th percentile", "bps"),
    ("path_median_bps", "error of the answer in force, median", "bps"),
    ("path_p95_bps", "  95th percentile", "bps"),
    ("path_p99_bps", "  99th percentile", "bps"),
    ("in_gaps", "left out: no candles", ""),
)
_UNITS = {"": "count", "share": "share of 1", "s": "seconds", "bps": "basis points"}


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("replay", help=_HELP, no_args_is_help=True)(replay)


def replay(
    feed: Annotated[Path, typer.Argument(help="Feed file (.toml).", show_default=False)],
    candles: Annotated[Path, typer.Option("--candles", help="File of candles.", show_default=False)],
    rounds: Annotated[
        Path | None, typer.Argument(metavar="[ROUNDS]", help="File of rounds.", show_default=False)
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Series of candles, symbol=ETH; may be repeated.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--feed", help="Feed of the rounds file; the feed file's by default.", show_default=False
        ),
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="First day, 2023-06-01.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="First day left out.")] = None,
    tolerance_s: Annotated[
        float | None,
        typer.Option(
            "--tolerance-s", help="Seconds a match may be apart; one candle by default.", show_default=False
        ),
    ] = None,
    rpc: Annotated[
        list[str] | None,
        typer.Option(
            help="URL of a JSON-RPC node; several for failover.", envvar="ETH_RPC_URL", show_default=False
        ),
    ] = None,
    from_block: Annotated[
        int | None, typer.Option("--from-block", min=0, help="First block.", show_default=False)
    ] = None,
    to_block: Annotated[
        str, typer.Option("--to-block", help="Number, latest, safe or finalized.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on a finding above information.")] = False,
) -> None:
    """Drive candles through a feed's settings and compare its rounds with those that happened."""
    from oracles.comparison import compare
    from oracles.feed_file import read_feed
    from risk.cli.oracle_series import period, read_candles_file, refuse_findings, sha256_of, tell
    from risk.cli.progress import reporting

    tolerance = _tolerance(tolerance_s)
    start, end = period(since, until)
    settings, view = read_feed(feed)
    inputs: dict[str, Any] = {"feed_sha256": sha256_of(feed)}
    history = _rounds(rounds, name, settings, (rpc or [], from_block, to_block), inputs)
    history = history.between(start, end - 1e-3)
    bars = read_candles_file(candles, where or []).between(start, end)
    with reporting({"rounds": "Rounds predicted"}) as report:
        made = compare(
            history,
            bars,
            settings,
            view,
            tolerance_s=tolerance,
            progress=lambda done, total: report("rounds", done, total),
        )
    findings = (*history.findings, *bars.findings)
    if as_json:
        inputs |= {
            "candles_sha256": sha256_of(candles),
            "where": where or [],
            "since": since,
            "until": until,
            "tolerance_s": bars.width_s if tolerance is None else tolerance,
        }
        typer.echo(_json(settings, made, inputs, findings), nl=False)
    else:
        _print(settings, made, bars.width_s if tolerance is None else tolerance)
    tell(findings)
    refuse_findings(findings, strict)


def _rounds(
    path: Path | None,
    name: str | None,
    feed: PriceFeed,
    chain: tuple[list[str], int | None, str],
    inputs: dict[str, Any],
) -> RoundHistory:
    """Return what happened, and note in ``inputs`` where it is from."""
    from abis.errors import InputError
    from risk.cli.oracle_rounds import rounds_from_chain
    from risk.cli.oracle_series import rounds_like, sha256_of

    urls, first, last = chain
    if path is not None and first is None:
        inputs["rounds_sha256"] = sha256_of(path)
        return rounds_like(path, name, feed)
    if path is not None or first is None:
        raise InputError("rounds from neither or both.", remedy="Give a file of rounds, or --from-block.")
    if feed.address is None:
        raise InputError("the feed file has no address.", remedy="Add its proxy's, or give a file of rounds.")
    history, _, where_from = rounds_from_chain(urls, feed.address, first, last)
    inputs |= where_from
    return history


def _tolerance(seconds: float | None) -> float | None:
    import math

    from abis.errors import InputError

    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise InputError(f"--tolerance-s {seconds} is no time.", remedy="Give seconds of 0 or more.")
    return seconds


def _json(feed: PriceFeed, made: ReplayReport, inputs: dict[str, Any], findings: tuple[Any, ...]) -> str:
    from risk.cli.envelope import envelope

    data: dict[str, Any] = {"feed": feed.description}
    data |= {name: None if value != value else value for name, value in made.rows()}
    units = {"feed": "name", "matched": "count"} | {name: _UNITS[unit] for name, _, unit in _SHOWN}
    return envelope(SCHEMA, data, inputs=inputs, units=units, findings=findings)


def _print(feed: PriceFeed, made: ReplayReport, tolerance_s: float) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from risk.report.formats import label

    console = Console(highlight=False)
    console.print(
        f"{label(feed.description)}: deviation {feed.deviation_bps:g} bps, "
        f"heartbeat {feed.heartbeat_s:,g} s, delay up to {feed.delay.longest_s:g} s; "
        f"rounds match within {tolerance_s:g} s.",
        markup=False,
        soft_wrap=True,
    )
    table = Table(box=box.SIMPLE)
    table.add_column("Measure")
    table.add_column("Value", justify="right")
    values = dict(made.rows())
    for name, called, unit in _SHOWN:
        table.add_row(called, _shown(values[name], unit))
    console.print(table)


def _shown(value: float, unit: str) -> str:
    from risk.report.formats import ABSENT, share

    if value != value:
        return ABSENT
    if unit == "share":
        return share(value)
    return f"{value:,.0f}" if not unit else f"{value:,.1f} {unit}"
