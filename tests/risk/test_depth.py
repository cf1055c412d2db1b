from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abis.errors import InputError, MalformedFile
from abis.findings import FindingKind
from examples.depth.assumed import HERE, TWO_PERCENT_MUSD
from risk.depth import INFINITE_DEPTH, Depth
from tests.risk.markets import NOW_S, market, reserve

SNAPSHOT = market()
WETH, WBTC = 0, 2
PRICE = {
    "WETH": 2578.461748,
    "wstETH": 3112.68103854,
    "weETH": 2762.23713763,
    "WBTC": 109621.67372468,
    "cbBTC": 109676.51198068,
    "LBTC": 109676.51198068,
    "LINK": 13.66,
}
HEADER = "asset,size_tokens,proceeds_usd,time,source\n"


def depth(tmp_path: Path, rows: str, name: str = "depth.csv") -> Depth:
    path = tmp_path / name
    path.write_text(HEADER + rows, encoding="utf-8")
    return Depth.load(path, SNAPSHOT)


GOOD = f"WETH,100,248000,{NOW_S},assumed\nWETH,300,720000,{NOW_S},assumed\n"


def test_proceeds_are_straight_between_points_and_flat_beyond_the_last(tmp_path: Path) -> None:
    d = depth(tmp_path, GOOD)
    got = d.proceeds(WETH, np.array([0, 50, 100, 200, 300, 1e9]))
    assert got.tolist() == [0, 124_000, 248_000, 484_000, 720_000, 720_000]
    assert d.proceeds(WETH, np.array([100.0]), 0.5).tolist() == [124_000]
    assert d.findings == ()
    assert d.source[WETH] == "assumed"


def test_a_reserve_without_a_curve_is_infinitely_deep_and_says_so(tmp_path: Path) -> None:
    d = depth(tmp_path, GOOD)
    assert d.proceeds(WBTC, np.array([1e6])).tolist() == [6e10]
    assert d.infinite.tolist() == [False] + [True] * 6
    assert d.notice(np.array([WETH])) == ""
    assert d.notice(np.array([WETH, WBTC])) == f"{INFINITE_DEPTH}: WBTC"
    assert Depth.infinite_for(SNAPSHOT).infinite.all()


def test_kernels_get_padded_arrays(tmp_path: Path) -> None:
    d = depth(tmp_path, GOOD + f"WBTC,5,290000,{NOW_S},x\n")
    assert d.count.tolist() == [3, 0, 2, 0, 0, 0, 0]
    assert d.size_tokens[WBTC].tolist() == [0, 5, 5]
    assert d.proceeds_usd[WBTC].tolist() == [0, 290_000, 290_000]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"DOGE,1,1,{NOW_S},x", "DOGE"),
        (f"WETH,many,1,{NOW_S},x", "no size"),
        (f"WETH,,1,{NOW_S},x", "no size"),
        ("WETH,400,730000,when,x", "no size"),
        (f"WETH,nan,1,{NOW_S},x", "impossible"),
        (f"WETH,-1,1,{NOW_S},x", "impossible"),
        (f"WETH,300,730000,{NOW_S},x", "does not grow"),
        (f"WETH,400,700000,{NOW_S},x", "proceeds fall"),
        (f"WETH,400,990000,{NOW_S},x", "not concave"),
    ],
)
def test_a_bad_row_becomes_a_finding_and_the_rest_stands(tmp_path: Path, row: str, reason: str) -> None:
    d = depth(tmp_path, GOOD + row + "\n")
    assert len(d.findings) == 1
    assert "row 2" in d.findings[0].message
    assert reason in d.findings[0].message + d.findings[0].subject
    assert d.proceeds(WETH, np.array([300.0])).tolist() == [720_000]


def test_proceeds_above_the_oracle_price_are_found_and_held_to_it(tmp_path: Path) -> None:
    d = depth(tmp_path, f"WETH,100,251000,{NOW_S},x\nWETH,200,490000,{NOW_S},x\n")
    assert [f.kind for f in d.findings] == [FindingKind.INCONSISTENT]
    assert d.proceeds(WETH, np.array([100.0, 200.0])).tolist() == [250_000, 490_000]


