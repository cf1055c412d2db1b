"""Whether one venue's print enters depends on how many nodes look at that venue."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles.feed import fixed_delay
from oracles.graph import Node, OracleGraph
from oracles.observers import Observers, one_venue_each
from oracles.sources import FeedSource
from tests.oracles.test_feed import feed

PRICES = st.lists(st.integers(1, 10), min_size=4, max_size=4)
GROUPS = st.lists(
    st.tuples(st.integers(1, 5), st.sets(st.integers(0, 3), min_size=1).map(lambda v: tuple(sorted(v)))),
    min_size=1,
    max_size=4,
)


@given(GROUPS, st.lists(PRICES, min_size=1, max_size=3))
def test_adp_14_groups_are_their_nodes_written_out(
    groups: list[tuple[int, tuple[int, ...]]], rows: list[list[int]]
) -> None:
    """ADP-14: the answer is the upper median over nodes, each of which sees its own venues' one."""
    found = Observers(tuple(groups)).median(np.array(rows, dtype=np.float64))
    for prices, median in zip(rows, found, strict=True):
        nodes: list[int] = []
        for count, venues in groups:
            visible = sorted(prices[v] for v in venues)
            nodes += [visible[len(visible) // 2]] * count
        assert median == sorted(nodes)[len(nodes) // 2]


@given(st.integers(1, 40), st.data())
def test_adp_15_a_print_enters_with_half_of_the_nodes(nodes: int, data: st.DataObject) -> None:
    """ADP-15: a lone fall enters if more than half of the nodes read its venue, a lone rise from half on."""
    reading = data.draw(st.integers(0, nodes))
    observers = one_venue_each((reading, nodes - reading))
    share = Fraction(reading, nodes)
    assert (observers.median(np.array([0.65, 1.0])) == 0.65) == (share > Fraction(1, 2))
    assert (observers.median(np.array([1.35, 1.0])) == 1.35) == (share >= Fraction(1, 2))


@pytest.mark.parametrize(
    ("nodes", "answer"), [((7, 8, 0), 10**8), ((8, 7, 0), 65_000_000), ((5, 5, 5), 10**8)]
)
def test_a_single_venue_print_in_a_feed(nodes: tuple[int, ...], answer: int) -> None:
    source = FeedSource(feed(delay=fixed_delay(0)), 0, observers=one_venue_each(nodes))
    graph = OracleGraph(("USDe",), (Node("feed", source),), ("feed",))
    venues = np.ones((1, 2, 3, 1))
    venues[0, 1, 0] = 0.65
    assert graph.propagate([0, 60], venues)[0, -1, 0] == answer


def test_impossible_observers_are_refused() -> None:
    for groups, named in (
        ((), "without a node"),
        (((0, (0,)),), "0 nodes"),
        (((1, ()),), r"venues \(\)"),
        (((1, (0, 0)),), r"\(0, 0\)"),
        (((1, (-1,)),), r"\(-1,\)"),
    ):
        with pytest.raises(FeedError, match=named):
            Observers(groups)
    with pytest.raises(FeedError, match="venue 2 of 2"):
        one_venue_each((1, 1, 1)).median(np.ones((1, 2)))
    with pytest.raises(FeedError, match="without venues"):
        FeedSource(feed(), None, observers=one_venue_each((1,)))
