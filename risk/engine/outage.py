"""A chain whose sequencer stops: no blocks while it is down, a sentinel's grace after it.

While it is down no call and no price update lands: oracle prices stand where they stood.  In the
grace that follows only accounts with a health factor below 0.95 may be called (`oracles.sequencer`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from oracles.sequencer import UP, Sentinel, SentinelState, fold
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.model import DOWN, GRACE, OPEN

LONG_UP_S = -1e12  # up since long before the snapshot


@dataclass(frozen=True, slots=True)
class Outage:
    """When the sequencer is down, the same in every scenario.

    Parameters
    ----------
    from_s, until_s : float
        Seconds from the snapshot: down from the first on, up again from the second on.
    sentinel : Sentinel
        The market's rule; ``Sentinel(0)`` where it has none.

    Raises
    ------
    ScenarioError
        If it does not begin at 0 or later and end after that.
    """

    from_s: float
    until_s: float
    sentinel: Sentinel

    def __post_init__(self) -> None:
        if not 0 <= self.from_s < self.until_s < np.inf:
            raise ScenarioError(
                f"an outage from {self.from_s} s to {self.until_s} s.",
                remedy="Begin it at 0 or later and end it after that.",
            )

    def gates(self, time_s: FloatArray) -> IntArray:
        """Return `OPEN`, `DOWN` or `GRACE` at each time, (T,)."""
        # The uptime feed reports at the turning points, whether or not the path has a time there.
        turns = np.array([self.from_s, self.until_s])
        times = np.unique(np.concatenate([time_s, turns]))
        status = ((times >= self.from_s) & (times < self.until_s)).astype(np.int64)
        first = SentinelState(float(times[0]), np.array([UP]), np.array([LONG_UP_S]))
        _, allowed, down = fold(self.sentinel, first, times, status[None, :])
        gate = np.where(down[0], DOWN, np.where(allowed[0], OPEN, GRACE))
        return np.asarray(gate[np.searchsorted(times, time_s)], dtype=np.int64)


def held(oracle_raw: NDArray[Any], gates: IntArray, before_raw: list[int]) -> NDArray[Any]:
    """Return oracle prices (S, T, A) that stand still while down; ``before_raw`` (A,) at first."""
    out = oracle_raw.copy()
    for t, gate in enumerate(gates):
        if gate == DOWN:
            out[:, t] = out[:, t - 1] if t else np.array(before_raw, dtype=oracle_raw.dtype)
    return out
