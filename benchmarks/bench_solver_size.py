"""The solver's stages at growing size: accounts and scenarios, each in processes of their own.

A stage's time stands against that of the size before; linear growth in both gives 1/16 in the last series.
``results_equal``: the program's gap is at most 1e-4.  That its sweep and its program are right is for tests.
"""

from __future__ import annotations

from typing import Any

from benchmarks.solver_size import STEPS, measured
from benchmarks.timing import row

GAP = 1e-4
BY_ACCOUNTS = [(12_500, 6_250), (50_000, 6_250), (200_000, 6_250)]
BY_SCENARIOS = [(3_125, 6_250), (3_125, 25_000), (3_125, 100_000)]
WHOLE = [(3_125, 1_562), (12_500, 6_250), (50_000, 25_000), (200_000, 100_000)]
STAGES = {
    "sweep": ("sweep, accounts under one row", "sweep, all others"),
    "program": ("program", "solve"),
    "judgement": ("judge choice",),
    "certificate": ("certify",),
}


def seconds_of(found: dict[str, Any], stages: tuple[str, ...]) -> float:
    """Return the time of some stages together."""
    return sum(s["seconds"] for s in found["stages"] if s["stage"] in stages)


def growth(name: str, sizes: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return the rows of one series: every stage of every size but the first."""
    runs = [measured(*size) for size in sizes]
    out = []
    for before, (accounts, scenarios), found in zip(runs[:-1], sizes[1:], runs[1:], strict=True):
        peak = max(s["peak_mib"] for s in found["stages"])
        for stage, parts in STAGES.items():
            size = (
                f"{accounts} accounts x {scenarios} scenarios x {STEPS} steps, {found['options']} options, "
                f"at most {peak:.0f} MiB"
            )
            now, then = seconds_of(found, parts), seconds_of(before, parts)
            of = f"{before['accounts']} accounts x {before['scenarios']} scenarios"
            out.append(row(f"solver, {name}: {stage}", size, now, of, then, found["gap"] <= GAP))
    return out


def rows() -> list[dict[str, Any]]:
    """Return all series."""
    return [
        *growth("by accounts", BY_ACCOUNTS),
        *growth("by scenarios", BY_SCENARIOS),
        *growth("whole", WHOLE),
    ]
