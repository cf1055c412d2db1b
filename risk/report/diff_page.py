"""A `Diff` as tables, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from risk.report import formats
from risk.report.diff import Diff, ReserveDiff, Side
from risk.report.diff_accounts import AccountChange, AccountDiff, Group
from risk.report.diff_parameters import ParameterChange
from risk.report.markdown import cell, prose, table
from risk.report.page import Column, Kind, Table
from risk.report.values import human

NO_DIFFERENCE = "No difference in parameters, prices, rates, totals or accounts."

_PARAMETERS = (
    Column("name", "Subject"),
    Column("parameter", "Parameter"),
    Column("old", "Before"),
    Column("new", "After"),
    Column("old_raw", "Raw before"),
    Column("new_raw", "Raw after"),
)
_PRICES = (
    Column("name", "Reserve"),
    Column("old", "Price before, USD", Kind.PRICE),
    Column("new", "Price after, USD", Kind.PRICE),
    Column("change", "Change", Kind.CHANGE),
)
_RATES = (
    Column("name", "Reserve"),
    Column("supply_old", "Supply rate before", Kind.BPS),
    Column("supply_new", "after", Kind.BPS),
    Column("borrow_old", "Borrow rate before", Kind.BPS),
    Column("borrow_new", "after", Kind.BPS),
    Column("used_old", "Utilisation before", Kind.SHARE),
    Column("used_new", "after", Kind.SHARE),
)
_TOTALS = (
    Column("name", "Reserve"),
    Column("supply_old", "Supplied before, tokens", Kind.TOKENS),
    Column("supply_new", "after", Kind.TOKENS),
    Column("debt_old", "Borrowed before, tokens", Kind.TOKENS),
    Column("debt_new", "after", Kind.TOKENS),
    Column("cash_old", "Withdrawable before, tokens", Kind.TOKENS),
    Column("cash_new", "after", Kind.TOKENS),
    Column("deficit_old", "Deficit before, tokens", Kind.TOKENS),
    Column("deficit_new", "after", Kind.TOKENS),
)
_COUNTS = (
    Column("what", "Accounts"),
    Column("accounts", "Number", Kind.COUNT),
    Column("debt_usd", "Their debt, USD", Kind.USD),
)
_ACCOUNTS = (
    Column("account", "Account", Kind.ACCOUNT),
    Column("health_old", "Health before", Kind.HEALTH),
    Column("health_new", "after", Kind.HEALTH),
    Column("debt_old", "Debt before, USD", Kind.USD),
    Column("debt_new", "after", Kind.USD),
    Column("collateral_old", "Collateral before, USD", Kind.USD),
    Column("collateral_new", "after", Kind.USD),
)
_GROUPS = (
    ("newly_liquidatable", "Newly liquidatable"),
    ("no_longer_liquidatable", "No longer liquidatable"),
    ("changed", "Health changed"),
    ("appeared", "Appeared"),
    ("left", "Left"),
)


def heading(found: Diff) -> tuple[str, ...]:
    """Return what the two snapshots are, one sentence a line."""
    accounts = found.accounts
    return (
        f"Before: {_side(found.before, accounts.liquidatable_before_accounts)}",
        f"After: {_side(found.after, accounts.liquidatable_after_accounts)}",
    )


def _side(side: Side, liquidatable: int) -> str:
    return (
        f"block {side.block_number}, {formats.utc(side.block_at_s)}: "
        f"{formats.plural(side.accounts, 'account')}, supplied {formats.usd(side.supply_usd)}, "
        f"borrowed {formats.usd(side.debt_usd)}, liquidatable {liquidatable:,}."
    )


def tables(found: Diff) -> tuple[Table, ...]:
    """Return the tables that have something to show, parameters first."""
    made = (
        _table("parameters", "Parameters", _PARAMETERS, [_parameter(p) for p in found.parameters]),
        _table("prices", "Prices", _PRICES, [_price(r) for r in found.reserves if _differs(r, "price_usd")]),
        _table("rates", "Rates and utilisation", _RATES, _rates(found)),
        _table("totals", "Totals", _TOTALS, _totals(found)),
        _table("accounts", "Accounts", _COUNTS, _counts(found.accounts) if found.accounts.any else []),
        *(
            _table(key, title, _ACCOUNTS, [_account(c) for c in getattr(found.accounts, key).rows])
            for key, title in _GROUPS
        ),
    )
    return tuple(t for t in made if t.rows)


def to_markdown(found: Diff) -> str:
    """Return the diff as Markdown; all text from the chain is escaped."""
    parts = [f"# Changes of {prose(formats.label(found.market))}"]
    parts += [f"**Warning: {prose(w)}**" for w in found.warnings]
    parts += [prose(line) for line in heading(found)]
    if found.empty:
        parts.append(NO_DIFFERENCE)
    for t in tables(found):
        rows = [[prose(c.show(r)) if c.numeric else cell(c.show(r)) for c in t.columns] for r in t.rows]
        parts += [f"## {t.title}", table(t.columns, rows), *([prose(t.note)] if t.note else [])]
    return "\n\n".join(parts) + "\n"


def _table(id_: str, title: str, columns: tuple[Column, ...], rows: Sequence[dict[str, Any]]) -> Table:
    return Table(id_, title, columns, tuple(rows))


def _parameter(p: ParameterChange) -> dict[str, Any]:
    return {
        "name": p.name,
        "parameter": p.parameter,
        "old": human(p.parameter, p.old),
        "new": human(p.parameter, p.new),
        "old_raw": p.old,
        "new_raw": p.new,
    }


def _differs(r: ReserveDiff, *names: str) -> bool:
    return any(getattr(r.before, name) != getattr(r.after, name) for name in names)


def _price(r: ReserveDiff) -> dict[str, Any]:
    old, new = r.before.price_usd, r.after.price_usd
    return {"name": r.name, "old": old, "new": new, "change": new / old - 1 if old else None}


def _rates(found: Diff) -> list[dict[str, Any]]:
    return [
        {
            "name": r.name,
            "supply_old": r.before.supply_rate_share * 1e4,
            "supply_new": r.after.supply_rate_share * 1e4,
            "borrow_old": r.before.borrow_rate_share * 1e4,
            "borrow_new": r.after.borrow_rate_share * 1e4,
            "used_old": r.before.utilisation_share,
            "used_new": r.after.utilisation_share,
        }
        for r in found.reserves
        if _differs(r, "supply_rate_share", "borrow_rate_share", "utilisation_share")
    ]


def _totals(found: Diff) -> list[dict[str, Any]]:
    return [
        {
            "name": r.name,
            "supply_old": r.before.supply_tokens,
            "supply_new": r.after.supply_tokens,
            "debt_old": r.before.debt_tokens,
            "debt_new": r.after.debt_tokens,
            "cash_old": r.before.liquidity_tokens,
            "cash_new": r.after.liquidity_tokens,
            "deficit_old": r.before.deficit_tokens,
            "deficit_new": r.after.deficit_tokens,
        }
        for r in found.reserves
        if _differs(r, "supply_tokens", "debt_tokens", "liquidity_tokens", "deficit_tokens")
    ]


def _counts(accounts: AccountDiff) -> list[dict[str, Any]]:
    groups: list[tuple[str, Group]] = [(title, getattr(accounts, key)) for key, title in _GROUPS]
    return [{"what": title, "accounts": g.accounts, "debt_usd": g.debt_usd} for title, g in groups]


def _account(change: AccountChange) -> dict[str, Any]:
    row: dict[str, Any] = {"account": change.account}
    for side, state in (("old", change.before), ("new", change.after)):
        row[f"health_{side}"] = state.health_factor if state else None
        row[f"debt_{side}"] = state.debt_usd if state else None
        row[f"collateral_{side}"] = state.collateral_usd if state else None
    return row
