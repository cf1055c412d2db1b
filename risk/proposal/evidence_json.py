"""Evidence as JSON-ready data: every figure, integers beyond a double as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from risk.proposal.changes import Change
from risk.proposal.check import Check
from risk.proposal.effects import Affected, Effects
from risk.proposal.evidence import Evidence
from risk.report.json_ import portable

UNITS = {
    "*_usd": "USD at the snapshot's prices; of scenarios, at theirs",
    "*_wad": "1e18 = 1",
    "*_raw": "bps (a bonus includes 10000) or whole tokens",
    "*_share": "1 = 100 %",
    "*_tokens": "whole tokens",
    "*_bps": "basis points",
    "harm.rows": "in each row's unit; intervals hold 95 %",
}


def evidence_data(evidence: Evidence, checks: Iterable[Check]) -> dict[str, Any]:
    """Return everything but findings and provenance, which the envelope carries.

    Parameters
    ----------
    evidence : Evidence
    checks : iterable of Check
        Rules of configurator and steward.
    """
    found = evidence.effects
    plain = {
        "completeness": asdict(evidence.completeness),
        "curves": [asdict(c) for c in evidence.curves],
        "borrow_power": [asdict(r) for r in evidence.borrow_power],
        "caps": [asdict(r) for r in evidence.caps],
        "infinite_depth": evidence.infinite_depth,
        "harm": asdict(evidence.harm),
        "depth_dependence": asdict(evidence.depth_dependence) if evidence.depth_dependence else None,
        "largest_borrowers": [asdict(r) for r in evidence.largest_borrowers],
        "positions": [_texts(asdict(r)) for r in evidence.positions],
        "concentration": [asdict(r) for r in evidence.concentration],
        "new_positions": [asdict(r) for r in evidence.new_positions],
        "cap_fills": [asdict(r) for r in evidence.cap_fills],
        "feeds": [{**asdict(c), "severity": c.severity.name.lower()} for c in evidence.feeds],
        "warnings": [w.to_json() for w in evidence.warnings],
    }
    data = {
        "changes": [_change(c) for c in evidence.changes],
        "checks": [asdict(c) for c in checks],
        "lint": [asdict(c) for c in evidence.lint],
        "scenarios": _scenarios(found),
        "enacted": [_account(row) for row in found.enacted],
        "released": [_account(row) for row in found.released],
        "borrow_power_usd": {
            "before": found.borrow_power_before_usd,
            "after": found.borrow_power_after_usd,
        },
        **plain,
    }
    ready: dict[str, Any] = portable(data)
    return ready


def _change(change: Change) -> dict[str, Any]:
    return {
        "parameter": change.name,
        "before_raw": str(change.before),
        "after_raw": str(change.after),
        "before": change.shown[0],
        "after": change.shown[1],
    }


def _scenarios(found: Effects) -> list[dict[str, Any]]:
    rows = found.frame().to_dict("records")
    return [{str(k): int(v) if "accounts" in str(k) else v for k, v in row.items()} for row in rows]


def _account(row: Affected) -> dict[str, Any]:
    return _texts(asdict(row))


def _texts(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose wads are text, whatever their size."""
    return {k: str(v) if k.endswith("_wad") else v for k, v in row.items()}
