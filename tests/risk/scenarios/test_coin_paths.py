from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from abis.errors import MalformedFile, ScenarioError
from risk.scenarios.build import from_shocks
from risk.scenarios.coin_paths import on_market
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.scenarios.spec import load_scenarios
from risk.scenarios.storage import read_coin_paths, write_scenarios
from tests.risk.markets import market
from tests.risk.scenarios.test_spec import spec

SNAPSHOT = market()
FAIR = np.array([[[90_000.0, 3_000.0, 0.1], [88_000.0, 2_700.0, 0.05], [86_000.0, 2_850.0, 0.04]]])


def coins(scale: float = 1.0) -> Scenarios:
    """One path of BTC, ETH and a coin nothing follows, on two venues 1 % apart at the low."""
    fair = FAIR * scale
    second = fair.copy()
    second[:, 1] *= 0.99
    return replace(
        from_shocks(["WETH=0%"], SNAPSHOT),
        assets=("BTC", "ETH", "MEME"),
        venues=("thin", "large"),
        time_s=np.array([0.0, 60.0, 120.0]),
        produce=lambda a, b: ScenarioBlock(a, np.stack([fair, second], axis=2)[a:b], fair[a:b]),
    )


def test_assets_move_by_the_coin_they_follow_on_each_venue() -> None:
    block = on_market(coins(), SNAPSHOT).produce(0, 1)
    np.testing.assert_allclose(block.fair_price_usd[0, :, 0], [2_500, 2_250, 2_375])  # WETH
    np.testing.assert_allclose(block.fair_price_usd[0, :, 1], [3_000, 2_700, 2_850])  # wstETH
    np.testing.assert_allclose(block.fair_price_usd[0, :, 2], 60_000 * FAIR[0, :, 0] / 90_000)
    np.testing.assert_allclose(block.market_price_usd[0, 1, :, 0], [2_250, 2_250 * 0.99])
    assert (block.fair_price_usd[0, :, 5] == 15).all()
    moved = on_market(coins(), SNAPSHOT, fill="beta", given_betas={"LINK": 2.0})
    np.testing.assert_allclose(moved.produce(0, 1).fair_price_usd[0, :, 5], [15, 15 * 0.81, 15 * 0.9025])
    assert {f.subject for f in on_market(coins(), SNAPSHOT).findings} == {"USDC", "LINK", "GHO"}


def test_a_coin_a_venue_does_not_list_leaves_the_others_there_alone() -> None:
    whole = on_market(coins(), SNAPSHOT).produce(0, 1).market_price_usd
    plain = coins().produce(0, 1)
    plain.market_price_usd[:, :, 0, 0] = np.nan  # no BTC on the first venue
    lists = replace(coins(), produce=lambda a, b: plain)
    found = on_market(lists, SNAPSHOT).produce(0, 1).market_price_usd
    bitcoin = [k for k, name in enumerate(SNAPSHOT.asset_names) if name in ("WBTC", "cbBTC")]
    rest = [k for k in range(len(SNAPSHOT.asset_names)) if k not in bitcoin]
    assert len(bitcoin) == 2
    assert np.isnan(found[:, :, 0, bitcoin]).all()
    np.testing.assert_array_equal(found[:, :, :, rest], whole[:, :, :, rest])


def test_prices_that_are_none_are_refused_where_they_matter() -> None:
    with pytest.raises(ScenarioError, match="costs nothing"):
        on_market(coins(-1.0), SNAPSHOT).produce(0, 1)
    with pytest.raises(ScenarioError, match="none of MEME"):
        on_market(replace(coins(), assets=("MEME", "PEPE", "DOGE")), SNAPSHOT)


def test_a_directory_of_coins_is_a_stressed_part_of_a_mixture(tmp_path: Path) -> None:
    write_scenarios(coins(), tmp_path / "cascade")
    back = read_coin_paths(tmp_path / "cascade")
    assert back.assets == ("BTC", "ETH", "MEME")
    text = "[[fhs]]\nscenarios = 9\nhorizon_s = 7200\nshare = 0.7\n[[paths]]\nfolder = 'cascade'\n"
    scenarios = load_scenarios(spec(tmp_path, text + "coins = true\nshare = 0.3\nstressed = true"), SNAPSHOT)
    assert scenarios.weight[-1] == pytest.approx(0.3)
    assert scenarios.time_s.tolist() == [0, 60, 120, 3_600, 7_200]
    np.testing.assert_allclose(scenarios.produce(9, 10).market_price_usd[0, 1, :, 0], [2_250, 2_227.5])
    with pytest.raises(ScenarioError, match="'BTC', no asset of this market"):
        load_scenarios(spec(tmp_path, "[[paths]]\nfolder = 'cascade'"), SNAPSHOT)
    with pytest.raises(MalformedFile, match="fill needs coins"):
        load_scenarios(spec(tmp_path, "[[paths]]\nfolder = 'cascade'\nfill = 'beta'"), SNAPSHOT)
    with pytest.raises(MalformedFile, match="no directory"):
        read_coin_paths(tmp_path / "nowhere")
