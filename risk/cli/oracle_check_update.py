"""``breakwater oracle check-update``: is a change of a price cap or source safe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from oracles.update_safety import SafetyReport
    from oracles.update_safety_file import CapQuestion
    from oracles.update_safety_predicates import Predicate
    from risk.audit.liquidatable import Repriced

SCHEMA = "breakwater.oracle-update/1"
_SHOWN = 10
_HELP = """Check a proposed change of a price cap, or of a price source, before it is made.

UPDATE is a TOML file (docs/oracle-safety.md). Two answers are given: whether this change keeps the \
price within --below-bps of the market, now and for --days, and whether every change the setter's rules \
permit does. Exit code 1 if the change is refused; without a proposed change, if the rules are not enough.

With --snapshot and --asset the accounts are listed that the change would make liquidatable, in exact \
integers.

Examples:

  breakwater oracle check-update wsteth.toml --below-bps 25 --days 30

  breakwater oracle check-update wsteth.toml --snapshot eth --asset wstETH --json
"""


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("check-update", help=_HELP, no_args_is_help=True)(check_update)


def check_update(
    update: Annotated[Path, typer.Argument(help="TOML file of the change.", show_default=False)],
    ratio: Annotated[str | None, typer.Option("--ratio", help="Proposed snapshot ratio, raw.")] = None,
    at: Annotated[int | None, typer.Option("--at", help="Proposed snapshot time, unix seconds.")] = None,
    growth_bps: Annotated[
        int | None, typer.Option("--growth-bps", help="Proposed growth a year, bps.")
    ] = None,
    setter: Annotated[
        str | None, typer.Option("--setter", help="risk-admin, capo-agent or risk-steward.")
    ] = None,
    below_bps: Annotated[
        int | None, typer.Option("--below-bps", help="Most the price may be below market. [10]")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", help="How far to look ahead. [30]")] = None,
    snapshot: Annotated[
        Path | None, typer.Option("--snapshot", help="Snapshot whose accounts are looked at.")
    ] = None,
    asset: Annotated[str | None, typer.Option("--asset", help="Asset the change prices.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 also if the rules permit an unsafe change.")
    ] = False,
) -> None:
    """Check a change of a price cap or source."""
    from abis.errors import InputError
    from oracles.update_safety_file import read_tables

    if (snapshot is None) != (asset is None):
        raise InputError("--snapshot and --asset belong together.", remedy="Give both or neither.")
    tables = read_tables(update)
    options: dict[str, dict[str, Any]] = {
        "proposed": {"ratio": ratio, "at": at, "growth_bps": growth_bps},
        "setter": {"name": setter},
        "limit": {"below_bps": below_bps, "days": days},
    }
    for name, given in options.items():
        chosen = {k: v for k, v in given.items() if v is not None}
        if chosen:
            tables[name] = {**tables.get(name, {}), **chosen}
    if "stable" in tables or "source" in tables:
        from risk.cli.oracle_check_simple import check_simple

        check_simple(tables, update, snapshot, asset, as_json=as_json, strict=strict)
        return
    _check_cap(tables, update, snapshot, asset, as_json=as_json, strict=strict)


def _check_cap(
    tables: dict[str, dict[str, Any]],
    update: Path,
    snapshot: Path | None,
    asset: str | None,
    *,
    as_json: bool,
    strict: bool,
) -> None:
    from oracles.update_safety import check_update as check
    from oracles.update_safety_file import cap_question

    question = cap_question(tables, update.parent)
    report = check(
        question.adapter,
        question.setter,
        question.market,
        question.limit,
        proposed=question.proposed,
        history=question.history,
        last_set_s=question.last_set_s,
    )
    effects = _effects(question, report, snapshot, asset)
    if as_json:
        typer.echo(_json(question, report, effects, update, snapshot), nl=False)
    else:
        _print(question, report, effects)
    _exit(report, strict)


def _effects(
    question: CapQuestion, report: SafetyReport, snapshot: Path | None, asset: str | None
) -> Repriced | None:
    """Return what the change, or else the worst permitted one, does to the accounts of a snapshot."""
    from protocols.store import load
    from risk.audit.liquidatable import repriced, scaled_price

    if snapshot is None or asset is None:
        return None
    taken, ratio = load(snapshot), question.market.ratio_raw
    if report.change is not None:
        after, before = report.change.effective_raw, min(report.change.cap_before_raw, ratio)
    elif report.worst is not None:
        from oracles.update_safety_search import line_of

        stored = line_of(question.adapter.stored, question.adapter.scale).at(question.market.now_s)
        now_s = max(question.market.now_s, report.worst.values.at_s)
        after = min(line_of(report.worst.values, question.adapter.scale).at(now_s), ratio)
        before = min(stored, ratio)
    else:
        return None
    price = taken.reserves[taken.asset_index(asset)].price_raw
    if question.base_price_raw is not None:
        unit = 10**question.ratio_decimals
        exact = (question.base_price_raw * after // unit, question.base_price_raw * before // unit)
        return repriced(taken, asset, *exact)
    return repriced(taken, asset, scaled_price(price, before, after))


def _print(question: CapQuestion, report: SafetyReport, effects: Repriced | None) -> None:
    from rich.console import Console

    from risk.report.formats import seconds, sentence

    console = Console(highlight=False)
    limit = question.limit
    goal = f"at most {limit.below_bps} bps below market, now and for {seconds(limit.for_s)}"
    change = report.change
    if change is not None:
        verdict = "REFUSED" if change.refused else "ACCEPTED"
        console.print(f"This change: {verdict} ({goal})", markup=False)
        print_checks(console, (*change.predicates, *change.setter_checks))
        unit = 10**question.ratio_decimals
        console.print(
            f"Cap: {change.cap_before_raw} before, {change.cap_raw} after "
            f"({change.cap_raw / unit:.6f}); the price is made with {change.effective_raw}.\n"
            f"Price against market: {-change.below_now_bps / 100:+.3f} % now, "
            f"{-change.below_later_bps / 100:+.3f} % after {seconds(limit.for_s)}.",
            markup=False,
            soft_wrap=True,
        )
        if question.base_price_raw is not None:
            console.print(
                f"Price: {question.base_price_raw * change.effective_raw // unit} raw.", markup=False
            )
    _print_rules(console, question, report, goal)
    if effects is not None:
        print_accounts(console, effects)
    for finding in question.findings:
        typer.echo(f"note: {finding.subject}: {sentence(finding.message)} {finding.remedy}", err=True)


def _print_rules(console: Any, question: CapQuestion, report: SafetyReport, goal: str) -> None:
    from risk.report.formats import plural, utc

    found, setter = report.found, question.setter
    console.print(
        f"\nThe rules of {setter.name}: {found.verdict.upper()} ({goal}; {plural(found.boxes, 'look')}).\n"
        f"Bounds: {setter.source}.",
        markup=False,
        soft_wrap=True,
    )
    if found.box is None:
        console.print("Nothing may be set now.", markup=False)
    if report.worst is not None:
        v = report.worst.values
        console.print(
            f"A permitted change: ratio {v.ratio_raw}, snapshot {v.at_s} ({utc(v.at_s)}), growth "
            f"{v.growth_bps} bps. At {utc(report.worst.at_s)} the price is "
            f"{-report.worst.below_bps / 100:+.3f} % against market.",
            markup=False,
            soft_wrap=True,
        )


def print_checks(console: Any, checks: Sequence[Predicate]) -> None:
    """Print checks as a table."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    table.add_column("Check")
    table.add_column("", no_wrap=True)
    table.add_column("Evidence", overflow="fold")
    for check in checks:
        table.add_row(escape(check.name), check.state.value, escape(check.evidence))
    console.print(table)


