"""Somebody else's proposal: what a sequence of calls changes."""

from __future__ import annotations

from collections.abc import Sequence

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.proposal.changes import Change
from risk.proposal.payload import decoded


def changes_of(calldata: Sequence[str], snapshot: Snapshot) -> tuple[Change, ...]:
    """Return what a sequence of calls changes in the end; a later call wins over an earlier.

    Raises
    ------
    InputError
        As `risk.proposal.payload.decoded`, or if nothing changes.
    """
    last: dict[tuple[bool, int, str], Change] = {}
    for call in calldata:
        for change in decoded(call, snapshot, keep_same=True):
            last[change.is_emode, change.place, change.field.name] = change
    changes = tuple(c for c in last.values() if c.before != c.after)
    if not changes:
        raise InputError("the payload changes nothing.", remedy="Check that the snapshot is older than it.")
    return changes
