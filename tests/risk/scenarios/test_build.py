from __future__ import annotations

import numpy as np
import pytest

from abis.errors import BadShock, ScenarioError
from risk.scenarios.build import combine, from_shocks, grid, parse_grid
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.standard import standard_set
from tests.risk.markets import market, renamed

SNAPSHOT = market()


def prices(scenarios: Scenarios, size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    blocks = list(scenarios.blocks(size))
    return (
        np.concatenate([b.market_price_usd for b in blocks]),
        np.concatenate([b.fair_price_usd for b in blocks]),
    )


def test_shocks_become_one_step_scenarios_of_usd_prices() -> None:
    scenarios = from_shocks(["WETH=-30%", "LINK=+80%"], SNAPSHOT)
    market_usd, fair_usd = prices(scenarios)
    assert market_usd.shape == (2, 1, 1, 7)
    assert fair_usd.shape == (2, 1, 7)
    assert market_usd[0, 0, 0].tolist() == [1750, 2100, 60000, 60000, 1, 15, 1]
    assert fair_usd[1, 0, 5] == 27
    assert scenarios.names == ("WETH -30%", "LINK +80%")
    assert scenarios.groups == ("user", "user")


def test_no_shock_is_refused() -> None:
    with pytest.raises(ScenarioError):
        from_shocks([], SNAPSHOT)


def test_the_hash_tells_shocks_prices_and_fairness_apart() -> None:
    one = from_shocks(["wstETH/WETH=-5%"], SNAPSHOT).sha256
    assert one == from_shocks(["wstETH/WETH=-5%"], SNAPSHOT).sha256
    others = {
        from_shocks(["wstETH/WETH=-6%"], SNAPSHOT).sha256,
        from_shocks(["wstETH/WETH=-5%"], SNAPSHOT, fair="market").sha256,
        from_shocks(["wstETH/WETH=-5%"], renamed({6: "DAI"})).sha256,
    }
    assert len(others | {one}) == 4


@pytest.mark.parametrize("text", ["WETH=0:-60%:61", "BTC=+10%:-10%:21", "wstETH/WETH=0:-10%:11"])
def test_a_grid_is_the_list_of_its_shocks(text: str) -> None:
    scenarios = grid(text, SNAPSHOT)
    subject = text.partition("=")[0]
    _, levels = parse_grid(text, SNAPSHOT)
    listed = from_shocks([f"{subject}={(f - 1) * 100:+.6f}%" for f in levels], SNAPSHOT)
    assert scenarios.names == listed.names
    for found, expected in zip(prices(scenarios, 7), prices(listed), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_market_grid_uses_the_betas() -> None:
    market_usd, fair_usd = prices(grid("market=0:-50%:26", SNAPSHOT, given_betas={"BTC": 0.5}))
    assert market_usd[-1, 0, 0, 0] == 1250
    assert market_usd[-1, 0, 0, 2] == pytest.approx(60000 * 0.5**0.5)
    np.testing.assert_array_equal(market_usd[:, :, 0], fair_usd)
    assert set(grid("market=0:-50%:26", SNAPSHOT).groups) == {"market"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("WETH=0:-60%", "no grid"),
        ("WETH=-60%", "no grid"),
        ("WETH=0:-60%:61,WBTC=0:-60%:61", "no grid"),
        ("WETH=0:-60%:x", "number of points"),
        ("WETH=0:-60%:1", "points"),
        ("WETH=0:-60%:2000000", "points"),
        ("WETH=0:-120%:11", "nothing or below"),
        ("WETH/wstETH=0:-5%:6", "circle"),
    ],
)
def test_malformed_grids_are_refused(text: str, reason: str) -> None:
    with pytest.raises(BadShock, match=reason):
        grid(text, SNAPSHOT)


def test_a_batch_of_batches_keeps_order_across_block_borders() -> None:
    parts = [
        grid("WETH=0:-60%:5", SNAPSHOT),
        from_shocks(["LINK=+80%"], SNAPSHOT),
        grid("BTC=0:-20%:3", SNAPSHOT),
    ]
    whole = combine(parts)
    expected = np.concatenate([prices(p)[0] for p in parts])
    for size in (1, 2, 4, 256):
        np.testing.assert_array_equal(prices(whole, size)[0], expected)
    assert len(whole) == 9


def test_batches_of_different_markets_do_not_mix() -> None:
    with pytest.raises(ScenarioError, match="different markets"):
        combine([from_shocks(["WETH=-5%"], SNAPSHOT), from_shocks(["WETH=-5%"], renamed({6: "DAI"}))])
    with pytest.raises(ScenarioError, match="no scenarios"):
        combine([])


def test_the_standard_set_covers_what_the_book_holds() -> None:
    scenarios = standard_set(SNAPSHOT)
    names = set(scenarios.names)
    assert {"ETH -60%", "BTC -5%", "LINK -30%", "USDC -13%", "GHO +2%", "market +100%"} <= names
    assert {"wstETH/WETH -7.5%", "WBTC/BTC -2%"} <= names
    assert "ETH +50%" in names  # somebody owes WETH
    assert "LINK +50%" not in names  # nobody owes LINK
    assert "WETH/ETH -5%" not in names  # a native wrapper cannot part from its coin
    assert "cbBTC/BTC -2%" not in names  # nobody supplies cbBTC
    assert set(scenarios.groups) == {"single", "pair", "market"}
    assert len(names) == len(scenarios)
    assert scenarios.sha256 == standard_set(SNAPSHOT).sha256


def test_the_standard_set_of_an_empty_book_still_has_the_market_factor() -> None:
    assert set(standard_set(market(positions=())).groups) == {"market"}
