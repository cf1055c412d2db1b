"""Chainlink SVR: reports reach a second reader privately, and publicly only after a cut-off.

``P(t) = latest of {reports delivered by SVR} and {standard reports older than the cut-off}``, so
at worst, when nobody delivers, the price lags the standard feed by the cut-off.
Source: smartcontractkit/chainlink-evm ``DualAggregator.sol``, ``_getSyncPrimaryRound``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abis.errors import FeedError
from abis.findings import Finding, FindingKind, Severity
from oracles.paths import Past, block_seconds
from oracles.sources import Ints, View


def visible_round(
    recorded_at_s: Sequence[int], latest_secondary: int, now_s: int, cutoff_s: int, max_iterations: int
) -> int:
    """Return which round the SVR proxy serves.

    Parameters
    ----------
    recorded_at_s : sequence of int
        When each round was recorded; the first entry is round 1.
    latest_secondary : int
        Latest round delivered by SVR, 0 if none.
    now_s, cutoff_s : int
    max_iterations : int
        How many rounds back the contract looks; beyond, it serves the latest delivered one.
    """
    latest = len(recorded_at_s)
    for number in range(latest, max(latest - max_iterations, 0), -1):
        if number == latest_secondary or recorded_at_s[number - 1] + cutoff_s < now_s:
            return number
    return latest_secondary


@dataclass(frozen=True, slots=True)
class Svr:
    """What the SVR proxy serves; its child is the standard feed.

    Rounds are seen at the caller's times, so a round that landed between two of them ages from
    the later one.  The limit on how many rounds back the contract looks (20 at launch) is not
    modelled: it binds only if so many land within one cut-off.

    Parameters
    ----------
    decimals : int
    cutoff_s : int
        ``s_cutoffTime`` of the aggregator.
    delivered_after_s : int, optional
        How long after the standard round SVR delivers it.  None, the worst case: never.
    cutoff_known : bool
        Whether the cut-off was read from the chain.

    Raises
    ------
    FeedError
        If a time is negative.
    """

    decimals: int
    cutoff_s: int
    delivered_after_s: int | None = None
    cutoff_known: bool = False

    def __post_init__(self) -> None:
        if self.cutoff_s < 0 or (self.delivered_after_s or 0) < 0:
            raise FeedError(
                f"a cut-off of {self.cutoff_s} s and a delivery after {self.delivered_after_s} s.",
                remedy="Give seconds of 0 or more.",
            )

    @property
    def reads(self) -> tuple[int, ...]:
        """Return no market column."""
        return ()

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of the standard feed."""
        return (self.decimals,)

    def start(self, view: View) -> tuple[Past, Ints]:
        """Return the past and the standard feed's answers, taken to be older than the cut-off."""
        answers = view.children[0]
        return Past(block_seconds(view.time_s), np.array(answers)), answers[:, 0]

    def fold(self, state: Past, view: View) -> tuple[Past, Ints]:
        """Return the last state and the (n, T) answers."""
        now = block_seconds(view.time_s)
        seen = state.extended(now, view.children[0])
        served = np.searchsorted(seen.at_s, now - self.cutoff_s, side="left") - 1
        if self.delivered_after_s is not None:
            delivered = np.searchsorted(seen.at_s, now - self.delivered_after_s, side="right") - 1
            served = np.maximum(served, delivered)
        # What follows within the same second is not there yet.
        served = np.clip(served, 0, len(state.at_s) + np.arange(len(now)))
        return seen.since(int(now[-1]) - self.cutoff_s - 1), seen.value[:, served]

    def settled(self, view: View, last_raw: Ints | None) -> Ints:
        """Return the standard feed's answers: every report is delivered in the end."""
        return view.children[0][:, 0]

    def findings(self) -> list[Finding]:
        """Return that the cut-off is assumed, if nobody read it."""
        if self.cutoff_known:
            return []
        return [
            Finding(
                kind=FindingKind.UNVERIFIED,
                severity=Severity.LOW,
                subject="SVR",
                message=f"cut-off of {self.cutoff_s} s is assumed.",
                remedy="Read s_cutoffTime of the aggregator.",
            )
        ]
