"""What history alone supports: with so many independent days and months and no failure among them.

A hundred thousand resamples of five years know five years.  The bound on a rate of failure that the
years themselves give is the Clopper-Pearson bound with one observation a day, or a month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from risk.confidence import probability_bound
from risk.scenarios.fhs import Fhs

RISKS = (0.05, 1e-6)


@dataclass(frozen=True, slots=True)
class HistoryBounds:
    """Upper bounds on rates of failure if the sample holds none.

    Parameters
    ----------
    first, last : str
        Day of the first and last residual, ISO.
    days, months : int
        Calendar days and months (UTC) with any data.
    daily, monthly : tuple of float
        Bound on the rate a day and a month, one for each of `RISKS`.
    """

    first: str
    last: str
    days: int
    months: int
    daily: tuple[float, ...]
    monthly: tuple[float, ...]


def history_bounds(model: Fhs) -> HistoryBounds:
    """Return what the sample behind a model supports, if it is taken to hold no failure.

    Days count as independent, which they are not: months are the careful reading.

    Parameters
    ----------
    model : Fhs
    """
    # A residual belongs to the day its step lies in.
    at = (model.end_s - 1).astype("datetime64[s]")
    days, months = np.unique(at.astype("datetime64[D]")), np.unique(at.astype("datetime64[M]"))
    return HistoryBounds(
        first=str(days[0]),
        last=str(days[-1]),
        days=len(days),
        months=len(months),
        daily=no_failure(len(days)),
        monthly=no_failure(len(months)),
    )


def no_failure(observations: int) -> tuple[float, ...]:
    """Return the bound on a rate after no failure in so many observations, one for each of `RISKS`."""
    return tuple(probability_bound(0, observations, risk) for risk in RISKS)
