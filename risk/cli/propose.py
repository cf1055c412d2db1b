"""``breakwater propose``: a change of parameters, checked, compared before and after, as calls to send."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from risk.cli.scenario_options import DepthFile, Grids, ScenarioFile, Shocks
from risk.cli.simulate import SIMULATION_FILE, SimulateRpc, refuse, simulated_proposal

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.cli.proposal_request import Files

_HELP = """Compare a market with itself under other parameters, in exact integers.

Each --set is SUBJECT.FIELD=VALUE. A subject is a symbol, an address, or emode: with an id or label; \
fields are ltv, liquidation_threshold, liquidation_bonus (the part above 100 %), supply_cap, borrow_cap, \
reserve_factor and liquidation_protocol_fee. Every rule of the configurator and of the risk steward that a \
change touches is named with its verdict; exit code 1 if the configurator would refuse.

With --output it writes the bundle: post.md for the forum, report.html, proposal.json with every figure, \
affected.csv for notices, statuses.csv with every account whose status changes, config_diff.md, the calls to \
send (payload.json, safe.json), copies of the input files, and manifest.json, from which 'breakwater verify' \
computes it all again.

With --simulate-rpc the calls are executed on a fork of your own (anvil or hardhat), as its administrator; \
parameters and every account that becomes liquidatable are held to the prediction, and the fork is put back. \
Any other node is refused; a difference is exit code 1.

Without --scenarios, --shock and --grid the standard set is run. Without --depth sales are assumed to \
move no price, and the output says INFINITE DEPTH ASSUMED.

Examples:

  breakwater propose snap --set WETH.liquidation_threshold=82.5% --set WETH.ltv=80%

  breakwater propose snap --set emode:1.ltv=92% --set wstETH.supply_cap=1.2M --depth depth.csv -o out

  breakwater propose snap --from solved -o out --title "Lower WETH" --motivation why.txt

  breakwater propose snap --set WBTC.liquidation_bonus=6% --shock "WBTC=-25%" --json

  breakwater propose snap --set WETH.ltv=80% --simulate-rpc http://127.0.0.1:8545
"""
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", help="SUBJECT.FIELD=VALUE; may be given often.", show_default=False),
]
FeedsFile = Annotated[
    Path | None, typer.Option("--feeds", help="TOML of facts about price feeds, for their audit.")
]
HistoryFile = Annotated[
    Path | None, typer.Option("--history", help="CSV or Parquet of market prices, for the peg rule.")
]
OneDepth = Annotated[
    bool, typer.Option("--one-depth", help="Leave out the runs under other depths: five times quicker.")
]
MaxAge = Annotated[
    float, typer.Option("--max-age", min=0, help="Days; an older snapshot is warned of on stderr.")
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("propose", help=_HELP, no_args_is_help=True)(propose)


def propose(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    changed: Sets = None,
    solved: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Folder with a solver's plan.json: its changes, --set added.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write into.", show_default=False)
    ] = None,
    configurator: Annotated[
        str | None,
        typer.Option("--configurator", help="PoolConfigurator, if not the snapshot's: for safe.json."),
    ] = None,
    steward: Annotated[
        str | None,
        typer.Option("--steward", help="RiskSteward, if not the listed market's: for safe_steward.json."),
    ] = None,
    scenarios: ScenarioFile = None,
    shock: Shocks = None,
    grid: Grids = None,
    depth: DepthFile = None,
    feeds: FeedsFile = None,
    history: HistoryFile = None,
    one_depth: OneDepth = False,
    title: Annotated[str, typer.Option("--title", help="Title of the post.")] = "",
    author: Annotated[str, typer.Option("--author", help="Author named in the post.")] = "",
    discussion: Annotated[str, typer.Option("--discussion", help="Address of the discussion.")] = "",
    motivation: Annotated[
        Path | None,
        typer.Option("--motivation", help="Text file: why, in the author's words.", show_default=False),
    ] = None,
    max_age: MaxAge = 1.0,
    simulate_rpc: SimulateRpc = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON to stdout instead of the post.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Compare a market with itself under other parameters."""
    from protocols.store import digest, load
    from risk.cli.outputs import refuse_existing, write_files
    from risk.cli.proposal_output import FILES, run
    from risk.cli.proposal_request import PROPOSE, Files, Request

    if output is not None:
        refuse_existing(output, (*FILES, SIMULATION_FILE), force)
    taken = load(snapshot)
    files = Files(scenarios=scenarios, depth=depth, feeds=feeds, history=history, **_plan_files(solved))
    request = Request(
        command=PROPOSE,
        changes=_changes(changed or [], files, taken, snapshot),
        shocks=tuple(shock or ()),
        grids=tuple(grid or ()),
        configurator=configurator,
        steward=steward,
        vary_depth=not one_depth,
        title=title,
        author=author,
        discussion=discussion,
        motivation=_motivation(motivation),
    )
    wrong: list[str] = []
    if simulate_rpc is not None:
        inputs = {"snapshot_sha256": digest(snapshot)}
        text, wrong = simulated_proposal(simulate_rpc, taken, request.changes, configurator, inputs)
        if output is not None:
            write_files(output, {SIMULATION_FILE: text})
    run(snapshot, taken, request, files, output, as_json=as_json, max_age_days=max_age)
    refuse(wrong)


def _plan_files(solved: Path | None) -> dict[str, Path]:
    """Return the plan of a solver's folder, and the limits it was solved under if they are there."""
    if solved is None:
        return {}
    limits = solved / "limits.toml"
    return {"plan": solved / "plan.json"} | ({"limits": limits} if limits.exists() else {})


def _changes(texts: list[str], files: Files, taken: Snapshot, folder: Path) -> tuple[str, ...]:
    from abis.errors import InputError
    from protocols.store import digest
    from risk.cli.plan_file import planned
    from risk.cli.proposal_request import canonical
    from risk.proposal.changes import read_changes

    wanted = [*(planned(files.plan, digest(folder)) if files.plan else ()), *texts]
    if not wanted:
        raise InputError("nothing is proposed.", remedy="Give --set, such as --set WETH.ltv=80%, or --from.")
    return tuple(canonical(change, taken) for change in read_changes(wanted, taken))


def _motivation(path: Path | None) -> str:
    from abis.errors import MalformedFile

    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise MalformedFile(
            f"cannot read '{path}': {reason}.", remedy="Give a text file in UTF-8."
        ) from error
