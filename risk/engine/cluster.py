"""Blocks of scenarios on other machines, through a Dask scheduler.

The work, with the market and all assumptions in it, is sent to the workers once; then a task names two
scenarios, the first and the one after the last.  Blocks come back in the order of their scenarios,
whatever order they are done in, so results are those of one machine, byte for byte.  What a lost
worker had is done again by the others.

Byte for byte holds where the same code runs on the same libraries and processors
(`risk.engine.versions`): a worker that differs is refused.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from abis.errors import InputError, MalformedFile
from risk.engine.versions import differences, versions

T = TypeVar("T")
Work = Callable[[int, int], T]  # from scenarios ``first`` .. ``last - 1`` to what they lead to

SCHEME = "dask"
CONNECT_S = 10  # until a scheduler has to answer
WORKERS_S = 60  # until a worker has to be there
POLL_S = 2
BLOCKS_A_THREAD = 4  # blocks are cut into so many a thread, so that threads end together
AHEAD = 3  # blocks a thread under way, or done and waiting for those before them
LOSSES = 5  # in a row, of what was sent, before a run is given up


def in_turn(work: Work[T], scenarios: int, size: int) -> Iterator[tuple[int, T]]:
    """Yield the end of each block and what it leads to, one after another, on this machine."""
    for first in range(0, scenarios, size):
        last = min(first + size, scenarios)
        yield last, work(first, last)


def spread(work: Work[T], scenarios: int, size: int, executor: str) -> Iterator[tuple[int, T]]:
    """Yield the end of each block and what it leads to, in order, made by the workers of a cluster.

    Parameters
    ----------
    work : callable (first, last) -> result
        Pure; what it leads to does not depend on how scenarios are cut into blocks.
    scenarios : int
    size : int
        The most scenarios of a block; fewer where workers would have nothing to do.
    executor : str
        ``dask://host:port`` of the scheduler.

    Raises
    ------
    InputError
        If the executor is malformed, Dask is not installed, no scheduler or worker answers, a worker
        runs other software, or a block brings workers down.
    """
    with _connected(executor) as client:
        _check_versions(client, executor)
        share = -(-scenarios // (_threads(client) * BLOCKS_A_THREAD))
        size = max(1, min(size, share))
        blocks = [(a, min(a + size, scenarios)) for a in range(0, scenarios, size)]
        yield from _Run(client, executor, Sent(work)).results(blocks)


def address_of(executor: str) -> str:
    """Return the scheduler's address as Dask writes it.

    Raises
    ------
    InputError
        If ``executor`` is not ``dask://host:port``.
    """
    try:
        parts = urlsplit(executor)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, brackets that do not close
        parts, host, port = urlsplit(""), None, None
    more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme != SCHEME or not host or not port or more:
        raise InputError(
            f"the executor {executor!r} is no address of a scheduler.",
            remedy="Give dask://host:port, as in dask://127.0.0.1:8786.",
        )
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


class Sent:
    """Work as it travels: bytes, opened by the first block that a worker takes and then kept open.

    Closures travel by value, so that what makes scenarios need not be importable.
    """

    def __init__(self, work: Work[Any]) -> None:
        import cloudpickle

        self.payload: bytes = cloudpickle.dumps(work, protocol=5)
        self.versions = versions()
        self._unopened()

    def __getstate__(self) -> tuple[bytes, dict[str, str]]:
        return self.payload, self.versions

    def __setstate__(self, state: tuple[bytes, dict[str, str]]) -> None:
        self.payload, self.versions = state
        self._unopened()

    def __sizeof__(self) -> int:
        return len(self.payload)

    def _unopened(self) -> None:
        self.work: Work[Any] | None = None
        self.lock = threading.Lock()

    def open(self) -> Work[Any]:
        """Return the work, on a worker.

        Raises
        ------
        InputError
            If the worker differs from the sender, or lacks a module the work needs.
        """
        with self.lock:
            if self.work is None:
                differing = differences(self.versions, versions())
                if differing:
                    raise _other_software("a worker", differing)
                try:
                    work: Work[Any] = pickle.loads(self.payload)
                except (ImportError, AttributeError) as error:
                    raise InputError(
                        f"a worker cannot load what the run is made of: {error}.",
                        remedy="Install the module there, too, or define it in the script that calls.",
                    ) from None
                self.work = work
            return self.work


def one_task(sent: Sent, first: int, last: int) -> Any:
    """Return what a block leads to; runs on a worker."""
    try:
        return sent.open()(first, last)
    except MalformedFile as error:
        remedy = f"{error.remedy} Workers read scenarios from the same path as you do.".strip()
        raise MalformedFile(f"on a worker: {error.message}", remedy=remedy) from None


class _Run:
    """One run: what was sent, and the blocks under way in the order of their scenarios."""

    def __init__(self, client: Any, executor: str, sent: Sent) -> None:
        self.distributed, self.client, self.executor = _distributed(), client, executor
        self.sent = sent
        self.at_workers: Any = None  # the same, once sent
        self.under_way: deque[tuple[tuple[int, int], Any]] = deque()

    def results(self, blocks: list[tuple[int, int]]) -> Iterator[tuple[int, Any]]:
        """Yield the end and the result of every block."""
        waiting, losses = deque(blocks), 0
        try:
            while waiting or self.under_way:
                self._fill(waiting)
                block, future = self.under_way[0]
                try:
                    result = self._result(block, future)
                except self.distributed.CancelledError:
                    losses += 1  # the last worker that had what was sent is gone, or the scheduler
                    self._take_back(waiting, losses)
                    continue
                losses = 0
                self.under_way.popleft()
                yield block[1], result
        finally:
            self._cancel()

    def _fill(self, waiting: deque[tuple[int, int]]) -> None:
        """Send what is to be done, and keep the workers in work without running far ahead."""
        if self.at_workers is None:
            self.at_workers = self.client.scatter(self.sent, hash=False)
        most = AHEAD * _threads(self.client)
        while waiting and len(self.under_way) < most:
            block = waiting.popleft()
            future = self.client.submit(one_task, self.at_workers, *block, pure=False)
            self.under_way.append((block, future))

    def _result(self, block: tuple[int, int], future: Any) -> Any:
        missing_since = None
        while not future.done():
            try:
                with self.client.as_current():
                    self.distributed.wait([future], timeout=POLL_S)
            except TimeoutError:
                missing_since = None if self.client.nthreads() else missing_since or time.monotonic()
                if missing_since is not None and time.monotonic() - missing_since > WORKERS_S:
                    raise _no_worker(self.executor) from None
        try:
            return future.result()
        except self.distributed.KilledWorker as error:
            raise InputError(
                f"scenarios {block[0]} to {block[1] - 1} brought down one worker after another ({error}).",
                remedy="Give workers more memory, or fewer threads each.",
            ) from None

    def _take_back(self, waiting: deque[tuple[int, int]], losses: int) -> None:
        """Put what was under way back, to be sent again."""
        if self.client.status != "running" or losses > LOSSES:
            raise _lost(self.executor)
        waiting.extendleft(block for block, _ in reversed(self.under_way))
        self._cancel()

    def _cancel(self) -> None:
        mine = [future for _, future in self.under_way]
        mine += [] if self.at_workers is None else [self.at_workers]
        self.under_way.clear()
        self.at_workers = None
        if mine and self.client.status == "running":
            self.client.cancel(mine, force=True)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise InputError(
            "Dask's distributed is not installed.", remedy="Run: pip install 'breakwater[cluster]'"
        ) from None
    return distributed


@contextmanager
def _connected(executor: str) -> Iterator[Any]:
    """Connect to a scheduler that has a worker; the client is closed whatever happens."""
    address, distributed = address_of(executor), _distributed()
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False, name="breakwater")
    except (OSError, TimeoutError) as error:
        raise InputError(
            f"no scheduler answers at {executor} within {CONNECT_S} s ({type(error).__name__}).",
            remedy="Start one with `dask scheduler`, or leave the executor out to run on this machine.",
        ) from None
    try:
        _await_worker(client, executor)
        yield client
    except (distributed.comm.CommClosedError, distributed.client.ClosedClientError):
        raise _lost(executor) from None
    finally:
        client.close()


def _await_worker(client: Any, executor: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError:
        raise _no_worker(executor) from None


def _threads(client: Any) -> int:
    """Return the threads of all workers there are now, at least 1."""
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))


def _no_worker(executor: str) -> InputError:
    return InputError(
        f"the scheduler at {executor} has had no worker for {WORKERS_S} s.",
        remedy=f"Start some with `dask worker {address_of(executor)}`.",
    )


def _lost(executor: str) -> InputError:
    return InputError(
        f"the scheduler at {executor} was lost in the middle of the run, or all its workers again and again.",
        remedy="Look at its log and at theirs, then run again.",
    )


def _other_software(worker: str, differing: str) -> InputError:
    return InputError(
        f"{worker} would not compute the same: {differing}.",
        remedy="Give every worker the software and processor features of this machine.",
    )


def _check_versions(client: Any, executor: str) -> None:
    """Refuse workers that would compute something else, before anything is sent."""
    here = versions()
    try:
        there = client.run(versions)
    except ImportError as error:
        raise InputError(
            f"a worker of {executor} cannot load Breakwater: {error}.",
            remedy="Install the same release with the same requirements on every worker.",
        ) from None
    for worker, found in sorted(there.items()):
        differing = differences(here, found)
        if differing:
            raise _other_software(f"worker {worker}", differing)
