"""What each step of a change does on the way from the current to the proposed value.

One value proves little: next to a cluster of accounts a step more liquidates much more.  Every
account is decided by the contract's integers at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from protocols.snapshot import Snapshot
from risk.engine.liquidatable import liquidatable
from risk.measures import account_totals
from risk.proposal.apply import applied
from risk.proposal.capacity import borrow_power_usd
from risk.proposal.changes import Change
from risk.solver.cap_fill import cap_fill

MOST_STEPS = 20
TOGETHER = "all changes together"
MOVES_ACCOUNTS = ("liquidation_threshold_bps",)


@dataclass(frozen=True, slots=True)
class Step:
    """One value on the way.

    Parameters
    ----------
    raw : int
        As the chain stores it; of all changes together the percentage of the way.
    shown : str
        As people write it.
    accounts : int
        Liquidatable at the curve's prices.
    debt_usd : float
        Their debt at the snapshot's prices.
    added_accounts, added_debt_usd
        What of that the step adds to the current value; negative where it releases.
    borrow_power_usd : float
        Counted collateral times LTV, at the snapshot's prices.
    cap_fill_loss_usd : float
        Largest loss of the cap-fill test.
    """

    raw: int
    shown: str
    accounts: int
    debt_usd: float
    added_accounts: int
    added_debt_usd: float
    borrow_power_usd: float
    cap_fill_loss_usd: float


@dataclass(frozen=True, slots=True)
class StepCurve:
    """One change alone, the others at their current value; or all together.

    Parameters
    ----------
    parameter : str
        ``WETH.liquidation_threshold``.  Untrusted text.
    prices : str
        ``now``, or the scenario at whose prices accounts are judged.
    steps : tuple of Step
        The first is the current value, the last the proposed one.
    """

    parameter: str
    prices: str
    steps: tuple[Step, ...]


def step_curves(
    snapshot: Snapshot, changes: Sequence[Change], names: Sequence[str], prices_raw: NDArray[Any]
) -> tuple[StepCurve, ...]:
    """Return the curve of every change alone, and of all together if there are several.

    Parameters
    ----------
    snapshot : Snapshot
    changes : sequence of Change
    names : sequence of str, length P
        Of the prices; a change that moves no account is shown at the first only.
    prices_raw : (P, A) integers
        Oracle prices at which liquidatable accounts are counted.
    """
    curves: list[StepCurve] = []
    for change in changes:
        tried = values(change.before, change.after)
        batches = [[replace(change, after=value)] for value in tried]
        labels = [(value, replace(change, after=value).shown[1]) for value in tried]
        moves = change.field.attribute in MOVES_ACCOUNTS
        shown = names if moves else names[:1]
        curves += _curves(snapshot, change.name, batches, labels, shown, prices_raw[: len(shown)])
    if len(changes) > 1:
        ways = values(0, 100)
        batches = [[_part(change, way) for change in changes] for way in ways]
        labels = [(way, f"{way} % of the way") for way in ways]
        curves += _curves(snapshot, TOGETHER, batches, labels, names, prices_raw)
    return tuple(curves)


def values(before: int, after: int) -> list[int]:
    """Return at most `MOST_STEPS` even steps from ``before`` to ``after``, and both ends."""
    count = min(abs(after - before), MOST_STEPS)
    return [before + _toward((after - before) * k, count) for k in range(count)] + [after]


def _part(change: Change, way: int) -> Change:
    return replace(change, after=change.before + _toward((change.after - change.before) * way, 100))


def _toward(numerator: int, denominator: int) -> int:
    """Return the quotient, rounded towards 0: a step never goes beyond its share of the way."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def _curves(
    snapshot: Snapshot,
    parameter: str,
    batches: Sequence[Sequence[Change]],
    labels: Sequence[tuple[int, str]],
    names: Sequence[str],
    prices_raw: NDArray[Any],
) -> list[StepCurve]:
    """Return one curve a row of prices; ``batches`` are the changes at each step."""
    debt_usd, _, _ = account_totals(snapshot)
    rows: list[list[Step]] = [[] for _ in names]
    for (raw, shown), batch in zip(labels, batches, strict=True):
        there = applied(snapshot, batch)
        below = liquidatable(there, prices_raw, which=True).below
        assert below is not None
        power = borrow_power_usd(there)
        loss = max((fill.loss_usd for fill in cap_fill(there)), default=0.0)
        for own, hit in zip(rows, below.T, strict=True):
            accounts, debt = int(hit.sum()), float(debt_usd[hit].sum())
            first = own[0] if own else None
            more = accounts - first.accounts if first else 0
            more_usd = debt - first.debt_usd if first else 0.0
            own.append(Step(raw, shown, accounts, debt, more, more_usd, power, loss))
    return [StepCurve(parameter, name, tuple(own)) for name, own in zip(names, rows, strict=True)]
