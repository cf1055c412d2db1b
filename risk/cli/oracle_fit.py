"""``breakwater oracle fit``: a feed's deviation, heartbeat and delay from its past rounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_HELP = """Recover a feed's deviation threshold, heartbeat and delay from its past rounds.

ROUNDS is a .csv or .parquet file with a row per AnswerUpdated event: time, answer and decimals.

Examples:

  breakwater oracle fit rounds.csv --decimals 8

  breakwater oracle fit rounds.parquet --feed ETH/USD --candles candles.parquet --where symbol=ETH
"""


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("fit", help=_HELP, no_args_is_help=True)(fit)


def fit(
    rounds: Annotated[Path, typer.Argument(help="File of rounds.", show_default=False)],
    feed: Annotated[
        str | None, typer.Option("--feed", help="Which feed of the file.", show_default=False)
    ] = None,
    decimals: Annotated[
        int | None, typer.Option("--decimals", help="Decimals of the answers.", show_default=False)
    ] = None,
) -> None:
    """Recover a feed's settings from its past rounds."""
    from oracles.fit import fit as fit_rounds
    from oracles.series_files import load_table, rounds_from_table

    history, name = rounds_from_table(load_table(rounds), feed, decimals)
    fitted = fit_rounds(history, description=name)
    typer.echo(f"{name}: {fitted.feed.deviation_bps:g} bps, {fitted.feed.heartbeat_s:g} s")
