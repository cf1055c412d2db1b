"""What an unfinished run keeps of a rule by regime: choices, their certificates, estimates of the walk.

Each stands under a hash of all that decides it beside the inputs of the run: menu, draws and effort of a
choice, sample and try of a certificate, the past and the paths behind an estimate.  Sweeps and judgements of
a regime are in a part of the checkpoint that its draws name, sweeps under their menu.  Without a checkpoint
nothing is kept and everything is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, astuple
from typing import Any

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.build import digest
from risk.scenarios.scenarios import Scenarios
from risk.solver.certificate import Bound, Certificate
from risk.solver.evaluate import Setting
from risk.solver.resume import Checkpoint, KeptLosses
from risk.solver.search import Effort

NAMED = 16  # characters of a hash in a name
Solved = tuple[IntArray | None, tuple[str, ...]]  # the choice, or what conflicts


def part_of(checkpoint: Checkpoint | None, scenarios: Scenarios) -> Checkpoint | None:
    """Return where the sweeps and judgements on some draws are kept, None without a checkpoint."""
    return None if checkpoint is None else checkpoint.part(f"regime-{scenarios.sha256[:NAMED]}")


def sweeps_of(part: Checkpoint | None, setting: Setting) -> KeptLosses | None:
    """Return where the sweeps of a menu are kept: it follows the recommendation, which inputs do not decide.

    How long was searched is not among these, so that a run may go on with more attempts.
    """
    return None if part is None else part.losses(f"regime-{digest(_said(setting))[:NAMED]}")


def solved(part: Checkpoint | None, setting: Setting, effort: Effort, make: Callable[[], Solved]) -> Solved:
    """Return the choice of a regime, made and kept if it is not known.

    Parameters
    ----------
    part : Checkpoint or None
        Of the setting's draws.
    setting : Setting
    effort : Effort
    make : callable () -> (chosen or None, names of conflicting limits)
    """
    if part is None:
        return make()

    def data() -> dict[str, Any]:
        chosen, conflict = make()
        return {"chosen": None if chosen is None else chosen.tolist(), "conflict": list(conflict)}

    key = digest(_said(setting) | {"effort": astuple(effort)})
    found = part.fact("solved", key, data)
    chosen = found["chosen"]
    return None if chosen is None else np.array(chosen, dtype=np.int64), tuple(found["conflict"])


def certificate(
    part: Checkpoint | None,
    setting: Setting,
    chosen: IntArray,
    sample: Scenarios,
    tries: int,
    make: Callable[[], Certificate],
) -> Certificate:
    """Return the certificate of a choice under a sample at a try, made and kept if it is not known."""
    if part is None:
        return make()
    named = {"chosen": chosen.tolist(), "sample": sample.sha256, "tries": tries}
    data = part.fact("certificate", digest(_said(setting) | named), lambda: asdict(make()))
    bounds = tuple(Bound(**bound) for bound in data["bounds"])
    return Certificate(**{**data, "bounds": bounds, "not_certified": tuple(data["not_certified"])})


def estimate(
    checkpoint: Checkpoint | None, key: str, make: Callable[[], tuple[FloatArray, ...]]
) -> tuple[FloatArray, ...]:
    """Return the arrays of one estimate of the walk, made and kept if they are not known.

    Parameters
    ----------
    checkpoint : Checkpoint or None
    key : str
        Hash of all that decides it.
    make : callable () -> tuple of float64
    """
    if checkpoint is None:
        return make()
    found = checkpoint.fact("estimate", key, lambda: {"arrays": [a.tolist() for a in make()]})
    return tuple(np.array(a, dtype=np.float64) for a in found["arrays"])


def _said(setting: Setting) -> dict[str, Any]:
    """Return the whole menu, the limits and the draws, JSON-ready."""
    rows = [
        [row.name, row.current, [[row.values(k), sorted(o.broken)] for k, o in enumerate(row.options)]]
        for row in setting.menu.rows
    ]
    return {"rows": rows, "limits": setting.limits.to_json(), "draws": setting.scenarios.sha256}
