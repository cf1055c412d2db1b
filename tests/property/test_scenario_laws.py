"""Laws of scenarios (SCN) and depth (DEP)."""

from __future__ import annotations

import tempfile
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import BadShock, InputError
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.scenarios.build import combine, from_shocks, grid
from risk.scenarios.families import link_of, tree_of
from risk.scenarios.market_factor import betas
from risk.scenarios.shocks import Shock, factors, parse_percent, parse_shock, percent
from risk.testing.snapshots import snapshots
from tests.risk.markets import NOW_S, market

SNAPSHOT = market()
TREE = tree_of(SNAPSHOT)
BETAS = betas(TREE)

hundredths = st.integers(-9_999, 20_000)
moves = st.dictionaries(
    st.sampled_from(["WETH", "WBTC", "USDC", "LINK", "BTC", "market"]), hundredths, min_size=1
)


def text(parts: dict[str, int]) -> list[str]:
    return [f"{asset}={value / 100:+.2f}%" for asset, value in parts.items()]


@given(snapshots())
def test_the_zero_shock_changes_no_price(snapshot: Snapshot) -> None:
    """SCN-01: a shock of 0 leaves market and fair prices bit for bit."""
    tree = tree_of(snapshot)
    for node in [*tree.up, "market"]:
        block = from_shocks([Shock({node: 1.0})], snapshot).produce(0, 1)
        np.testing.assert_array_equal(block.market_price_usd[0, 0, 0], snapshot.price_usd)
        np.testing.assert_array_equal(block.fair_price_usd[0, 0], snapshot.price_usd)


@given(moves)
def test_the_order_of_the_parts_does_not_matter(parts: dict[str, int]) -> None:
    """SCN-02: a joint shock is the same whatever the order of its parts."""
    texts = text(parts)[:4]
    found = {from_shocks([",".join(p)], SNAPSHOT).sha256 for p in permutations(texts)}
    assert len(found) == 1


@given(hundredths)
def test_followers_keep_their_ratio(value: int) -> None:
    """SCN-03: what follows an asset moves by the same factor, the rest not at all."""
    for node in TREE.up:
        result = factors(Shock({node: 1 + value / 10_000}), TREE, BETAS)
        expected = np.where(TREE.holds(node), 1 + value / 10_000, 1.0)
        np.testing.assert_array_equal(result.market, expected)
        np.testing.assert_array_equal(result.fair, expected)


@given(hundredths, hundredths)
def test_a_ratio_is_relative_to_the_second_asset(ratio: int, move: int) -> None:
    """SCN-04: under a/b = x the price ratio a/b moves by x, whatever b does."""
    r, m = 1 + ratio / 10_000, 1 + move / 10_000
    shock = Shock({"WETH": m}, {("wstETH", "WETH"): r})
    result = factors(shock, TREE, BETAS)
    assert result.market[1] / result.market[0] == pytest.approx(r)
    assert result.fair[1] == result.fair[0] == m
    depeg = factors(shock, TREE, BETAS, "market")
    np.testing.assert_array_equal(depeg.fair, depeg.market)


@given(st.decimals(min_value=-99, max_value=900, places=4))
def test_percentages_survive_being_written(value: object) -> None:
    """SCN-05: writing a factor as a percentage and reading it back gives the same percentage."""
    factor = parse_percent(f"{value:+}%")
    assert percent(parse_percent(percent(factor))) == percent(factor)
    assert parse_percent(percent(factor)) == pytest.approx(factor, rel=1e-12)


@given(st.text(max_size=30))
def test_any_text_is_a_shock_or_a_clear_refusal(words: str) -> None:
    """SCN-06: no text crashes the grammar; what is refused is refused as bad input."""
    for sample in (words, f"WETH={words}", f"{words}=-5%", f"WETH/{words}=-5%"):
        try:
            shock = parse_shock(sample, SNAPSHOT)
        except InputError:  # BadShock or UnknownAsset; anything else fails the law
            continue
        assert (factors(shock, TREE, BETAS).market > 0).all()


