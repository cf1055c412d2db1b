"""How the inner loops of feed kinds are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Return ``function`` compiled on first use, cached on disk, free of the interpreter lock."""
    # The decorator is untyped; the function keeps the type it was written with.
    return cast(F, numba.njit(cache=True, nogil=True)(function))
