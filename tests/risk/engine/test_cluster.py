"""`risk.stress` on a real scheduler and real worker processes, some of which are killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abis.errors import InputError, MalformedFile, ScenarioError
from benchmarks.bench_engine import market_of, shocks_of
from benchmarks.local_cluster import ROOT, Cluster, local_cluster
from oracles.graph import graph_of
from protocols.store import save
from risk.engine import cluster as spreading
from risk.engine.cluster import address_of, spread
from risk.engine.feedback import Feedback
from risk.engine.stress import stress
from risk.engine.versions import differences, versions
from risk.outcome import Outcome
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.scenarios.storage import read_scenarios, write_scenarios
from tests.property.test_engine_laws import shallow
from tests.risk.engine.markets import FREE

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Cluster]:
    with local_cluster(2) as cluster:
        yield cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A scheduler of one test, without workers."""
    with local_cluster(0) as alone:
        yield alone


def bytes_of(outcome: Outcome) -> dict[str, Any]:
    """Everything but how to run it again, arrays as bytes."""
    columns = {
        f.name: getattr(outcome, f.name) for f in fields(outcome) if f.name not in ("replay", "events")
    }
    return {k: v.tobytes() if isinstance(v, np.ndarray) else v for k, v in columns.items()}


@pytest.mark.verify  # every worker compiles first
@settings(max_examples=4)
@given(seeds, st.sampled_from([1, 3]), st.sampled_from([None, 0.0, 0.5]), st.booleans())
def test_where_blocks_run_changes_nothing(
    two_workers: Cluster, seed: int, times: int, share: float | None, accrual: bool
) -> None:
    """CLU-1: results and events of a cluster are those of this machine, byte for byte, in order."""
    snapshot = market_of(seed, 12)
    path = shocks_of(snapshot, seed, 11, times=times)
    options: dict[str, Any] = {
        "depth": shallow(snapshot).recovering(1_800.0, 0.3),
        "oracles": graph_of(snapshot.asset_names, [""] * 6, 8),
        "feedback": None if share is None else Feedback(share),
        "accrual": accrual,
        "events": True,
    }
    told: list[tuple[int, int]] = []
    here = stress(snapshot, path, **options)
    there = stress(
        snapshot, path, **options, executor=two_workers.executor, progress=lambda *at: told.append(at)
    )
    assert bytes_of(there) == bytes_of(here)
    pd.testing.assert_frame_equal(there.events, here.events, check_exact=True)
    assert told == [(2, 11), (4, 11), (6, 11), (8, 11), (10, 11), (11, 11)]  # two threads, four blocks each


def test_a_worker_killed_in_the_middle(two_workers: Cluster, tmp_path: Path) -> None:
    """CLU-2: a worker killed in the middle changes nothing, neither totals nor rows of events."""
    snapshot = market_of(7, 60)
    path = shocks_of(snapshot, 7, 48, times=4)
    victim = two_workers.start_worker()
    two_workers.await_workers(3)
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if not killed:
            victim.send_signal(signal.SIGKILL)
            assert victim.wait() == -signal.SIGKILL
            killed.append(done)
            assert done < total

    here = stress(snapshot, path, liquidators=FREE, events=tmp_path / "here.parquet")
    there = stress(
        snapshot,
        path,
        liquidators=FREE,
        events=tmp_path / "there.parquet",
        executor=two_workers.executor,
        progress=kill,
    )
    assert killed
    assert bytes_of(there) == bytes_of(here)
    rows = [pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("here", "there")]
    assert len(rows[0])
    pd.testing.assert_frame_equal(*rows, check_exact=True)


