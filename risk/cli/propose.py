"""``breakwater propose``: a change of parameters, checked, compared before and after, as calls to send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from risk.cli.scenario_options import Grids, ScenarioFile, Shocks, scenarios_of

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.proposal.changes import Change
    from risk.proposal.check import Check
    from risk.proposal.effects import Effects
    from risk.proposal.payload import Call

SCHEMA = "breakwater.proposal/1"
FILES = ("proposal.json", "proposal.md")
SAFE_FILE = "safe.json"
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
    from abis.errors import InputError, LimitBroken
    from protocols.store import digest, load
    from risk.cli.outputs import refuse_existing, write_files
    from risk.proposal.apply import applied
    from risk.proposal.changes import read_changes
    from risk.proposal.check import Verdict, checks
    from risk.proposal.effects import effects
    from risk.proposal.payload import calls
    from risk.proposal.post import post

    if not changed:
        raise InputError("nothing is proposed.", remedy="Give --set, such as --set WETH.ltv=80%.")
    if output is not None:
        refuse_existing(output, (*FILES, SAFE_FILE), force)
    taken = load(snapshot)
    changes = read_changes(changed, taken)
    after = applied(taken, changes)
    verdicts = checks(taken, after, changes)
    batch = scenarios_of(taken, scenarios, shock or [], grid or [], standard=False)
    found = effects(taken, after, batch)
    made = calls(after, changes) if _has_calls(taken) else ()
    hashes = {"snapshot_sha256": digest(snapshot), "scenarios_sha256": batch.sha256}
    text = _json(taken, changes, verdicts, found, made, hashes)
    page = post(taken, changes, verdicts, found, made)
    if output is not None:
        files = dict(zip(FILES, (text, page), strict=True))
        if configurator is not None:
            files[SAFE_FILE] = _safe(made, configurator, taken)
        write_files(output, files)
        typer.echo(f"wrote {', '.join(files)} into {output}", err=True)
    typer.echo(text if as_json else page, nl=False)
    refused = [c for c in verdicts if c.by == "configurator" and c.verdict is Verdict.FAIL]
    if refused:
        first = refused[0]
        raise LimitBroken(
            f"the configurator would refuse it: {first.subject}: {first.rule} ({first.detail}).",
            remedy="Change the values; every rule and verdict is above.",
        )


def _safe(made: tuple[Call, ...], configurator: str, taken: Snapshot) -> str:
    from protocols.registry import checksummed_address
    from risk.proposal.payload import safe_json

    return (
        json.dumps(safe_json(made, checksummed_address(configurator), taken.market.chain_id), indent=2) + "\n"
    )


def _has_calls(taken: Snapshot) -> bool:
    return taken.market.protocol.replace("-", "_").startswith(("aave_v3", "spark"))


def _json(
    taken: Snapshot,
    changes: tuple[Change, ...],
    verdicts: tuple[Check, ...],
    found: Effects,
    made: tuple[Call, ...],
    hashes: dict[str, Any],
) -> str:
    from risk.cli.envelope import envelope

    rows = found.frame().to_dict("records")
    data = {
        "changes": [
            {
                "parameter": c.name,
                "before_raw": str(c.before),
                "after_raw": str(c.after),
                "before": c.shown[0],
                "after": c.shown[1],
            }
            for c in changes
        ],
        "checks": [
            {"rule": c.rule, "subject": c.subject, "verdict": c.verdict, "detail": c.detail, "by": c.by}
            for c in verdicts
        ],
        "scenarios": [{k: int(v) if "accounts" in str(k) else v for k, v in row.items()} for row in rows],
        "enacted": [_account(row) for row in found.enacted],
        "released": [_account(row) for row in found.released],
        "borrow_power_usd": {"before": found.borrow_power_before_usd, "after": found.borrow_power_after_usd},
        "missing_usd": sum(c.missing_usd for c in taken.completeness),
        "calls": [{"call": c.text(), "calldata": c.calldata} for c in made],
    }
    units = {
        "debt_before_usd": "USD at today's prices",
        "health_*_wad": "1e18 = 1",
        "*_raw": "bps or whole tokens",
    }
    return envelope(SCHEMA, data, inputs=hashes, units=units, findings=taken.findings)


def _account(row: Any) -> dict[str, Any]:
    return {
        "account": row.account,
        "health_before_wad": str(row.health_before_wad),
        "health_after_wad": str(row.health_after_wad),
        "collateral_usd": row.collateral_usd,
        "debt_usd": row.debt_usd,
        "repay_usd": row.repay_usd,
    }
