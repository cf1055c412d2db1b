"""A market as a proposal leaves it: same block, same balances, other parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from protocols.snapshot import Snapshot
from risk.proposal.changes import Change
from risk.proposal.pending import pending_ltv
from risk.solver.parameters import emode_row

_COLUMNS = {
    "ltv_bps": "ltv_bps",
    "liquidation_threshold_bps": "threshold_bps",
    "liquidation_bonus_bps": "bonus_bps",
}


def applied(snapshot: Snapshot, changes: Sequence[Change]) -> Snapshot:
    """Return the market right after the changes are made.

    Parameters
    ----------
    snapshot : Snapshot
    changes : sequence of Change
        Of this snapshot.

    Returns
    -------
    Snapshot
        Parameters of reserves and categories are the new ones, and so are those in the book's
        entries that they govern.  An LTV of 0 that comes from elsewhere (a frozen reserve, a
        category's exception) stays 0, and so does that of a frozen reserve whose new LTV waits.
    """
    reserves, emodes = list(snapshot.reserves), list(snapshot.emodes)
    block = snapshot.book.collateral
    row = emode_row(snapshot)
    columns = {name: getattr(block, name).copy() for name in _COLUMNS.values()}
    for change in changes:
        attribute, value = change.field.attribute, change.after
        if pending_ltv(snapshot, change):
            continue
        new: dict[str, Any] = {attribute: value}
        if change.is_emode:
            emodes[change.place] = replace(emodes[change.place], **new)
            governed = row == change.place + 1
        else:
            reserves[change.place] = replace(reserves[change.place], **new)
            governed = (row == 0) & (block.reserve == change.place)
        column = _COLUMNS.get(attribute)
        if column is not None:
            columns[column][governed & (columns[column] == change.before)] = value
    collateral = replace(block, **columns)
    return replace(
        snapshot,
        reserves=tuple(reserves),
        emodes=tuple(emodes),
        book=replace(snapshot.book, collateral=collateral),
    )