def test_the_curve_in_force_at_the_snapshot_is_taken(tmp_path: Path) -> None:
    rows = (
        f"WETH,100,240000,{NOW_S - 60},old\nWETH,100,245000,{NOW_S},now\nWETH,100,1000,{NOW_S + 60},later\n"
    )
    d = depth(tmp_path, rows)
    assert d.proceeds(WETH, np.array([100.0])).tolist() == [245_000]
    assert d.findings == ()
    stale = depth(tmp_path, f"WETH,100,240000,{NOW_S - 200_000},old\n")
    assert [f.kind for f in stale.findings] == [FindingKind.STALE]
    later = depth(tmp_path, f"WETH,100,240000,{NOW_S + 200_000},x\n")
    assert "younger" in later.findings[0].message


def test_parquet_and_iso_times_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "asset": [SNAPSHOT.reserves[WETH].asset],
            "size_tokens": [10.0],
            "proceeds_usd": [24_000.0],
            "time": [pd.Timestamp(NOW_S, unit="s", tz="UTC")],
            "source": ["x"],
        }
    )
    frame.to_parquet(tmp_path / "d.parquet")
    d = Depth.load(tmp_path / "d.parquet", SNAPSHOT)
    assert (d.time_s[WETH], d.count[WETH]) == (NOW_S, 2)


def test_a_file_that_is_no_depth_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("asset,size\n")
    with pytest.raises(MalformedFile, match="size_tokens"):
        Depth.load(tmp_path / "a.csv", SNAPSHOT)
    with pytest.raises(MalformedFile, match="nothing"):
        Depth.load(tmp_path / "nothing.csv", SNAPSHOT)
    (tmp_path / "b.parquet").write_text("no parquet")
    with pytest.raises(MalformedFile, match="no depth table"):
        Depth.load(tmp_path / "b.parquet", SNAPSHOT)


def test_the_size_within_a_slippage_is_where_the_average_price_is(tmp_path: Path) -> None:
    d = depth(tmp_path, GOOD)
    for slippage in (0.01, 0.02, 0.035, 0.04, 0.3):
        size = d.size_within(WETH, slippage)
        assert d.slippage(WETH, np.array([size]))[0] == pytest.approx(slippage)
    assert d.size_within(WETH, 0.0) == 0
    assert d.size_within(WBTC, 0.01) == float("inf")


def test_scaling_keeps_prices_at_scaled_sizes(tmp_path: Path) -> None:
    d = depth(tmp_path, GOOD)
    size = np.array([50.0, 250.0, 900.0])
    np.testing.assert_allclose(d.scaled(3).slippage(WETH, 3 * size), d.slippage(WETH, size))


def test_impossible_arguments_are_refused(tmp_path: Path) -> None:
    d = depth(tmp_path, GOOD)
    with pytest.raises(InputError, match="sizes"):
        d.proceeds(WETH, np.array([-1.0]))
    with pytest.raises(InputError, match="sizes"):
        d.proceeds(WETH, np.array([np.nan]))
    with pytest.raises(InputError, match="factor"):
        d.proceeds(WETH, np.array([1.0]), -0.1)
    with pytest.raises(InputError, match="slippage"):
        d.size_within(WETH, 1.0)
    with pytest.raises(InputError, match="scaled"):
        d.scaled(0)


def test_the_example_file_of_the_demo_is_lawful() -> None:
    symbols = list(TWO_PERCENT_MUSD)
    demo = market(
        positions=(),
        reserves=[reserve(i, s, 18, PRICE.get(s, 1.001), 0, 0, 0) for i, s in enumerate(symbols)],
    )
    d = Depth.load(HERE / "assumed_demo_depth.csv", demo)
    assert d.count.tolist() == [8] * len(symbols)
    assert {f.kind for f in d.findings} == {FindingKind.STALE}
    assert all("ASSUMED" in source for source in d.source)
    weth_usd = np.array([60e6 / PRICE["WETH"]])
    assert d.slippage(0, weth_usd)[0] == pytest.approx(0.02, abs=1e-6)
