"""What a run leaves with every worker of a cluster, and the blocks done there; needs Dask."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import cloudpickle
from distributed import WorkerPlugin, get_worker

from abis.errors import InputError, MalformedFile
from risk.engine.versions import differences, versions


class Sent(WorkerPlugin):
    """Work as it travels: bytes, opened by the first block a worker takes and kept until the run is over.

    The scheduler hands it to each worker once, also to those that come later.  Closures travel by
    value, so that what makes scenarios need not be importable.

    Parameters
    ----------
    work : callable (first, last) -> result
    """

    def __init__(self, work: Any) -> None:
        self.payload: bytes = cloudpickle.dumps(work, protocol=5)
        self.versions = versions()
        self._unopened()

    def __getstate__(self) -> tuple[bytes, dict[str, str]]:
        return self.payload, self.versions

    def __setstate__(self, state: tuple[bytes, dict[str, str]]) -> None:
        self.payload, self.versions = state
        self._unopened()

    def _unopened(self) -> None:
        self.work: Any = None
        self.lock = threading.Lock()

    def open(self) -> Any:
        """Return the work.

        Raises
        ------
        InputError
            If this worker differs from the sender, or lacks a module the work needs.
        """
        with self.lock:
            if self.work is None:
                differing = differences(self.versions, versions())
                if differing:
                    raise other_software("a worker", differing)
                try:
                    self.work = pickle.loads(self.payload)
                except (ImportError, AttributeError) as error:
                    raise InputError(
                        f"a worker cannot load what the run is made of: {error}.",
                        remedy="Install the module there, too, or define it in the script that calls.",
                    ) from None
                self.payload = b""  # the scheduler keeps its own for workers to come
            return self.work


def one_task(name: str, first: int, last: int) -> Any:
    """Return what scenarios ``first`` .. ``last - 1`` lead to, by the work sent under ``name``."""
    sent = get_worker().plugins[name]
    assert isinstance(sent, Sent)
    work = sent.open()
    try:
        return work(first, last)
    except MalformedFile as error:
        remedy = f"{error.remedy} Workers read scenarios from the same path as you do.".strip()
        raise MalformedFile(f"on a worker: {error.message}", remedy=remedy) from None


def other_software(worker: str, differing: str) -> InputError:
    """Return the error of a worker that would not give the same bytes."""
    return InputError(
        f"{worker} would not compute the same: {differing}.",
        remedy="Give every worker the software and processor features of this machine.",
    )
