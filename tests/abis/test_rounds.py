from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from abis.calls import Call
from abis.errors import RpcFailed
from abis.rounds import Reading, together


def call(number: int) -> Call:
    return Call("0x" + "11" * 20, "f(uint256)(uint256)", (number,))


def doubling(start: int, rounds: int) -> Reading[list[int]]:
    seen = []
    for _ in range(rounds):
        (start,) = yield [call(start)]
        seen.append(start)
    return seen


def test_the_calls_of_a_round_go_together_and_each_reading_gets_its_own_answers() -> None:
    asked: list[list[int]] = []

    def outcomes(calls: Sequence[Call]) -> list[Any]:
        asked.append([c.args[0] for c in calls])
        return [2 * c.args[0] for c in calls]

    found = together(outcomes, [doubling(1, 3), doubling(10, 1), doubling(5, 2), doubling(9, 0)])
    assert found == [[2, 4, 8], [20], [10, 20], []]
    assert asked == [[1, 10, 5], [2, 10], [4]]


def test_the_error_of_the_first_reading_that_has_one_counts() -> None:
    errors = {2: RpcFailed("two"), 3: RpcFailed("three")}

    def strict() -> Reading[None]:
        (value,) = yield [call(1)]
        if value == "odd":
            raise ValueError("the check")

    def outcomes(calls: Sequence[Call]) -> list[Any]:
        return [errors.get(c.args[0], "odd") for c in calls]

    with pytest.raises(ValueError, match="the check"):
        together(outcomes, [strict(), doubling(2, 1)])
    with pytest.raises(RpcFailed, match="three"):
        together(outcomes, [doubling(3, 1), doubling(2, 1)])
