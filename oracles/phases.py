"""A source replaced by another at a stated time: a proxy's new aggregator, a new price source.

Every source runs by its own rules from the beginning, as an aggregator does that is proposed
before it is confirmed; the change only decides which of them is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from abis.errors import FeedError
from oracles.sources import Ints, Memoryless, View


@dataclass(frozen=True, slots=True)
class Phases(Memoryless):
    """One child after another; there is one more child than changes.

    Parameters
    ----------
    decimals : int
    changes_at_s : tuple of int
        Unix times, increasing, from which the next child is read.

    Raises
    ------
    FeedError
        If there is no change or the times do not increase.
    """

    decimals: int
    changes_at_s: tuple[int, ...]

    def __post_init__(self) -> None:
        times = self.changes_at_s
        if not times or any(a >= b for a, b in pairwise(times)):
            raise FeedError(f"phases that change at {times!r}.", remedy="Give increasing times.")

    @property
    def takes(self) -> tuple[int | None, ...]:
        """Return the decimals of every phase."""
        return (self.decimals,) * (len(self.changes_at_s) + 1)

    def answers(self, view: View) -> Ints:
        """Return the answers of the phase each moment lies in."""
        phase = np.searchsorted(np.array(self.changes_at_s), view.time_s, side="right")
        out = np.array(view.children[0])
        for k, child in enumerate(view.children[1:], start=1):
            out = np.where(phase == k, child, out)
        return out
