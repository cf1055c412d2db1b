"""Haircut and new-position diagnostics as flat figures; diagnostics, never proposals."""

from __future__ import annotations

from dataclasses import dataclass

from abis.findings import Finding
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.solver.haircuts import HaircutRow, seed_haircuts
from risk.solver.new_position import NewPosition, new_positions

LISTED = 100  # new positions kept: pairs grow with the square of the reserves


@dataclass(frozen=True, slots=True)
class BufferRow:
    """Today's cuts of a unit of collateral value, and those the pairs' past returns ask for."""

    collateral: str
    emode: str
    debt_usd: float
    covered_share: float
    worst_debt: str
    slippage_share: float
    infinite_depth: bool
    current_ltv_share: float
    needed_ltv_share: float | None
    current_threshold_share: float
    needed_threshold_share: float | None
    current_user_buffer_share: float
    needed_user_buffer_share: float | None
    current_protocol_buffer_share: float
    needed_protocol_buffer_share: float | None
    data_source: str


@dataclass(frozen=True, slots=True)
class NewPositionRow:
    """How likely an account opened at maximal LTV is liquidated within a week."""

    collateral: str
    emode: str
    debt: str
    trigger_share: float
    past_share: float | None
    gbm_share: float | None
    own_returns: bool
    data_source: str


@dataclass(frozen=True, slots=True)
class HaircutFigures:
    """The haircut table with what it is meant to cover."""

    delay_s: int
    bad_debt_probability: float
    horizon_s: int
    liquidation_probability: float
    rows: tuple[BufferRow, ...]


def haircuts(snapshot: Snapshot, depth: Depth) -> tuple[HaircutFigures, tuple[Finding, ...]]:
    """Return today's and needed buffers of every collateral with debt behind it, and findings."""
    found = seed_haircuts(snapshot, depth=depth)
    figures = HaircutFigures(
        delay_s=found.options.delay_s,
        bad_debt_probability=found.options.bad_debt_probability,
        horizon_s=found.options.horizon_s,
        liquidation_probability=found.options.liquidation_probability,
        rows=tuple(_buffer(row) for row in found.rows),
    )
    return figures, found.findings


def new_position_rows(snapshot: Snapshot) -> tuple[NewPositionRow, ...]:
    """Return the new-position test of the pairs that can be opened, most likely first."""
    return tuple(_new(p) for p in new_positions(snapshot)[:LISTED])


def _buffer(row: HaircutRow) -> BufferRow:
    now, then = row.current, row.needed
    return BufferRow(
        collateral=row.collateral,
        emode=row.emode,
        debt_usd=row.debt_usd,
        covered_share=row.coverage,
        worst_debt=row.worst_debt,
        slippage_share=row.slippage,
        infinite_depth=row.infinite_depth,
        current_ltv_share=now.ltv,
        needed_ltv_share=then.ltv if then else None,
        current_threshold_share=now.threshold,
        needed_threshold_share=then.threshold if then else None,
        current_user_buffer_share=now.user_buffer,
        needed_user_buffer_share=then.user_buffer if then else None,
        current_protocol_buffer_share=now.protocol_buffer,
        needed_protocol_buffer_share=then.protocol_buffer if then else None,
        data_source="; ".join(row.sources),
    )


def _new(p: NewPosition) -> NewPositionRow:
    return NewPositionRow(
        collateral=p.collateral,
        emode=p.emode,
        debt=p.debt,
        trigger_share=p.level,
        past_share=p.empirical,
        gbm_share=p.gbm,
        own_returns=p.exact,
        data_source=p.source,
    )
