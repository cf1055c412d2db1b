"""One choice that was judged."""

from __future__ import annotations

from dataclasses import dataclass

from abis.findings import Finding
from risk.engine.arrays import IntArray
from risk.solver.evaluate import Amount, Setting, broken, judged
from risk.solver.objectives import value


@dataclass(frozen=True, eq=False)
class Attempt:
    """One choice, what it is worth and what it amounts to.

    Parameters
    ----------
    chosen : (R,) int64
    gain : float
        Of the first objective, all rows changed together.
    amounts : tuple of Amount
        Without those of the engine where the sweep already breaks a limit.
    values : tuple of float
        Of every objective.
    findings : tuple of Finding
        Of the engine.
    """

    chosen: IntArray
    gain: float
    amounts: tuple[Amount, ...]
    values: tuple[float, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def kept(self) -> bool:
        """Tell whether every limit is kept."""
        return not broken(self.amounts)


def attempt(setting: Setting, chosen: IntArray, *, whole: bool = False, realised: bool = True) -> Attempt:
    """Judge a choice: by the sweep and, where that breaks no limit or ``whole`` is set, by the engine.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    whole : bool
        Whether the engine runs whatever the sweep says.
    realised : bool
        Whether the engine runs at all.
    """
    values = tuple(value(setting, o, chosen) for o in setting.limits.objectives)
    found = None if whole and realised else judged(setting, chosen, realised=False)
    if realised and (found is None or not broken(found.amounts)):
        found = judged(setting, chosen)
    assert found is not None
    return Attempt(chosen, values[0], found.amounts, values, found.findings)


def excess(found: Attempt) -> float:
    """Return by how much a choice breaks limits, as shares of these, added up; 0 where it keeps them all."""
    return sum((a.value - a.limit) / max(abs(a.limit), 1e-9) for a in broken(found.amounts))
