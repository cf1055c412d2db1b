"""What a picture of a step response is made of: graphs, and what steps around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oracles.feed import PriceFeed, fixed_delay
from oracles.graph import Node, OracleGraph
from oracles.sources import PriceSource

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEP_AT_S = 472_222 * 3_600 + 1_200  # twenty minutes after a full hour


def nothing(since_s: Floats) -> Mapping[str, Ints]:
    """Return no input."""
    return {}


@dataclass(frozen=True)
class Curve:
    """One line: the first node's answers when the market moves by ``step``.

    ``inputs`` gives paths of the graph's levels from the seconds since the step; ``venues`` says
    which venues move, None for a market without venues.
    """

    label: str
    step: float
    nodes: tuple[Node, ...]
    inputs: Callable[[Floats], Mapping[str, Ints]] = nothing
    venues: tuple[bool, ...] | None = None


@dataclass(frozen=True)
class Picture:
    """One file: curves over so many units of time after the step."""

    name: str
    title: str
    length: int
    curves: tuple[Curve, ...]
    unit: str = "minutes"
    grid_s: int = 12

    @property
    def unit_s(self) -> int:
        """Return the seconds of a unit."""
        return {"minutes": 60, "days": 86_400}[self.unit]


def eth_feed(delay_s: float) -> PriceFeed:
    """Return a feed with 0.5 % and an hour."""
    return PriceFeed("ETH / USD", 8, 5_000_000, 3_600.0, fixed_delay(delay_s))


def plain(source: PriceSource) -> tuple[Node, ...]:
    """Return a graph's nodes of one source alone."""
    return (Node("price", source),)


def stepped(level: float, digits: int, step: float) -> Callable[[Floats], Ints]:
    """Return a raw path that stands at ``level`` until it steps."""

    def path(since_s: Floats) -> Ints:
        values = np.where(since_s < 0, level, level * (1.0 + step)) * 10.0**digits
        return np.asarray(np.rint(values).astype(np.int64))

    return path


def response(curve: Curve, picture: Picture) -> tuple[Floats, Floats]:
    """Return units of time since the step, (T,), and the share of it in the answer, (T,)."""
    unit_s = picture.unit_s
    begin_s = -picture.length * unit_s // 12 // picture.grid_s * picture.grid_s
    since_s = np.arange(begin_s, picture.length * unit_s + 1, picture.grid_s, dtype=np.float64)
    base = np.where(since_s < 0, 1.0, 1.0 + curve.step)
    market = np.stack([base, np.ones_like(base)], axis=-1)[None]
    if curve.venues is not None:
        still = np.ones_like(market)
        market = np.stack([market if moves else still for moves in curve.venues], axis=2)
    graph = OracleGraph(("BASE", "QUOTE"), curve.nodes, (curve.nodes[0].name,) * 2)
    raw = graph.propagate(STEP_AT_S + since_s, market, inputs=curve.inputs(since_s))[0, :, 0]
    answers = raw.astype(np.float64)
    return since_s / unit_s, (answers / answers[0] - 1.0) / curve.step
