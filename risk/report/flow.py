"""The joint at-risk flow: what a scenario sells, against what selling and withdrawing allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.measures import cover_two
from risk.outcome import FloatArray, Outcome
from risk.report.stress import REFERENCE_CHANGE, ScenarioRow, nearest
from risk.scenarios.families import tree_of

BPS = 10_000


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One collateral asset in the flow scenario, USD at the scenario's prices.

    ``family`` is what the asset follows at last: its members share buyers.  ``at_risk_usd``
    is counted collateral of liquidatable accounts, ``sold_usd`` what liquidators seized and
    sold of it.  ``absorbable_usd`` is the largest sale whose slippage the bonus a liquidator
    keeps pays for, None without a depth curve, as is ``slippage_share`` of what was sold.
    ``withdrawable_usd`` is the reserve's liquidity: seized collateral beyond it can only be
    taken as a deposit receipt.
    """

    asset: str
    family: str
    at_risk_usd: float
    absorbable_usd: float | None
    absorbs_all: bool | None
    withdrawable_usd: float
    withdrawable_covers: bool
    sold_tokens: float
    sold_usd: float
    proceeds_usd: float | None
    slippage_share: float | None
    bonus_after_fee_share: float
    depth_source: str
    depth_at_s: int | None


@dataclass(frozen=True, slots=True)
class FlowFigures:
    """The flow of one scenario; ``infinite`` lists assets without a depth curve.

    ``unprofitable_debt_usd`` is debt left liquidatable because no liquidator profits.
    """

    scenario: str
    at_risk_usd: float
    sold_usd: float
    unprofitable_debt_usd: float
    rows: tuple[FlowRow, ...]
    infinite: tuple[str, ...]


def flow_scenario(rows: Sequence[ScenarioRow], fallback: ScenarioRow) -> ScenarioRow:
    """Return the scenario of the market factor nearest to a 30 % fall, else ``fallback``."""
    return nearest(rows, "market", REFERENCE_CHANGE) or fallback


def flow(
    snapshot: Snapshot, outcome: Outcome, move: FloatArray, at: ScenarioRow, depth: Depth
) -> FlowFigures:
    """Return what scenario ``at`` sells, largest first, and whether it can be absorbed.

    Parameters
    ----------
    snapshot, outcome, depth
    move : (S, A) float64
        `stress.moves`.
    at : ScenarioRow
        Which scenario.
    """
    s, tree = at.index, tree_of(snapshot)
    rows = []
    for i in np.argsort(-outcome.eligible_collateral_usd[s], kind="stable"):
        at_risk = float(outcome.eligible_collateral_usd[s, i])
        if at_risk > 0 or outcome.sold_tokens[s, i] > 0:
            rows.append(
                _row(snapshot, outcome, depth, s, int(i), 1.0 + float(move[s, i]), tree.chains[i][-1])
            )
    return FlowFigures(
        scenario=at.scenario,
        at_risk_usd=sum(r.at_risk_usd for r in rows),
        sold_usd=sum(r.sold_usd for r in rows),
        unprofitable_debt_usd=at.unprofitable_debt_usd,
        rows=tuple(rows),
        infinite=tuple(r.asset for r in rows if r.proceeds_usd is None),
    )


@dataclass(frozen=True, slots=True)
class CoverTwoRow:
    """The two largest borrowers fail together at the prices of one scenario."""

    prices: str
    two_accounts: tuple[str, ...]
    debt_usd: float
    collateral_usd: float
    shortfall_usd: float
    infinite_depth: bool


def two_largest(
    snapshot: Snapshot, depth: Depth, move: FloatArray, at: Sequence[ScenarioRow]
) -> tuple[CoverTwoRow, ...]:
    """Return what it costs if the two largest borrowers fail together: now, and in scenarios ``at``."""
    factors = {"now": None, **{row.scenario: 1.0 + move[row.index] for row in at}}
    rows = []
    for prices, factor in factors.items():
        found = cover_two(snapshot, depth, factor)
        rows.append(
            CoverTwoRow(
                prices,
                found.accounts,
                found.debt_usd,
                found.collateral_usd,
                found.shortfall_usd,
                found.infinite_depth,
            )
        )
    return tuple(rows)


def _row(
    snapshot: Snapshot, outcome: Outcome, depth: Depth, s: int, i: int, factor: float, family: str
) -> FlowRow:
    reserve, tokens = snapshot.reserves[i], float(outcome.sold_tokens[s, i])
    at_risk, price = float(outcome.eligible_collateral_usd[s, i]), float(snapshot.price_usd[i]) * factor
    value = tokens * price
    bonus = max(reserve.liquidation_bonus_bps - BPS, 0) / BPS
    kept = bonus * (1.0 - reserve.liquidation_protocol_fee_bps / BPS)
    proceeds = absorbable = None
    if not depth.infinite[i]:
        proceeds = float(depth.proceeds(i, np.array(tokens), factor))
        absorbable = depth.size_within(i, kept / (1.0 + kept)) * price
    withdrawable = reserve.available_liquidity_raw / 10**reserve.decimals * price
    return FlowRow(
        asset=snapshot.asset_names[i],
        family=family,
        at_risk_usd=at_risk,
        absorbable_usd=absorbable,
        absorbs_all=None if absorbable is None else absorbable >= at_risk,
        withdrawable_usd=withdrawable,
        withdrawable_covers=withdrawable >= at_risk,
        sold_tokens=tokens,
        sold_usd=value,
        proceeds_usd=proceeds,
        slippage_share=1.0 - proceeds / value if proceeds is not None and value > 0 else None,
        bonus_after_fee_share=kept,
        depth_source=depth.source[i],
        depth_at_s=int(depth.time_s[i]) or None,
    )
