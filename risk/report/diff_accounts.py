"""Which accounts came, left, changed health or can be liquidated, between two snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from protocols.snapshot import Snapshot
from risk.report.positions import Positions, positions

# Interest alone moves every health factor a little at every block.
HEALTH_STEP = 0.01


@dataclass(frozen=True, slots=True)
class AccountState:
    """One account in one snapshot; ``health_factor`` is None without debt."""

    collateral_usd: float
    debt_usd: float
    health_factor: float | None
    liquidatable: bool


@dataclass(frozen=True, slots=True)
class AccountChange:
    """One account in both; a side is None where the account is not there."""

    account: str
    before: AccountState | None
    after: AccountState | None

    @property
    def size_usd(self) -> float:
        """Largest value on either side, to rank by."""
        return max((s.collateral_usd + s.debt_usd for s in (self.before, self.after) if s), default=0.0)


@dataclass(frozen=True, slots=True)
class Group:
    """Accounts something happened to: how many, their debt (after; before if they left), the largest."""

    accounts: int
    debt_usd: float
    rows: tuple[AccountChange, ...]


@dataclass(frozen=True, slots=True)
class AccountDiff:
    """What happened to the accounts.

    Parameters
    ----------
    liquidatable_before_accounts, liquidatable_after_accounts : int
        Accounts that could be liquidated in either snapshot.
    appeared, left : Group
        Accounts only one snapshot has.
    newly_liquidatable, no_longer_liquidatable : Group
        Accounts, of either kind, that can be liquidated in only one.
    changed : Group
        Accounts in both whose health factor differs by `HEALTH_STEP` or more, or is there in
        only one.
    """

    liquidatable_before_accounts: int
    liquidatable_after_accounts: int
    appeared: Group
    left: Group
    newly_liquidatable: Group
    no_longer_liquidatable: Group
    changed: Group

    @property
    def any(self) -> bool:
        """Whether anything happened."""
        groups = (
            self.appeared,
            self.left,
            self.newly_liquidatable,
            self.no_longer_liquidatable,
            self.changed,
        )
        return any(group.accounts for group in groups)


def account_diff(a: Snapshot, b: Snapshot, top: int) -> AccountDiff:
    """Return what happened to the accounts from ``a`` to ``b``; ``top`` rows of each group."""
    before, after = _states(a), _states(b)
    both = [AccountChange(n, before.get(n), after.get(n)) for n in sorted(before.keys() | after.keys())]
    return AccountDiff(
        liquidatable_before_accounts=sum(s.liquidatable for s in before.values()),
        liquidatable_after_accounts=sum(s.liquidatable for s in after.values()),
        appeared=_group((c for c in both if c.before is None), top),
        left=_group((c for c in both if c.after is None), top),
        newly_liquidatable=_group((c for c in both if _can(c.after) and not _can(c.before)), top),
        no_longer_liquidatable=_group((c for c in both if _can(c.before) and not _can(c.after)), top),
        changed=_group((c for c in both if _moved(c)), top),
    )


def _states(taken: Snapshot) -> dict[str, AccountState]:
    at: Positions = positions(taken)
    return {
        name: AccountState(
            collateral_usd=float(at.collateral_usd[i]),
            debt_usd=float(at.debt_usd[i]),
            health_factor=float(at.health[i]) if np.isfinite(at.health[i]) else None,
            liquidatable=bool(at.liquidatable[i]),
        )
        for i, name in enumerate(taken.book.accounts)
    }


def _can(state: AccountState | None) -> bool:
    return state is not None and state.liquidatable


def _moved(change: AccountChange) -> bool:
    if change.before is None or change.after is None:
        return False
    old, new = change.before.health_factor, change.after.health_factor
    if old is None or new is None:
        return old is not new
    return abs(new - old) >= HEALTH_STEP


def _group(changes: Iterable[AccountChange], top: int) -> Group:
    found = sorted(changes, key=lambda c: (-c.size_usd, c.account))
    latest = [c.after or c.before for c in found]
    return Group(len(found), sum(s.debt_usd for s in latest if s), tuple(found[:top]))
