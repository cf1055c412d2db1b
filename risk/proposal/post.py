"""A proposal's figures as Markdown: specification, checks, who is affected, and the calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from protocols.snapshot import Snapshot
from risk.proposal.changes import Change
from risk.proposal.check import Check
from risk.proposal.effects import Affected, Effects
from risk.proposal.payload import Call
from risk.report.formats import account, health, plural, usd, utc
from risk.report.markdown import cell

_SHOWN_SCENARIOS = 12
_SHOWN_ACCOUNTS = 10


def post(
    taken: Snapshot, changes: Sequence[Change], checks: Sequence[Check], found: Effects, made: Sequence[Call]
) -> str:
    """Return the page; all text of strangers is escaped."""
    parts = [
        f"# Proposal for {cell(taken.market.name)}",
        f"Block {taken.block.number}, {utc(taken.block.timestamp_s)}; {plural(len(taken.book), 'account')}. "
        f"{_completeness(taken)}",
        "## Specification",
        _table(("Parameter", "Current", "Proposed"), ((cell(c.name), *c.shown) for c in changes)),
        "## Rules",
        _table(
            ("Rule", "Subject", "Verdict", "Figures", "Set by"),
            ((c.rule, cell(c.subject), c.verdict, cell(c.detail), c.by) for c in checks),
        ),
        "## Who can be liquidated",
        _summary(found),
        _table(
            ("Prices", "Before", "After", "New", "Debt before", "Debt after"),
            _scenario_rows(found),
        ),
        "Prices of a scenario are those after its shock, read by the oracle at once; debt is of the accounts "
        "that can be liquidated, at today's prices. Every account is decided in the contract's integers.",
    ]
    for title, rows in (
        ("Liquidatable by the change alone", found.enacted),
        ("No longer liquidatable", found.released),
    ):
        if rows:
            parts += [f"## {title}", _accounts(rows)]
    if made:
        parts += ["## Calls of the PoolConfigurator", "\n".join(f"- {cell(c.text())}" for c in made)]
    return "\n\n".join(parts) + "\n"


def _completeness(taken: Snapshot) -> str:
    if not taken.completeness:
        return "The snapshot proves nothing about accounts it may lack."
    missing = sum(abs(c.missing_usd) for c in taken.completeness)
    if all(c.missing_scaled_raw == 0 for c in taken.completeness):
        return "Every token's balances add up to its total: no account is missing."
    return f"Balances worth {usd(missing)} were not found."


def _summary(found: Effects) -> str:
    debt = sum(row.debt_usd for row in found.enacted)
    before, after = usd(found.borrow_power_before_usd), usd(found.borrow_power_after_usd)
    power = f"Borrowing power goes from {before} to {after}."
    if not found.enacted:
        return f"The change alone makes nobody liquidatable. {power}"
    hit = plural(len(found.enacted), "account")
    return f"The change alone makes {hit} liquidatable, with {usd(debt)} of debt. {power}"


def _scenario_rows(found: Effects) -> Iterable[tuple[str, ...]]:
    """Return now, and the scenarios in which most debt changes sides."""
    moved = abs(found.debt_after_usd - found.debt_before_usd)
    rest = sorted(range(1, len(found.names)), key=lambda k: (-moved[k], k))[:_SHOWN_SCENARIOS]
    for k in (0, *sorted(rest)):
        yield (
            cell(found.names[k]),
            f"{found.accounts_before[k]:,}",
            f"{found.accounts_after[k]:,}",
            f"{found.new_accounts[k]:,}",
            usd(float(found.debt_before_usd[k])),
            usd(float(found.debt_after_usd[k])),
        )


def _accounts(rows: Sequence[Affected]) -> str:
    shown = [
        (
            cell(account(r.account)),
            health(r.health_before_wad / 1e18),
            health(r.health_after_wad / 1e18),
            usd(r.debt_usd),
            usd(r.repay_usd),
        )
        for r in rows[:_SHOWN_ACCOUNTS]
    ]
    table = _table(("Account", "Health before", "Health after", "Debt", "To repay for health 1"), shown)
    left = len(rows) - len(shown)
    return table + (f"\n\n{plural(left, 'more account')} in the JSON." if left else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
