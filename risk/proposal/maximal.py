"""What nobody does yet but anybody may: open at maximal LTV, or fill a cap with worthless tokens.

Diagnostics that the book of today cannot show, before and after a proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from protocols.snapshot import Snapshot
from risk.proposal.changes import Change
from risk.solver.cap_fill import CapFill, cap_fill, cap_fill_families
from risk.solver.new_position import NewPosition, new_positions
from risk.solver.returns import DAY_S

WEEK_S = 7 * DAY_S


@dataclass(frozen=True, slots=True)
class NewPositionRow:
    """An account opened at maximal LTV: how often past weeks would have liquidated it.

    Parameters
    ----------
    collateral, emode, debt : str
        Untrusted text; ``emode`` is empty outside.
    before_fall_share, after_fall_share : float or None
        Fall of the pair's price that liquidates: 1 - LTV / threshold.  None if it cannot be opened.
    before_share, after_share : float or None
        Share of past 7-day windows that fell as far; None if it cannot be opened or the pair has
        no returns.
    own_returns : bool
        Whether the returns are of the tokens themselves.
    source : str
    """

    collateral: str
    emode: str
    debt: str
    before_fall_share: float | None
    after_fall_share: float | None
    before_share: float | None
    after_share: float | None
    own_returns: bool
    source: str


@dataclass(frozen=True, slots=True)
class CapFillRow:
    """Filling the rest of a supply cap with worthless tokens, USD.

    ``headroom`` is None without a cap; ``members`` names the tokens of a family filled together.
    """

    subject: str
    members: tuple[str, ...]
    before_headroom_usd: float | None
    after_headroom_usd: float | None
    before_loss_usd: float
    after_loss_usd: float


def new_position_rows(
    before: Snapshot, after: Snapshot, changes: Sequence[Change]
) -> tuple[NewPositionRow, ...]:
    """Return the test of every pair whose LTV or threshold a change sets, most likely first."""
    then, now = ({_pair(p): p for p in new_positions(s, horizon_s=WEEK_S)} for s in (before, after))
    rows = [
        _new_position(pair, then.get(pair), now.get(pair))
        for pair in sorted(then.keys() | now.keys())
        if _touched(before, changes, pair)
    ]
    return tuple(sorted(rows, key=lambda r: (-(r.after_share or 0.0), r.collateral, r.emode, r.debt)))


def cap_fill_rows(before: Snapshot, after: Snapshot) -> tuple[CapFillRow, ...]:
    """Return the test of every asset and family that can lose something, largest loss after first."""
    rows = []
    for test in (cap_fill, cap_fill_families):
        then, now = ({f.subject: f for f in test(s)} for s in (before, after))
        subjects = sorted(then.keys() | now.keys())
        rows += [_cap_fill(subject, then.get(subject), now.get(subject)) for subject in subjects]
    return tuple(sorted(rows, key=lambda r: (-r.after_loss_usd, -r.before_loss_usd, r.subject)))


def _pair(position: NewPosition) -> tuple[str, str, str]:
    return position.collateral, position.emode, position.debt


def _touched(snapshot: Snapshot, changes: Sequence[Change], pair: tuple[str, str, str]) -> bool:
    collateral, emode, _ = pair
    for change in changes:
        if change.field.name not in ("ltv", "liquidation_threshold"):
            continue
        if change.is_emode and emode == snapshot.emodes[change.place].label:
            return True
        if not change.is_emode and not emode and collateral == snapshot.asset_names[change.place]:
            return True
    return False


def _new_position(
    pair: tuple[str, str, str], then: NewPosition | None, now: NewPosition | None
) -> NewPositionRow:
    known = now or then
    assert known is not None
    return NewPositionRow(
        *pair,
        before_fall_share=None if then is None else 1 - then.level,
        after_fall_share=None if now is None else 1 - now.level,
        before_share=None if then is None else then.empirical,
        after_share=None if now is None else now.empirical,
        own_returns=known.exact,
        source=known.source,
    )


def _cap_fill(subject: str, then: CapFill | None, now: CapFill | None) -> CapFillRow:
    known = now or then
    assert known is not None
    return CapFillRow(
        subject=subject,
        members=known.members,
        before_headroom_usd=_headroom(then),
        after_headroom_usd=_headroom(now),
        before_loss_usd=then.loss_usd if then else 0.0,
        after_loss_usd=now.loss_usd if now else 0.0,
    )


def _headroom(fill: CapFill | None) -> float | None:
    return fill.headroom_usd if fill is not None and isfinite(fill.headroom_usd) else None
