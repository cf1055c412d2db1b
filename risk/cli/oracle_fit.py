"""``breakwater oracle fit``: a feed's deviation, heartbeat and delay from its past rounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from oracles.fit import FittedFeed
    from oracles.history import RoundHistory
    from oracles.regimes import Regime
    from oracles.thresholds import Estimate

SCHEMA = "breakwater.oracle_fit/1"

_HELP = """Recover a feed's deviation threshold, heartbeat and delay from its past rounds.

ROUNDS is a .csv or .parquet file with a row per AnswerUpdated event: time, answer, decimals. Without it, \
the events are read from a node: --rpc, --feed with the proxy's address and --from-block. The delay needs \
candles of the same market and period. Changes of the settings are found and listed; the feed file holds \
the last ones. See docs/oracle-fit.md.

Examples:

  breakwater oracle fit rounds.csv --decimals 8

  breakwater oracle fit rounds.parquet --feed ETH/USD --candles eth.parquet -o eth-usd.toml

  breakwater oracle fit --rpc https://rpc.example/KEY --feed 0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419 \
--from-block 23000000
"""


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("fit", help=_HELP, no_args_is_help=True)(fit)


def fit(
    rounds: Annotated[
        Path | None, typer.Argument(metavar="[ROUNDS]", help="File of rounds.", show_default=False)
    ] = None,
    feed: Annotated[
        str | None,
        typer.Option("--feed", help="Feed of the file by name, or a proxy's address.", show_default=False),
    ] = None,
    decimals: Annotated[
        int | None,
        typer.Option("--decimals", min=0, max=18, help="Where the file does not say.", show_default=False),
    ] = None,
    candles: Annotated[
        Path | None, typer.Option("--candles", help="File of candles, for the delay.", show_default=False)
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Series of candles, symbol=ETH; may be repeated.", show_default=False),
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="First day, 2023-04-01.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="First day left out.")] = None,
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
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Feed file (.toml) to write.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a feed file that is there.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on a finding above information.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Recover a feed's settings from its past rounds."""
    from oracles.feed_file import feed_text
    from oracles.fit import fit as fit_rounds
    from risk.cli.oracle_series import period, read_candles_file, refuse_findings, sha256_of, tell
    from risk.cli.outputs import refuse_existing, write_files
    from risk.cli.progress import reporting

    start, end = period(since, until)
    if output is not None:
        refuse_existing(output.parent, [output.name], force)
    inputs: dict[str, Any] = {"since": since, "until": until}
    history, name, address = _rounds(rounds, feed, decimals, rpc or [], from_block, to_block, inputs)
    history = history.between(start, end - 1e-3)
    bars = None
    if candles is not None:
        bars = read_candles_file(candles, where or []).between(start, end)
        inputs |= {"candles_sha256": sha256_of(candles), "where": where or []}
    with reporting({"passes": "Passes over the candles"}) as report:
        fitted = fit_rounds(
            history,
            bars,
            description=name,
            address=address,
            progress=lambda done, total: report("passes", done, total),
        )
    if output is not None:
        write_files(output.parent, {output.name: feed_text(fitted.feed, fitted.view)})
        typer.echo(f"Written to {output}.", err=True)
    if as_json:
        typer.echo(_json(fitted, inputs), nl=False)
    else:
        _print(fitted)
    tell(fitted.findings)
    refuse_findings(fitted.findings, strict)


def _rounds(
    path: Path | None,
    feed: str | None,
    decimals: int | None,
    rpc: list[str],
    from_block: int | None,
    to_block: str,
    inputs: dict[str, Any],
) -> tuple[RoundHistory, str, str | None]:
    """Return rounds, name and address, and note in ``inputs`` where they are from."""
    from abis.errors import InputError
    from risk.cli.oracle_rounds import rounds_from_chain
    from risk.cli.oracle_series import read_rounds_file, sha256_of

    if path is not None:
        if from_block is not None:
            raise InputError("a file and --from-block exclude each other.", remedy="Choose one source.")
        history, name = read_rounds_file(path, feed, decimals)
        inputs["rounds_sha256"] = sha256_of(path)
        return history, name, None
    if feed is None or from_block is None:
        raise InputError(
            "no rounds given.", remedy="Name a file, or give --rpc, --feed ADDRESS and --from-block."
        )
    history, name, where_from = rounds_from_chain(rpc, feed, from_block, to_block)
    inputs |= where_from
    return history, name, feed


