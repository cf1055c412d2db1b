"""``breakwater review-payload``: what somebody else's calls change, and whom they make liquidatable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from risk.cli.chain_options import BlockChoice, RegistryFile, RpcUrls
from risk.cli.propose import FeedsFile, HistoryFile, MaxAge, OneDepth
from risk.cli.scenario_options import DepthFile, Grids, ScenarioFile, Shocks
from risk.cli.simulate import SIMULATION_FILE, ConfigEngine, SimulateRpc, refuse, simulated_payload

if TYPE_CHECKING:
    from contextlib import ExitStack

    from risk.cli.proposal_request import Files, Request

_HELP = """Review a proposal from its calldata alone: decode it, then compare before and after.

A payload is hex calldata, a JSON file of Safe's transaction builder, a JSON list of {to, data}, or a file \
with one calldata a line. Calls of the PoolConfigurator, the price oracle, the config engine and risk \
stewards are decoded, batches (multisend, multicall, Safe and executor transactions) are taken apart, and a \
call that is not understood is shown as NOT DECODED. A payload for another pool or chain is refused. Exit \
code 1 if the configurator would refuse the values.

The market is the snapshot, or is read now with --market and --rpc. With --simulate-rpc the payload is \
executed on a fork of your own (anvil or hardhat) and held to the prediction; any other node is refused, and \
a difference is exit code 1.

Examples:

  breakwater review-payload safe.json snap

  breakwater review-payload 0x7c4e560b... snap --shock "WETH=-20%" -o out

  breakwater review-payload safe.json --market aave-v3-ethereum --rpc https://rpc.example/KEY -o out

  breakwater review-payload safe.json snap --simulate-rpc http://127.0.0.1:8545
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("review-payload", help=_HELP, no_args_is_help=True)(review_payload)


def review_payload(
    payload: Annotated[str, typer.Argument(help="Calldata, or a file of it.", show_default=False)],
    snapshot: Annotated[
        Path | None, typer.Argument(help="A snapshot directory, without --market.", show_default=False)
    ] = None,
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
    market: Annotated[
        str | None,
        typer.Option("--market", help="Read this market now: a name, or aave-v3:0xPoolAddressesProvider."),
    ] = None,
    rpc: RpcUrls = None,
    block: BlockChoice = "",
    registry: RegistryFile = None,
    simulate_rpc: SimulateRpc = None,
    config_engine: ConfigEngine = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout instead of tables.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Review a proposal from its calldata."""
    from contextlib import ExitStack

    from risk.cli.outputs import refuse_existing
    from risk.cli.proposal_output import FILES
    from risk.cli.proposal_request import REVIEW, Files, Request

    if output is not None:
        refuse_existing(output, (*FILES, SIMULATION_FILE), force)
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
    with ExitStack() as stack:
        folder = _snapshot_folder(snapshot, market, output, stack)
        if market is not None:
            _take(market, folder, rpc, block, registry, force)
        _review(folder, payload, request, files, output, simulate_rpc, config_engine, max_age, as_json)


def _snapshot_folder(
    snapshot: Path | None, market: str | None, output: Path | None, stack: ExitStack
) -> Path:
    """Return the snapshot that was given, or where a new one goes: into the output, else for now only."""
    import tempfile

    from abis.errors import InputError

    if (snapshot is None) == (market is None):
        raise InputError(
            "give a snapshot or --market, one of the two.",
            remedy="Such as: review-payload safe.json snap, or --market aave-v3-ethereum --rpc URL.",
        )
    if snapshot is not None:
        return snapshot
    if output is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory())) / "snapshot"
    output.mkdir(parents=True, exist_ok=True)
    return output / "snapshot"


def _take(
    market: str, folder: Path, rpc: list[str] | None, block: str, registry: Path | None, force: bool
) -> None:
    """Read the market as ``breakwater snapshot`` does."""
    from risk.cli.snapshot import snapshot as take

    take(market, folder, rpc=rpc, block=block, registry=registry, force=force)


def _review(
    folder: Path,
    payload: str,
    request: Request,
    files: Files,
    output: Path | None,
    simulate_rpc: str | None,
    engine: str | None,
    max_age: float,
    as_json: bool,
) -> None:
    from protocols.store import digest, load
    from risk.cli.outputs import write_files
    from risk.cli.proposal_output import run

    taken, wrong = load(folder), list[str]()
    if simulate_rpc is not None:
        inputs = {"snapshot_sha256": digest(folder)}
        text, wrong = simulated_payload(simulate_rpc, taken, payload, engine, inputs)
        if output is not None:
            write_files(output, {SIMULATION_FILE: text})
    run(folder, taken, request, files, output, as_json=as_json, max_age_days=max_age)
    refuse(wrong)
