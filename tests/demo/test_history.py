"""Feed rounds keep the feeds' own rules."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from examples.demo.history import STEP_S, Answered, Round, rounds_between
from examples.demo.parameters import read_parameters

SPEC = read_parameters()
START = 1_751_300_000
END = START + 86_400
FINAL = {reserve.symbol: reserve.feed.price_raw for reserve in SPEC.reserves}
# A step, and the seconds by which feeds answer apart from each other.
SLACK_S = STEP_S + 12 * len(SPEC.reserves)


def by_symbol(rounds: list[Round], symbol: str) -> list[Round]:
    return [each for each in rounds if each.symbol == symbol]


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), drop_bps=st.integers(-800, 800))
def test_rounds_keep_heartbeat_and_end(seed: int, drop_bps: int) -> None:
    """DMO-6: rounds are in order, one of a feed at a time, never later than the heartbeat, and
    end at the stretch's end price."""
    first = {symbol: price * (10_000 + drop_bps) // 10_000 for symbol, price in FINAL.items()}
    last = {symbol: Answered(START, price) for symbol, price in first.items()}
    rounds = rounds_between(SPEC, last, FINAL, start=START, end=END, seed=seed)
    assert [each.at for each in rounds] == sorted(each.at for each in rounds)
    for reserve in SPEC.reserves:
        mine = by_symbol(rounds, reserve.symbol)
        assert mine[-1].answer_raw == FINAL[reserve.symbol]
        times = [START, *(each.at for each in mine)]
        assert all(
            0 < later - earlier <= reserve.feed.heartbeat_s + SLACK_S for earlier, later in pairwise(times)
        )
        assert START < times[1] <= END


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_a_round_before_the_heartbeat_is_a_deviation(seed: int) -> None:
    """DMO-7: an answer earlier than the heartbeat has moved by the deviation threshold."""
    last = {symbol: Answered(START, price) for symbol, price in FINAL.items()}
    rounds = rounds_between(SPEC, last, FINAL, start=START, end=END, seed=seed)
    for reserve in SPEC.reserves:
        mine = by_symbol(rounds, reserve.symbol)
        for earlier, later in pairwise(mine[:-1]):  # the last one carries the end price
            moved_bps = abs(later.answer_raw - earlier.answer_raw) * 10_000 / earlier.answer_raw
            assert (
                later.at - earlier.at >= reserve.feed.heartbeat_s
                or moved_bps >= reserve.feed.deviation_bps - 0.01
            )