def _json(fitted: FittedFeed, inputs: dict[str, Any]) -> str:
    from risk.cli.envelope import envelope

    feed, delay = fitted.feed, fitted.delay
    data = {
        "feed": feed.description,
        "address": feed.address,
        "decimals": feed.decimals,
        "deviation_bps": feed.deviation_bps,
        "heartbeat_s": feed.heartbeat_s,
        "heartbeat_origin": feed.heartbeat_from.origin.value,
        "delay_s": feed.delay.samples_s[0],
        "delay_origin": feed.delay_from.origin.value,
        "deviation_bps_estimate": _range(fitted.deviation_bps),
        "heartbeat_s_estimate": _range(fitted.heartbeat_s),
        "delay_s_estimate": _range(fitted.delay_s),
        "delay_s_quartiles": None if delay is None else list(delay.quartiles_s),
        "wick_weight": None if delay is None else delay.view.wick_weight,
        "basis_bps": None if delay is None else delay.view.basis_bps,
        "regimes": [_regime(r) for r in fitted.regimes],
        "schedules": [
            {"period_s": s.period_s, "phase_s": s.phase_s, "since_s": s.since_s, "coverage": s.coverage}
            for s in fitted.schedules
        ],
    }
    units = {
        "decimals": "count",
        "deviation_bps": "basis points",
        "heartbeat_s": "seconds",
        "delay_s": "seconds",
        "deviation_bps_estimate": "value and range, basis points",
        "heartbeat_s_estimate": "value and range, seconds; high null where not seen",
        "delay_s_estimate": "value and range, seconds; null without candles",
        "delay_s_quartiles": "seconds",
        "wick_weight": "share of 1",
        "basis_bps": "basis points",
        "regimes": "times in Unix seconds; estimates as above",
        "schedules": "seconds; coverage a share of 1",
    }
    return envelope(SCHEMA, data, inputs=inputs, units=units, findings=fitted.findings)


def _regime(regime: Regime) -> dict[str, Any]:
    return {
        "since_s": regime.since_s,
        "until_s": regime.until_s,
        "begins_between_s": list(regime.begins_s),
        "rounds": regime.rounds,
        "early": regime.early,
        "waited": regime.waited,
        "by_clock": regime.by_clock,
        "deviation_bps": _range(regime.deviation_bps),
        "heartbeat_s": _range(regime.heartbeat_s),
    }


def _range(estimate: Estimate | None) -> dict[str, float | None] | None:
    import math

    if estimate is None:
        return None
    return {name: v if math.isfinite(v) else None for name, v in estimate._asdict().items()}


def _print(fitted: FittedFeed) -> None:
    from rich.console import Console

    from risk.report.formats import label, plural

    console = Console(highlight=False)
    last, changes = fitted.regimes[-1], len(fitted.regimes) - 1
    console.print(
        f"{label(fitted.feed.description)}: {fitted.feed.deviation_from.source}.",
        markup=False,
        soft_wrap=True,
    )
    console.print(
        f"{plural(last.early, 'round')} before the heartbeat, {last.waited:,} with it, "
        f"{last.by_clock:,} by the clock; {plural(changes, 'change')} of settings before.",
        markup=False,
        soft_wrap=True,
    )
    console.print(_settings(fitted))
    if changes:
        console.print(_regimes(fitted))


def _settings(fitted: FittedFeed) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for heading in ("Setting", "Used", "Estimate", "Range", "Origin"):
        table.add_column(heading, justify="left" if heading in ("Setting", "Origin") else "right")
    feed = fitted.feed
    rows = (
        ("deviation, bps", feed.deviation_bps, fitted.deviation_bps, feed.deviation_from),
        ("heartbeat, s", feed.heartbeat_s, fitted.heartbeat_s, feed.heartbeat_from),
        ("delay, s", feed.delay.samples_s[0], fitted.delay_s, feed.delay_from),
    )
    for name, used, estimate, whence in rows:
        value = "–" if estimate is None else f"{estimate.value:,.6g}"
        table.add_row(name, f"{used:,.6g}", value, _shown(estimate), whence.origin.value)
    return table


def _regimes(fitted: FittedFeed) -> Table:
    from rich import box
    from rich.table import Table

    from risk.report.formats import utc

    table = Table(box=box.SIMPLE, title="Settings in order of time", title_justify="left")
    table.add_column("Begins", no_wrap=True)
    for heading in ("Rounds", "Deviation, bps", "Heartbeat, s"):
        table.add_column(heading, justify="right")
    for k, r in enumerate(fitted.regimes):
        first, last = (utc(int(t))[:10] for t in r.begins_s)
        found = [
            "–" if e is None else f"{e.value:,.6g} ({_shown(e)})" for e in (r.deviation_bps, r.heartbeat_s)
        ]
        table.add_row(f"{first} to\n{last}" if k else first, f"{r.rounds:,}", *found)
    return table


def _shown(estimate: Estimate | None) -> str:
    import math

    if estimate is None:
        return "–"
    high = f"{estimate.high:,.6g}" if math.isfinite(estimate.high) else "…"
    return f"{estimate.low:,.6g} to {high}"
