"""Figures read off an `Outcome`: what each shock does, and which shock does worst."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from protocols.snapshot import Snapshot
from risk.outcome import FloatArray, Outcome
from risk.scenarios.scenarios import Scenarios

REFERENCE_CHANGE = -0.30  # the move the headline speaks about, where there is one
REFERENCE_GROUP = "single"
CURVE_GROUPS = ("single", "market", "pair", "grid")  # whose scenarios each move one subject
PAIR_CHANGE = -0.05  # of a staked or wrapped token against what it stands for
LISTED_SCENARIOS = 200  # rows of the details table: bounded whatever the number of scenarios
_ONE_MOVE = re.compile(r"(.*) ([+-]?[0-9.]+)%", re.DOTALL)  # "WETH -30%", as `Shock.name` writes it


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """Totals of one scenario; ``largest_move_share`` is the move of the asset that moves most."""

    index: int
    scenario: str
    group: str
    largest_move_share: float
    eligible_accounts: int
    eligible_debt_usd: float
    eligible_collateral_usd: float
    liquidated_accounts: int
    repaid_usd: float
    seized_usd: float
    bad_debt_usd: float
    deficit_usd: float
    avoidable_loss_usd: float
    loss_dislocation_usd: float
    loss_excess_usd: float
    loss_bonus_usd: float
    toxic_usd: float
    unprofitable_debt_usd: float
    under_liquidation_usd_hours: float
    liquidator_profit_usd: float
    first_liquidation_s: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """One asset (or the market factor) moved alone, by size of the move."""

    subject: str
    change_share: tuple[float, ...]
    eligible_debt_usd: tuple[float, ...]
    eligible_accounts: tuple[int, ...]
    bad_debt_usd: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CurveFamily:
    """The curves of one group of scenarios, largest effect first."""

    group: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True)
class BadDebtRow:
    """Bad debt of one debt reserve: the reference scenario and the worst of each family.

    ``worst_usd`` is the reserve's own worst over all scenarios; columns of different
    reserves may belong to different scenarios and do not add up.
    """

    asset: str
    debt_usd: float
    booked_deficit_usd: float
    reference_usd: float
    worst_single_usd: float | None
    worst_pair_usd: float | None
    worst_market_usd: float | None
    worst_usd: float
    worst_scenario: str


def moves(snapshot: Snapshot, scenarios: Scenarios) -> FloatArray:
    """Return each asset's largest move in each scenario, (S, A), as a share of its price now.

    Over all times, at the median venue; a path that falls 30 % and recovers reads -0.3.
    """
    from risk.engine.prices import market_price_usd

    now = np.where(snapshot.price_usd > 0, snapshot.price_usd, 1.0)
    out = np.zeros((len(scenarios), len(now)))
    for block in scenarios.blocks():
        change = market_price_usd(block) / now - 1.0
        at = np.abs(change).argmax(axis=1)
        largest = np.take_along_axis(change, at[:, None, :], axis=1)[:, 0, :]
        out[block.start : block.start + len(block)] = np.where(snapshot.price_usd > 0, largest, 0.0)
    return out


def scenario_rows(outcome: Outcome, move: FloatArray) -> tuple[ScenarioRow, ...]:
    """Return one row a scenario, in scenario order."""
    largest = np.take_along_axis(move, np.abs(move).argmax(axis=1)[:, None], axis=1)[:, 0]
    return tuple(
        ScenarioRow(
            index=s,
            scenario=outcome.names[s],
            group=outcome.groups[s],
            largest_move_share=float(largest[s]),
            eligible_accounts=int(outcome.eligible_accounts[s]),
            eligible_debt_usd=float(outcome.eligible_debt_usd[s].sum()),
            eligible_collateral_usd=float(outcome.eligible_collateral_usd[s].sum()),
            liquidated_accounts=int(outcome.liquidated_accounts[s]),
            repaid_usd=float(outcome.repaid_usd[s].sum()),
            seized_usd=float(outcome.seized_usd[s].sum()),
            bad_debt_usd=float(outcome.bad_debt_usd[s].sum()),
            deficit_usd=float(outcome.deficit_usd[s].sum()),
            avoidable_loss_usd=float(outcome.avoidable_loss_usd[s].sum()),
            loss_dislocation_usd=float(outcome.loss_dislocation_usd[s]),
            loss_excess_usd=float(outcome.loss_excess_usd[s]),
            loss_bonus_usd=float(outcome.loss_bonus_usd[s]),
            toxic_usd=float(outcome.toxic_usd[s].sum()),
            unprofitable_debt_usd=float(outcome.unprofitable_debt_usd[s]),
            under_liquidation_usd_hours=float(outcome.under_liquidation_usd_hours[s]),
            liquidator_profit_usd=float(outcome.liquidator_profit_usd[s]),
            first_liquidation_s=_finite(outcome.first_liquidation_s[s]),
        )
        for s in range(len(outcome))
    )


def reference(rows: Sequence[ScenarioRow], prefer: Sequence[int] = ()) -> ScenarioRow:
    """Return the scenario the headline speaks about.

    Among ``prefer`` (or, without any, the single-asset falls nearest to 30 %, or all
    scenarios) the one that makes most debt liquidatable; ties go to the first.
    """
    single = None if prefer else nearest(rows, REFERENCE_GROUP, REFERENCE_CHANGE)
    chosen = [rows[i] for i in prefer] or ([single] if single is not None else rows)
    return max(chosen, key=lambda r: (r.eligible_debt_usd, -r.index))


@dataclass(frozen=True, slots=True)
class Named:
    """A scenario the report speaks about, and why."""

    which: str
    row: ScenarioRow


def named(rows: Sequence[ScenarioRow], headline: ScenarioRow) -> tuple[Named, ...]:
    """Return the scenarios to know: one of ordinary size a family, then the worst of each."""
    ordinary = [
        ("headline", headline),
        ("market factor, nearest to -30%", nearest(rows, "market", REFERENCE_CHANGE)),
        ("token against what it follows, nearest to -5%", nearest(rows, "pair", PAIR_CHANGE)),
    ]
    extreme = [(f"worst {g}", worst(rows, g)) for g in dict.fromkeys(r.group for r in rows)]
    return tuple(Named(which, row) for which, row in (*ordinary, *extreme) if row is not None)


def move_in(scenario: str) -> float | None:
    """Return the move a scenario's name states (``market -40%`` is -0.4), None if not one."""
    match = _ONE_MOVE.fullmatch(scenario)
    return round(float(match[2]) / 100, 8) if match else None


