"""Participation after fee share and concurrent flow: whether a call still pays while all sell.

In a stressed scenario all eligible accounts are called at once, and what is seized is sold into the same
buyers.  The *flow* of collateral i in scenario s is what one round of calls seizes of it::

    flow_is = close factor  x  eligible debt behind i  x  (1 + b_i)          USD of the snapshot

with an account's debt shared out over its collateral by value; the sweep counts it whether or not a call
pays, so a bonus that pays nobody does not look safe.  Of the collaterals that share a *sink* the flows
add up; F is the quantile of the sum.  A row takes part where, for the member that sells worst,

    slippage_i(F / p_i) + costs + gas / call  <=  b (1 - phi)

``costs`` (``participation.cost_bps``) are then pool fee and oracle gap alone.  For caps, flows are taken
as they would be were supplies grown to their caps, with today's share at risk, and held against what the
sink buys at the slippage the worst-paid row of it can bear::

    quantile_s( sum_i flow_is max(1, cap_i / supplied_i) )
        <=  min_i p_i size_i( b (1 - phi) - costs - gas / call )
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.arrays import FloatArray, IntArray
from risk.measures import weighted_quantile
from risk.solver.amount import Amount
from risk.solver.cap_options import Kind
from risk.solver.limits import Limits
from risk.solver.menu import BPS, Menu, Row
from risk.solver.parameters import Parameters
from risk.solver.parts import Part, PartKind

FLOW, CAP = "participation.flow_level", "participation.cap_level"


@dataclass(frozen=True, eq=False)
class Sold:
    """What one round of calls seizes and sells.

    Parameters
    ----------
    flow_usd : (A, S) float64
        Of every reserve.
    weight : (S,) float64
    """

    flow_usd: FloatArray
    weight: FloatArray


def asked(limits: Limits) -> bool:
    """Tell whether limits speak of concurrent flow."""
    return limits[FLOW] > 0 or limits[CAP] > 0


def collaterals(snapshot: Snapshot, menu: Menu) -> tuple[Part, ...]:
    """Return the part of the book behind each reserve that is collateral of a row."""
    places = sorted({i for row in menu.rows if row.kind is Kind.COLLATERAL for i in row.members})
    return tuple(Part(PartKind.COLLATERAL, snapshot.asset_names[i]) for i in places)


def sold(
    snapshot: Snapshot,
    menu: Menu,
    chosen: IntArray,
    eligible_usd: Mapping[Part, FloatArray],
    weight: FloatArray,
    close_factor: float,
) -> Sold:
    """Return the flows of a choice from the eligible debt behind each collateral, (S,) each."""
    bonus = np.zeros(len(snapshot.reserves))
    for row, parameters in _chosen(menu, chosen):
        for i in row.members:
            bonus[i] = max(bonus[i], parameters.bonus)
    flow = np.zeros((len(snapshot.reserves), len(weight)))
    for part, eligible in eligible_usd.items():
        i = snapshot.asset_index(part.name)
        flow[i] = close_factor * (1 + bonus[i]) * eligible
    return Sold(flow, weight)


def participation(
    snapshot: Snapshot, menu: Menu, chosen: IntArray, limits: Limits, depth: Depth, flows: Sold
) -> Iterator[Amount]:
    """Yield what each row's calls cost beside what they earn, bps, and each sink's flow at the caps, USD."""
    if limits[FLOW] > 0:
        yield from _rows(snapshot, menu, chosen, limits, depth, flows)
    if limits[CAP] > 0:
        yield from _sinks(snapshot, menu, chosen, limits, depth, flows)


def _rows(
    snapshot: Snapshot, menu: Menu, chosen: IntArray, limits: Limits, depth: Depth, flows: Sold
) -> Iterator[Amount]:
    for row, parameters in _chosen(menu, chosen):
        needed = [BPS * _slippage(depth, flows, i, limits[FLOW]) for i in row.members]
        costs = BPS * _costs(limits)
        earned = BPS * _earned(snapshot, row, parameters)
        yield Amount(f"{FLOW}.{row.subject}", max(needed) + costs, earned, _model(depth, row.members))


def _sinks(
    snapshot: Snapshot, menu: Menu, chosen: IntArray, limits: Limits, depth: Depth, flows: Sold
) -> Iterator[Amount]:
    grown = flows.flow_usd * _room(snapshot)[:, None]
    sinks = depth.sinks
    places = sorted({i for row, _ in _chosen(menu, chosen) for i in row.members})
    for sink in sorted({int(sinks[i]) for i in places}):
        members = [i for i in places if sinks[i] == sink]
        value = weighted_quantile(grown[members].sum(axis=0), limits[CAP], flows.weight)
        bought = min(
            _bought_usd(depth, i, _earned(snapshot, row, p) - _costs(limits))
            for row, p in _chosen(menu, chosen)
            for i in set(members) & set(row.members)
        )
        names = "+".join(snapshot.asset_names[i] for i in members)
        yield Amount(f"{CAP}.{names}", value, bought, _model(depth, tuple(members)))


def _chosen(menu: Menu, chosen: IntArray) -> list[tuple[Row, Parameters]]:
    """Return the rows of collateral, each with its parameters under a choice."""
    return [
        (row, menu.options[k].parameters)
        for row, k in zip(menu.rows, chosen.tolist(), strict=True)
        if row.kind is Kind.COLLATERAL
    ]


def _slippage(depth: Depth, flows: Sold, i: int, level: float) -> float:
    """Return what selling in the stream of the whole sink costs, a fraction."""
    if depth.infinite[i] or not depth.price_usd[i]:
        return 0.0
    shared = depth.sinks == depth.sinks[i]
    usd = weighted_quantile(flows.flow_usd[shared].sum(axis=0), level, flows.weight)
    return float(depth.slippage(i, np.array([usd / depth.price_usd[i]]))[0])


def _bought_usd(depth: Depth, i: int, slippage: float) -> float:
    return 0.0 if slippage < 0 else float(depth.size_within(i, min(slippage, 1 - 1e-9)) * depth.price_usd[i])


def _costs(limits: Limits) -> float:
    return (
        limits["participation.cost_bps"] / BPS
        + limits["participation.gas_usd"] / limits["participation.call_usd"]
    )


def _earned(snapshot: Snapshot, row: Row, parameters: Parameters) -> float:
    fee = max(snapshot.reserves[i].liquidation_protocol_fee_bps for i in row.members) / BPS
    return parameters.bonus * (1 - fee)


def _room(snapshot: Snapshot) -> FloatArray:
    """Return by what supplies may grow to their caps, (A,); 1 where there is no cap or no supply."""
    out = np.ones(len(snapshot.reserves))
    for i, reserve in enumerate(snapshot.reserves):
        if reserve.supply_cap_tokens and reserve.total_supply_raw:
            cap_raw = reserve.supply_cap_tokens * 10**reserve.decimals
            out[i] = max(1.0, cap_raw / reserve.total_supply_raw)
    return out


def _model(depth: Depth, members: tuple[int, ...]) -> str:
    notice = depth.notice(np.array(members))
    return "sweep and depth, one round of calls at once" + (f"; {notice}" if notice else "")
