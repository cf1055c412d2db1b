"""``breakwater review-payload``: what somebody else's calls change, and whom they make liquidatable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from risk.cli.propose import FeedsFile, HistoryFile, MaxAge, OneDepth
from risk.cli.scenario_options import DepthFile, Grids, ScenarioFile, Shocks

_HELP = """Review a proposal from its calldata alone: decode it, then compare before and after.

A payload is hex calldata of the PoolConfigurator, a JSON file of Safe's transaction builder, or a file with \
one calldata a line. The market is the snapshot; a call about a reserve or category it does not have, or of \
another chain, is refused. Exit code 1 if the configurator would refuse the values.

Examples:

  breakwater review-payload safe.json snap

  breakwater review-payload 0x7c4e560b... snap --shock "WETH=-20%" -o out

  breakwater review-payload calls.txt snap --json
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("review-payload", help=_HELP, no_args_is_help=True)(review_payload)


def review_payload(
    payload: Annotated[str, typer.Argument(help="Calldata, or a file of it.", show_default=False)],
    snapshot: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write into.", show_default=False)
    ] = None,
    scenarios: ScenarioFile = None,
    shock: Shocks = None,
    grid: Grids = None,
    depth: DepthFile = None,
    feeds: FeedsFile = None,
    history: HistoryFile = None,
    one_depth: OneDepth = False,
    max_age: MaxAge = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout instead of tables.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Review a proposal from its calldata."""
    from protocols.store import load
    from risk.cli.outputs import refuse_existing
    from risk.cli.proposal_output import FILES, run
    from risk.cli.proposal_request import REVIEW, Files, Request

    if output is not None:
        refuse_existing(output, FILES, force)
    is_hex = payload.strip().lower().startswith("0x")
    request = Request(
        command=REVIEW,
        calldata=payload.strip() if is_hex else "",
        shocks=tuple(shock or ()),
        grids=tuple(grid or ()),
        vary_depth=not one_depth,
    )
    files = Files(
        scenarios=scenarios,
        depth=depth,
        feeds=feeds,
        history=history,
        payload=None if is_hex else Path(payload),
    )
    run(snapshot, load(snapshot), request, files, output, as_json=as_json, max_age_days=max_age)