@given(st.integers(2, 40), st.integers(1, 9), st.integers(-9_000, 5_000))
def test_scenarios_do_not_depend_on_the_block_size(points: int, size: int, last: int) -> None:
    """SCN-07: the prices of a scenario do not depend on which block it is made in."""
    parts = [grid(f"market=0:{last / 100:+.2f}%:{points}", SNAPSHOT), from_shocks(["LINK=-5%"], SNAPSHOT)]
    whole = combine(parts)
    small = np.concatenate([b.market_price_usd for b in whole.blocks(size)])
    (large,) = whole.blocks(1_000)
    np.testing.assert_array_equal(small, large.market_price_usd)


@given(st.integers(-9_900, 20_000), st.integers(-9_900, 20_000))
def test_the_market_factor_keeps_prices_positive_and_in_order(a: int, b: int) -> None:
    """SCN-08: a lower market factor never raises a price of non-negative beta."""
    low, high = (factors(Shock({"market": 1 + v / 10_000}), TREE, BETAS).market for v in sorted((a, b)))
    assert (low > 0).all()
    assert (low <= high).all()


def test_ratios_that_run_in_a_circle_are_refused() -> None:
    """SCN-09: no set of ratios makes the resolution loop."""
    for first in TREE.up:
        for second in TREE.up:
            pairs = {(first, second): 0.9, (second, first): 0.9}
            if first != second:
                with pytest.raises(BadShock):
                    factors(Shock({}, pairs), TREE, BETAS)


@given(st.sampled_from(sorted(TREE.up)))
def test_redemption_differs_from_market_only_under_a_redeemable_ratio(node: str) -> None:
    """SCN-10: fair and market price part only for a token shocked against what it follows."""
    for second in TREE.up:
        link = link_of(node)
        if second == node or (second in TREE.up and node in TREE.up[second]):
            continue
        result = factors(Shock({}, {(node, second): 0.9}), TREE, BETAS)
        redeemable = link is not None and second in TREE.up[node]
        assert (result.market != result.fair).any() == redeemable


@st.composite
def curves(draw: st.DrawFn) -> Depth:
    """A lawful curve for WETH: falling marginal prices at most the oracle's, written and read."""
    prices = sorted(draw(st.lists(st.floats(0, 2500), min_size=1, max_size=8)), reverse=True)
    steps = draw(st.lists(st.floats(0.01, 1e5), min_size=len(prices), max_size=len(prices)))
    size, got = np.cumsum(steps), np.cumsum(np.array(prices) * steps)
    rows = "".join(f"WETH,{float(s)!r},{float(g)!r},{NOW_S},x\n" for s, g in zip(size, got, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.csv"
        path.write_text("asset,size_tokens,proceeds_usd,time,source\n" + rows, encoding="utf-8")
        return Depth.load(path, SNAPSHOT)


sizes = st.lists(st.floats(0, 2e5), min_size=2, max_size=12).map(sorted)


@given(curves(), sizes, st.floats(0, 3))
def test_proceeds_grow_with_size_and_stay_below_the_price(depth: Depth, s: list[float], f: float) -> None:
    """DEP-01: proceeds start at 0, never fall with size, never exceed size times price."""
    size = np.array([0.0, *s])
    got = depth.proceeds(0, size, f)
    assert got[0] == 0
    assert (np.diff(got) >= -1e-9 * got[-1]).all()
    assert (got <= size * 2500 * f * (1 + 1e-9)).all()


@given(curves(), st.floats(0, 2e5), st.floats(0, 2e5), st.floats(0, 1))
def test_proceeds_are_concave(depth: Depth, a: float, b: float, w: float) -> None:
    """DEP-02: splitting a sale in the mind never shows more than it fetches (concavity)."""
    got_a, got_b, mixed = depth.proceeds(0, np.array([a, b, w * a + (1 - w) * b]))
    assert mixed >= (w * got_a + (1 - w) * got_b) * (1 - 1e-9) - 1e-6


@given(curves(), sizes, st.floats(1, 10))
def test_deeper_never_fetches_less(depth: Depth, s: list[float], k: float) -> None:
    """DEP-03: scaling depth up never lowers proceeds or the size within a slippage."""
    deeper, size = depth.scaled(k), np.array(s)
    assert (deeper.proceeds(0, size) >= depth.proceeds(0, size) * (1 - 1e-9)).all()
    assert deeper.size_within(0, 0.05) >= depth.size_within(0, 0.05) * (1 - 1e-9)
