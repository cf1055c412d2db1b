"""Laws of every kind of source; `KND-..` ids are listed in docs/invariants.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import osm
from oracles.anchored import Anchor
from oracles.average_sources import AnchoredSource, OsmSource
from oracles.feed import PPB, PriceFeed
from oracles.fixed import FixedPrice
from oracles.graph import Node, OracleGraph
from oracles.osm import Osm
from oracles.phases import Phases
from oracles.ratios import TimesRatio
from oracles.sequencer import DOWN, HeldWhileDown
from oracles.sources import FeedSource
from oracles.stable_caps import StableCap
from oracles.svr import Svr
from risk.testing.price_paths import MAX_RAW, MIN_RAW, PricePath, price_feeds, price_paths
from tests.oracles.every_kind import EPOCH_S, KINDS, LEVELS, Case, EveryKind, case_of, graph_of_kind

ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
SOME = settings(max_examples=max(settings.default.max_examples // 8, 1))  # of each kind
PATHS = price_paths(max_scenarios=2, max_times=10)
FACTORS = st.integers(2, 100)


def drawn(data: st.DataObject, kind: EveryKind, path: PricePath) -> Case:
    return case_of(graph_of_kind(*data.draw(kind.sources)), path)


@ALL
@SOME
@given(PATHS, st.data())
def test_knd_01_what_follows_changes_nothing_before(
    kind: EveryKind, path: PricePath, data: st.DataObject
) -> None:
    """KND-01: no kind knows the future."""
    case = drawn(data, kind, path)
    k = data.draw(st.integers(1, len(path.time_s)))
    times = data.draw(st.sampled_from([2, 3, 50]))
    market, inputs = case.market.copy(), {name: values.copy() for name, values in case.inputs.items()}
    market[:, k:] *= times
    for values in inputs.values():
        values[:, k:] *= times
    changed = replace(case, market=market, inputs=inputs)
    assert (changed.answers()[:, :k] == case.answers()[:, :k]).all()


@ALL
@SOME
@given(PATHS, st.data())
def test_knd_02_a_path_is_the_fold_of_its_moments(
    kind: EveryKind, path: PricePath, data: st.DataObject
) -> None:
    """KND-02: a path is the fold of its moments, however split, for every kind."""
    case = drawn(data, kind, path)
    whole, state = case.answers(), None
    cuts = sorted(data.draw(st.sets(st.integers(1, len(path.time_s)))) | {len(path.time_s)})
    for begin, end in zip([0, *cuts], cuts, strict=False):
        part = case.part(begin, end)
        state, raw = case.graph.fold(state, part.time_s, part.market, inputs=part.inputs)
        assert (raw[..., 0].astype(object) == whole[:, begin:end]).all()


@ALL
@SOME
@given(PATHS, st.data())
def test_knd_03_the_gap_is_the_threshold_and_the_move_within_the_memory(
    kind: EveryKind, path: PricePath, data: st.DataObject
) -> None:
    """KND-03: with no outage an answer is between what it would settle on within its memory, give or
    take its deviation: nothing for what has none, two delays for a feed, the window for a mean."""
    case = drawn(data, kind, path)
    memory_s = kind.memory_s(case.source)
    feed = getattr(case.source, "feed", None)
    deviation_ppb = feed.deviation_ppb if isinstance(feed, PriceFeed) else 0
    answers = case.answers()
    for t, now in enumerate(path.time_s):
        oldest = -np.inf if memory_s is None else now - memory_s
        first = max(int(np.searchsorted(path.time_s, oldest, side="right")) - 1, 0)
        settled = np.stack([settled_at(case, answers, s, float(now)) for s in range(first, t + 1)])
        low, high = settled.min(axis=0), settled.max(axis=0)
        assert (answers[:, t] * (PPB + deviation_ppb) >= low * PPB).all()
        assert (answers[:, t] * (PPB - deviation_ppb) <= high * PPB).all()


def settled_at(case: Case, answers: Any, t: int, now_s: float) -> Any:
    """Return what the kind would settle on at ``now_s`` if the market stayed as it was at t."""
    inputs = {name: values[:, t] for name, values in case.inputs.items()}
    raw = case.graph.settled(case.market[:, t], time_s=now_s, inputs=inputs, last_raw=answers[:, :1])
    return raw[..., 0].astype(object)


@ALL
@SOME
@given(PATHS, FACTORS, st.data())
def test_knd_04_propagation_commutes_with_scaling(
    kind: EveryKind, path: PricePath, k: int, data: st.DataObject
) -> None:
    """KND-04: prices k times as high give answers k times as high, up to the rounding of one answer."""
    case = drawn(data, kind, path)
    graph, source = case.graph, case.source
    if isinstance(source, StableCap):  # a cap is a price too
        graph = graph_of_kind(replace(source, cap_raw=source.cap_raw * k), ("feed",))
    scaled = {"feed"} if kind.degree < 0 else set(case.inputs)
    inputs = {name: values * (k if name in scaled else 1) for name, values in case.inputs.items()}
    market = case.market * np.array([k, 1, k])
    once, often = case.answers(), replace(case, graph=graph, market=market, inputs=inputs).answers()
    if kind.degree == 0:
        assert (often == once).all()
    elif kind.degree == -1:
        assert (often == once // k).all()
    else:
        slack = k + (kind.inexact * k * once).astype(np.int64)
        assert (np.abs(often - k * once) <= slack).all()


@pytest.mark.parametrize("name", ["stable cap", "euro cap", "pendle", "ratio cap"])
@given(PATHS, st.data())
def test_knd_05_a_cap_never_raises_a_price(name: str, path: PricePath, data: st.DataObject) -> None:
    """KND-05: a capped or discounted price is at most the price without, and 0 for no price."""
    capped = drawn(data, KINDS[name], path)
    free = case_of(graph_of_kind(TimesRatio(8, 18), ("feed", "ratio")), path).answers()
    assert (capped.answers() <= (free if name == "ratio cap" else path.raw)).all()
    none = {"feed": np.zeros_like(path.raw)}
    assert (replace(capped, inputs=capped.inputs | none).answers() == 0).all()


DELAYS = {
    "svr": (Svr(8, 300), ()),
    "osm": (OsmSource(Osm("A", 900), 8), ()),
    "sequencer": (HeldWhileDown(8), ("down",)),
    "phases": (Phases(8, (EPOCH_S + 10**5,)), ("feed again",)),
}


@pytest.mark.parametrize("name", DELAYS)
@given(PATHS, st.integers(MIN_RAW, MAX_RAW), st.integers(MIN_RAW, MAX_RAW), st.data())
def test_knd_06_order_of_composition(
    name: str, path: PricePath, first: int, second: int, data: st.DataObject
) -> None:
    """KND-06: of two caps the lower counts whichever is outside, and a cap commutes with a delay."""
    delay, more = DELAYS[name]
    row = st.lists(st.integers(0, 1), min_size=len(path.time_s), max_size=len(path.time_s))
    given_paths = {"feed": path.raw, "down": np.array([data.draw(row)] * len(path.raw))}

    def chain(*sources: Any) -> Any:
        """Return the answers of ``feed`` through the sources, the first one first."""
        nodes, below = {"feed": Node("feed", LEVELS["feed"])}, "feed"
        for k, source in enumerate(sources):
            extra = more if source is delay else ()
            children = (below, *(below if name == "feed again" else name for name in extra))
            nodes |= {c: Node(c, LEVELS[c]) for c in children if c in LEVELS}
            below = f"step {k}"
            nodes[below] = Node(below, source, children)
        graph = OracleGraph(("A",), tuple(nodes.values()), (below,), EPOCH_S)
        used = {name: values for name, values in given_paths.items() if name in nodes}
        return graph.propagate(path.time_s, path.price[..., None], inputs=used)

    a, b = StableCap(8, first), StableCap(8, second)
    assert np.array_equal(chain(a, b), chain(b, a))
    assert np.array_equal(chain(a, b), chain(StableCap(8, min(first, second))))
    assert np.array_equal(chain(a, delay), chain(delay, a))


@given(PATHS, price_feeds(bounded=False, requests=True))
def test_knd_07_a_market_out_of_bounds_freezes_a_feed(path: PricePath, feed: PriceFeed) -> None:
    """KND-07: a frozen source never moves, whatever the market does."""
    frozen = replace(feed, min_answer_raw=1, max_answer_raw=MIN_RAW - 1)
    graph = graph_of_kind(FeedSource(frozen, 0), ())
    case = case_of(graph, path)
    state = graph.start(path.time_s[0], case.market[:, 0] * 0 + 0.005)
    raw = graph.propagate(path.time_s, case.market, state)[..., 0]
    assert (raw == 500_000).all()


@given(PATHS, st.integers(1, 4_000))
def test_knd_07_a_stopped_module_freezes(path: PricePath, hop_s: int) -> None:
    """KND-07: a frozen source never moves, whatever the market does."""
    module = Osm("A", hop_s)
    state = osm.stop(osm.start(module, path.time_s[0], np.full(len(path.raw), 7)))
    assert (osm.fold(module, state, path.time_s, path.raw)[1] == 7).all()
    assert (osm.fold(module, osm.void(state), path.time_s, path.raw)[1] == 0).all()


@given(PATHS, st.integers(10**12, 9 * 10**17))
def test_knd_07_a_refused_reporter_and_a_chain_that_stands_freeze(path: PricePath, tolerance: int) -> None:
    """KND-07: a frozen source never moves, whatever the market does."""
    above = path.raw.astype(object) * 2 * 10**18 // (10**18 - tolerance)  # the band, whatever the anchor
    far = above.astype(np.int64)
    anchored = graph_of_kind(AnchoredSource(Anchor("A", tolerance), 8), ("feed", "other"))
    case = case_of(anchored, replace(path, raw=far), path.raw)
    begun = anchored.start(path.time_s[0], case.market[:, 0], inputs={"feed": 10**8, "other": 10**8})
    raw = anchored.propagate(path.time_s, case.market, begun, inputs=case.inputs)[..., 0]
    assert (raw == 10**8).all()
    held = graph_of_kind(HeldWhileDown(8), ("feed", "down"))
    begun = held.start(path.time_s[0], case.market[:, 0], inputs={"feed": 5})
    inputs = {"feed": path.raw, "down": np.full(path.raw.shape, DOWN)}
    assert (held.propagate(path.time_s, case.market, begun, inputs=inputs)[..., 0] == 5).all()
    fixed = graph_of_kind(FixedPrice(8, 3), ())
    assert (fixed.propagate(path.time_s, case.market)[..., 0] == 3).all()


ORDERED = {name: kind for name, kind in KINDS.items() if kind.ordered}


@pytest.mark.parametrize("kind", ORDERED.values(), ids=ORDERED.keys())
@SOME
@given(PATHS, st.data())
def test_knd_08_kinds_that_keep_order_keep_it(kind: EveryKind, path: PricePath, data: st.DataObject) -> None:
    """KND-08: of two paths the higher never has the lower answer, nor the higher one where it is a
    divisor; a deviation feed and an anchored price keep no order."""
    lifts = st.lists(st.integers(0, 10**9), min_size=len(path.time_s), max_size=len(path.time_s))
    higher = replace(path, raw=path.raw + np.array(data.draw(lifts)))
    graph = graph_of_kind(*data.draw(kind.sources))
    low, high = (case_of(graph, each, path.raw).answers() for each in (path, higher))
    assert (low >= high if kind.degree < 0 else low <= high).all()
