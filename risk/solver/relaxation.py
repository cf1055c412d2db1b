"""A relaxation of the exact model: what no choice within its limits can gain more than.

Accounts whose collateral is under one row lose what the option of that row alone decides, for every
behaviour of borrowers: their losses add up over rows exactly.  All other accounts lose nothing less
than nothing.  So the tail limits over the former alone, the rules without scenarios, and cuts that are
proven leave in every choice that keeps the limits of the sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from risk.engine.arrays import FloatArray
from risk.engine.book_sweep import Accounts, BookSwept
from risk.solver.evaluate import Setting
from risk.solver.losses import MEASURES, Kept, Losses, losses_of
from risk.solver.parts import taken
from risk.solver.program import ChanceLimit, TailLimit

SLACK = 1e-9  # relative: the sums of the two models are rounded differently


def under_one_row(accounts: Accounts) -> Accounts:
    """Return the accounts all of whose governed collateral is under the same row."""
    return taken(accounts, _is_under_one_row(accounts))


def under_several_rows(accounts: Accounts) -> Accounts:
    """Return all other accounts."""
    return taken(accounts, ~_is_under_one_row(accounts))


def _is_under_one_row(accounts: Accounts) -> NDArray[np.bool_]:
    owner = np.repeat(np.arange(len(accounts)), np.diff(accounts.c_indptr))
    governed = accounts.c_row >= 0
    low = np.full(len(accounts), np.iinfo(np.int64).max)
    high = np.full(len(accounts), -1)
    np.minimum.at(low, owner[governed], accounts.c_row[governed])
    np.maximum.at(high, owner[governed], accounts.c_row[governed])
    return np.asarray(low == high)


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


def all_losses(
    setting: Setting,
    single: Sequence[Losses],
    *,
    kept: Kept | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Losses, ...]:
    """Return the losses of all accounts: those under one row are known, the others are swept.

    Parameters
    ----------
    setting : Setting
    single : sequence of Losses
        Of `single_row_losses`, left as they are.
    kept, progress
        As for `risk.solver.losses.losses_of`.
    """
    others = losses_of(
        setting.snapshot,
        setting.menu,
        setting.scenarios,
        setting.limits,
        oracles=setting.oracles,
        accounts=under_several_rows(setting.accounts),
        kept=kept,
        progress=progress,
    )
    for other, own in zip(others, single, strict=True):
        _add(other.swept, own.swept)
        for part in own.parts:
            _add(other.parts[part], own.parts[part])
    return others


def _add(to: BookSwept, of: BookSwept) -> None:
    for measure in MEASURES:
        for name in ("now", "change"):
            total: FloatArray = getattr(getattr(to, name), measure)
            total += getattr(getattr(of, name), measure)


def loosened(tails: tuple[TailLimit, ...]) -> tuple[TailLimit, ...]:
    """Return the limits with room for rounding, so that they cut off nothing that is within them."""
    return tuple(replace(t, limit_usd=t.limit_usd + SLACK * max(1.0, abs(t.limit_usd))) for t in tails)


def loosened_chances(chances: tuple[ChanceLimit, ...]) -> tuple[ChanceLimit, ...]:
    """Return limits on probabilities with room for rounding, as `loosened`."""
    return tuple(replace(c, size_usd=c.size_usd + SLACK * max(1.0, c.size_usd)) for c in chances)
