"""One target: what a source states, and what Breakwater computes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A stated figure beside ours.

    Parameters
    ----------
    id : str
    what : str
    source : str
    stated : str
        As printed by the source: ``0.49693``, or a range ``4.0..5.5``.  A single number stands
        for everything that rounds to it.
    ours : float
    unit : str
    note : str
        How ours was made, or why it differs.
    """

    id: str
    what: str
    source: str
    stated: str
    ours: float
    unit: str = ""
    note: str = ""

    @property
    def interval(self) -> tuple[float, float]:
        """Return what counts as the stated figure."""
        low, between, high = self.stated.partition("..")
        if between:
            return float(low), float(high)
        half = 0.5 * 10.0 ** (exponent(self.stated))
        return float(self.stated) - half * (1 + 1e-9), float(self.stated) + half * (1 + 1e-9)

    @property
    def met(self) -> bool:
        """Return whether ours is the stated figure."""
        low, high = self.interval
        return low <= self.ours <= high

    def difference(self) -> str:
        """Return ``none`` or the relative distance to the nearer end of what is stated."""
        if self.met:
            return "none"
        low, high = self.interval
        near = low if self.ours < low else high
        return f"{(self.ours / near - 1) * 100:+.2g} %" if near else f"{self.ours:+.3g}"


def exponent(text: str) -> int:
    """Return the power of ten of a number's last digit: -2 for ``1.25``, -7 for ``3.14e-5``."""
    mantissa, _, power = text.lower().partition("e")
    return int(power or 0) - len(mantissa.partition(".")[2])
