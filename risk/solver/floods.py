"""Whom a cap protects: those who lend what a flood of worthless collateral would borrow.

No scenario shows it, for nobody in today's book does it; see `risk.solver.cap_fill`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from protocols.snapshot import Snapshot
from risk.engine.arrays import IntArray
from risk.proposal.apply import applied
from risk.solver.cap_fill import taken_usd
from risk.solver.evaluate import Setting
from risk.solver.protects import TOP, Share

LEAST_USD = 0.5  # what is less is not told


@dataclass(frozen=True, slots=True)
class Flooded:
    """What a step of a cap would let floods take, by what is flooded and by what is taken.

    Parameters
    ----------
    by : int
        The step, whole tokens.
    floods : tuple of Share
        Assets whose cap filled with worthless tokens would take more, at most `TOP`.
    lenders : tuple of Share
        Debts whose suppliers would pay more for these, in proportion to what can be borrowed of each; that
        others would pay less is not shown.
    """

    by: int
    floods: tuple[Share, ...]
    lenders: tuple[Share, ...]


def flooded(setting: Setting, chosen: IntArray, moved: tuple[Setting, IntArray], by: int) -> Flooded:
    """Return whom not taking a step of a cap protects.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    moved : tuple
        The setting and the choice with the step taken, of `one_step.beside`.
    by : int
        The step, for the record.
    """
    here = taken_usd(applied(setting.snapshot, setting.menu.changes(chosen)))
    there = taken_usd(applied(setting.snapshot, moved[0].menu.changes(moved[1])))
    more = {pair: usd - here.get(pair, 0.0) for pair, usd in there.items()}
    floods = _summed(more, 0)
    first = _shares(setting.snapshot, floods)
    told = {i for i in floods if setting.snapshot.asset_names[i] in {share.name for share in first}}
    lenders = _summed({pair: usd for pair, usd in more.items() if pair[0] in told}, 1)
    return Flooded(by, first, _shares(setting.snapshot, lenders))


def _summed(more: Mapping[tuple[int, int], float], of: int) -> dict[int, float]:
    out: dict[int, float] = {}
    for pair, usd in more.items():
        out[pair[of]] = out.get(pair[of], 0.0) + usd
    return out


def _shares(snapshot: Snapshot, usd: Mapping[int, float]) -> tuple[Share, ...]:
    names = snapshot.asset_names
    first = sorted((k for k, v in usd.items() if v >= LEAST_USD), key=lambda k: (-usd[k], k))[:TOP]
    return tuple(Share(names[k], usd[k]) for k in first)
