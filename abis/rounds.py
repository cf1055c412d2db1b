"""Readings that go together: each yields the calls it needs next, one round serves them all.

A reading is a generator: ``(unit,) = yield [Call(oracle, "BASE_CURRENCY_UNIT()(uint256)")]``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from abis.calls import Call
from abis.errors import ChainError

T = TypeVar("T")
Reading = Generator[Sequence[Call], list[Any], T]


def together(outcomes: Callable[[Sequence[Call]], list[Any]], readings: Sequence[Reading[Any]]) -> list[Any]:
    """Return what each reading returns, the calls of every round merged into one request.

    Parameters
    ----------
    outcomes : callable
        Returns for each call its value, or the `ChainError` that takes its place.
    readings : sequence
        In the order in which their errors matter.

    Raises
    ------
    ChainError
        The first error among the answers to the first reading that has one.
    """
    results: list[Any] = [None] * len(readings)
    wanted: dict[int, Sequence[Call]] = {}

    def resume(i: int, answers: list[Any] | None) -> None:
        try:
            wanted[i] = readings[i].send(answers)  # type: ignore[arg-type]
        except StopIteration as end:
            results[i] = end.value

    for i in range(len(readings)):
        resume(i, None)
    while wanted:
        asked, wanted = wanted, {}
        answers = outcomes([call for calls in asked.values() for call in calls])
        for i, calls in asked.items():
            mine, answers = answers[: len(calls)], answers[len(calls) :]
            for answer in mine:
                if isinstance(answer, ChainError):
                    raise answer
            resume(i, mine)
    return results