def stated_move(row: ScenarioRow) -> float:
    """Return the move a scenario's name states, else its largest asset move."""
    move = move_in(row.scenario)
    return row.largest_move_share if move is None else move


def nearest(rows: Iterable[ScenarioRow], group: str, change: float) -> ScenarioRow | None:
    """Return the scenario of ``group`` nearest to ``change`` that makes most debt liquidatable."""
    own = [r for r in rows if r.group == group and stated_move(r) * change > 0]
    least = min((abs(stated_move(r) - change) for r in own), default=0.0)
    close = [r for r in own if abs(stated_move(r) - change) <= least + 1e-9]
    return max(close, key=lambda r: (r.eligible_debt_usd, -r.index), default=None)


def worst(rows: Iterable[ScenarioRow], group: str | None = None) -> ScenarioRow | None:
    """Return the scenario of ``group`` (any by default) with most bad debt, then most liquidatable."""
    own = [r for r in rows if group is None or r.group == group]
    return max(own, key=lambda r: (r.bad_debt_usd, r.eligible_debt_usd, -r.index), default=None)


def curves(rows: Sequence[ScenarioRow], group: str) -> tuple[Curve, ...]:
    """Return the curves of a group whose scenarios move one subject, largest effect first.

    Subject and size are read off the scenario's name (``WETH -30%``): under the market factor
    every asset moves by its own beta, so no single asset's move is the size.
    """
    by_subject: dict[str, list[tuple[float, ScenarioRow]]] = {}
    for row in rows:
        match = _ONE_MOVE.fullmatch(row.scenario)
        if row.group == group and match is not None:
            by_subject.setdefault(match[1], []).append((stated_move(row), row))
    found = []
    for subject, points in by_subject.items():
        points.sort(key=lambda p: (p[0], p[1].index))
        found.append(
            Curve(
                subject,
                tuple(round(x, 8) for x, _ in points),
                tuple(r.eligible_debt_usd for _, r in points),
                tuple(r.eligible_accounts for _, r in points),
                tuple(r.bad_debt_usd for _, r in points),
            )
        )
    return tuple(sorted(found, key=lambda c: (-max(c.eligible_debt_usd), c.subject)))


def curve_families(rows: Sequence[ScenarioRow]) -> tuple[CurveFamily, ...]:
    """Return the curves of every group that has some."""
    families = (CurveFamily(g, curves(rows, g)) for g in CURVE_GROUPS)
    return tuple(f for f in families if f.curves)


def bad_debt_rows(snapshot: Snapshot, outcome: Outcome, at: ScenarioRow) -> tuple[BadDebtRow, ...]:
    """Return bad debt per debt reserve, largest worst case first; reserves without debt are left out."""
    groups = {g: list(outcome.select(g)) for g in ("single", "pair", "market")}
    owed = np.bincount(snapshot.book.debt.reserve, snapshot.debt_usd, minlength=len(snapshot.reserves))
    rows = []
    for i, reserve in enumerate(snapshot.reserves):
        booked = reserve.deficit_raw / 10**reserve.decimals * float(snapshot.price_usd[i])
        per_scenario = outcome.bad_debt_usd[:, i]
        if not owed[i] and not booked and not per_scenario.any():
            continue
        top = int(per_scenario.argmax())
        family = {g: float(per_scenario[s].max()) if s else None for g, s in groups.items()}
        rows.append(
            BadDebtRow(
                asset=outcome.assets[i],
                debt_usd=float(owed[i]),
                booked_deficit_usd=booked,
                reference_usd=float(per_scenario[at.index]),
                worst_single_usd=family["single"],
                worst_pair_usd=family["pair"],
                worst_market_usd=family["market"],
                worst_usd=float(per_scenario[top]),
                worst_scenario=outcome.names[top] if per_scenario[top] > 0 else "",
            )
        )
    return tuple(sorted(rows, key=lambda r: (-r.worst_usd, -r.debt_usd, r.asset)))


def listed_scenarios(rows: Sequence[ScenarioRow], n: int = LISTED_SCENARIOS) -> tuple[ScenarioRow, ...]:
    """Return all scenarios if there are at most ``n``, else the ``n`` with most liquidatable debt."""
    if len(rows) <= n:
        return tuple(rows)
    most = sorted(rows, key=lambda r: (-r.bad_debt_usd, -r.eligible_debt_usd, r.index))[:n]
    return tuple(sorted(most, key=lambda r: r.index))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
