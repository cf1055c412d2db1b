"""The stable-cap and new-source side of ``breakwater oracle check-update``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from oracles.update_safety_predicates import Predicate
    from risk.audit.liquidatable import Repriced

SCHEMA = "breakwater.oracle-update-simple/1"


def check_simple(
    tables: dict[str, dict[str, Any]],
    update: Path,
    snapshot: Path | None,
    asset: str | None,
    *,
    as_json: bool,
    strict: bool,
) -> None:
    """Check a change of a stable cap or a new source; raises LimitBroken if it is refused."""
    from abis.errors import InputError, LimitBroken
    from oracles.update_safety_predicates import State

    if "stable" in tables and "source" in tables:
        raise InputError("the file has both a stable cap and a source.", remedy="Give one file each.")
    checks, price, rules = _stable(tables) if "stable" in tables else _source(tables)
    effects = _effects(price, snapshot, asset)
    failed = [c.name for c in checks if c.state is State.FAIL]
    if as_json:
        typer.echo(_json(checks, price, rules, effects, _inputs(tables, update, snapshot)), nl=False)
    else:
        _print(checks, price, rules, effects)
    if failed:
        raise LimitBroken(
            f"the change is refused, it fails: {'; '.join(failed)}.", remedy="See the evidence above."
        )
    if strict and rules.get("refuted"):
        raise LimitBroken("the rules permit a cap below the limit.", remedy="Check every change beforehand.")


def _stable(tables: dict[str, dict[str, Any]]) -> tuple[tuple[Predicate, ...], int, dict[str, Any]]:
    from oracles.update_safety_file import whole
    from oracles.update_safety_simple import check_stable_cap

    table = tables["stable"]
    feed = whole(table, "feed")
    report = check_stable_cap(
        whole(table, "stored"),
        whole(table, "proposed"),
        feed,
        whole(table, "expected", feed),
        whole(table, "step_bps", 50),
        whole(tables.get("limit", {}), "below_bps", 10),
    )
    rules = {
        "lowest_raw": str(report.lowest_raw),
        "highest_raw": str(report.highest_raw),
        "worst_below_bps": report.worst_below_bps,
        "refuted": report.rules_refuted,
    }
    return report.predicates, report.price_raw, rules


def _source(tables: dict[str, dict[str, Any]]) -> tuple[tuple[Predicate, ...], int, dict[str, Any]]:
    from oracles.update_safety_file import whole
    from oracles.update_safety_simple import NewSource, check_source

    table = tables["source"]

    def known(key: str) -> int | None:
        return whole(table, key) if key in table else None

    new = NewSource(
        whole(table, "answer"),
        whole(table, "decimals"),
        known("updated_at"),
        known("heartbeat_s"),
        known("min_answer"),
        known("max_answer"),
    )
    checks = check_source(
        new,
        decimals=whole(table, "price_decimals", 8),
        old_raw=whole(table, "old_answer"),
        market_raw=whole(table, "market_answer"),
        below_bps=whole(tables.get("limit", {}), "below_bps", 10),
        now_s=whole(tables.get("market", {}), "time", 0),
    )
    return checks, new.answer_raw, {}


def _effects(price_raw: int, snapshot: Path | None, asset: str | None) -> Repriced | None:
    if snapshot is None or asset is None:
        return None
    from protocols.store import load
    from risk.audit.liquidatable import repriced

    return repriced(load(snapshot), asset, max(price_raw, 0))


def _inputs(tables: dict[str, dict[str, Any]], update: Path, snapshot: Path | None) -> dict[str, Any]:
    from oracles.update_safety_file import whole
    from protocols.store import digest
    from risk.cli.scenario_options import sha256_of

    return {
        "update_sha256": sha256_of(update),
        "snapshot_sha256": digest(snapshot) if snapshot is not None else None,
        "below_bps": whole(tables.get("limit", {}), "below_bps", 10),
    }


def _json(
    checks: tuple[Predicate, ...],
    price_raw: int,
    rules: dict[str, Any],
    effects: Repriced | None,
    inputs: dict[str, Any],
) -> str:
    from oracles.update_safety_predicates import State
    from risk.cli.envelope import envelope
    from risk.cli.oracle_update_json import UNITS, accounts_json, checks_json

    data = {
        "refused": any(c.state is State.FAIL for c in checks),
        "checks": checks_json(checks),
        "price_raw": str(price_raw),
        "rules": rules or None,
        "liquidatable": accounts_json(effects),
    }
    return envelope(SCHEMA, data, inputs=inputs, units=UNITS)


def _print(
    checks: tuple[Predicate, ...], price_raw: int, rules: dict[str, Any], effects: Repriced | None
) -> None:
    from rich.console import Console

    from oracles.update_safety_predicates import State
    from risk.cli.oracle_check_update import print_accounts, print_checks

    refused = any(c.state is State.FAIL for c in checks)
    console = Console(highlight=False)
    console.print(f"This change: {'REFUSED' if refused else 'ACCEPTED'}", markup=False)
    print_checks(console, checks)
    console.print(f"Price after it: {price_raw} raw.", markup=False)
    if rules:
        verdict = "REFUTED" if rules["refuted"] else "PROVEN"
        console.print(
            f"The rules: {verdict}; caps from {rules['lowest_raw']} to {rules['highest_raw']} may be set, "
            f"the lowest {rules['worst_below_bps']:.1f} bps below the expected price.",
            markup=False,
            soft_wrap=True,
        )
    if effects is not None:
        print_accounts(console, effects)
