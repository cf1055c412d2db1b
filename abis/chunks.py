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
    A refusal counts only where size is the likely reason: not of a piece far smaller than
    what is asked for elsewhere, and not right after as much was accepted.  One contract
    that burns the gas of its neighbours, or one slow answer, must not slow the rest down.
    """

    now: int
    largest: int
    proven: bool = False  # whether the last thing heard is that it was accepted
    _accepted: int = 0
    _patience: int = 1
    _successes: int = 0

    def refused(self, size: int) -> None:
        """Note that ``size`` at a time were refused."""
        self.proven = False
        accepted, self._accepted = self._accepted, 0
        if accepted >= size or 2 * size <= self.now:
            return
        self.now = max(min(self.now, max(size // 2, accepted)), 1)
        self._patience, self._successes = 16, 0

    def accepted(self, size: int) -> None:
        """Note that ``size`` at a time were not too many."""
        self.proven = True
        self._accepted = max(self._accepted, size)
        if size < self.now:
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
                size.refused(len(piece))
                half = len(piece) // 2
                waiting += [piece[half:], piece[:half]]
            else:
                size.accepted(len(piece))
                yield piece, result
    finally:
        crew.dismiss()
