"""The calendar of scheduled macro-economic releases: ``data/macro_events.csv``.

Times are stated in New York, where they are made, and become unix seconds by that city's
clock of the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from abis.errors import ScenarioError
from risk.scenarios.families import read_table

NEW_YORK = ZoneInfo("America/New_York")


@cache
def calendar() -> tuple[int, ...]:
    """Return the shipped releases as unix times, in order."""
    rows = read_table("macro_events.csv")
    stamps = (
        datetime.fromisoformat(f"{r['date']}T{r['time_new_york']}").replace(tzinfo=NEW_YORK) for r in rows
    )
    return tuple(sorted(int(stamp.timestamp()) for stamp in stamps))


def unix_times(texts: Sequence[str]) -> tuple[int, ...]:
    """Return ISO times with their zone as unix times, in order.

    Raises
    ------
    ScenarioError
        If one is no time or has no zone.
    """
    out = []
    for text in texts:
        try:
            stamp = datetime.fromisoformat(text)
        except (TypeError, ValueError) as error:
            raise ScenarioError(f"event {text!r} is no time.", remedy="Write 2026-03-18T18:00Z.") from error
        if stamp.tzinfo is None:
            raise ScenarioError(f"event '{text}' has no time zone.", remedy=f"Write {text}Z if it is UTC.")
        out.append(int(stamp.timestamp()))
    return tuple(sorted(out))