def test_the_command_line_says_the_same(
    two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files are named to workers by their whole path; progress goes to stderr."""
    from risk.cli.main import main

    snapshot = market_of(3, 12)
    save(snapshot, tmp_path / "snap")
    monkeypatch.chdir(tmp_path)
    write_scenarios(shocks_of(snapshot, 3, 9, times=3), Path("paths"))
    command = ["stress", "snap", "--scenarios", "paths", "--json"]
    said = []
    for more in ([], ["--executor", two_workers.executor]):
        with pytest.raises(SystemExit) as stop:
            main([*command, *more])
        assert not stop.value.code
        out, err = capsys.readouterr()
        assert "Scenarios run: 9" in err
        said.append(out)
    assert said[0] == said[1]


def test_errors_of_scenarios_arrive_as_they_are(two_workers: Cluster) -> None:
    snapshot = market_of(3, 5)

    def produce(first: int, last: int) -> ScenarioBlock:
        price = np.tile(snapshot.price_usd, (last - first, 1, 1))
        price[:, 0, 2] = -1.0
        return ScenarioBlock(first, price[:, :, None], price)

    bad = replace_produce(shocks_of(snapshot, 3, 4), produce)
    with pytest.raises(ScenarioError, match=r"market price -1.0 of scenario 0, time 0, asset 2") as there:
        stress(snapshot, bad, executor=two_workers.executor)
    with pytest.raises(ScenarioError) as here:
        stress(snapshot, bad)
    assert str(there.value) == str(here.value)
    assert there.value.remedy == here.value.remedy


def replace_produce(scenarios: Scenarios, produce: Callable[[int, int], ScenarioBlock]) -> Scenarios:
    columns = {f.name: getattr(scenarios, f.name) for f in fields(scenarios)}
    return Scenarios(**{**columns, "produce": produce})


@pytest.mark.parametrize(
    "executor",
    [
        "",
        "dask",
        "dask://",
        "dask://host",
        "dask://:8786",
        "dask://host:port",
        "dask://host:70000",
        "dask://host:0",
        "dask://[::1:8786",
        "tcp://host:8786",
        "dask://host:8786/path",
        "dask://host:8786?x=1",
        "dask://user:secret@host:8786",
    ],
)
def test_malformed_executors_are_refused(executor: str) -> None:
    with pytest.raises(InputError, match="is no address of a scheduler") as refused:
        address_of(executor)
    assert "dask://127.0.0.1:8786" in refused.value.remedy
    assert "secret" not in str(refused.value)


def test_addresses() -> None:
    assert address_of("dask://10.0.0.5:8786") == "tcp://10.0.0.5:8786"
    assert address_of("dask://[::1]:8786/") == "tcp://[::1]:8786"


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'breakwater\[cluster\]'"):
        next(spread(lambda a, b: b, 1, 1, "dask://127.0.0.1:8786"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "CONNECT_S", 1)
    with pytest.raises(InputError, match=r"no scheduler answers at dask://127\.0\.0\.1:") as refused:
        next(spread(lambda a, b: b, 1, 1, f"dask://127.0.0.1:{free_port()}"))
    assert "dask scheduler" in refused.value.remedy


def test_no_worker(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
    monkeypatch.setattr(spreading, "WORKERS_S", 1)
    with pytest.raises(InputError, match="has had no worker for 1 s") as refused:
        next(spread(lambda a, b: b, 1, 1, cluster.executor))
    assert f"dask worker {address_of(cluster.executor)}" in refused.value.remedy


def test_what_differs_is_named() -> None:
    here = versions()
    assert differences(here, dict(here)) == ""
    assert here["numpy"] == np.__version__
    there = {**here, "numpy": "1.0"}
    del there["sources"]
    said = differences(here, there)
    assert f"numpy 1.0 there, {np.__version__} here" in said
    assert f"sources missing there, {here['sources']} here" in said


@pytest.mark.verify
def test_all_workers_lost(cluster: Cluster) -> None:
    """Those that come later are sent what the lost ones had."""
    snapshot = market_of(7, 60)
    path = shocks_of(snapshot, 7, 48, times=4)
    cluster.start_worker()
    cluster.await_workers(1)
    replaced: list[int] = []

    def replace(done: int, total: int) -> None:
        if not replaced:
            cluster.workers[0].kill()
            cluster.workers[0].wait()
            cluster.start_worker()
            replaced.append(done)

    there = stress(snapshot, path, liquidators=FREE, executor=cluster.executor, progress=replace)
    assert replaced
    assert bytes_of(there) == bytes_of(stress(snapshot, path, liquidators=FREE))


@pytest.mark.verify
def test_workers_lost_and_nobody_comes(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "WORKERS_S", 3)
    snapshot = market_of(7, 60)
    cluster.start_worker()
    cluster.await_workers(1)
    with pytest.raises(InputError, match="has had no worker for 3 s"):
        stress(
            snapshot,
            shocks_of(snapshot, 7, 48, times=4),
            executor=cluster.executor,
            progress=lambda done, total: cluster.workers[0].kill(),
        )


@pytest.mark.verify
def test_the_scheduler_is_lost(cluster: Cluster) -> None:
    snapshot = market_of(7, 60)
    cluster.start_worker()
    cluster.await_workers(1)
    with pytest.raises(InputError, match="was lost in the middle of the run"):
        stress(
            snapshot,
            shocks_of(snapshot, 7, 48, times=4),
            executor=cluster.executor,
            progress=lambda done, total: cluster.scheduler.kill(),
        )


@pytest.mark.verify
def test_a_block_that_brings_every_worker_down(cluster: Cluster) -> None:
    for _ in range(5):
        cluster.start_worker()
    cluster.await_workers(5)
    with pytest.raises(
        InputError, match="scenarios 0 to 0 brought down one worker after another"
    ) as given_up:
        list(spread(lambda a, b: os.kill(os.getpid(), signal.SIGKILL), 1, 1, cluster.executor))
    assert "more memory" in given_up.value.remedy


@pytest.mark.verify
def test_other_sources_are_refused(cluster: Cluster, tmp_path: Path) -> None:
    for room in ("abis", "oracles", "protocols", "risk"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "risk" / "engine" / "closing.py").open("a", encoding="utf-8") as source:
        source.write("# changed\n")
    cluster.start_worker({"PYTHONPATH": str(tmp_path)}, cwd=tmp_path)
    cluster.await_workers(1)
    with pytest.raises(InputError, match=r"worker tcp://.* would not compute the same: sources \w+ there"):
        next(spread(lambda a, b: b, 1, 1, cluster.executor))


@pytest.mark.verify
def test_a_worker_without_breakwater_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    hide = "import sys\nsys.modules['risk'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hide, encoding="utf-8")
    cluster.start_worker({"PYTHONPATH": str(tmp_path)}, cwd=tmp_path)
    cluster.await_workers(1)
    with pytest.raises(InputError, match="cannot load Breakwater") as refused:
        next(spread(lambda a, b: b, 1, 1, cluster.executor))
    assert "same release" in refused.value.remedy


@pytest.mark.verify
def test_scenario_files_that_workers_do_not_have(
    two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = market_of(3, 5)
    monkeypatch.chdir(tmp_path)
    write_scenarios(shocks_of(snapshot, 3, 4), Path("paths"))
    with pytest.raises(MalformedFile, match="on a worker: ") as refused:
        stress(snapshot, read_scenarios(Path("paths"), snapshot), executor=two_workers.executor)
    assert "same path as you do" in refused.value.remedy
    found = stress(snapshot, read_scenarios(tmp_path / "paths", snapshot), executor=two_workers.executor)
    assert bytes_of(found) == bytes_of(stress(snapshot, read_scenarios(tmp_path / "paths", snapshot)))


@pytest.mark.verify
def test_interrupting_leaves_nothing_at_the_scheduler(two_workers: Cluster, tmp_path: Path) -> None:
    from distributed import Client

    script = tmp_path / "run.py"
    script.write_text(
        "import sys\n"
        "from benchmarks.bench_engine import market_of, shocks_of\n"
        "from risk.engine.stress import stress\n"
        "snapshot = market_of(7, 2_000)\n"
        "def told(done, total):\n    print(done, total, flush=True)\n"
        "shocks = shocks_of(snapshot, 7, 4_000, 40)\n"
        f"stress(snapshot, shocks, executor={two_workers.executor!r}, progress=told)\n",
        encoding="utf-8",
    )
    run = subprocess.Popen(
        [sys.executable, script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    done, total = map(int, run.stdout.readline().split())
    assert done < total
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "KeyboardInterrupt" in err
    with Client(address_of(two_workers.executor), set_as_default=False) as client:
        began = time.monotonic()
        while left := client.run_on_scheduler(left_at):
            assert time.monotonic() - began < 30, left
            time.sleep(0.2)


def left_at(dask_scheduler: Any) -> list[str]:
    """Tasks, and work sent to workers, that a scheduler still holds."""
    sent = [name for name in dask_scheduler.worker_plugins if name.startswith("breakwater")]
    return [*map(str, dask_scheduler.tasks), *sent]
