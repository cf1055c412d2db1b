"""What the data does not identify: values that move with an input nobody knows well.

Depth a third of what was given, three times it, 86 % less (what a crash left of some books), and no
withdrawable liquidity (full utilisation: flash loans and redemptions stop).  The search is made again
under each.  A value that moves by more than one step of the menu hinges on that input, not on the limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from abis.errors import InputError
from risk.engine.arrays import IntArray
from risk.engine.liquidity import Liquidity
from risk.solver.evaluate import Setting, broken, judged
from risk.solver.losses import Losses
from risk.solver.menu import Row
from risk.solver.search import Effort, search

DEPTHS = {"depth x 1/3": 1 / 3, "depth x 3": 3.0, "depth -86 %": 0.14}
FULL = "full utilisation"
STEPS = {  # of each value, the limit that says how far candidates lie apart; an LTV follows its threshold
    "ltv_bps": "box.threshold_step_bps",
    "threshold_bps": "box.threshold_step_bps",
    "bonus_bps": "box.bonus_step_bps",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """The choice under another input.

    Parameters
    ----------
    name : str
    breaks : tuple of str
        Limits that the recommendation itself breaks there.
    solved : bool
        Whether a choice within the limits was found there.
    """

    name: str
    breaks: tuple[str, ...]
    solved: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A recommended value that moves by more than a step.

    Parameters
    ----------
    subject, parameter : str
        Subject is untrusted text.
    value_bps : int
        As recommended.
    others_bps : tuple of (str, int)
        Variant and value, where it moves by more than ``step_bps``.
    step_bps : int
    """

    subject: str
    parameter: str
    value_bps: int
    others_bps: tuple[tuple[str, int], ...]
    step_bps: int


@dataclass(frozen=True, slots=True)
class Identified:
    """What came of it; every parameter that is not in ``moved`` stayed within a step where solved."""

    variants: tuple[Variant, ...]
    moved: tuple[Moved, ...]


def settings_of(setting: Setting) -> dict[str, Setting]:
    """Return the setting under each other input.

    Raises
    ------
    InputError
        Without a depth: what is infinite has no third.
    """
    if setting.depth is None:
        raise InputError(
            "without a depth nothing can be said about how much hinges on it.",
            remedy="Give --depth, or leave out --sensitivity.",
        )
    out = {
        name: replace(setting, depth=setting.depth.scaled(factor), known=None)
        for name, factor in DEPTHS.items()
    }
    return out | {FULL: replace(setting, liquidity=Liquidity.NONE, known=None)}


def identified(
    setting: Setting,
    chosen: IntArray,
    losses: Sequence[Losses],
    single: Sequence[Losses],
    *,
    attempts: int,
    progress: Callable[[int, int], None] | None = None,
) -> Identified:
    """Return which values of a choice hinge on depth or on withdrawable liquidity.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    losses : sequence of Losses
        Of the additive model, which does not know of depth.
    single : sequence of Losses
        Of the accounts under one row.
    attempts : int
        Of each search.
    progress : callable (done, total), optional
    """
    variants, solved = [], {}
    every = settings_of(setting)
    for done, (name, other) in enumerate(every.items(), 1):
        breaks = tuple(dict.fromkeys(a.name for a in broken(judged(other, chosen).amounts)))
        best = search(other, losses, effort=Effort(attempts=attempts), single=single).best
        if best is not None:
            solved[name] = best.chosen
        variants.append(Variant(name, breaks, best is not None))
        if progress is not None:
            progress(done, len(every))
    return Identified(tuple(variants), moved(setting, chosen, solved))


def moved(setting: Setting, chosen: IntArray, solved: dict[str, IntArray]) -> tuple[Moved, ...]:
    """Return the values that differ by more than a step.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    solved : mapping of str to (R,) int64
        The choice under each variant that has one.
    """
    menu, out = setting.menu, []
    for r, row in enumerate(menu.rows):
        for parameter, step_of in STEPS.items():
            step = int(setting.limits[step_of])
            here = _value(row, int(chosen[r] - menu.first[r]), parameter)
            there = {name: _value(row, int(c[r] - menu.first[r]), parameter) for name, c in solved.items()}
            far = tuple((name, value) for name, value in there.items() if abs(value - here) > step)
            if far:
                out.append(Moved(row.subject, parameter, here, far, step))
    return tuple(out)


def _value(row: Row, option: int, parameter: str) -> int:
    return int(getattr(row.options[option].parameters, parameter))
