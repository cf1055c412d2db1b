"""Laws that every average, delay and choice keeps; `AVG-..` ids are listed in docs/invariants.md."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.testing.price_paths import MAX_RAW, MIN_RAW, PricePath, price_paths
from tests.oracles.kinds import KINDS, Kind

ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
ORDERED = {name: kind for name, kind in KINDS.items() if kind.ordered}
IN_ORDER = pytest.mark.parametrize("kind", ORDERED.values(), ids=ORDERED.keys())
BETWEEN = {name: ORDERED[name] for name in ("twap", "lagging mean", "curve", "osm", "pyth chosen")}


@st.composite
def grids(draw: st.DrawFn) -> PricePath:
    """Paths on whole seconds and, now and then, on quarters of one."""
    path = draw(price_paths())
    return replace(path, time_s=path.time_s / draw(st.sampled_from([1.0, 1.0, 4.0, 400.0])))


def part(path: PricePath, begin: int, end: int) -> PricePath:
    return replace(path, time_s=path.time_s[begin:end], raw=path.raw[:, begin:end])


@ALL
@given(grids(), st.data())
def test_avg_01_the_future_never_changes_the_past(kind: Kind, path: PricePath, data: st.DataObject) -> None:
    settings = data.draw(kind.settings)
    cut = data.draw(st.integers(1, len(path.time_s)))
    other = path.raw.copy()
    moved = other[:, cut:] * data.draw(st.sampled_from([50, 99, 102, 300])) // 100
    other[:, cut:] = np.clip(moved, MIN_RAW, MAX_RAW)
    before = kind.answers(settings, path)
    after = kind.answers(settings, replace(path, raw=other))
    assert np.array_equal(before[:, :cut], after[:, :cut])


@ALL
@given(grids(), st.data())
def test_avg_02_a_path_is_the_fold_of_its_moments_however_split(
    kind: Kind, path: PricePath, data: st.DataObject
) -> None:
    settings = data.draw(kind.settings)
    inputs = kind.inputs(path)
    first = kind.module.start(settings, path.time_s[0], *(x[:, 0] for x in inputs))
    whole = kind.module.fold(settings, first, path.time_s, *inputs)[1]
    state, pieces = first, []
    for t, time_s in enumerate(path.time_s):
        state, answer = kind.module.advance(settings, state, float(time_s), *(x[:, t] for x in inputs))
        pieces.append(answer)
    assert np.array_equal(np.stack(pieces, axis=1), whole)
    if len(path.time_s) > 1:
        cut = data.draw(st.integers(1, len(path.time_s) - 1))
        half, left = kind.module.fold(settings, first, path.time_s[:cut], *(x[:, :cut] for x in inputs))
        right = kind.module.fold(settings, half, path.time_s[cut:], *(x[:, cut:] for x in inputs))[1]
        assert np.array_equal(np.concatenate([left, right], axis=1), whole)


@IN_ORDER
@given(grids(), st.data())
def test_avg_03_of_two_paths_the_higher_never_has_the_lower_answer(
    kind: Kind, path: PricePath, data: st.DataObject
) -> None:
    settings = data.draw(kind.settings)
    lift = data.draw(st.lists(st.integers(0, 10**9), min_size=path.raw.shape[1], max_size=path.raw.shape[1]))
    higher = replace(path, raw=path.raw + np.array(lift, dtype=np.int64))
    assert (kind.answers(settings, path) <= kind.answers(settings, higher)).all()


@pytest.mark.parametrize("kind", BETWEEN.values(), ids=BETWEEN.keys())
@given(grids(), st.data())
def test_avg_04_answers_stay_between_the_lowest_and_the_highest_of_the_path(
    kind: Kind, path: PricePath, data: st.DataObject
) -> None:
    settings = data.draw(kind.settings)
    said = kind.answers(settings, path)
    (seen,) = kind.inputs(path)
    plain = seen if kind.module.__name__.endswith("osm") else kind.module.settled(settings, seen)
    for t in range(said.shape[1]):
        past = plain[:, : t + 1]
        assert (said[:, t] >= past.min(axis=1)).all()
        assert (said[:, t] <= past.max(axis=1)).all()


@ALL
@given(price_paths(max_times=1), st.data())
def test_avg_05_a_market_that_stays_put_is_what_the_feed_says(
    kind: Kind, path: PricePath, data: st.DataObject
) -> None:
    settings = data.draw(kind.settings)
    still = replace(path, time_s=path.time_s[0] + np.arange(30) * 300.0, raw=np.repeat(path.raw, 30, axis=1))
    said = kind.answers(settings, still)
    ages = getattr(settings, "choice", None) == "latest"  # and is refused between rare posts
    for t in range(1, 30):
        assert ((said[:, t] == said[:, 0]) | (ages & (said[:, t] == 0))).all()
