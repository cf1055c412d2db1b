"""A relaxation of the exact model: what no choice within its limits can gain more than.

Accounts whose collateral is under one row lose what the option of that row alone decides, for every
behaviour of borrowers: their losses add up over rows exactly.  All other accounts lose nothing less
than nothing.  So the tail limits over the former alone, the rules without scenarios, and cuts that are
proven leave in every choice that keeps the limits of the sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from risk.engine.book_sweep import Accounts
from risk.solver.evaluate import Setting
from risk.solver.losses import Kept, Losses, losses_of
from risk.solver.parts import taken
from risk.solver.program import ChanceLimit, TailLimit

SLACK = 1e-9  # relative: the sums of the two models are rounded differently


def under_one_row(accounts: Accounts) -> Accounts:
    """Return the accounts all of whose governed collateral is under the same row."""
    owner = np.repeat(np.arange(len(accounts)), np.diff(accounts.c_indptr))
    governed = accounts.c_row >= 0
    low = np.full(len(accounts), np.iinfo(np.int64).max)
    high = np.full(len(accounts), -1)
    np.minimum.at(low, owner[governed], accounts.c_row[governed])
    np.maximum.at(high, owner[governed], accounts.c_row[governed])
    return taken(accounts, low == high)


def single_row_losses(
    setting: Setting,
    *,
    kept: Kept | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Losses, ...]:
    """Return the losses of the accounts under one row, for each behaviour of borrowers."""
    return losses_of(
        setting.snapshot,
        setting.menu,
        setting.scenarios,
        setting.limits,
        oracles=setting.oracles,
        accounts=under_one_row(setting.accounts),
        kept=kept,
        progress=progress,
    )


def loosened(tails: tuple[TailLimit, ...]) -> tuple[TailLimit, ...]:
    """Return the limits with room for rounding, so that they cut off nothing that is within them."""
    return tuple(replace(t, limit_usd=t.limit_usd + SLACK * max(1.0, abs(t.limit_usd))) for t in tails)


def loosened_chances(chances: tuple[ChanceLimit, ...]) -> tuple[ChanceLimit, ...]:
    """Return limits on probabilities with room for rounding, as `loosened`."""
    return tuple(replace(c, size_usd=c.size_usd + SLACK * max(1.0, c.size_usd)) for c in chances)
