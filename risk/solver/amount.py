"""`Amount`: what a choice amounts to, beside its limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """One limited amount.

    Parameters
    ----------
    name : str
        As in `limits.toml`.
    value, limit : float
    model : str
        What computed it.
    """

    name: str
    value: float
    limit: float
    model: str

    @property
    def slack(self) -> float:
        """Return how much is left; negative where the limit is broken."""
        return self.limit - self.value

    @property
    def kept(self) -> bool:
        """Tell whether the limit is kept, up to rounding of sums."""
        return self.value <= self.limit + 1e-9 * max(1.0, abs(self.value))
