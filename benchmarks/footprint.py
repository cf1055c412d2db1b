"""Time and largest resident memory of one run, in a process of its own.

``python -m benchmarks.footprint ACCOUNTS PATHS STEPS`` prints them as JSON, with hashes of what was repaid
on the first half of the paths and on all of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SEED = 20_260_313


def footprint(accounts: int, paths: int, steps: int, assets: int = 6) -> dict[str, Any]:
    """Return what a process of its own measures."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.footprint", *map(str, (accounts, paths, steps, assets))],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def peak_mib() -> float:
    """Return the largest resident memory of this process so far.

    ``getrusage`` counts what the process was before it became this program, too: where the system
    tells the program's own, that is taken.
    """
    status = Path("/proc/self/status")
    if status.exists():
        own = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return float(own.split()[1]) / 1_024
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def measure(accounts: int, paths: int, steps: int, assets: int) -> dict[str, Any]:
    """Run here, compiled before."""
    from benchmarks.bench_engine import FREE, market_of
    from benchmarks.walks import walks
    from risk.engine.stress import stress

    small = market_of(SEED, 10)
    stress(small, walks(small, SEED, 2, 2), liquidators=FREE)
    snapshot = market_of(SEED, accounts, assets)
    before = peak_mib()
    began = time.perf_counter()
    outcome = stress(snapshot, walks(snapshot, SEED, paths, steps), liquidators=FREE, progress=_tell)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "peak_mib": peak_mib(),
        "market_mib": before,
        "half": _hash(outcome.repaid_usd[: paths // 2]),
        "all": _hash(outcome.repaid_usd),
        "liquidated": int(outcome.liquidated_accounts.sum()),
    }


def _hash(amounts: np.ndarray) -> str:  # type: ignore[type-arg]
    return hashlib.sha256(np.ascontiguousarray(amounts).tobytes()).hexdigest()


def _tell(done: int, total: int) -> None:
    print(f"  {done:,} of {total:,} paths, {peak_mib():,.0f} MiB", file=sys.stderr, flush=True)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    for name in ("accounts", "paths", "steps"):
        parser.add_argument(name, type=int)
    parser.add_argument("assets", type=int, nargs="?", default=6)
    given = parser.parse_args()
    print(json.dumps(measure(given.accounts, given.paths, given.steps, given.assets)))


if __name__ == "__main__":
    main()
