"""Cover-2: what is lost on the two largest borrowers alone, in the scenarios the choice was made on.

What a limit on the whole book keeps may hang on two accounts; central counterparties size their default
funds by the two members whose failure together costs most (CPSS-IOSCO 2012, principle 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from risk.engine.arrays import IntArray
from risk.measures import expected_shortfall
from risk.solver.evaluate import Setting, sweep_of
from risk.solver.parts import taken


@dataclass(frozen=True, slots=True)
class LargestTwo:
    """The two accounts with most debt and a parameter set, USD; potential bad debt of the sweep.

    Parameters
    ----------
    accounts : tuple of str
        Two, or fewer if fewer borrow.
    debt_usd : float
    cvar_usd : float
        At the limits' ``tail.level``.
    worst_usd : float
        In the worst scenario.
    """

    accounts: tuple[str, ...]
    debt_usd: float
    cvar_usd: float
    worst_usd: float


def largest_two(setting: Setting, chosen: IntArray) -> LargestTwo:
    """Return what the two largest borrowers cost under a choice, debts as they are.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    """
    book, accounts = setting.snapshot.book, setting.accounts
    owner = np.repeat(np.arange(len(accounts)), np.diff(accounts.d_indptr))
    debt = np.bincount(owner, accounts.d_usd, minlength=len(accounts))
    two = [int(k) for k in np.argsort(-debt, kind="stable")[:2] if debt[k] > 0]
    wanted = np.zeros(len(accounts), dtype=bool)
    wanted[two] = True
    lost = sweep_of(setting, chosen, [taken(accounts, wanted)])[0].bad_debt_usd
    borrowers = np.flatnonzero(np.diff(book.debt.indptr) > 0)
    return LargestTwo(
        accounts=tuple(book.accounts[int(borrowers[k])] for k in two),
        debt_usd=float(debt[two].sum()),
        cvar_usd=expected_shortfall(lost, setting.limits["tail.level"], setting.scenarios.weight),
        worst_usd=float(lost.max()),
    )