def print_accounts(console: Any, effects: Repriced) -> None:
    """Print the accounts that become liquidatable."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from abis.units import WAD
    from risk.report.formats import account, health, label, plural, usd

    rows = effects.rows
    console.print(
        f"\n{label(effects.asset)} read at {effects.price_after_raw} instead of {effects.price_before_raw}: "
        f"{plural(len(rows), 'account')} with {usd(effects.debt_usd)} of debt can be liquidated that could "
        f"not ({effects.already} could before).",
        markup=False,
        soft_wrap=True,
    )
    if not rows:
        return
    table = Table(box=box.SIMPLE)
    table.add_column("Account", no_wrap=True)
    for name in ("Health before", "after", "Debt"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows[:_SHOWN]:
        table.add_row(
            escape(account(row.account)),
            health(row.health_before_wad / WAD),
            health(row.health_after_wad / WAD),
            usd(row.debt_base_raw * effects.usd_per_raw),
        )
    console.print(table)
    if len(rows) > _SHOWN:
        typer.echo(f"{len(rows) - _SHOWN:,} more with --json.", err=True)


def _json(
    question: CapQuestion, report: SafetyReport, effects: Repriced | None, update: Path, snapshot: Path | None
) -> str:
    from protocols.store import digest
    from risk.cli.envelope import envelope
    from risk.cli.oracle_update_json import UNITS, accounts_json, report_json
    from risk.cli.scenario_options import sha256_of

    inputs = {
        "update_sha256": sha256_of(update),
        "snapshot_sha256": digest(snapshot) if snapshot is not None else None,
        "below_bps": question.limit.below_bps,
        "for_s": question.limit.for_s,
        "setter": question.setter.name,
        "setter_source": question.setter.source,
        "market_growth_bps": question.market.growth_bps,
    }
    data = {**report_json(report), "liquidatable": accounts_json(effects)}
    return envelope(SCHEMA, data, inputs=inputs, units=UNITS, findings=question.findings)


def _exit(report: SafetyReport, strict: bool) -> None:
    from abis.errors import LimitBroken
    from oracles.update_safety_search import Verdict

    change, proven = report.change, report.found.verdict is Verdict.PROVEN
    if change is not None and change.refused:
        raise LimitBroken(
            f"the change is refused, it fails: {'; '.join(change.reasons)}.",
            remedy="Raise the snapshot ratio together with its time, or leave the cap as it is.",
        )
    if not proven and (change is None or strict):
        raise LimitBroken(
            f"the rules are {report.found.verdict}: a permitted change may price below the limit.",
            remedy="Make the setter look at isCapped() afterwards, or check every change beforehand.",
        )
