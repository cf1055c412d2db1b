"""Depth from a spec of pools, quotes, books and tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import MalformedFile
from abis.findings import FindingKind
from examples.depth.assumed import HERE
from risk.depth import Depth
from risk.depth_sources import concentrated, constant_product, pool_of_ticks, quotes, routed
from risk.engine.stress import stress
from tests.risk.engine.markets import FREE, moves
from tests.risk.markets import NOW_S, market, reserve

SNAPSHOT = market()
WETH, WSTETH, WBTC = 0, 1, 2
POOL = """[[pool]]
kind = "constant-product"
asset = "WETH"
tokens = 8000
money = 20e6
fee = 0.003
source = "a pool"
"""
QUOTES = '[[quotes]]\nasset = "WBTC"\nrows = [[10, 590000], [100, 5500000]]\nsource = "quotes"\n'


def spec(folder: Path, text: str, name: str = "depth.toml") -> Depth:
    path = folder / name
    path.write_text(f"time = {NOW_S}\n" + text, encoding="utf-8")
    return Depth.load(path, SNAPSHOT)


def test_each_kind_becomes_the_curve_of_its_source(tmp_path: Path) -> None:
    depth = spec(
        tmp_path,
        POOL
        + QUOTES
        + """[[pool]]
kind = "ranges"
asset = "wstETH"
sqrt_price = 1.09
liquidity = 1000
turns = [[1.08, 400], [1.0, 600]]
fee = 0.0001
usd = 2500
source = "ranges"
[[book]]
asset = "LINK"
bids = [[14.9, 1000], [14.5, 5000]]
fee = 0.001
source = "bids"
""",
    )
    assert depth.findings == ()
    for asset, curve in (
        (WETH, constant_product(8000, 20e6, 0.003, 72_000)),
        (WBTC, quotes([10, 100], [590_000, 5_500_000])),
        (WSTETH, concentrated(1.09, 1000, [(1.08, 400), (1.0, 600)], 0.0001, usd=2500)),
    ):
        n = depth.count[asset]
        np.testing.assert_allclose(depth.size_tokens[asset, :n], curve.size_tokens)
        np.testing.assert_allclose(depth.proceeds_usd[asset, :n], curve.proceeds_usd)
    assert depth.proceeds(5, np.array([1000.0, 6000.0])) == pytest.approx([14_885.1, 87_312.6])
    assert depth.source[WETH] == "a pool"
    assert depth.time_s[WETH] == NOW_S


def test_several_sources_of_an_asset_are_routed_over(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(
        f"asset,size_tokens,proceeds_usd,time,source\nWETH,100,249000,{NOW_S},table\n", encoding="utf-8"
    )
    depth = spec(tmp_path, POOL + '[[table]]\nfile = "table.csv"\n')
    pool = constant_product(8000, 20e6, 0.003, 72_000)
    both = routed([pool, quotes([100.0], [249_000.0])])
    sizes = np.array([1.0, 90.0, 400.0, 10_000.0])
    np.testing.assert_allclose(depth.proceeds(WETH, sizes), np.interp(sizes, *both))
    assert depth.source[WETH] == "a pool; table"


def test_refill_and_sinks_are_stated_in_the_file(tmp_path: Path) -> None:
    depth = spec(
        tmp_path,
        POOL
        + """[[refill]]
