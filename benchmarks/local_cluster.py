"""A Dask scheduler and workers as processes of this machine, each with one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
START_S = 60.0


@dataclass
class Cluster:
    """Processes on loopback; logs and what they write go to ``folder``."""

    folder: Path
    scheduler: subprocess.Popen[bytes] = field(init=False)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        here = ("--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0")
        self.scheduler = self._run("scheduler", *here, "--scheduler-file", str(self._file))
        began = time.monotonic()
        while not self._file.exists() or not self._file.stat().st_size:
            assert self.scheduler.poll() is None, "the scheduler ended"
            assert time.monotonic() - began < START_S, "the scheduler does not start"
            time.sleep(0.05)

    @property
    def _file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def executor(self) -> str:
        """The scheduler as `risk.stress` takes it."""
        address = str(json.loads(self._file.read_text())["address"])
        return "dask://" + address.removeprefix("tcp://")

    def start_worker(self, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
        """Start a worker that is not started again when it dies."""
        address = self.executor.replace("dask://", "tcp://")
        options = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder))
        worker = self._run("worker", address, *options, env=env or {}, cwd=cwd)
        self.workers.append(worker)
        return worker

    def await_workers(self, count: int) -> None:
        """Return once ``count`` workers are there."""
        from distributed import Client

        address = self.executor.replace("dask://", "tcp://")
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=START_S)

    def stop(self) -> None:
        """End what was started."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _run(
        self, what: str, *options: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT
    ) -> subprocess.Popen[bytes]:
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *options],
                env={**os.environ, "NUMBA_NUM_THREADS": "1", **(env or {})},
                cwd=cwd,
                stdout=log,
                stderr=log,
            )


@contextmanager
def local_cluster(workers: int) -> Iterator[Cluster]:
    """Yield a cluster of so many workers."""
    with TemporaryDirectory(prefix="cluster") as folder:
        cluster = Cluster(Path(folder))
        try:
            for _ in range(workers):
                cluster.start_worker()
            if workers:
                cluster.await_workers(workers)
            yield cluster
        finally:
            cluster.stop()
