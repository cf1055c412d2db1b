"""Who a proposal makes liquidatable, to the unit: before, after, and after each stress.

Every borrower is decided by the contract's integers, at the oracle prices of the snapshot and at
those of each scenario.
"""

from __future__ import annotations

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
from risk.scenarios.scenarios import Scenarios

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
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
    prices = _prices_raw(before, scenarios)
    hit_before, hit_after = (_liquidatable(s, prices) for s in (before, after))
    debt_usd, _, _ = account_totals(before)
    return Effects(
        names=(NOW, *scenarios.names),
        accounts_before=hit_before.sum(axis=1),
        accounts_after=hit_after.sum(axis=1),
        debt_before_usd=hit_before @ debt_usd,
        debt_after_usd=hit_after @ debt_usd,
        new_accounts=(hit_after & ~hit_before).sum(axis=1),
        enacted=_affected(before, after, hit_after[0] & ~hit_before[0]),
        released=_affected(before, after, hit_before[0] & ~hit_after[0]),
        borrow_power_before_usd=_borrow_power(before),
        borrow_power_after_usd=_borrow_power(after),
    )


def _liquidatable(snapshot: Snapshot, prices_raw: NDArray[Any]) -> BoolArray:
    """Return which accounts can be liquidated at each row of prices, (S, N)."""
    below = liquidatable(snapshot, prices_raw, which=True).below
    assert below is not None
    return below.T


def _prices_raw(snapshot: Snapshot, scenarios: Scenarios) -> NDArray[Any]:
    now = np.array([[r.price_raw for r in snapshot.reserves]], dtype=object)
    moved = [following(snapshot, market_price_usd(b)[:, -1]).astype(object) for b in scenarios.blocks()]
    rows = [now, *moved]
    stacked = np.concatenate(rows)
    fits = max(int(p) for p in stacked.ravel()) < 2**63
    return stacked.astype(np.int64) if fits else stacked


def _affected(before: Snapshot, after: Snapshot, which: BoolArray) -> tuple[Affected, ...]:
    exact, usd = exact_rules(before.rules), before.base.usd_per_raw
    rows = []
    for account in np.flatnonzero(which):
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


def _borrow_power(snapshot: Snapshot) -> float:
    block = snapshot.book.collateral
    return float((snapshot.collateral_usd * block.counted * block.ltv_bps).sum() / 10_000)