assets = ["WBTC"]
half_life_s = 7200
[[refill]]
half_life_s = 1800
lasting_share = 0.2
[[sink]]
assets = ["WETH", "wstETH"]
""",
    )
    assert depth.half_lives_s[[WETH, WBTC]].tolist() == [1800, 7200]
    assert depth.lasting[[WETH, WBTC]].tolist() == [0.2, 0.0]
    assert depth.sinks[WSTETH] == depth.sinks[WETH] != depth.sinks[WBTC]
    plain = spec(tmp_path, POOL)
    assert np.isinf(plain.half_lives_s).all()
    assert len(set(plain.sinks.tolist())) == len(SNAPSHOT.reserves)


def test_json_holds_the_same(tmp_path: Path) -> None:
    one = spec(tmp_path, POOL)
    (tmp_path / "depth.json").write_text(
        json.dumps(
            {
                "time": NOW_S,
                "pool": [
                    {
                        "kind": "constant-product",
                        "asset": SNAPSHOT.reserves[WETH].asset,
                        "tokens": 8000,
                        "money": 20e6,
                        "fee": 0.003,
                        "source": "a pool",
                    }
                ],
            }
        ),
        encoding="utf-8",
    )
    other = Depth.load(tmp_path / "depth.json", SNAPSHOT)
    np.testing.assert_array_equal(one.proceeds_usd, other.proceeds_usd)


@given(st.integers(-200_000, 200_000), st.integers(1, 4_000), st.sampled_from([0, 1]), st.integers(0, 18))
def test_a_pool_of_ticks_pays_what_its_ranges_hold(tick: int, width: int, sells: int, decimals: int) -> None:
    """DEP-07: sold out, a pool of ticks has paid all it holds of the other token on that side."""
    liquidity, fee = 10**22, 0.003
    # sqrt price at the middle of the range, as Q64.96.
    root = 1.0001 ** (tick / 2)
    low, high = tick - width, tick + width
    ticks = [(low, liquidity), (high, -liquidity)]
    got = pool_of_ticks(round(root * 2**96), liquidity, ticks, fee, (decimals, 18), sells)
    a, b = 1.0001 ** (low / 2), 1.0001 ** (high / 2)
    held = (liquidity * (1 / root - 1 / b) / 10**decimals, liquidity * (root - a) / 1e18)
    assert got.proceeds_usd[-1] == pytest.approx(held[1 - sells], rel=1e-6)
    start = (root**2, 1 / root**2)[sells] * 10.0 ** ((decimals - 18) * (1 if sells == 0 else -1))
    first = got.proceeds_usd[1] / got.size_tokens[1]
    assert first <= start * (1 - fee) * (1 + 1e-9)
    assert first >= start * (1 - fee) * (1 - 1e-6 * width)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (POOL.replace("WETH", "DOGE"), "DOGE"),
        (POOL.replace("8000", "-1"), "tokens is -1"),
        (POOL.replace("8000", "nan"), "tokens is nan"),
        (POOL.replace("0.003", "1.5"), "fee of 1.5"),
        (QUOTES.replace("590000", "-590000"), "quotes need"),
        (QUOTES.replace("[[10, 590000], [100, 5500000]]", "[]"), "no rows"),
        ("[[refill]]\nhalf_life_s = -1\n", "half_life_s -1"),
        ("[[refill]]\nhalf_life_s = 1\nlasting_share = 1.1\n", "lasting_share 1.1"),
        ('[[refill]]\nhalf_life_s = 1\nassets = ["DOGE"]\n', "DOGE"),
        ('[[sink]]\nassets = ["WETH", "WBTC"]\n[[sink]]\nassets = ["WETH"]\n', "already"),
        (
            '[[pool]]\nkind = "ticks"\nasset = "WETH"\nsqrt_price_x96 = "0"\nliquidity = 1\nticks = []\n'
            'fee = 0\ndecimals = [18, 6]\nsells = 0\nsource = ""\n',
            "sqrt_price_x96 is 0",
        ),
        (
            '[[pool]]\nkind = "ticks"\nasset = "WETH"\nsqrt_price_x96 = "1"\nliquidity = 1\n'
            'ticks = [[900000, 1]]\nfee = 0\ndecimals = [18, 6]\nsells = 0\nsource = ""\n',
            "tick 900000",
        ),
    ],
)
def test_an_impossible_entry_becomes_a_finding_and_the_rest_stands(
    tmp_path: Path, row: str, reason: str
) -> None:
    depth = spec(tmp_path, row + POOL.replace("WETH", "LINK"))
    (found,) = (f for f in depth.findings if f.kind is FindingKind.OUT_OF_RANGE)
    assert "left out" in found.message
    assert reason in found.message
    assert depth.count[5] > 1
    assert depth.count[WETH] == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[pool", "no depth file"),
        (POOL + "colour = 1\n", "unknown key 'colour'"),
        (POOL.replace("kind", "sort"), "no kind"),
        (POOL.replace("fee = 0.003\n", ""), "'fee' is missing"),
        (POOL.replace("8000", '"8000"'), "wrong type"),
        (POOL.replace("8000", "true"), "wrong type"),
        (QUOTES.replace("[10, 590000]", "[10]"), "no pair"),
        ("pool = 1\n", "wrong type"),
        ('[[table]]\nfile = "nothing.csv"\n', "nothing.csv"),
        (POOL + 'time = "soon"\n', "no time"),
        ("[[sink]]\nassets = [1]\n", "no asset"),
    ],
)
def test_a_file_that_is_no_spec_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(MalformedFile, match=reason.replace("[", r"\[")):
        spec(tmp_path, text)


def test_an_entry_needs_a_time(tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text(POOL, encoding="utf-8")
    with pytest.raises(MalformedFile, match="'time' is missing"):
        Depth.load(tmp_path / "d.toml", SNAPSHOT)


def test_a_shared_sink_in_the_file_makes_the_second_sale_dearer(tmp_path: Path) -> None:
    both = "".join(
        POOL.replace("WETH", name).replace("8000", str(tokens))
        for name, tokens in (("WETH", 8000), ("wstETH", 6500))
    )
    alone, shared = spec(tmp_path, both), spec(tmp_path, both + '[[sink]]\nassets = ["WETH", "wstETH"]\n')
    positions = [(f"0x{k}", 0, {k: 1000.0}, {4: value}) for k, value in ((0, 2.0e6), (1, 2.4e6))]
    snapshot = market(positions)
    fall = moves(snapshot, np.where(np.arange(7) < 2, 0.93, 1.0)[None])
    profit = [
        stress(snapshot, fall, depth=d, liquidators=FREE).liquidator_profit_usd[0] for d in (alone, shared)
    ]
    assert 0 < profit[1] < profit[0]


@pytest.mark.parametrize("name", ["assumed_demo_sources.toml"])
def test_the_example_is_read_without_a_finding(name: str, load: Callable[[str], Depth]) -> None:
    depth = load(name)
    assert depth.findings == ()
    assert {depth.assets[a] for a in np.flatnonzero(~depth.infinite)} == {"WETH", "wstETH", "WBTC", "cbBTC"}
    assert all(text.startswith("ASSUMED") for text in depth.source if text)


@pytest.fixture
def load() -> Callable[[str], Depth]:
    prices = {"WETH": 2578.46, "wstETH": 3112.68, "WBTC": 109_621.67, "cbBTC": 109_676.51, "USDC": 1.0}
    reserves = [reserve(k, s, 18, p, 7000, 7500, 10_500) for k, (s, p) in enumerate(prices.items())]
    made = market([], reserves)
    at = replace(made, block=replace(made.block, timestamp_s=1_751_564_700), emodes=())
    return lambda name: Depth.load(HERE / name, at)
