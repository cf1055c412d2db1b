"""``--simulate-rpc``: a payload executed on a node of the user's own, and held against the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from abis.fork import Sent
    from protocols.payload_calls import RawCall, Setting
    from protocols.snapshot import Snapshot
    from risk.proposal.simulation import Simulation

SimulateRpc = Annotated[
    str | None,
    typer.Option(
        "--simulate-rpc",
        help="URL of a fork of your own (anvil, hardhat): execute the payload there, compare, put it back.",
        show_default=False,
    ),
]
ConfigEngine = Annotated[
    str | None,
    typer.Option(
        "--config-engine", help="Config engine, for calls of it that name no target.", show_default=False
    ),
]
SIMULATION_FILE = "simulation.json"
_SCHEMA = "breakwater.simulation/1"
_SHOWN = 10


def simulate(
    url: str,
    taken: Snapshot,
    payload: Sequence[RawCall],
    settings: Sequence[Setting],
    engine: str | None,
    hashes: dict[str, Any],
) -> tuple[str, list[str]]:
    """Execute, compare and say what was found on stderr; return the JSON and what disagrees.

    Raises
    ------
    InputError
        If the node is no test node, or of another chain.
    ChainError
        If it does not answer, or was not put back.
    """
    from abis.fork import open_fork
    from protocols.execution import execute
    from protocols.registry import checksummed_address
    from risk.cli.market_reading import PHASES
    from risk.cli.progress import reporting
    from risk.proposal.simulation import compared

    fork, chain = open_fork(url)
    engine = checksummed_address(engine) if engine else None
    with reporting(PHASES) as report:
        done = execute(fork, chain, taken, payload, engine, report)
    found = compared(
        done.without.snapshot,
        done.executed.snapshot,
        done.without.health_wad,
        done.executed.health_wad,
        done.executed.pending_ltv_bps,
        settings,
    )
    wrong = _wrong(done.sent, found)
    text = _json(done.executed.snapshot, done.sent, found, {**hashes, "node": chain.masked_url})
    _say(chain.masked_url, done.executed.snapshot, found, wrong)
    return text, wrong


def simulated_proposal(
    url: str, taken: Snapshot, texts: Sequence[str], configurator: str | None, hashes: dict[str, Any]
) -> tuple[str, list[str]]:
    """Simulate one's own proposal, through the configurator; see `simulate`."""
    from protocols.payload_calls import RawCall, Route
    from risk.cli.payload_output import targets_of
    from risk.proposal.apply import applied
    from risk.proposal.changes import read_changes
    from risk.proposal.payload import calls, settings_of

    changes = read_changes(texts, taken)
    to = targets_of(taken, configurator, None).get(Route.CONFIGURATOR, "")
    made = calls(applied(taken, changes), changes)
    payload = [RawCall(c.calldata, to, f"call {k}") for k, c in enumerate(made, 1)]
    return simulate(url, taken, payload, settings_of(changes, taken), None, hashes)


def simulated_payload(
    url: str, taken: Snapshot, payload: str, engine: str | None, hashes: dict[str, Any]
) -> tuple[str, list[str]]:
    """Simulate somebody else's payload as it is; see `simulate`."""
    from protocols.payload_file import read_payload
    from risk.proposal.incoming import read
    from risk.proposal.payload import settings_of

    raw = read_payload(payload, taken.market.chain_id)
    incoming = read(raw, taken)
    settings = (*settings_of(incoming.changes, taken), *(o.setting for o in incoming.others))
    return simulate(url, taken, raw, settings, engine, hashes)


def refuse(wrong: Sequence[str]) -> None:
    """End with exit code 1 where the chain does something else than predicted.

    Raises
    ------
    LimitBroken
        Naming the first differences.
    """
    from abis.errors import LimitBroken

    if wrong:
        raise LimitBroken(
            f"the simulation differs from the prediction: {'; '.join(wrong[:3])}.",
            remedy="Every difference is in the simulation's JSON and above.",
        )


def _wrong(sent: Sequence[Sent], found: Simulation) -> list[str]:
    from risk.report.formats import label

    failed = [f"{label(s.step.what)} failed: {label(s.reason, 200)}" for s in sent if s.reason]
    parameters = [
        f"{label(r.subject)} {label(r.parameter)}: predicted {label(r.shown[0])}, found {label(r.shown[1])}"
        for r in found.parameters
    ]
    accounts = [
        *(f"{label(a)} does not become liquidatable" for a in found.missing),
        *(f"{label(a)} becomes liquidatable and was not predicted" for a in found.unexpected),
        *(f"the pool tells nothing of {label(a)}" for a in found.unknown),
    ]
    return [*failed, *parameters, *accounts]


def _say(node: str, executed: Snapshot, found: Simulation, wrong: Sequence[str]) -> None:
    from risk.report.formats import plural

    typer.echo(
        f"Executed on {node} up to block {executed.block.number} and put back: "
        f"{plural(found.compared, 'account')} with debt asked of the pool, {len(found.found)} become "
        f"liquidatable, {len(found.predicted)} predicted, {plural(len(wrong), 'difference')}.",
        err=True,
    )
    for line in wrong[:_SHOWN]:
        typer.echo(f"  {line}", err=True)
    if len(wrong) > _SHOWN:
        typer.echo(f"  ... and {len(wrong) - _SHOWN} more.", err=True)


def _json(executed: Snapshot, sent: Sequence[Sent], found: Simulation, inputs: dict[str, Any]) -> str:

    from risk.cli.envelope import envelope
    from risk.proposal.config_diff import to_json

    data = {
        "agrees": found.agrees and not any(s.reason for s in sent),
        "block": {"number": executed.block.number, "timestamp_s": executed.block.timestamp_s},
        "sent": [
            {
                "what": s.step.what,
                "from": s.step.sender,
                "to": s.step.to,
                "data": s.step.data,
                "failed": s.reason,
            }
            for s in sent
        ],
        "parameters_predicted_and_found": to_json(found.parameters),
        "accounts_compared": found.compared,
        "liquidatable_predicted": list(found.predicted),
        "liquidatable_found": list(found.found),
        "missing": list(found.missing),
        "unexpected": list(found.unexpected),
        "unknown": list(found.unknown),
    }
    units = {"timestamp_s": "unix time, seconds", "accounts_compared": "accounts with debt"}
    return envelope(_SCHEMA, data, inputs=inputs, units=units)
