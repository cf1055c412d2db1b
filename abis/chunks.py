"""Work in chunks whose size follows what the endpoint accepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from abis.rpc import Refused
from abis.rpc_faults import Fault

T = TypeVar("T")
R = TypeVar("R")
_SMALLER = (Fault.TOO_LARGE, Fault.OUT_OF_GAS)


@dataclass(slots=True)
class ChunkSize:
    """A size that halves when refused and grows with successes.

    It grows with each success until the first refusal, then only after several in a row:
    an endpoint with a fixed limit would otherwise be asked for too much every second time.
    """

    now: int
    largest: int
    _patience: int = 1
    _successes: int = 0

    def shrink(self, refused: int) -> None:
        """Note that ``refused`` at a time were too many."""
        self.now = max(refused // 2, 1)
        self._patience, self._successes = 16, 0

    def grow(self, accepted: int) -> None:
        """Note that ``accepted`` at a time were not too many."""
        if accepted < self.now:
            return  # says nothing about more
        self._successes += 1
        if self._successes >= self._patience:
            self.now = min(self.now + max(self.now // 4, 1), self.largest)
            self._successes = 0


def in_chunks(
    items: Sequence[T],
    read: Callable[[Sequence[T]], list[R]],
    size: ChunkSize,
    done: Callable[[int], None],
) -> list[R]:
    """Return ``read`` of all items, as many at a time as the endpoint accepts.

    Parameters
    ----------
    items : sequence
        What to read.
    read : callable
        Reads one chunk; may raise `Refused`.
    size : ChunkSize
        Carried from call to call, so that limits are learned once.
    done : callable
        Told the number of items finished.

    Raises
    ------
    Refused
        If even one item is refused, or for a reason that size does not mend.
    """
    out: list[R] = []
    while len(out) < len(items):
        chunk = items[len(out) : len(out) + size.now]
        try:
            out += read(chunk)
        except Refused as refusal:
            if refusal.fault not in _SMALLER or len(chunk) == 1:
                raise
            size.shrink(len(chunk))
        else:
            size.grow(len(chunk))
            done(len(out))
    return out
