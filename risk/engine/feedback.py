"""The coupled loop: sales move the market, the market moves the oracle, the oracle liquidates.

With ``g(p)`` the marginal price at place ``p`` of a depth curve over that of the untouched book, and
``w`` the share of it that reaches the market the oracles observe::

    market(t) = market without us(t) x (1 - w (1 - g(p(t))))

``w = 1`` where the pools sold into are the market; else what arbitrage carries over, permanent share
times the pools' part of all depth.  A call lands at prices that know the sales of earlier moments
only: cause and effect are at least one moment apart.  What a sale fetches follows the curve from
``p`` at the market price *without* us, so that no impact counts twice.

A path takes one round a moment.  A shock of one moment is repeated, without time passing, until
nobody calls: its oracles are settled at every round, so the end is a fixed point, reached from the
top (Cifuentes, Ferrucci and Shin 2005).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import InputError
from oracles.graph import GraphState, OracleGraph
from protocols.snapshot import Snapshot
from risk.engine.advance import Engine, Inputs
from risk.engine.arrays import FloatArray
from risk.engine.model import DOWN, OPEN, Model
from risk.engine.outage import Outage
from risk.engine.prices import (
    Oracles,
    Perfect,
    check_graph,
    check_prices,
    durations_hours,
    following,
    market_price_usd,
    settled_raw,
)
from risk.engine.refill import pressure_after
from risk.engine.state import State
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

MAX_ROUNDS = 200  # of a shock; the loop ends before where prices stop moving


@dataclass(frozen=True, slots=True)
class Feedback:
    """How much of what sales do to their own price reaches the market that oracles observe.

    Parameters
    ----------
    share : float
        In [0, 1], the same for all reserves.

    Raises
    ------
    InputError
        If it is outside.
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise InputError(f"a feedback share of {self.share}.", remedy="Give one from 0 to 1.")


def marginal_share(model: Model, asset: int, tokens: ArrayLike) -> FloatArray:
    """Return the marginal price after selling ``tokens`` over that of the untouched book.

    Interpolated between the middles of the curve's pieces; 1 where depth is infinite.
    """
    at, n = np.asarray(tokens, dtype=np.float64), int(model.reserve["curve_points"][asset])
    if n < 2:
        return np.ones(at.shape)
    size, usd = (model.curve[name][asset, :n] for name in ("tokens", "usd"))
    slope = np.diff(usd) / np.diff(size)
    if slope[0] <= 0.0:
        return np.ones(at.shape)
    middle = (size[1:] + size[:-1]) / 2.0
    return np.asarray(np.interp(at, np.append(0.0, middle), np.append(slope[0], slope)) / slope[0])


def impact(model: Model, pressure_tokens: FloatArray, share: float) -> FloatArray:
    """Return the factor on market prices that sales lead to, (S, A) from (S, A)."""
    columns = [marginal_share(model, a, pressure_tokens[:, a]) for a in range(len(model.reserve))]
    return 1.0 - share * (1.0 - np.stack(columns, axis=1)) if columns else np.ones_like(pressure_tokens)


def coupled(
    engine: Engine,
    scenarios: Scenarios,
    block: ScenarioBlock,
    state: State,
    feedback: Feedback,
    oracles: Oracles,
    outage: Outage | None,
) -> Iterator[Inputs]:
    """Yield the inputs of a block, each made when it is asked for, from ``state`` as it is then."""
    market, time_s = market_price_usd(block), scenarios.time_s
    check_prices(block.fair_price_usd, block.start, "fair price")
    perfect = isinstance(oracles, Perfect)
    graph = None if isinstance(oracles, Perfect) else oracles
    if graph is not None:
        check_graph(engine.snapshot, graph)
    gates = np.full(len(time_s), OPEN) if outage is None else outage.gates(time_s)
    if len(time_s) == 1:
        yield from _rounds(engine, block, state, feedback, oracles, float(time_s[0]), int(gates[0]))
        return
    watch = _Watch(engine.snapshot, graph, block.start)
    for t, hours in enumerate(durations_hours(time_s)):
        pressure = pressure_after(engine.model, state, float(time_s[t]))
        moved = market[:, t] * impact(engine.model, pressure, feedback.share)
        fair = block.fair_price_usd[:, t]
        raw = watch.read(float(time_s[t]), fair if perfect else moved, held=gates[t] == DOWN)
        yield Inputs(raw, moved, fair, float(time_s[t]), float(hours), int(gates[t]), market[:, t])


def _rounds(
    engine: Engine,
    block: ScenarioBlock,
    state: State,
    feedback: Feedback,
    oracles: Oracles,
    time_s: float,
    gate: int,
) -> Iterator[Inputs]:
    market, fair = market_price_usd(block)[:, 0], block.fair_price_usd[:, 0]
    (hours,) = durations_hours(np.array([time_s]))
    for k in range(MAX_ROUNDS):
        calls = state.scenario["calls"].sum()
        pressure = pressure_after(engine.model, state, time_s)
        moved = market * impact(engine.model, pressure, feedback.share)
        raw = (
            following(engine.snapshot, fair)
            if isinstance(oracles, Perfect)
            else settled_raw(engine.snapshot, moved, oracles)
        )
        yield Inputs(raw, moved, fair, time_s, float(hours) if k == 0 else 0.0, gate, market)
        if state.scenario["calls"].sum() == calls:
            return


class _Watch:
    """The oracles, moment by moment."""

    def __init__(self, snapshot: Snapshot, oracles: OracleGraph | None, first_scenario: int) -> None:
        self.snapshot, self.oracles, self.first = snapshot, oracles, first_scenario
        self.state: GraphState | None = None
        self.last: NDArray[Any] | None = None

    def read(self, time_s: float, market_usd: FloatArray, *, held: bool) -> NDArray[Any]:
        """Return raw prices (S, A) after the market moved; the last ones while no block is made."""
        if self.oracles is None:
            raw = following(self.snapshot, market_usd)
        else:
            base = market_usd[:, None, :] / float(self.snapshot.base.usd)
            self.state, path = self.oracles.fold(self.state, [time_s], base, first_scenario=self.first)
            raw = path[:, 0]
        if held:
            before = [r.price_raw for r in self.snapshot.reserves]
            still = np.broadcast_to(np.array(before, dtype=raw.dtype), raw.shape)
            raw = still if self.last is None else self.last
        self.last = raw
        return raw
