"""What compiling costs, and how warm a second process starts.

Two processes run the same small market with an empty folder for machine code: the first compiles
and keeps it there, the second finds it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.timing import row

ROOT = Path(__file__).resolve().parent.parent
SEED = 20_260_314
WORK = f"""
from benchmarks.bench_engine import FREE, market_of, shocks_of
from risk.engine.stress import stress
snapshot = market_of({SEED}, 200)
outcome = stress(snapshot, shocks_of(snapshot, {SEED}, 8, 4), liquidators=FREE)
print(outcome.repaid_usd.tobytes().hex())
"""


def process(cache: str) -> tuple[float, str]:
    """Return how long a process takes, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WORK],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - began, done.stdout


def rows() -> list[dict[str, Any]]:
    """Return the comparison."""
    with tempfile.TemporaryDirectory() as cache:
        cold, first = process(cache)
        warm, second = process(cache)
    equal = bool(first.strip()) and first == second
    return [row("start", "200 accounts x 8 paths x 4 steps", warm, "a process that compiles", cold, equal)]
