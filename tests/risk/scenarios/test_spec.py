from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abis.errors import BadShock, MalformedFile, OutputExists, ScenarioError, UnknownAsset
from risk.scenarios.build import combine, from_shocks, grid
from risk.scenarios.spec import load_scenarios
from risk.scenarios.storage import read_scenarios, write_scenarios
from tests.risk.markets import market
from tests.risk.scenarios.test_build import prices

SNAPSHOT = market()


def spec(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_spec_lists_shocks_grids_and_the_standard_set(tmp_path: Path) -> None:
    text = """
    fair = "market"
    standard = true
    [betas]
    LINK = 2
    [[shock]]
    move = "wstETH/WETH=-5%"
    weight = 0.5
    group = "depeg"
    [[shock]]
    move = "wstETH/WETH=-5%"
    fair = "redemption"
    [[grid]]
    move = "market=0:-50%:6"
    """
    scenarios = load_scenarios(spec(tmp_path, text), SNAPSHOT)
    _, fair = prices(scenarios)
    first = scenarios.groups.index("depeg")
    assert scenarios.weight[first] == 0.5
    assert fair[first, 0, 1] == 2850
    assert fair[first + 1, 0, 1] == 3000
    assert fair[-1, 0, 5] == pytest.approx(15 / 4)


def test_a_history_stands_beside_shocks_that_hold(tmp_path: Path) -> None:
    times = pd.date_range("2021-05-19", periods=10, freq="5min")
    pd.DataFrame({"time": times, "symbol": "ETHUSDT", "close": range(100, 90, -1)}).to_csv(
        tmp_path / "eth.csv", index=False
    )
    text = """
    [[shock]]
    move = "WETH=-30%"
    [[history]]
    files = ["eth.csv"]
    step_s = 300
    assets = { ETHUSDT = "ETH" }
    windows = [{ name = "may", start = "2021-05-19T00:10Z", end = "2021-05-19T00:30Z" }]
    """
    scenarios = load_scenarios(spec(tmp_path, text), SNAPSHOT)
    market_usd, fair = prices(scenarios)
    assert market_usd.shape == (2, 5, 1, 7)
    assert market_usd[0, :, 0, 0].tolist() == [1750] * 5
    np.testing.assert_allclose(fair[1, :, 0], 2500 * np.array([99, 98, 97, 96, 95]) / 99)
    assert scenarios.groups == ("user", "history")


def test_a_shock_may_weigh_nothing_but_not_all_of_them(tmp_path: Path) -> None:
    text = "[[shock]]\nmove = 'WETH=-5%'\nweight = 0\n"
    both = load_scenarios(spec(tmp_path, text + "[[shock]]\nmove = 'WETH=-6%'"), SNAPSHOT)
    assert both.weight.tolist() == [0, 1]
    other = load_scenarios(spec(tmp_path, (text + text).replace("0", "2")), SNAPSHOT)
    assert other.sha256 != both.sha256
    with pytest.raises(ScenarioError, match="weights"):
        load_scenarios(spec(tmp_path, text), SNAPSHOT)
    with pytest.raises(ScenarioError, match="weights"):
        load_scenarios(spec(tmp_path, text.replace("0", "-1")), SNAPSHOT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("shocks = []", "unknown key 'shocks'"),
        ("[[shock]]\nmoves = 'WETH=-3%'", "unknown key 'moves'"),
        ("[[shock]]\nweight = 1", "'move' is missing"),
        ("[[shock]]\nmove = 3", "move = 3"),
        ("[[shock]]\nmove = 'WETH=-3%'\nweight = true", "weight = True"),
        ("fair = 'maybe'", "fair = 'maybe'"),
        ("shock = [1]", "no table"),
        ("[betas]\nLINK = 'high'", "beta of LINK"),
        ("[[history]]\nfiles = []\nstep_s = 1", "'windows' is missing"),
        ("[[history", "no scenario spec"),
    ],
)
def test_a_faulty_spec_is_refused_by_key(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(MalformedFile, match=reason):
        load_scenarios(spec(tmp_path, text), SNAPSHOT)


def test_faults_of_the_builders_pass_through(tmp_path: Path) -> None:
    with pytest.raises(BadShock):
        load_scenarios(spec(tmp_path, "[[shock]]\nmove = 'WETH=30%'"), SNAPSHOT)
    with pytest.raises(UnknownAsset):
        load_scenarios(spec(tmp_path, "[[grid]]\nmove = 'DOGE=0:-5%:6'"), SNAPSHOT)
    with pytest.raises(ScenarioError, match="no scenarios"):
        load_scenarios(spec(tmp_path, ""), SNAPSHOT)
    with pytest.raises(MalformedFile, match="no scenario spec"):
        load_scenarios(tmp_path / "nothing.toml", SNAPSHOT)


def test_a_directory_gives_back_the_same_bytes_of_prices(tmp_path: Path) -> None:
    scenarios = combine([grid("WETH=0:-60%:301", SNAPSHOT), from_shocks(["wstETH/WETH=-5%"], SNAPSHOT)])
    write_scenarios(scenarios, tmp_path / "s")
    back = load_scenarios(tmp_path / "s", SNAPSHOT)
    assert (back.names, back.groups, back.venues, back.seed) == (
        scenarios.names,
        scenarios.groups,
        scenarios.venues,
        scenarios.seed,
    )
    for found, expected in zip(prices(back, 100), prices(scenarios), strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(OutputExists):
        write_scenarios(scenarios, tmp_path / "s")


def own_directory(folder: Path, **changes: object) -> Path:
    folder.mkdir()
    pd.DataFrame({"name": ["a", "b"], "group": "user", "weight": 1.0}).to_parquet(
        folder / "scenarios.parquet"
    )
    rows = [
        {"scenario": s, "time_s": t, "venue": v, "WETH": 2000.0 + 100 * k}
        for s in (0, 1)
        for t in (0.0, 60.0)
        for k, v in enumerate(("x", "y", "z"))
    ]
    pd.DataFrame(rows).assign(**changes).to_parquet(folder / "market.parquet")
    return folder


def test_paths_of_another_model_need_no_manifest_and_no_fair_price(tmp_path: Path) -> None:
    scenarios = read_scenarios(own_directory(tmp_path / "own"), SNAPSHOT)
    market_usd, fair = prices(scenarios)
    assert scenarios.venues == ("x", "y", "z")
    assert market_usd[1, 1, :, 0].tolist() == [2000, 2100, 2200]
    assert (fair[:, :, 0] == 2100).all()
    assert (fair[:, :, 5] == 15).all()
    assert {f.subject for f in scenarios.findings} == set(SNAPSHOT.asset_names) - {"WETH"}


def test_directories_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="DOGE"):
        read_scenarios(own_directory(tmp_path / "a", DOGE=1.0), SNAPSHOT)
    with pytest.raises(ScenarioError, match="WETH costs nan"):
        read_scenarios(own_directory(tmp_path / "b", WETH=float("nan")), SNAPSHOT).produce(0, 2)
    with pytest.raises(MalformedFile, match="product"):
        read_scenarios(own_directory(tmp_path / "c", time_s=0.0), SNAPSHOT)
    for folder, price in (("e", 0.0), ("f", "dear")):
        with pytest.raises((MalformedFile, ScenarioError), match=r"WETH (costs 0.0|holds no numbers)"):
            read_scenarios(own_directory(tmp_path / folder, WETH=price), SNAPSHOT).produce(0, 2)
    folder = own_directory(tmp_path / "d")
    (folder / "market.parquet").unlink()
    with pytest.raises(MalformedFile, match=r"market\.parquet"):
        read_scenarios(folder, SNAPSHOT)
    with pytest.raises(MalformedFile, match="no directory"):
        read_scenarios(tmp_path / "nothing", SNAPSHOT)


def test_fair_prices_in_another_order_are_refused(tmp_path: Path) -> None:
    folder = own_directory(tmp_path / "a")
    times = pd.read_parquet(folder / "market.parquet")["time_s"].unique()
    rows = [{"scenario": s, "time_s": t, "WETH": 2_000.0 + t} for s in (0, 1) for t in times]
    pd.DataFrame(rows).to_parquet(folder / "fair.parquet")
    fair = read_scenarios(folder, SNAPSHOT).produce(0, 2).fair_price_usd
    assert fair[0, :, 0].tolist() == list(2_000 + times)
    for wrong in (rows[::-1], rows[:-1], [*rows, rows[-1]]):
        pd.DataFrame(wrong).to_parquet(folder / "fair.parquet")
        with pytest.raises(MalformedFile, match=r"fair\.parquet row \d+ breaks the product"):
            read_scenarios(folder, SNAPSHOT)


def test_a_path_from_before_the_snapshot_is_refused(tmp_path: Path) -> None:
    folder = own_directory(tmp_path / "a")
    rows = pd.read_parquet(folder / "market.parquet")
    rows.assign(time_s=rows["time_s"] - 300.0).to_parquet(folder / "market.parquet")
    with pytest.raises(ScenarioError, match="begins 300 s before the snapshot"):
        read_scenarios(folder, SNAPSHOT)


def test_a_changed_directory_is_refused(tmp_path: Path) -> None:
    write_scenarios(from_shocks(["WETH=-5%"], SNAPSHOT), tmp_path / "s")
    pd.read_parquet(tmp_path / "s" / "fair.parquet").assign(WETH=1.0).to_parquet(
        tmp_path / "s" / "fair.parquet"
    )
    with pytest.raises(MalformedFile, match="differs"):
        read_scenarios(tmp_path / "s", SNAPSHOT)


def test_a_beta_that_moves_nothing_is_told(tmp_path: Path) -> None:
    shock = "[[shock]]\nmove = 'market=-10%'\n"
    scenarios = load_scenarios(spec(tmp_path, "[betas]\nDOGE = 2.0\n" + shock), SNAPSHOT)
    assert any(f.subject == "DOGE" and "not used" in f.message for f in scenarios.findings)
    with pytest.raises(MalformedFile, match="wstETH follows ETH"):
        load_scenarios(spec(tmp_path, "[betas]\nwstETH = 2.0\n" + shock), SNAPSHOT)
