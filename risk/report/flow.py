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
    """One collateral asset in the flow scenario.

    ``family`` is what the asset follows at last: its members share buyers.  ``slippage_share``
    is 1 - proceeds / value at the scenario's price, None without a depth curve.
    ``bonus_after_fee_share`` is the bonus a liquidator keeps.  ``withdrawable_usd`` is the
    liquidity in the reserve, at the scenario's price: seized collateral beyond it can only be
    taken as a deposit receipt.
    """

    asset: str
    family: str
    at_risk_usd: float
    sold_tokens: float
    sold_usd: float
    proceeds_usd: float | None
    slippage_share: float | None
    bonus_after_fee_share: float
    within_bonus: bool | None
    withdrawable_usd: float
    withdrawable_covers: bool


@dataclass(frozen=True, slots=True)
class FlowFigures:
    """The flow of one scenario; ``infinite`` lists assets without a depth curve."""

    scenario: str
    sold_usd: float
    at_risk_usd: float
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
        sold_usd=sum(r.sold_usd for r in rows),
        at_risk_usd=sum(r.at_risk_usd for r in rows),
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
    price = float(snapshot.price_usd[i]) * factor
    value = tokens * price
    proceeds = None if depth.infinite[i] else float(depth.proceeds(i, np.array(tokens), factor))
    slippage = 1.0 - proceeds / value if proceeds is not None and value > 0 else None
    fee = reserve.liquidation_protocol_fee_bps / BPS
    bonus = max(reserve.liquidation_bonus_bps - BPS, 0) / BPS * (1.0 - fee)
    withdrawable = reserve.available_liquidity_raw / 10**reserve.decimals * price
    return FlowRow(
        asset=snapshot.asset_names[i],
        family=family,
        at_risk_usd=float(outcome.eligible_collateral_usd[s, i]),
        sold_tokens=tokens,
        sold_usd=value,
        proceeds_usd=proceeds,
        slippage_share=slippage,
        bonus_after_fee_share=bonus,
        within_bonus=None if slippage is None else slippage <= bonus / (1.0 + bonus),
        withdrawable_usd=withdrawable,
        withdrawable_covers=withdrawable >= value,
    )
