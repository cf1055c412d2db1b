"""`Evidence`: every figure that speaks for or against a proposal, computed once.

The forum post, the report and the JSON render this record; nothing else computes figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from abis.findings import Finding
from oracles.feed_audit import Check as FeedCheck
from protocols.exact import exact_rules
from protocols.snapshot import Snapshot
from protocols.store import digest
from risk.audit.audit import AuditReport, audit
from risk.depth import Depth
from risk.engine.liquidity import Liquidity
from risk.engine.stress import stress
from risk.measures import account_totals, herfindahl, top_share
from risk.outcome import FloatArray, Outcome
from risk.proposal.apply import applied
from risk.proposal.capacity import CapUse, PowerRow, cap_uses, power_rows
from risk.proposal.changes import Change
from risk.proposal.check import Check
from risk.proposal.depth_dependence import DepthDependence, Sides, depth_dependence
from risk.proposal.effects import NOW, Effects, effects, prices_now_raw, prices_raw
from risk.proposal.harm import Harm, harm
from risk.proposal.largest_borrower import LargestBorrower, largest_borrower_rows
from risk.proposal.lint import Facts, lint
from risk.proposal.maximal import CapFillRow, NewPositionRow, cap_fill_rows, new_position_rows
from risk.proposal.provenance import Provenance, code_version
from risk.proposal.step_curve import StepCurve, step_curves
from risk.proposal.warnings import warnings
from risk.report.book import CompletenessFigures, completeness
from risk.report.feeds import market_oracles
from risk.scenarios.candles import Candles
from risk.scenarios.scenarios import Scenarios
from risk.sensitivity import VARIANTS

Progress = Callable[[str, int, int], None]  # phase, done, total

TOP = 20
STRESSED_CURVES = 2  # scenarios, beside now, at whose prices steps are counted


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether the snapshot proves that it holds every account.

    Parameters
    ----------
    proven : bool or None
        Whether every token's balances add up to its total; None if nothing was checked.
    statement : str
        One sentence.
    figures : CompletenessFigures
    """

    proven: bool | None
    statement: str
    figures: CompletenessFigures


@dataclass(frozen=True, slots=True)
class TopPosition:
    """One of the largest borrowers whose parameters change.

    Parameters
    ----------
    account : str
        Untrusted text.
    collateral_usd, debt_usd : float
        At the snapshot's prices; collateral is what counts.
    debt_share : float
        Of all debt of the market.
    health_before_wad, health_after_wad : int
        As the contract computes them.
    """

    account: str
    collateral_usd: float
    debt_usd: float
    debt_share: float
    health_before_wad: int
    health_after_wad: int


