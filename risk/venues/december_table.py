"""The dated figures of December 2025 that ship with the package, and results held against them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

SCHEMA = "breakwater.december/1"
TOTAL_TOLERANCE, SHARE_TOLERANCE = 0.15, 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """One published figure.

    Parameters
    ----------
    id, set : str
        ``w1_total_24h`` of ``W1``.
    kind : str
        ``total``: within 15 %; ``share``: within 5 points; ``range``: between ``low`` and ``high``.
    value : float
    unit, what, source : str
    low, high : float, optional
    """

    id: str
    set: str
    kind: str
    value: float
    unit: str
    what: str
    source: str
    low: float | None = None
    high: float | None = None

    def met(self, result: float) -> bool:
        """Return whether a result is within the tolerance of its kind."""
        low, high = self.bounds()
        return low <= result <= high

    def bounds(self) -> tuple[float, float]:
        """Return the lowest and the highest result that is accepted."""
        if self.kind == "range" and self.low is not None and self.high is not None:
            return self.low, self.high
        if self.kind == "share":
            return max(0.0, self.value - SHARE_TOLERANCE), min(1.0, self.value + SHARE_TOLERANCE)
        return self.value * (1.0 - TOTAL_TOLERANCE), self.value * (1.0 + TOTAL_TOLERANCE)


@dataclass(frozen=True, slots=True)
class Beside:
    """A target and what the model gives; ``fitted`` tells whether the fit has seen it."""

    target: Target
    result: float
    fitted: bool

    @property
    def met(self) -> bool:
        """Whether the result is accepted."""
        return self.target.met(self.result)


@cache
def table() -> Mapping[str, Any]:
    """Return the file as it is."""
    text = files("risk.venues").joinpath("data", "december_2025.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def targets() -> Mapping[str, Target]:
    """Return the targets by id."""
    return {t["id"]: Target(**t) for t in table()["target"]}
