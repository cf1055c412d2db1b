"""What the commands about proposals show and write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.proposal.changes import Change
    from risk.proposal.check import Check
    from risk.proposal.effects import Effects
    from risk.proposal.payload import Call
    from risk.scenarios.scenarios import Scenarios

SCHEMA = "breakwater.proposal/1"
FILES = ("proposal.json", "proposal.md")
SAFE_FILE = "safe.json"


def show(
    taken: Snapshot,
    changes: tuple[Change, ...],
    batch: Scenarios,
    hashes: Mapping[str, Any],
    output: Path | None,
    configurator: str | None,
    as_json: bool,
) -> None:
    """Compare, print, and write where asked to.

    Raises
    ------
    LimitBroken
        If the configurator would refuse the changes; everything is shown before.
    """
    from abis.errors import LimitBroken
    from risk.cli.outputs import write_files
    from risk.proposal.apply import applied
    from risk.proposal.check import Verdict, checks
    from risk.proposal.effects import effects
    from risk.proposal.payload import calls
    from risk.proposal.post import post

    after = applied(taken, changes)
    verdicts = checks(taken, after, changes)
    found = effects(taken, after, batch)
    made = calls(after, changes) if _has_calls(taken) else ()
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
    hashes: Mapping[str, Any],
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
