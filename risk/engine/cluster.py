"""Blocks of scenarios on other machines, through a Dask scheduler.

The work, with the market and all assumptions in it, is sent to every worker once; then a task names two
scenarios, the first and the one after the last.  Blocks come back in the order of their scenarios,
whatever order they are done in, so results are those of one machine, byte for byte.  What a lost
worker had is done again by the others.

Byte for byte holds where the same code runs on the same libraries and processors
(`risk.engine.versions`): a worker that differs is refused.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from abis.errors import InputError
from risk.engine.versions import differences, versions

T = TypeVar("T")
Work = Callable[[int, int], T]  # from scenarios ``first`` .. ``last - 1`` to what they lead to
Block = tuple[int, int]

SCHEME = "dask"
CONNECT_S = 10  # until a scheduler has to answer
WORKERS_S = 60  # until a worker has to be there
POLL_S = 2
BLOCKS_A_THREAD = 4  # blocks are cut into so many a thread, so that threads end together
AHEAD = 3  # blocks a thread under way, or done and waiting for those before them


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
        with _sent(client, work) as name:
            yield from _results(client, executor, name, blocks)


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
        shown = re.sub(r"//.*@", "//***@", executor)
        raise InputError(
            f"the executor {shown!r} is no address of a scheduler.",
            remedy="Give dask://host:port, as in dask://127.0.0.1:8786.",
        )
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        raise InputError(
            "Dask's distributed is not installed.", remedy="Run: pip install 'breakwater[cluster]'"
        ) from None


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


def _check_versions(client: Any, executor: str) -> None:
    """Refuse workers that would compute something else, before anything is sent."""
    from risk.engine.cluster_worker import other_software

    here = versions()
    try:
        there = client.run(versions)
    except _distributed().comm.CommClosedError:
        raise
    except Exception as error:  # Dask hands on no more than its text
        raise InputError(
            f"a worker of {executor} cannot load Breakwater: {error}.",
            remedy="Install the same release with the same requirements on every worker.",
        ) from None
    for worker, found in sorted(there.items()):
        differing = differences(here, found)
        if differing:
            raise other_software(f"worker {worker}", differing)


@contextmanager
def _sent(client: Any, work: Work[T]) -> Iterator[str]:
    """Send the work to all workers, those to come included; it is taken back at the end."""
    from risk.engine.cluster_worker import Sent

    name = f"breakwater-{uuid4()}"
    client.register_plugin(Sent(work), name=name)
    try:
        yield name
    finally:
        with suppress(OSError):  # a scheduler that was lost needs no tidying
            if client.status == "running":
                client.unregister_worker_plugin(name)


def _results(client: Any, executor: str, name: str, blocks: list[Block]) -> Iterator[tuple[int, Any]]:
    """Yield the end and the result of every block; few are under way at any time."""
    from risk.engine.cluster_worker import one_task

    waiting, under_way = deque(blocks), deque[tuple[Block, Any]]()
    try:
        while waiting or under_way:
            most = AHEAD * _threads(client)
            while waiting and len(under_way) < most:
                block = waiting.popleft()
                under_way.append((block, client.submit(one_task, name, *block, pure=False)))
            block, future = under_way[0]
            result = _result(client, executor, block, future)
            under_way.popleft()
            yield block[1], result
    except _distributed().CancelledError:  # nobody but the scheduler's end cancels them
        raise _lost(executor) from None
    finally:
        with suppress(OSError):
            if under_way and client.status == "running":
                client.cancel([future for _, future in under_way], force=True)


def _result(client: Any, executor: str, block: Block, future: Any) -> Any:
    """Return the result of a block, waiting as long as there are workers.

    A block that is done is not here yet: its result may be lost with the worker that holds it.
    """
    missing_since = None
    while True:
        try:
            return future.result(timeout=WORKERS_S if future.done() else POLL_S)
        except _distributed().KilledWorker as error:
            raise InputError(
                f"scenarios {block[0]} to {block[1] - 1} brought down one worker after another ({error}).",
                remedy="Look at the workers' logs; give them more memory, or fewer threads each.",
            ) from None
        except TimeoutError:
            try:
                missing_since = None if client.nthreads() else missing_since or time.monotonic()
            except OSError:
                raise _lost(executor) from None
            if missing_since is not None and time.monotonic() - missing_since > WORKERS_S:
                raise _no_worker(executor) from None


def _no_worker(executor: str) -> InputError:
    return InputError(
        f"the scheduler at {executor} has had no worker for {WORKERS_S} s.",
        remedy=f"Start some with `dask worker {address_of(executor)}`.",
    )


def _lost(executor: str) -> InputError:
    return InputError(
        f"the scheduler at {executor} was lost in the middle of the run.",
        remedy="Look at its log, start it again with its workers, and run again.",
    )
