"""``breakwater propose``: a change of parameters, checked, compared before and after, as calls to send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from risk.cli.scenario_options import Grids, ScenarioFile, Shocks, scenarios_of

_HELP = """Compare a market with itself under other parameters, in exact integers.

Each --set is SUBJECT.FIELD=VALUE. A subject is a symbol, an address, or emode: with an id or label; \
fields are ltv, liquidation_threshold, liquidation_bonus (the part above 100 %), supply_cap, borrow_cap, \
reserve_factor and liquidation_protocol_fee. Every rule of the configurator and of the risk steward that a \
change touches is named with its verdict; exit code 1 if the configurator would refuse.

Without --scenarios, --shock and --grid the standard set is run.

Examples:

  breakwater propose snap --set WETH.liquidation_threshold=82.5% --set WETH.ltv=80%

  breakwater propose snap --set emode:1.ltv=92% --set wstETH.supply_cap=1.2M -o out

  breakwater propose snap --set WBTC.liquidation_bonus=6% --shock "WBTC=-25%" --json
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("propose", help=_HELP, no_args_is_help=True)(propose)


def propose(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    changed: Annotated[
        list[str] | None,
        typer.Option("--set", help="SUBJECT.FIELD=VALUE; may be given often.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write into.", show_default=False)
    ] = None,
    configurator: Annotated[
        str | None,
        typer.Option("--configurator", help="PoolConfigurator: also write safe.json for Safe's builder."),
    ] = None,
    scenarios: ScenarioFile = None,
    shock: Shocks = None,
    grid: Grids = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout instead of tables.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Compare a market with itself under other parameters."""
    from abis.errors import InputError
    from protocols.store import digest, load
    from risk.cli.outputs import refuse_existing
    from risk.cli.proposal_output import FILES, SAFE_FILE, show
    from risk.proposal.changes import read_changes

    if not changed:
        raise InputError("nothing is proposed.", remedy="Give --set, such as --set WETH.ltv=80%.")
    if output is not None:
        refuse_existing(output, (*FILES, SAFE_FILE), force)
    taken = load(snapshot)
    batch = scenarios_of(taken, scenarios, shock or [], grid or [], standard=False)
    hashes = {"snapshot_sha256": digest(snapshot), "scenarios_sha256": batch.sha256}
    show(taken, read_changes(changed, taken), batch, hashes, output, configurator, as_json)
