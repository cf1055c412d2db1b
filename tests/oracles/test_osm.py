"""The security module: the previous-but-one mark, exact pokes, outages, stop and void."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import FeedError
from oracles import osm
from oracles.osm import Osm
from oracles.paths import NO_PRICE
from risk.testing.price_paths import PricePath, price_paths
from tests.oracles.kinds import MODULES

MODULE = Osm("ETH / USD")


def source_at(path: PricePath, row: int, at_s: float) -> int:
    """What the source said at a time; before the path, what it says first."""
    k = int(np.searchsorted(path.time_s, at_s, side="right")) - 1
    return int(path.raw[row, max(k, 0)])


@given(st.integers(1, 4_000).map(lambda hop: Osm("ETH / USD", hop_s=hop)), price_paths())
def test_avg_12_the_answer_is_the_source_at_the_mark_before_the_last(module: Osm, path: PricePath) -> None:
    state = osm.start(module, path.time_s[0], path.raw[:, 0])
    said = osm.fold(module, state, path.time_s, path.raw)[1]
    for i in range(len(said)):
        for t, now in enumerate(path.time_s):
            mark = now // module.hop_s * module.hop_s - module.hop_s
            assert module.hop_s <= now - mark < 2 * module.hop_s
            assert int(said[i, t]) == source_at(path, i, mark)


@given(MODULES, price_paths(max_times=8), st.data())
def test_avg_13_the_answer_does_not_depend_on_the_grid(
    module: Osm, path: PricePath, data: st.DataObject
) -> None:
    state = osm.start(module, path.time_s[0], path.raw[:, 0])
    said = osm.fold(module, state, path.time_s, path.raw)[1]
    end = int(path.time_s[-1])
    between = data.draw(st.lists(st.integers(int(path.time_s[0]), end), max_size=20))
    times = np.unique(np.concatenate([path.time_s, np.array(between, dtype=np.float64)]))
    held = np.searchsorted(path.time_s, times, side="right") - 1
    finer = osm.fold(module, state, times, path.raw[:, held])[1]
    assert np.array_equal(finer[:, np.searchsorted(times, path.time_s)], said)


@given(MODULES, price_paths(max_scenarios=1), st.data())
def test_avg_14_pokes_are_the_contracts(module: Osm, path: PricePath, data: st.DataObject) -> None:
    # Second by second would be slow; every mark and every time of the path is enough.
    gaps = data.draw(st.lists(st.booleans(), min_size=path.raw.shape[1], max_size=path.raw.shape[1]))
    raw = np.where(np.array(gaps), NO_PRICE, path.raw)
    state = osm.start(module, path.time_s[0], raw[:, 0])
    said = osm.fold(module, state, path.time_s, raw)[1][0].tolist()
    cur, nxt, zzz = (int(x[0]) for x in (state.current_raw, state.next_raw, state.mark_s))
    start, end = int(path.time_s[0]), int(path.time_s[-1])
    moments = {t for t in range(start, end + 1) if t % module.hop_s == module.poke_delay_s}
    answers = {}
    for now in sorted(moments | {int(t) for t in path.time_s}):
        k = int(np.searchsorted(path.time_s, now, side="right")) - 1
        if now >= zzz + module.hop_s + module.poke_delay_s:
            cur, nxt, zzz = osm.poke(module, cur, nxt, zzz, now, int(raw[0, k])) or (cur, nxt, zzz)
        answers[now] = cur
    assert said == [answers[int(t)] for t in path.time_s]


def test_a_step_arrives_after_one_to_two_hours() -> None:
    state = osm.start(MODULE, 0.0, [100])
    times = np.arange(600.0, 9_000.0, 600.0)
    said = osm.fold(MODULE, state, times, np.where(times >= 1_200, 150, 100)[None])[1][0]
    assert times[said == 150][0] == 7_200  # sampled at 3600, current at 7200: 6000 s late


def test_a_stopped_module_keeps_its_price_and_catches_up_when_started() -> None:
    state = osm.start(MODULE, 0.0, [100])
    state, _ = osm.advance(MODULE, state, 3_700.0, [110])
    state, said = osm.advance(MODULE, osm.stop(state), 20_000.0, [120])
    assert said.tolist() == [100]
    state, said = osm.advance(MODULE, osm.resume(state), 20_010.0, [120])
    assert said.tolist() == [100]  # one poke: what was next became current
    assert state.next_raw.tolist() == [120]
    state, said = osm.advance(MODULE, state, 21_600.0, [120])
    assert said.tolist() == [120]


def test_a_voided_module_has_no_price_until_two_pokes_later() -> None:
    state = osm.void(osm.start(MODULE, 0.0, [100]))
    state, said = osm.advance(MODULE, state, 3_600.0, [100])
    assert said.tolist() == [NO_PRICE]
    said = osm.fold(MODULE, osm.resume(state), [7_200.0, 10_800.0], [[100, 100]])[1]
    assert said[0].tolist()[-1] == 100


def test_a_source_without_a_price_is_waited_for() -> None:
    state = osm.start(MODULE, 0.0, [100])
    said = osm.fold(MODULE, state, [3_600.0, 7_200.0, 7_260.0, 10_800.0], [[110, 0, 120, 120]])[1]
    assert said[0].tolist() == [100, 100, 110, 120]


def test_bad_input_is_refused() -> None:
    for settings in ({"hop_s": 0}, {"hop_s": 2**16}, {"poke_delay_s": 3_600}, {"poke_delay_s": -1}):
        with pytest.raises(FeedError):
            Osm("ETH / USD", **settings)
    state = osm.start(MODULE, 0.0, [100])
    with pytest.raises(FeedError, match="-5"):
        osm.advance(MODULE, state, 1.0, [-5])
    with pytest.raises(FeedError, match="backwards"):
        osm.advance(MODULE, state, -1.0, [100])
    with pytest.raises(FeedError, match="for 1 scenarios"):
        osm.advance(MODULE, state, 1.0, [100, 100])
    with pytest.raises(FeedError, match="64 bits"):
        osm.start(MODULE, 0.0, [2**70])
