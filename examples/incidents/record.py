"""What a replay returns: rows of a known figure beside ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NO_DATA = "needs real data: set BREAKWATER_TEST_DATA"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Parameters
    ----------
    figure : str
    known : (float, float) or None
        What the record says, as a range (twice the same for one number); None if it says nothing.
    ours : float or None
        None if it cannot be computed.
    unit : str
    note : str
        What the difference means, or what is missing.
    """

    figure: str
    known: tuple[float, float] | None
    ours: float | None
    unit: str
    note: str = ""

    def difference(self) -> str:
        """Return ``inside`` the range, or the relative distance to its nearer end; empty if unknown."""
        if self.known is None or self.ours is None:
            return ""
        low, high = self.known
        if low <= self.ours <= high:
            return "inside" if low < high else "0"
        nearest = low if self.ours < low else high
        if not nearest:
            return f"{self.ours:+.4g}"
        percent = (self.ours / nearest - 1) * 100
        return f"{percent:+.2g} %" if abs(percent) >= 0.001 else "below 0.001 %"


@dataclass(frozen=True, slots=True)
class Incident:
    """One replay.

    Parameters
    ----------
    date, title, source : str
    lesson : str
        What the replay shows, in one or two sentences.
    rows : tuple of Row
    assumed : str
        What the record does not say and the replay supposes.
    """

    date: str
    title: str
    source: str
    lesson: str
    rows: tuple[Row, ...]
    assumed: str = ""

    def row(self, figure: str) -> Row:
        """Return the row of a figure."""
        return next(r for r in self.rows if r.figure == figure)


def one(value: float) -> tuple[float, float]:
    """Return a single known number as a range."""
    return value, value


def data_folder() -> Path | None:
    """Return the folder of real data (``BREAKWATER_TEST_DATA``), None if it is not there."""
    folder = Path(os.environ.get("BREAKWATER_TEST_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None
