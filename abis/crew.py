"""A few threads that work through orders and hand back what came of each."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Outcome = Callable[[], R]  # returns the result, or raises what the work raised


class Crew(Generic[T, R]):
    """Threads that run ``work``; they start when needed and never hold up the program's end.

    Parameters
    ----------
    work : callable
        What is done with an order.
    workers : int
        Most threads at a time.
    """

    def __init__(self, work: Callable[[T], R], workers: int) -> None:
        self._work = work
        self._workers = workers
        self._threads = 0
        self._orders: queue.SimpleQueue[list[T]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[T, Outcome[R]]] = queue.SimpleQueue()
        self.busy = 0

    def start(self, order: T, *, alone: bool) -> None:
        """Begin an order; the only one there is (``alone``) is worth no thread."""
        self.busy += 1
        if alone:
            self._do(order)
            return
        if self._threads < min(self._workers, self.busy):
            self._threads += 1
            threading.Thread(target=self._serve, daemon=True).start()
        self._orders.put([order])

    def finished(self) -> tuple[T, Outcome[R]]:
        """Return the next order that is done, and its outcome."""
        done = self._done.get()
        self.busy -= 1
        return done

    def dismiss(self) -> None:
        """End the threads once they have done what they are at."""
        for _ in range(self._threads):
            self._orders.put([])

    def _serve(self) -> None:
        while order := self._orders.get():
            self._do(order[0])

    def _do(self, order: T) -> None:
        try:
            result = self._work(order)
        except Exception as error:
            self._done.put((order, partial(_throw, error)))
        else:
            self._done.put((order, lambda: result))


def _throw(error: Exception) -> NoReturn:
    raise error