@dataclass(frozen=True, slots=True)
class ConcentrationRow:
    """How few accounts hold something: shares of the 1, 5 and 10 largest, and the Herfindahl index."""

    what: str
    accounts: int
    total_usd: float
    top1_share: float
    top5_share: float
    top10_share: float
    herfindahl: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a proposal does to a market, and how sure that is.

    Parameters
    ----------
    changes : tuple of Change
    provenance : Provenance
    completeness : Completeness
    effects : Effects
        Accounts whose status changes, now and at the prices of each scenario.
    curves : tuple of StepCurve
    borrow_power : tuple of PowerRow
    caps : tuple of CapUse
    harm : Harm
        Ledger of the stress tests on both sides.
    infinite_depth : bool
        Whether sales of some reserve were taken to move no price: figures of ``harm`` rest on it.
    depth_dependence : DepthDependence or None
        None where it was not asked for.
    largest_borrowers : tuple of LargestBorrower
        With the proposed parameters.
    positions : tuple of TopPosition
    concentration : tuple of ConcentrationRow
    new_positions : tuple of NewPositionRow
    cap_fills : tuple of CapFillRow
    feeds : tuple of oracles.feed_audit.Check
        Audit of the prices of every asset that a change touches.
    findings : tuple of Finding
        Of the snapshot, the scenarios, the depth and the engine.
    lint : tuple of Check
        Published numeric rules, each with its source.
    warnings : tuple of Finding
    """

    changes: tuple[Change, ...]
    provenance: Provenance
    completeness: Completeness
    effects: Effects
    curves: tuple[StepCurve, ...]
    borrow_power: tuple[PowerRow, ...]
    caps: tuple[CapUse, ...]
    harm: Harm
    infinite_depth: bool
    depth_dependence: DepthDependence | None
    largest_borrowers: tuple[LargestBorrower, ...]
    positions: tuple[TopPosition, ...]
    concentration: tuple[ConcentrationRow, ...]
    new_positions: tuple[NewPositionRow, ...]
    cap_fills: tuple[CapFillRow, ...]
    feeds: tuple[FeedCheck, ...]
    findings: tuple[Finding, ...]
    lint: tuple[Check, ...] = field(default=())
    warnings: tuple[Finding, ...] = field(default=())


def evidence_of(
    snapshot: Snapshot,
    proposal: Sequence[Change],
    scenarios: Scenarios,
    *,
    depth: Depth | None = None,
    feeds: AuditReport | None = None,
    history: Mapping[str, Candles] | None = None,
    snapshot_sha256: str | None = None,
    depth_sha256: str | None = None,
    resampling_seed: int = 0,
    vary_depth: bool = True,
    progress: Progress | None = None,
) -> Evidence:
    """Compute everything.

    Parameters
    ----------
    snapshot : Snapshot
    proposal : sequence of Change
        Of this snapshot.
    scenarios : Scenarios
    depth : Depth, optional
        Infinite by default.
    feeds : AuditReport, optional
        By default what the snapshot and the table of public facts alone tell.
    history : mapping of symbol to Candles, optional
        Market prices, for the peg rule.
    snapshot_sha256, depth_sha256 : str, optional
        Hashes of the files; that of the snapshot is computed if not given.
    resampling_seed : int
        Of the resamples behind intervals.
    vary_depth : bool
        Whether to run the scenarios under other depths too: five times the work.
    progress : callable (phase, done, total), optional
    """
    changes, curves = tuple(proposal), depth or Depth.infinite_for(snapshot)
    after = applied(snapshot, changes)
    tell = progress or (lambda phase, done, total: None)
    found = effects(snapshot, after, scenarios)
    run = _runner(snapshot, after, scenarios, tell, 2 * (len(VARIANTS) if vary_depth else 1))
    if vary_depth:
        sides, dependence = depth_dependence(run, curves)
    else:
        sides, dependence = run(curves, None), None
    audited = feeds or audit(snapshot)
    largest = largest_borrower_rows(after, curves)
    checked = tuple(c for c in audited.checks if c.asset in _names(snapshot, changes))
    facts = Facts(after, changes, _touched(snapshot, changes), curves, largest, checked, history)
    evidence = Evidence(
        changes=changes,
        provenance=_provenance(snapshot, scenarios, snapshot_sha256, depth_sha256, resampling_seed),
        completeness=completeness_of(snapshot),
        effects=found,
        curves=_curves(snapshot, changes, scenarios, found),
        borrow_power=power_rows(snapshot, after),
        caps=cap_uses(snapshot, after, changes),
        harm=harm(scenarios, *sides, seed=resampling_seed),
        infinite_depth=sides[1].infinite_depth,
        depth_dependence=dependence,
        largest_borrowers=largest,
        positions=_positions(snapshot, after, changes),
        concentration=_concentration(snapshot, changes),
        new_positions=new_position_rows(snapshot, after, changes),
        cap_fills=cap_fill_rows(snapshot, after),
        feeds=checked,
        findings=_findings(snapshot, scenarios, curves, sides[1]),
        lint=lint(facts),
    )
    return replace(evidence, warnings=warnings(evidence, snapshot, after))


def completeness_of(snapshot: Snapshot) -> Completeness:
    """Return what the snapshot proves about accounts it may lack."""
    figures = completeness(snapshot)
    if not snapshot.completeness:
        return Completeness(None, "The snapshot proves nothing about accounts it may lack.", figures)
    if all(c.missing_scaled_raw == 0 for c in snapshot.completeness):
        text = (
            f"Complete: the balances of {len(snapshot.book):,} accounts add up to the total of every "
            f"token, unit for unit, at block {snapshot.block.number:,}."
        )
        return Completeness(True, text, figures)
    short = [c for c in snapshot.completeness if c.missing_scaled_raw]
    missing = sum(abs(c.missing_usd) for c in short)
    text = (
        f"Not complete: {len(short):,} of {len(snapshot.completeness):,} totals differ from the balances "
        f"found, by {missing:,.2f} USD; accounts among them may be missing below."
    )
    return Completeness(False, text, figures)


def _runner(
    before: Snapshot, after: Snapshot, scenarios: Scenarios, tell: Progress, runs: int
) -> Callable[[Depth, Liquidity | None], Sides]:
    """Return what runs the scenarios on both sides; of ``runs`` runs in all it tells the progress."""
    # A shock is there to stay, so feeds catch up with it; along a path they lag.
    oracles = market_oracles(before) if len(scenarios.time_s) > 1 else None
    finished = 0

    def one(market: Snapshot, curves: Depth, more: dict[str, Any]) -> Outcome:
        nonlocal finished
        outcome = stress(market, scenarios, oracles=oracles, depth=curves, **more)
        finished += 1
        tell("stress", finished, runs)
        return outcome

    def both(curves: Depth, liquidity: Liquidity | None) -> Sides:
        more = {"liquidity": liquidity} if liquidity is not None else {}
        return one(before, curves, more), one(after, curves, more)

    return both


def _provenance(
    snapshot: Snapshot,
    scenarios: Scenarios,
    snapshot_sha256: str | None,
    depth_sha256: str | None,
    resampling_seed: int,
) -> Provenance:
    return Provenance(
        snapshot_sha256=snapshot_sha256 or digest(snapshot),
        scenarios_sha256=scenarios.sha256,
        depth_sha256=depth_sha256,
        seed=scenarios.seed,
        resampling_seed=resampling_seed,
        version=code_version(),
    )


def _curves(
    snapshot: Snapshot, changes: Sequence[Change], scenarios: Scenarios, found: Effects
) -> tuple[StepCurve, ...]:
    """Return the curves now, and at the prices of the scenarios in which most debt changes sides."""
    moved = np.abs(found.debt_after_usd - found.debt_before_usd)[1:]
    chosen = [int(k) for k in np.argsort(-moved, kind="stable")[:STRESSED_CURVES] if moved[k] > 0]
    rows = [prices_now_raw(snapshot), *(prices_raw(snapshot, scenarios.produce(k, k + 1)) for k in chosen)]
    names = [NOW, *(scenarios.names[k] for k in chosen)]
    return step_curves(snapshot, changes, names, np.concatenate(rows))


def _touched(snapshot: Snapshot, changes: Sequence[Change]) -> list[int]:
    """Return the reserves that a change is about, members of categories among them."""
    places: set[int] = set()
    for change in changes:
        places |= set(snapshot.emodes[change.place].collateral) if change.is_emode else {change.place}
    return sorted(places)


def _names(snapshot: Snapshot, changes: Sequence[Change]) -> set[str]:
    return {snapshot.asset_names[i] for i in _touched(snapshot, changes)}


def _positions(before: Snapshot, after: Snapshot, changes: Sequence[Change]) -> tuple[TopPosition, ...]:
    """Return the largest borrowers that hold or owe an asset a change is about."""
    debt, counted, _ = account_totals(before)
    book, touched = before.book, _touched(before, changes)
    concerned = np.zeros(len(book), dtype=bool)
    for block in (book.collateral, book.debt):
        concerned[block.account[np.isin(block.reserve, touched)]] = True
    order = np.argsort(-np.where(concerned, debt, 0.0), kind="stable")[:TOP]
    total, exact = float(debt.sum()), exact_rules(before.rules)
    return tuple(
        TopPosition(
            account=book.accounts[k],
            collateral_usd=float(counted[k]),
            debt_usd=float(debt[k]),
            debt_share=float(debt[k]) / total,
            health_before_wad=exact.account_data(before.position(int(k)), before.rules).health_factor,
            health_after_wad=exact.account_data(after.position(int(k)), after.rules).health_factor,
        )
        for k in order
        if concerned[k] and debt[k] > 0
    )


def _concentration(snapshot: Snapshot, changes: Sequence[Change]) -> tuple[ConcentrationRow, ...]:
    """Return how concentrated the market's debt is, and supply and debt of each asset concerned."""
    book, n = snapshot.book, len(snapshot.book)
    sides = (
        ("supply", book.collateral, snapshot.collateral_usd),
        ("debt", book.debt, snapshot.debt_usd),
    )
    debt, _, _ = account_totals(snapshot)
    rows = [_concentrated("all debt", debt)]
    for i in _touched(snapshot, changes):
        for side, block, value in sides:
            own = block.reserve == i
            amounts = np.bincount(block.account[own], weights=value[own], minlength=n)
            rows.append(_concentrated(f"{snapshot.asset_names[i]} {side}", amounts.astype(np.float64)))
    return tuple(row for row in rows if row.accounts)


def _concentrated(what: str, amounts: FloatArray) -> ConcentrationRow:
    top1, top5, top10 = (top_share(amounts, k) for k in (1, 5, 10))
    return ConcentrationRow(
        what, int((amounts > 0).sum()), float(amounts.sum()), top1, top5, top10, herfindahl(amounts)
    )


def _findings(
    snapshot: Snapshot, scenarios: Scenarios, depth: Depth, outcome: Outcome
) -> tuple[Finding, ...]:
    given = (*snapshot.findings, *scenarios.findings, *depth.findings, *outcome.findings)
    return tuple(dict.fromkeys(given))
