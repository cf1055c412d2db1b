"""Feed kinds behind one face, so that a law is written once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from oracles import anchored, curve_ema, lagging_mean, osm, pyth, twap
from risk.testing.price_paths import PricePath

Ints = NDArray[np.int64]

CURVE_SCALE = 2_500.0  # brings path prices below 4, where 18 decimals fit


@dataclass(frozen=True)
class Kind:
    """A module of a kind, strategies for its settings, and what it reads of a path.

    ``inputs`` gives (n, T) arrays; ``ordered`` says whether higher inputs give no lower answers.
    """

    module: Any
    settings: st.SearchStrategy[Any]
    inputs: Callable[[PricePath], tuple[Any, ...]]
    ordered: bool = True

    def start(self, settings: Any, path: PricePath) -> Any:
        first = tuple(x[:, 0] for x in self.inputs(path))
        return self.module.start(settings, path.time_s[0], *first)

    def fold(self, settings: Any, state: Any, path: PricePath) -> tuple[Any, Ints]:
        after, answers = self.module.fold(settings, state, path.time_s, *self.inputs(path))
        return after, answers

    def advance(self, settings: Any, state: Any, path: PricePath, t: int) -> tuple[Any, Ints]:
        now = tuple(x[:, t] for x in self.inputs(path))
        after, answers = self.module.advance(settings, state, float(path.time_s[t]), *now)
        return after, answers

    def answers(self, settings: Any, path: PricePath) -> Ints:
        return self.fold(settings, self.start(settings, path), path)[1]


def prices(path: PricePath) -> tuple[Any, ...]:
    return (path.price,)


def curve_prices(path: PricePath) -> tuple[Any, ...]:
    return (path.price / CURVE_SCALE,)


def answers(path: PricePath) -> tuple[Any, ...]:
    """Raw answers of a source that has none once in a while."""
    return (np.where(path.raw % 7 == 0, 0, path.raw),)


def reporter_and_anchor(path: PricePath) -> tuple[Any, ...]:
    """A reporter and the mean of what it has said."""
    return path.raw, np.cumsum(path.raw, axis=1) // np.arange(1, path.raw.shape[1] + 1)


def shaken(path: PricePath) -> tuple[Any, ...]:
    """Prices with confidences of up to 3 %."""
    return path.price, path.price * (path.raw % 31) / 1000.0


POOLS = st.builds(
    twap.TwapPool,
    st.just("WETH / USDC"),
    base_decimals=st.sampled_from([6, 8, 18]),
    quote_decimals=st.sampled_from([6, 18]),
    decimals=st.just(8),
    window_s=st.integers(1, 3_600),
    base_is_token0=st.booleans(),
)
SMALL_POOLS = st.builds(
    twap.TwapPool,
    st.just("WETH / USDC"),
    st.just(18),
    st.just(6),
    st.just(8),
    window_s=st.integers(1, 3_600),
    cardinality=st.integers(1, 6),
)
LAGGING = st.builds(lagging_mean.LaggingMean, st.just("DAI / ETH"), period_s=st.integers(1, 3_600))
CURVE_POOLS = st.builds(
    curve_ema.CurvePool,
    st.just("USDe / USDC"),
    ma_exp_time_s=st.integers(1, 5_000),
    cap_raw=st.sampled_from([None, 2 * 10**18, 10**18 + 1]),
)
MODULES = st.integers(1, 4_000).flatmap(
    lambda hop: st.builds(
        osm.Osm, st.just("ETH / USD"), hop_s=st.just(hop), poke_delay_s=st.integers(0, hop - 1)
    )
)
PYTH_FEEDS = st.builds(
    pyth.PythFeed,
    st.just("ETH / USD"),
    decimals=st.sampled_from([6, 8, 10]),
    max_age_s=st.integers(0, 2_000),
    post_every_s=st.just(0) | st.integers(1, 3_000),
    choice=st.sampled_from(pyth.Choice),
    confidence_multiple=st.integers(-2, 2),
    max_confidence_bps=st.none() | st.integers(0, 300),
)
CHOOSERS = st.builds(
    pyth.PythFeed,
    st.just("ETH / USD"),
    max_age_s=st.integers(0, 2_000),
    post_every_s=st.none() | st.integers(1, 3_000),
    choice=st.sampled_from([pyth.Choice.LOWEST, pyth.Choice.HIGHEST]),
)
ANCHORS = st.builds(
    anchored.Anchor,
    st.just("DAI"),
    tolerance_wad=st.integers(10**12, 3 * 10**17),
    reporter_invalidated=st.booleans(),
)

KINDS: dict[str, Kind] = {
    "twap": Kind(twap, POOLS, prices),
    "twap of a pool that forgets": Kind(twap, SMALL_POOLS, prices, ordered=False),
    "lagging mean": Kind(lagging_mean, LAGGING, prices),
    "curve": Kind(curve_ema, CURVE_POOLS, curve_prices),
    "osm": Kind(osm, MODULES, lambda path: (path.raw,)),
    "osm with gaps": Kind(osm, MODULES, answers, ordered=False),
    "pyth": Kind(pyth, PYTH_FEEDS, shaken, ordered=False),
    "pyth chosen": Kind(pyth, CHOOSERS, prices),
    "anchored": Kind(anchored, ANCHORS, reporter_and_anchor, ordered=False),
}
