"""Which venues the nodes of a feed look at.

The answer is the upper median over *nodes*, not over venues: a venue that more than half of
the nodes read decides alone, however many other venues disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from abis.errors import FeedError
from oracles.answers import upper_median

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Observers:
    """Groups of nodes that look at the same venues.

    Parameters
    ----------
    groups : tuple of (int, tuple of int)
        How many nodes a group has, and the venues whose upper median each of them observes.

    Raises
    ------
    FeedError
        If there is no node, or a group looks at no venue, a negative or a repeated one.
    """

    groups: tuple[tuple[int, tuple[int, ...]], ...]

    def __post_init__(self) -> None:
        if not self.groups:
            raise FeedError("observers without a node.", remedy="Give at least one group of nodes.")
        for nodes, venues in self.groups:
            ordered = sorted(venues)
            if nodes < 1 or not venues or ordered[0] < 0 or any(a == b for a, b in pairwise(ordered)):
                raise FeedError(
                    f"a group of {nodes} nodes that look at venues {venues!r}.",
                    remedy="Give at least one node and each venue once, counted from 0.",
                )

    def median(self, prices: Floats) -> Floats:
        """Return the upper median of the nodes' observations.

        Parameters
        ----------
        prices : (..., venue) float64

        Returns
        -------
        (...) float64

        Raises
        ------
        FeedError
            If a group looks at a venue the prices do not have.
        """
        last = max(max(venues) for _, venues in self.groups)
        if last >= prices.shape[-1]:
            raise FeedError(
                f"nodes look at venue {last} of {prices.shape[-1]}.", remedy="Count venues from 0."
            )
        seen = np.stack([upper_median(prices[..., list(venues)]) for _, venues in self.groups], axis=-1)
        nodes = np.array([count for count, _ in self.groups])
        order = np.argsort(seen, axis=-1, kind="stable")
        # The upper median of N observations has N // 2 before it.
        middle = np.argmax(np.cumsum(nodes[order], axis=-1) > nodes.sum() // 2, axis=-1)[..., None]
        group = np.take_along_axis(order, middle, axis=-1)
        return np.asarray(np.take_along_axis(seen, group, axis=-1)[..., 0])


def one_venue_each(nodes: tuple[int, ...]) -> Observers:
    """Return observers of which ``nodes[v]`` look at venue v alone; 0 leaves a venue out."""
    return Observers(tuple((count, (venue,)) for venue, count in enumerate(nodes) if count))
