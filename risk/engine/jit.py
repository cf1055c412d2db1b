"""Typed doors to the compiler, and the guard against stale machine code.

Kernels are compiled once and kept beside their source.  The compiler notices a change of
the file a kernel stands in, but not of the other files it calls into; `drop_stale` does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.extending import register_jitable

F = TypeVar("F", bound=Callable[..., Any])

# IEEE semantics throughout: no fast-math, no contraction, division by zero gives inf or nan.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": False}

RANGES_A_THREAD = 8

HERE = Path(__file__).resolve().parent


def jit(function: F) -> F:
    """Compile ``function`` as a part of kernels; only the whole is kept."""
    return cast(F, numba.njit(**_OPTIONS)(function))


def inlined(function: F) -> F:
    """Compile ``function`` into each of its callers.

    For bodies shorter than handing arrays on; and for what returns arrays to a `leaf`.
    """
    return cast(F, numba.njit(inline="always", **_OPTIONS)(function))


def leaf(function: F) -> F:
    """Compile a part of kernels that neither makes nor returns an array.

    It borrows the arrays it is given and does not count references to them, which costs more
    than the arithmetic between: a book has some thirty arrays.
    """
    compiler: Any = numba.njit
    return cast(F, compiler(_nrt=False, **_OPTIONS)(function))


def kernel(function: F) -> F:
    """Compile an entry point ``(first, last, ...)`` over scenarios, to be run by `over_scenarios`."""
    return cast(F, numba.njit(nogil=True, cache=True, **_OPTIONS)(function))


def over_scenarios(
    function: Callable[..., Any], scenarios: int, *args: Any, ranges_a_thread: int = RANGES_A_THREAD
) -> list[Any]:
    """Run a kernel over all scenarios, on as many threads as `numba.get_num_threads` says.

    Each range of scenarios is one call that writes only its own rows, so the split changes
    nothing in the result.  Ranges are smaller than a thread's share where scenarios differ in
    work.  Returns what the calls returned, in the order of their scenarios.
    """
    threads = min(int(numba.get_num_threads()), scenarios)
    if threads <= 1:
        return [function(0, scenarios, *args)]
    size = max(1, -(-scenarios // (threads * ranges_a_thread)))
    firsts = range(0, scenarios, size)
    done = [_pool(threads).submit(function, a, min(a + size, scenarios), *args) for a in firsts]
    return [future.result() for future in done]


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return the threads kernels run on: started once, since a moment's work can be shorter."""
    return ThreadPoolExecutor(threads, thread_name_prefix="kernel")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child inherits the pool without its threads


def shared(function: F) -> F:
    """Mark a plain Python function as callable from kernels, too."""
    compiler: Any = register_jitable
    return cast(F, compiler(error_model="numpy")(function))


def vectorised(function: F) -> Callable[..., Any]:
    """Return the array version of a scalar function of floats: broadcasts like a ufunc."""
    compiler: Any = numba.vectorize
    return cast(Callable[..., Any], compiler(cache=True)(function))


def drop_stale(folder: Path = HERE) -> None:
    """Delete the kept machine code of ``folder`` if any source there has changed since.

    A folder that cannot be written is left alone: its sources do not change in place.
    """
    cache = folder / "__pycache__"
    digest = hashlib.sha256()
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    stamp = cache / "kernels.sha256"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return
    with contextlib.suppress(OSError):
        cache.mkdir(exist_ok=True)
        for kept in (*cache.glob("*.nbi"), *cache.glob("*.nbc")):
            kept.unlink(missing_ok=True)
        stamp.write_text(digest.hexdigest())


drop_stale()  # here, because every module with kernels imports this one first
