"""`Scenarios`: named batches of joint market-price paths, produced lazily in blocks.

Three prices travel side by side.  A scenario states two of them: the *market* price on
each venue and the *fair* price (cross-venue trimmed median; redemption rate for a staked
token while redemption works).  The *oracle* price is made from the first by `oracles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from abis.findings import Finding

FloatArray = NDArray[np.float64]

BLOCK = 256  # scenarios a block: bounded memory at any number of scenarios


@dataclass(frozen=True, eq=False)
class ScenarioBlock:
    """Scenarios ``start`` .. ``start + len - 1``.

    Parameters
    ----------
    start : int
        Index of the first scenario.
    market_price_usd : (scenario, time, venue, asset) float64, USD per whole token
    fair_price_usd : (scenario, time, asset) float64, USD per whole token
    """

    start: int
    market_price_usd: FloatArray
    fair_price_usd: FloatArray

    def __len__(self) -> int:
        return len(self.fair_price_usd)


@dataclass(frozen=True, eq=False)
class Scenarios:
    """A batch of scenarios over one time grid.

    Parameters
    ----------
    names : tuple of str, length S
        One label each, ``WETH -30%``.
    groups : tuple of str, length S
        What family each belongs to: ``single``, ``pair``, ``market``, ``grid``, ``history``, ``user``.
    assets : tuple of str
        Asset names in the order of the snapshot's reserves (`Snapshot.asset_names`).
    venues : tuple of str
        At least one.
    time_s : (T,) float64, seconds from the snapshot
        Strictly increasing, first is 0 or later.  An instantaneous shock has T = 1.
    weight : (S,) float64
        Non-negative, not all zero.
    seed : int or None
        Seed of anything random in ``produce``.
    sha256 : str
        Hash of everything that determines the paths.
    produce : callable (start, stop) -> ScenarioBlock
        Makes the scenarios ``start`` .. ``stop - 1``; pure.
    findings : tuple of Finding
        What was assumed in making them; carried into every output.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    assets: tuple[str, ...]
    venues: tuple[str, ...]
    time_s: FloatArray
    weight: FloatArray
    seed: int | None
    sha256: str
    produce: Callable[[int, int], ScenarioBlock]
    findings: tuple[Finding, ...] = field(default=())

    def __post_init__(self) -> None:
        n = len(self.names)
        if n == 0 or len(self.groups) != n or self.weight.shape != (n,):
            raise ScenarioError(
                f"{n} names, {len(self.groups)} groups and {self.weight.shape} weights do not agree.",
                remedy="Give one name, group and weight a scenario, and at least one scenario.",
            )
        if not (np.isfinite(self.weight).all() and (self.weight >= 0).all() and self.weight.sum() > 0):
            raise ScenarioError("weights must be finite, non-negative and not all zero.")
        if len(self.time_s) == 0 or not np.isfinite(self.time_s).all() or (np.diff(self.time_s) <= 0).any():
            raise ScenarioError(
                "times must be finite and strictly increasing.", remedy="Sort the path and drop duplicates."
            )
        if self.time_s[0] < 0:
            raise ScenarioError(
                f"a path begins {-self.time_s[0]:g} s before the snapshot.", remedy="Count time from it."
            )

    def __len__(self) -> int:
        return len(self.names)

    def blocks(self, size: int = BLOCK) -> Iterator[ScenarioBlock]:
        """Yield all scenarios in order, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.produce(start, min(start + size, len(self)))
