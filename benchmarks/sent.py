"""What a market costs on its way to a worker: bytes sent, time to pack and open it, memory once open.

``python -m benchmarks.sent ACCOUNTS ASSETS`` prints them as JSON, an account.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench_engine import FREE, market_of
from benchmarks.walks import walks
from risk.engine.assumptions import Assumptions
from risk.engine.cluster_worker import Sent
from risk.engine.stress import one_block

ROOT = Path(__file__).resolve().parent.parent
SEED = 20_260_317
OPEN = """
import pickle, sys, time
import risk.engine.stress, risk.engine.cluster_worker
from benchmarks.footprint import peak_mib
before = peak_mib()
began = time.perf_counter()
work = pickle.load(open(sys.argv[1], "rb"))
print(time.perf_counter() - began, peak_mib() - before)
"""


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sent", description=__doc__)
    parser.add_argument("accounts", type=int)
    parser.add_argument("assets", type=int)
    given = parser.parse_args()
    snapshot = market_of(SEED, given.accounts, given.assets)
    scenarios = walks(snapshot, SEED, 64, 2)
    assumed = Assumptions(liquidators=FREE)
    work = partial(one_block, assumed.engine(snapshot, scenarios), scenarios, assumed, False)
    began = time.perf_counter()
    sent = Sent(work)
    packed_s = time.perf_counter() - began
    with TemporaryDirectory() as folder:
        file = Path(folder) / "work"
        file.write_bytes(sent.payload)
        command = [sys.executable, "-c", OPEN, str(file)]
        opened_s, opened_mib = map(float, subprocess.check_output(command, cwd=ROOT, text=True).split())
    back = len(pickle.dumps(work(0, 64), protocol=5)) / 64
    found = {
        "sent_bytes_an_account": len(sent.payload) / given.accounts,
        "packed_us_an_account": packed_s * 1e6 / given.accounts,
        "opened_us_an_account": opened_s * 1e6 / given.accounts,
        "opened_bytes_an_account": opened_mib * 2**20 / given.accounts,
        "returned_bytes_a_scenario": back,
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
