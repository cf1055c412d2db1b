"""kill -9 of the reader at random moments: it goes on where it was, and ends with the same bytes."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.demo.world import DemoWorld
from protocols.store import digest
from tests.faults.proxy import Proxy, running
from tests.faults.reader import start

pytestmark = pytest.mark.chain
SEED = 20_260_101
DELAY_S = 0.01
IN_A_ROW = 5


def read_and_kill(world: DemoWorld, folder: Path, kills: int) -> dict[str, int]:
    """Kill ``kills`` readers, `IN_A_ROW` of them one after the other, then let one finish; count."""
    order = ["snapshot", f"aave-v3:{world.market.provider.address}"]
    cache, out = folder / "cache", folder / "snapshot"
    counts = {"killed": 0, "finished": 0, "half-written": 0, "wrong": 0, "requests saved": 0}
    draws = random.Random(SEED)
    with running(Proxy(world.chain.node.port, delay_s=DELAY_S)) as proxy:

        def run(limit_s: float | None = None) -> int | None:
            shutil.rmtree(out, ignore_errors=True)
            reader = start([*order, "--rpc", proxy.url, "-o", str(out)], str(cache))
            reader.join(limit_s)
            reader.kill()
            reader.join()
            return reader.exitcode

        def fresh() -> tuple[float, int]:
            shutil.rmtree(cache, ignore_errors=True)
            began, before = time.monotonic(), proxy.requests
            assert run() == 0
            return time.monotonic() - began, proxy.requests - before

        fresh()  # loads everything
        whole_s, whole_requests = fresh()
        truth = digest(out)
        while counts["killed"] < kills:
            shutil.rmtree(cache, ignore_errors=True)
            goal = min(kills, counts["killed"] + IN_A_ROW)
            while counts["killed"] < goal:
                code = run(draws.uniform(0, whole_s))
                counts["killed" if code == -9 else "finished"] += 1
                if out.exists():
                    counts["half-written"] += digest(out) != truth
            before = proxy.requests
            assert run() == 0, (folder / "cache.err").read_text()
            counts["finished"] += 1
            counts["requests saved"] += whole_requests - (proxy.requests - before)
            counts["wrong"] += digest(out) != truth
    return counts


def check(counts: dict[str, int], kills: int, record_property: Callable[[str, object], None]) -> None:
    for name, count in counts.items():
        record_property(name, count)
    assert counts["killed"] == kills
    assert counts["half-written"] == 0
    assert counts["wrong"] == 0
    assert counts["requests saved"] > 0


def test_a_killed_reader_goes_on_where_it_was(
    demo_chain: DemoWorld, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    check(read_and_kill(demo_chain, tmp_path, 20), 20, record_property)


@pytest.mark.verify
def test_a_hundred_killed_readers(
    demo_chain: DemoWorld, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    check(read_and_kill(demo_chain, tmp_path, 100), 100, record_property)
