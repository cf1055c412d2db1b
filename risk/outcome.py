"""`Outcome`: what happened in every scenario, as totals.

S scenarios, A reserves, E e-mode rows (row 0 = accounts outside any category, then the
snapshot's categories in order).  All amounts are USD.  "At oracle" values a token at the
price the protocol read, "at fair" at the fair price, "executable" at what a sale of that
size fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import InputError
from abis.findings import Finding
from risk.explanation import Explanation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# What the harm ledger says of every reserve (``<name>_usd``) and every e-mode row (``<name>_emode_usd``).
LEDGER = (
    "eligible_debt",
    "eligible_collateral",
    "repaid",
    "seized",
    "bad_debt",
    "deficit",
    "avoidable_loss",
    "toxic",
)
TOTALS = (  # columns of `Outcome.frame` beside the names
    "eligible_accounts",
    "eligible_debt_usd",
    "repaid_usd",
    "seized_usd",
    "bad_debt_usd",
    "deficit_usd",
    "avoidable_loss_usd",
    "toxic_usd",
    "under_liquidation_usd_hours",
    "unprofitable_debt_usd",
    "liquidator_profit_usd",
)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Totals per scenario.

    Parameters
    ----------
    names, groups : tuple of str, length S
        Labels, as in `Scenarios`.
    weight : (S,) float64
    assets : tuple of str, length A
    emodes : tuple of str, length E
    eligible_accounts, liquidated_accounts : (S,) int64
        Accounts liquidatable, with something to seize, at any time step, and accounts at
        least one call succeeded on.
    eligible_debt_usd, eligible_collateral_usd : (S, A) float64
        Debt per debt reserve and counted collateral per collateral reserve of eligible
        accounts when they first become so, at oracle.
    repaid_usd : (S, A) float64
        Debt repaid by liquidators per debt reserve, at oracle.
    seized_usd : (S, A) float64
        Collateral seized per collateral reserve, at oracle, protocol fee included.
    bad_debt_usd : (S, A) float64
        Per debt reserve: debt at market prices beyond what the account's collateral is worth
        at the end, and what was burned as deficit; an account's excess is spread over its
        debts by value.  Collateral of accounts still liquidatable is worth what selling all
        of it together fetches after the sales of the scenario, other collateral the market
        price.
    deficit_usd : (S, A) float64
        Per debt reserve: debt burned as deficit by the protocol.
    avoidable_loss_usd : (S, A) float64
        Avoidable borrower loss per collateral reserve (the harm ledger's XL).
    eligible_debt_emode_usd, eligible_collateral_emode_usd, repaid_emode_usd, seized_emode_usd, \
    bad_debt_emode_usd, deficit_emode_usd, avoidable_loss_emode_usd, toxic_emode_usd : (S, E) float64
        The ledger's columns once more, per e-mode row of the account.
    loss_dislocation_usd, loss_excess_usd, loss_bonus_usd : (S,) float64
        Avoidable loss split by cause: liquidated though solvent at fair prices; repaid more
        than restoring health needs; bonus above the reference cost of selling.  They add up
        to the avoidable loss.
    toxic_usd : (S, A) float64
        Repaid debt of calls that lower the health factor, per collateral reserve.
    over_liquidated_usd : (S,) float64
        Debt repaid beyond what fair prices call for (description, never a limit).
    under_liquidation_usd_hours : (S,) float64
        Debt of accounts insolvent at fair but healthy at oracle prices, times hours.  A moment
        lasts until the next, the last as long as the one before; a path of one moment 1 h.
    unprofitable_debt_usd : (S,) float64
        Debt, at oracle, of accounts still liquidatable at the end because no liquidator
        profits or the reserves are closed to calls.
    liquidator_profit_usd : (S,) float64
    sold_tokens : (S, A) float64
        Collateral sold by liquidators, whole tokens.
    infinite_depth : bool
        True if sales were assumed to move no price.
    first_liquidation_s : (S,) float64
        Seconds until the first call; inf if none.
    events : DataFrame, optional
        One row a liquidation call, if asked for.
    findings : tuple of Finding
    largest_account_loss_usd : (S,) float64, optional
        Avoidable loss of the account that loses most; limits on it cannot be diluted.
    kept_usd : (S,) float64, optional
        Collateral liquidators kept as receipt tokens because it could not be withdrawn, at what
        they counted it for.
    unliquidated_accounts : (S,) int64, optional
        Accounts liquidatable at the end, with something to seize, that nobody calls.
    replay : callable (account, scenario) -> Explanation, optional
        Runs one scenario again for `explain`; kept by `risk.stress`.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    weight: FloatArray
    assets: tuple[str, ...]
    emodes: tuple[str, ...]
    eligible_accounts: IntArray
    liquidated_accounts: IntArray
    eligible_debt_usd: FloatArray
    eligible_collateral_usd: FloatArray
    repaid_usd: FloatArray
    seized_usd: FloatArray
    bad_debt_usd: FloatArray
    deficit_usd: FloatArray
    avoidable_loss_usd: FloatArray
    eligible_debt_emode_usd: FloatArray
    eligible_collateral_emode_usd: FloatArray
    repaid_emode_usd: FloatArray
    seized_emode_usd: FloatArray
    bad_debt_emode_usd: FloatArray
    deficit_emode_usd: FloatArray
    avoidable_loss_emode_usd: FloatArray
    toxic_emode_usd: FloatArray
    loss_dislocation_usd: FloatArray
    loss_excess_usd: FloatArray
    loss_bonus_usd: FloatArray
    toxic_usd: FloatArray
    over_liquidated_usd: FloatArray
    under_liquidation_usd_hours: FloatArray
    unprofitable_debt_usd: FloatArray
    liquidator_profit_usd: FloatArray
    sold_tokens: FloatArray
    infinite_depth: bool
    first_liquidation_s: FloatArray
    events: pd.DataFrame | None = None
    findings: tuple[Finding, ...] = field(default=())
    largest_account_loss_usd: FloatArray | None = None
    kept_usd: FloatArray | None = None
    unliquidated_accounts: IntArray | None = None
    replay: Callable[[str, str | int], Explanation] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def frame(self) -> pd.DataFrame:
        """Return one row a scenario with the totals over reserves, USD."""
        columns: dict[str, object] = {"scenario": self.names, "group": self.groups}
        for name in TOTALS:
            values = getattr(self, name)
            columns[name] = values.sum(axis=1) if values.ndim == 2 else values
        return pd.DataFrame(columns)

    def worst(self, n: int = 5, by: str = "bad_debt_usd") -> pd.DataFrame:
        """Return the ``n`` scenarios with the largest ``by``; ties keep scenario order."""
        return self.frame().sort_values(by, ascending=False, kind="stable").head(n)

    def explain(self, account: str, scenario: str | int) -> Explanation:
        """Return what happens to one account in one scenario, step by step.

        Raises
        ------
        InputError
            If the account or scenario is not there, or the outcome was not made by `risk.stress`.
        """
        if self.replay is None:
            raise InputError(
                "this outcome no longer knows its inputs.", remedy="Call risk.explain with them instead."
            )
        return self.replay(account, scenario)

    def select(self, group: str) -> Sequence[int]:
        """Return the scenario indices of one group."""
        return [i for i, g in enumerate(self.groups) if g == group]

    def __repr__(self) -> str:
        head = f"Outcome: {len(self)} scenarios, {len(self.assets)} assets"
        note = " (INFINITE DEPTH ASSUMED)" if self.infinite_depth else ""
        return f"{head}{note}\n{self.worst().to_string(index=False, float_format='{:,.0f}'.format)}"
