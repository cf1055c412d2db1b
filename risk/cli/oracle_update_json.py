"""The data of ``breakwater oracle check-update --json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oracles.update_safety import SafetyReport
    from oracles.update_safety_predicates import Predicate
    from oracles.update_safety_rules import CapValues
    from risk.audit.liquidatable import Repriced

UNITS = {
    "*_raw": "smallest units",
    "*_bps": "basis points",
    "*_s": "unix seconds",
    "*_wad": "1e-18",
    "debt_usd": "USD at the new prices",
}


def report_json(report: SafetyReport) -> dict[str, Any]:
    """Return both answers, JSON-ready."""
    change, found, worst = report.change, report.found, report.worst
    return {
        "refused": change.refused if change is not None else None,
        "rules": found.verdict.value,
        "change": None
        if change is None
        else {
            "values": _values(change.values),
            "checks": checks_json(change.predicates),
            "setter_checks": checks_json(change.setter_checks),
            "cap_before_raw": str(change.cap_before_raw),
            "cap_raw": str(change.cap_raw),
            "effective_raw": str(change.effective_raw),
            "below_now_bps": change.below_now_bps,
            "below_later_bps": change.below_later_bps,
            "breaks_limit_at_s": change.breaks_limit_at_s,
            "reasons": list(change.reasons),
        },
        "permitted": None
        if found.box is None
        else {
            "ratio_raw": [str(v) for v in found.box.ratio],
            "at_s": list(found.box.at_s),
            "growth_bps": list(found.box.growth),
        },
        "boxes": found.boxes,
        "worst": None
        if worst is None
        else {
            "values": _values(worst.values),
            "at_s": worst.at_s,
            "cap_raw": str(worst.cap_raw),
            "below_bps": worst.below_bps,
        },
    }


def checks_json(checks: Sequence[Predicate]) -> list[dict[str, str]]:
    """Return checks, JSON-ready."""
    return [{"check": c.name, "state": c.state.value, "evidence": c.evidence} for c in checks]


def accounts_json(effects: Repriced | None) -> dict[str, Any] | None:
    """Return the accounts that become liquidatable, JSON-ready."""
    if effects is None:
        return None
    return {
        "asset": effects.asset,
        "price_before_raw": str(effects.price_before_raw),
        "price_after_raw": str(effects.price_after_raw),
        "already": effects.already,
        "accounts": len(effects.rows),
        "debt_usd": effects.debt_usd,
        "rows": [
            {
                "account": r.account,
                "health_before_wad": str(r.health_before_wad),
                "health_after_wad": str(r.health_after_wad),
                "debt_base_raw": str(r.debt_base_raw),
                "asset_raw": str(r.asset_raw),
            }
            for r in effects.rows
        ],
    }


def _values(values: CapValues) -> dict[str, Any]:
    return {"ratio_raw": str(values.ratio_raw), "at_s": values.at_s, "growth_bps": values.growth_bps}
