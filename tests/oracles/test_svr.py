"""SVR: the worst extra delay is the cut-off, and deliveries end it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import svr
from oracles.sources import View
from oracles.svr import Svr
from risk.testing.price_paths import PricePath, price_paths
from tests.oracles.seen import seen

LONG_AGO_S = -(10**12)


def test_a_report_nobody_delivers_is_served_after_the_cutoff() -> None:
    times = [0, 12, 24, 36, 48]
    view = seen([[10, 11, 12, 13, 14]], time_s=times)
    source = Svr(8, cutoff_s=24)
    state, first = source.start(seen(10, time_s=0))
    assert first.tolist() == [10]
    # Older than the cut-off, not just as old: the report of 12 s is served at 48 s.
    assert source.fold(state, view)[1].tolist() == [[10, 10, 10, 10, 11]]
    assert Svr(8, 24, delivered_after_s=12).fold(state, view)[1].tolist() == [[10, 10, 11, 12, 13]]
    assert Svr(8, 24, delivered_after_s=0).fold(state, view)[1].tolist() == [[10, 11, 12, 13, 14]]


def test_the_contract_looks_only_so_many_rounds_back() -> None:
    assert svr.visible_round([0, 100, 200], 0, now_s=140, cutoff_s=40, max_iterations=20) == 1
    assert svr.visible_round([0, 100, 200], 2, now_s=201, cutoff_s=40, max_iterations=20) == 2
    assert svr.visible_round([0, 100, 200], 1, now_s=201, cutoff_s=40, max_iterations=1) == 1
    assert svr.visible_round([0, 100, 200], 0, now_s=241, cutoff_s=40, max_iterations=1) == 3


@given(
    price_paths(),
    st.integers(0, 3_000),
    st.none() | st.integers(0, 3_000),
    st.sampled_from([1.0, 4.0, 400.0]),
)
def test_adp_12_svr_serves_the_round_the_contract_serves(
    path: PricePath, cutoff_s: int, delivered_after_s: int | None, finer: float
) -> None:
    """ADP-12: along a path, and however it is split, SVR serves the round ``_getSyncPrimaryRound`` finds."""
    times, source = path.time_s / finer, Svr(8, cutoff_s, delivered_after_s)
    market = np.ones((*path.raw.shape, 1))
    state, _ = source.start(View(times[:1], market[:, :1], (path.raw[:, :1],)))
    for t, now in enumerate(np.floor(times).astype(int).tolist()):
        recorded = [LONG_AGO_S, *np.floor(times[: t + 1]).astype(int).tolist()]
        delivered = 0
        if delivered_after_s is not None:
            delivered = sum(at + delivered_after_s <= now for at in recorded)
        number = svr.visible_round(recorded, delivered, now, cutoff_s, len(recorded))
        wanted = path.raw[:, max(number - 2, 0)]
        state, answers = source.fold(
            state, View(times[t : t + 1], market[:, t : t + 1], (path.raw[:, t : t + 1],))
        )
        assert np.array_equal(answers[:, 0], wanted)


def test_an_unread_cutoff_is_said_to_be_assumed() -> None:
    assert [f.message for f in Svr(8, 300).findings()] == ["cut-off of 300 s is assumed."]
    assert Svr(8, 300, cutoff_known=True).findings() == []
    for bad in ({"cutoff_s": -1}, {"cutoff_s": 1, "delivered_after_s": -1}):
        with pytest.raises(FeedError, match="0 or more"):
            Svr(8, **bad)
