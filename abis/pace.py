"""A rate limit shared by threads: requests leave at even distances."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets at most ``per_second`` requests leave; 0 sets no limit.

    Parameters
    ----------
    per_second : float
        Requests a second.
    clock : callable
        Seconds of a clock that never goes back.
    sleep : callable
        Takes the seconds to pause.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap_s = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_s = 0.0

    def wait(self) -> None:
        """Return when the next request may leave."""
        if not self._gap_s:
            return
        with self._lock:
            now_s = self._clock()
            turn_s = max(self._next_s, now_s)
            self._next_s = turn_s + self._gap_s
        if turn_s > now_s:
            self._sleep(turn_s - now_s)
