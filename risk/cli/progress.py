"""Progress on stderr: bars on a terminal, one line a phase that ended, with its time, elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Report = Callable[[str, int, int], None]  # phase, done, total


@contextmanager
def reporting(labels: Mapping[str, str]) -> Iterator[Report]:
    """Yield a function to be told ``(phase, done, total)``.

    Parameters
    ----------
    labels : mapping
        What each phase is called; phases without a label go by their own name.
    """
    from rich.console import Console

    console = Console(stderr=True)
    with _bars(labels, console) if console.is_terminal else _lines(labels, console) as report:
        yield report


@contextmanager
def _bars(labels: Mapping[str, str], console: object) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        Task,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    assert isinstance(console, Console)
    tasks: dict[str, TaskID] = {}

    class RateColumn(TextColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(""),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:

        def report(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(labels.get(phase, phase), total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield report


@contextmanager
def _lines(labels: Mapping[str, str], console: object) -> Iterator[Report]:
    from rich.console import Console

    assert isinstance(console, Console)

    began_s = time.monotonic()
    going: tuple[str, int, int] | None = None  # phase, done and total of what has not been told yet

    def tell(phase: str, many: str) -> None:
        nonlocal began_s, going
        took_s = time.monotonic() - began_s
        took = f" ({took_s:,.0f} s)" if took_s >= 1 else ""
        console.print(f"{labels.get(phase, phase)}: {many}{took}", markup=False, highlight=False)
        began_s, going = time.monotonic(), None

    def leave() -> None:
        """Tell of a phase that ended short of its total: a search that needed fewer attempts."""
        if going is not None:
            phase, done, total = going
            tell(phase, f"{done:,} of {total:,}")

    def report(phase: str, done: int, total: int) -> None:
        nonlocal going
        if going is not None and going[0] != phase:
            leave()
        going = (phase, done, total)
        if done == total:
            tell(phase, f"{total:,}")

    yield report
    leave()
