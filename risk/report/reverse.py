"""Reverse stress: the smallest move of one subject whose bad debt exhausts a stated cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from protocols.snapshot import Snapshot
from risk.measures import reverse_stress
from risk.outcome import Outcome
from risk.report.stress import move_in
from risk.scenarios.build import from_shocks
from risk.scenarios.families import MARKET, is_stable, tree_of
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.shocks import Shock

FALLS = tuple(round(1 - k / 100, 2) for k in range(1, 96))  # price factors, 1 % apart, mildest first
RISES = tuple(round(1 + k / 50, 2) for k in range(1, 101))  # 2 % apart
MAX_SUBJECTS = 5  # coins searched besides the market factor, the largest first


@dataclass(frozen=True, slots=True)
class ReverseRow:
    """One line of moves.

    ``move_share`` is the smallest move found whose bad debt exceeds the cover, None if none
    up to ``searched_share`` does; ``loss_usd`` is the bad debt there, else the largest found.
    ``stays`` says whether every larger move exceeds it too.  ``reserve`` is the debt reserve
    that bears most of the loss.
    """

    subject: str
    direction: str
    move_share: float | None
    searched_share: float
    loss_usd: float
    stays: bool
    reserve: str
    reserve_loss_usd: float


def reverse_lines(snapshot: Snapshot) -> Scenarios:
    """Return falls of the market factor and of the largest coins, and rises of what is owed.

    The group of a scenario names its line (``ETH fall``), mildest move first.
    """
    shocks: list[Shock] = []
    groups: list[str] = []
    for subject, direction, factors in _lines(snapshot):
        shocks += [Shock(MappingProxyType({subject: f})) for f in factors]
        groups += [f"{subject} {direction}"] * len(factors)
    return from_shocks(shocks, snapshot, groups=groups)


def reverse_rows(outcome: Outcome, cover_usd: float) -> tuple[ReverseRow, ...]:
    """Return one row a line of `reverse_lines`, mildest exhausting move first.

    Parameters
    ----------
    outcome : Outcome
        Of `reverse_lines`.
    cover_usd : float
        What may be lost, USD.
    """
    rows = [_row(outcome, group, cover_usd) for group in dict.fromkeys(outcome.groups)]
    return tuple(sorted(rows, key=lambda r: (r.move_share is None, abs(r.move_share or 0.0), -r.loss_usd)))


def _row(outcome: Outcome, group: str, cover_usd: float) -> ReverseRow:
    line = outcome.select(group)
    found = reverse_stress(outcome, line, cover_usd)
    subject, _, direction = group.rpartition(" ")
    loss = outcome.bad_debt_usd[found.scenario]
    worst = int(np.argmax(loss))
    return ReverseRow(
        subject=subject,
        direction=direction,
        move_share=move_in(found.name) if found.reached else None,
        searched_share=move_in(outcome.names[line[-1]]) or 0.0,
        loss_usd=found.loss_usd,
        stays=found.stays,
        reserve=outcome.assets[worst] if loss[worst] > 0 else "",
        reserve_loss_usd=float(loss[worst]),
    )


def _lines(snapshot: Snapshot) -> list[tuple[str, str, Sequence[float]]]:
    tree = tree_of(snapshot)
    c, d = snapshot.book.collateral, snapshot.book.debt
    n = len(snapshot.reserves)
    held = np.bincount(c.reserve, snapshot.collateral_usd * c.counted, minlength=n)
    owed = np.bincount(d.reserve, snapshot.debt_usd, minlength=n)
    by_held = _largest({top: float(held[tree.holds(top)].sum()) for top in tree.tops})
    volatile = {top: float(owed[tree.holds(top)].sum()) for top in tree.tops if not is_stable(top)}
    return [
        (MARKET, "fall", FALLS),
        *((top, "fall", FALLS) for top in by_held),
        *((top, "rise", RISES) for top in _largest(volatile)),
    ]


def _largest(value_usd: dict[str, float]) -> list[str]:
    order = sorted(value_usd, key=lambda top: (-value_usd[top], top))
    return [top for top in order if value_usd[top] > 0][:MAX_SUBJECTS]
