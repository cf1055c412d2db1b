"""Look at processes without waiting blindly: descendants, and the end of one."""

from __future__ import annotations

import os
import select
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Return every process below ``pid``."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        parents[int(stat.parent.name)] = int(after_name[1])
    below, found = {pid}, []
    while fresh := {child for child, parent in parents.items() if parent in below} - below:
        below |= fresh
        found += sorted(fresh)
    return found


def ends(pidfd: int, *, within_s: float = 20.0) -> bool:
    """Whether the process of a pidfd ends in time; closes the pidfd."""
    try:
        return bool(select.select([pidfd], [], [], within_s)[0])
    finally:
        os.close(pidfd)
