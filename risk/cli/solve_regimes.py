"""``breakwater solve --regimes``: the rule by price regime beside a solution, and the plan of each regime."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from risk.cli.plan_file import SCHEMA

if TYPE_CHECKING:
    from risk.solver.limits import Limits
    from risk.solver.regime_rule import RegimeRule

PLANS = ("regime-calm/plan.json", "regime-out-of-range/plan.json", "regime-stressed/plan.json")
PHASES = {
    "regimes swept": "by regime: losses of every option",
    "regimes searched": "by regime: choices judged (at most)",
    "regimes": "by regime: chosen",
    "regimes staged": "by regime: stages of a plan",
    "regimes judged": "by regime: judged and staged",
    "walk": "estimates walked over the past",
}


def check_regimes(asked: bool, candles: bool, limits: Limits) -> None:
    """Refuse what would have no effect.

    Raises
    ------
    InputError
        If candles or a rule against procyclicality are given without ``--regimes``.
    """
    from abis.errors import InputError
    from risk.solver.limits import KEYS

    if asked:
        return
    if candles:
        raise InputError("--candles tells the regime of now.", remedy="Give --regimes too.")
    section = "procyclicality"
    for name, key in KEYS[section].items():
        if limits[f"{section}.{name}"] != key.default:
            raise InputError(f"[{section}] {name} is a rule by regime.", remedy="Give --regimes.")


def regime_plans(rule: RegimeRule, snapshot_sha256: str) -> Mapping[str, str]:
    """Return a plan for ``propose --from`` of each regime that changes anything."""
    from risk.solver.solution_json import as_set

    out: dict[str, str] = {}
    for choice in rule.choices:
        plan: dict[str, Any] = {
            "schema": SCHEMA,
            "snapshot_sha256": snapshot_sha256,
            "regime": choice.regime.value,
            "changes": as_set(choice.changes),
        }
        if choice.changes:
            name = f"regime-{choice.regime.value.replace(' ', '-')}/plan.json"
            out[name] = json.dumps(plan, indent=2) + "\n"
    return out
