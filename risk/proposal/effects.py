"""Who a proposal makes liquidatable, to the unit: before, after, and after each stress.

Every borrower is decided by the contract's integers, at the oracle prices of the snapshot and at
those of each scenario.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocols.exact import exact_rules
from protocols.snapshot import Snapshot
from risk.engine.liquidatable import liquidatable
from risk.engine.prices import following, market_price_usd
from risk.measures import account_totals
from risk.proposal.capacity import borrow_power_usd
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NOW = "now"


@dataclass(frozen=True, slots=True)
class Affected:
    """One account whose status changes at today's prices.

    Parameters
    ----------
    account : str
        Untrusted text.
    health_before_wad, health_after_wad : int
    collateral_usd, debt_usd : float
        At today's prices.
    repay_usd : float
        Debt that must be repaid to be at health 1 again after the change; 0 if it is above.
    """

    account: str
    health_before_wad: int
    health_after_wad: int
    collateral_usd: float
    debt_usd: float
    repay_usd: float


@dataclass(frozen=True, eq=False)
class Effects:
    """A proposal's effect on a book.

    Parameters
    ----------
    names : tuple of str, length S
        ``now``, then the scenarios.
    accounts_before, accounts_after : (S,) int64
        Liquidatable accounts.
    debt_before_usd, debt_after_usd : (S,) float64
        Their debt at today's prices.
    enacted, released : tuple of Affected
        Accounts that become liquidatable by the change alone, and that stop to be, largest debt first.
    new_accounts : (S,) int64
        Liquidatable after and not before.
    moved_scenario, moved_account : (M,) int64
        Every change of status: row of ``names``, and index into the book's accounts; sorted.
    moved_in : (M,) bool
        Whether the account becomes liquidatable there (else it stops to be).
    borrow_power_before_usd, borrow_power_after_usd : float
        Counted collateral times LTV, at today's prices.
    """

    names: tuple[str, ...]
    accounts_before: NDArray[np.int64]
    accounts_after: NDArray[np.int64]
    debt_before_usd: FloatArray
    debt_after_usd: FloatArray
    new_accounts: NDArray[np.int64]
    enacted: tuple[Affected, ...]
    released: tuple[Affected, ...]
    moved_scenario: IntArray
    moved_account: IntArray
    moved_in: BoolArray
    borrow_power_before_usd: float
    borrow_power_after_usd: float

    def frame(self) -> pd.DataFrame:
        """Return one row for now and for each scenario."""
        return pd.DataFrame(
            {
                "scenario": self.names,
                "accounts_before": self.accounts_before,
                "accounts_after": self.accounts_after,
                "new_accounts": self.new_accounts,
                "debt_before_usd": self.debt_before_usd,
                "debt_after_usd": self.debt_after_usd,
            }
        )


def effects(before: Snapshot, after: Snapshot, scenarios: Scenarios) -> Effects:
    """Compare a market with the same market under other parameters.

    Parameters
    ----------
    before, after : Snapshot
        ``after`` as `risk.proposal.apply.applied` makes it.
    scenarios : Scenarios
        Shocks of one moment; oracle prices follow the market.  Of a path the last moment counts.
    """
    debt_usd, _, _ = account_totals(before)
    columns: list[tuple[IntArray, ...]] = []
    amounts: list[tuple[FloatArray, ...]] = []
    moved: list[tuple[IntArray, IntArray, BoolArray]] = []
    first = 0
    for prices in _batches(before, scenarios):
        then, now = (_liquidatable(s, prices) for s in (before, after))
        columns.append((then.sum(axis=1), now.sum(axis=1), (now & ~then).sum(axis=1)))
        amounts.append((then @ debt_usd, now @ debt_usd))
        scenario, account = np.nonzero(then != now)
        moved.append((scenario + first, account, now[scenario, account]))
        first += len(prices)
    counts, debts = (tuple(map(np.concatenate, zip(*c, strict=True))) for c in (columns, amounts))
    moved_scenario, moved_account, moved_in = map(np.concatenate, zip(*moved, strict=True))
    here = moved_scenario == 0
    return Effects(
        names=(NOW, *scenarios.names),
        accounts_before=counts[0],
        accounts_after=counts[1],
        debt_before_usd=debts[0],
        debt_after_usd=debts[1],
        new_accounts=counts[2],
        enacted=_affected(before, after, moved_account[here & moved_in]),
        released=_affected(before, after, moved_account[here & ~moved_in]),
        moved_scenario=moved_scenario,
        moved_account=moved_account,
        moved_in=moved_in,
        borrow_power_before_usd=borrow_power_usd(before),
        borrow_power_after_usd=borrow_power_usd(after),
    )


def prices_now_raw(snapshot: Snapshot) -> NDArray[Any]:
    """Return the snapshot's own oracle prices as one row, (1, A) integers."""
    return _narrow(np.array([[r.price_raw for r in snapshot.reserves]], dtype=object))


def prices_raw(snapshot: Snapshot, block: ScenarioBlock) -> NDArray[Any]:
    """Return oracle prices that follow the market to the last moment of each scenario, (S, A) integers."""
    return _narrow(following(snapshot, market_price_usd(block)[:, -1]).astype(object))


def _batches(snapshot: Snapshot, scenarios: Scenarios) -> Iterator[NDArray[Any]]:
    """Yield the prices of now, then of each block of scenarios: memory does not grow with them."""
    yield prices_now_raw(snapshot)
    for block in scenarios.blocks():
        yield prices_raw(snapshot, block)


def _narrow(raw: NDArray[Any]) -> NDArray[Any]:
    return raw.astype(np.int64) if max(int(p) for p in raw.ravel()) < 2**63 else raw


def _liquidatable(snapshot: Snapshot, raw: NDArray[Any]) -> BoolArray:
    """Return which accounts can be liquidated at each row of prices, (S, N)."""
    below = liquidatable(snapshot, raw, which=True).below
    assert below is not None
    return below.T


def _affected(before: Snapshot, after: Snapshot, accounts: IntArray) -> tuple[Affected, ...]:
    exact, usd = exact_rules(before.rules), before.base.usd_per_raw
    rows = []
    for account in accounts:
        then = exact.account_data(before.position(int(account)), before.rules)
        now = exact.account_data(after.position(int(account)), after.rules)
        weighted = now.health_factor / 10**18 * now.total_debt_base
        rows.append(
            Affected(
                before.book.accounts[int(account)],
                then.health_factor,
                now.health_factor,
                now.total_collateral_base * usd,
                now.total_debt_base * usd,
                max(now.total_debt_base - weighted, 0.0) * usd,
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.debt_usd, row.account)))
