"""A proxy's new aggregator is read from its second on; what the old one says no longer counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from abis.errors import FeedError
from oracles.feed import fixed_delay
from oracles.graph import Node, OracleGraph
from oracles.phases import Phases
from oracles.sources import FeedSource
from tests.oracles.seen import assert_exact, raws, seen
from tests.oracles.test_feed import feed


@given(raws(2**63 - 1), raws(2**63 - 1), raws(2**70))
def test_adp_11_a_phase_is_the_child_of_its_time(first: Any, second: Any, third: Any) -> None:
    """ADP-11: arrays of every adapter hold what its integers say, to the unit."""

    def rule(now_s: int, *answers: int) -> int:
        return answers[(now_s >= 1) + (now_s >= 3)]

    assert_exact(Phases(8, (1, 3)), seen(first, second, third, time_s=range(4)), rule)


def test_a_change_of_aggregator_brings_its_own_settings() -> None:
    slow, fast = feed(deviation_ppb=20_000_000, delay=fixed_delay(0)), feed(delay=fixed_delay(0))
    nodes = (
        Node("proxy", Phases(8, (120,)), ("2 %", "0.5 %")),
        Node("2 %", FeedSource(slow, 0)),
        Node("0.5 %", FeedSource(fast, 0)),
    )
    graph = OracleGraph(("stETH",), nodes, ("proxy",))
    market = np.array([1.0, 0.99, 0.99, 0.985])[None, :, None]
    raw = graph.propagate([0, 60, 120, 180], market)[0, :, 0]
    assert raw.tolist() == [100_000_000, 100_000_000, 99_000_000, 98_500_000]


@pytest.mark.parametrize("at", [(), (2, 2), (3, 1)])
def test_times_of_changes_must_increase(at: tuple[int, ...]) -> None:
    with pytest.raises(FeedError, match="increasing"):
        Phases(8, at)
