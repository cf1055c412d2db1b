"""What a cluster costs: two workers of one thread each on this machine, against this process alone.

Workers, scheduler and this process share the cores, so that what is left between the two times is
connecting, sending the market, and handing results back.
"""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np

from benchmarks.bench_engine import FREE, market_of
from benchmarks.local_cluster import local_cluster
from benchmarks.timing import best_of, row
from benchmarks.walks import walks
from risk.engine.stress import stress
from risk.outcome import Outcome

SEED = 20_260_316
SIZES = ((10, 8, 2), (10_000, 256, 48))  # accounts, paths, steps: overhead alone, and beside work
WORKERS = 2


def same(a: Outcome, b: Outcome) -> bool:
    """Return whether every array is the same, byte for byte."""
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)]
    return all(x.tobytes() == y.tobytes() for x, y in pairs if isinstance(x, np.ndarray))


def run(sizes: tuple[int, int, int], executor: str | None) -> Outcome:
    """Return the outcome of one size."""
    accounts, paths, steps = sizes
    snapshot = market_of(SEED, accounts)
    return stress(snapshot, walks(snapshot, SEED, paths, steps), liquidators=FREE, executor=executor)


def rows() -> list[dict[str, Any]]:
    """Return the rows of every size."""
    out = []
    run((10, 64, 2), None)  # compile
    with local_cluster(WORKERS) as cluster:
        run((10, 64, 2), cluster.executor)  # load it, on every worker
        for sizes in SIZES:
            ways = [partial(run, sizes, executor) for executor in (None, cluster.executor)]
            (alone, spread), (here, there) = best_of(1, ways)
            size = "{} accounts x {} paths x {} steps".format(*sizes)
            baseline = "this process, all cores"
            out.append(row(f"cluster of {WORKERS} workers", size, spread, baseline, alone, same(here, there)))
    return out
