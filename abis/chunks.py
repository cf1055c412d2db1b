"""Work in chunks whose size follows what the endpoint accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from abis.crew import Crew
from abis.rpc import Refused
from abis.rpc_faults import Fault

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
    proven: bool = False  # whether the last thing heard is that it was accepted
    _patience: int = 1
    _successes: int = 0

    def shrink(self, refused: int) -> None:
        """Note that ``refused`` at a time were too many."""
        self.now = max(min(self.now, refused // 2), 1)
        self._patience, self._successes = 16, 0
        self.proven = False

    def grow(self, accepted: int) -> None:
        """Note that ``accepted`` at a time were not too many."""
        self.proven = True
        if accepted < self.now:
            return  # says nothing about more
        self._successes += 1
        if self._successes >= self._patience:
            self.now = min(self.now + max(self.now // 4, 1), self.largest)
            self._successes = 0


def in_pieces(
    todo: range, read: Callable[[range], R], size: ChunkSize, workers: int
) -> Iterator[tuple[range, R]]:
    """Yield the pieces of ``todo`` with what ``read`` returned for them, in the order they finish.

    Parameters
    ----------
    todo : range
        Places of what is to be read, step 1.
    read : callable
        Reads one piece; may raise `Refused`; runs in other threads.
    size : ChunkSize
        Carried from call to call, so that limits are learned once.
    workers : int
        How many pieces are read at a time; one until a size has proven acceptable.

    Raises
    ------
    Refused
        If even one item is refused, or for a reason that size does not mend.
    """
    waiting = [todo] if todo else []  # what is first comes last
    crew: Crew[range, R] = Crew(read, workers)
    try:
        while waiting or crew.busy:
            while waiting and crew.busy < (workers if size.proven else 1):
                left = waiting.pop()
                piece, rest = left[: size.now], left[size.now :]
                waiting += [rest] if rest else []
                crew.start(piece, alone=not (rest or crew.busy))
            piece, outcome = crew.finished()
            try:
                result = outcome()
            except Refused as refusal:
                if refusal.fault not in _SMALLER or len(piece) == 1:
                    raise
                size.shrink(len(piece))
                waiting.append(piece)
            else:
                size.grow(len(piece))
                yield piece, result
    finally:
        crew.dismiss()
