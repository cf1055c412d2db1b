from __future__ import annotations

import numpy as np
import pytest

from abis.errors import BadShock, UnknownAsset
from risk.scenarios.families import tree_of
from risk.scenarios.market_factor import betas
from risk.scenarios.shocks import Fair, Shock, factors, parse_percent, parse_shock, percent
from tests.risk.markets import market, renamed

SNAPSHOT = market()
TREE = tree_of(SNAPSHOT)


def of(text: str, fair: Fair = "redemption") -> tuple[dict[str, float], dict[str, float]]:
    result = factors(parse_shock(text, SNAPSHOT), TREE, betas(TREE), fair)
    names = SNAPSHOT.asset_names
    return tuple(
        {n: round(float(f), 9) for n, f in zip(names, row, strict=True) if f != 1}
        for row in (result.market, result.fair)
    )  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("-30%", 0.7),
        ("+80%", 1.8),
        ("0%", 1.0),
        ("0", 1.0),
        ("-99.9999%", 1e-6),
        ("+99900%", 1000.0),
        ("−5%", 0.95),
    ],
)
def test_percentages_are_read_exactly(text: str, factor: float) -> None:
    assert parse_percent(text) == factor


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-0.3", "no percentage"),
        ("30%", "no sign"),
        ("-100%", "nothing or below"),
        ("-101%", "nothing or below"),
        ("-99.99999%", "nothing or below"),
        ("+99901%", "thousandfold"),
        ("nan%", "finite"),
        ("-inf%", "finite"),
        ("%", "no number"),
        ("-3O%", "no number"),
        ("", "no percentage"),
    ],
)
def test_impossible_percentages_are_refused_by_value(text: str, reason: str) -> None:
    with pytest.raises(BadShock, match=reason) as refused:
        parse_percent(text)
    assert f"'{text}'" in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize(("factor", "text"), [(0.7, "-30%"), (1.0, "0%"), (0.925, "-7.5%"), (11.0, "+1000%")])
def test_factors_are_written_as_people_write_them(factor: float, text: str) -> None:
    assert percent(factor) == text


def test_a_shock_moves_what_follows_the_asset_and_nothing_else() -> None:
    market_factors, fair = of("WETH=-30%")
    assert market_factors == {"WETH": 0.7, "wstETH": 0.7}
    assert fair == market_factors


def test_a_coin_that_is_not_listed_names_everything_that_follows_it() -> None:
    assert of("BTC=-30%")[0] == {"WBTC": 0.7, "cbBTC": 0.7}
    assert of("WBTC=-30%")[0] == {"WBTC": 0.7}
    assert of("ETH=-30%")[0] == of("WETH=-30%")[0]


def test_an_explicit_part_wins_over_what_the_asset_follows() -> None:
    assert of("WETH=-30%,wstETH=-40%")[0] == {"WETH": 0.7, "wstETH": 0.6}


def test_a_ratio_is_a_dislocation_while_redemption_works_and_a_depeg_if_told_so() -> None:
    market_factors, fair = of("wstETH/WETH=-5%,WETH=-30%")
    assert market_factors == {"WETH": 0.7, "wstETH": 0.665}
    assert fair == {"WETH": 0.7, "wstETH": 0.7}
    assert of("wstETH/WETH=-5%,WETH=-30%", "market")[1] == market_factors


def test_a_ratio_of_unrelated_assets_has_no_redemption_rate() -> None:
    market_factors, fair = of("LINK/WETH=-20%")
    assert market_factors == fair == {"LINK": 0.8}


def test_a_ratio_holds_against_the_asset_the_second_follows() -> None:
    assert of("wstETH/ETH=-5%,WETH=-30%") == (
        {"WETH": 0.7, "wstETH": 0.95},
        {"WETH": 0.7},
    )


def test_the_market_factor_moves_each_asset_by_its_beta() -> None:
    market_factors, _ = of("market=-40%")
    beta = betas(TREE)
    assert market_factors["WETH"] == market_factors["wstETH"] == 0.6
    assert market_factors["WBTC"] == pytest.approx(0.6 ** beta["BTC"])
    assert "USDC" not in market_factors
    assert "GHO" not in market_factors


def test_an_explicit_part_wins_over_the_market_factor() -> None:
    market_factors, _ = of("market=-40%,LINK=+10%,USDC=-5%")
    assert (market_factors["LINK"], market_factors["USDC"], market_factors["WETH"]) == (1.1, 0.95, 0.6)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("WETH", "no shock"),
        ("=-30%", "no shock"),
        ("WETH=-30%,", "no shock"),
        ("WETH=-30%,WETH=-20%", "second time"),
        ("WETH=-30%,weth=-20%", "second time"),
        ("wstETH=-30%,wstETH/WETH=-5%", "shocked twice"),
        ("wstETH/WETH=-5%,wstETH/USDC=-5%", "shocked twice"),
        ("WETH/WETH=-5%", "itself"),
        ("WETH/wstETH=-5%", "circle"),
        ("LINK/USDC=-5%,USDC/LINK=-5%", "circle"),
        ("/WETH=-5%", "names no asset"),
    ],
)
def test_malformed_shocks_are_refused(text: str, reason: str) -> None:
    with pytest.raises(BadShock, match=reason):
        parse_shock(text, SNAPSHOT)


def test_an_unknown_asset_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownAsset, match=r"wsteth2.*wstETH"):
        parse_shock("wsteth2=-5%", SNAPSHOT)


def test_addresses_and_letter_case_are_understood() -> None:
    address = SNAPSHOT.reserves[5].asset
    assert parse_shock(f"{address}=-5%", SNAPSHOT) == parse_shock("link=-5%", SNAPSHOT)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_a_shock_cannot_be_built_from_an_impossible_factor(factor: float) -> None:
    with pytest.raises(BadShock, match="WETH"):
        Shock({"WETH": factor})


def test_a_token_called_market_is_not_the_market_factor() -> None:
    snapshot = renamed({5: "market"})
    tree = tree_of(snapshot)
    shock = parse_shock(f"{snapshot.reserves[5].asset}=-50%", snapshot)
    assert factors(shock, tree, betas(tree)).market.tolist() == [1, 1, 1, 1, 1, 0.5, 1]
    everything = factors(parse_shock("market=-50%", snapshot), tree, betas(tree)).market
    assert everything[0] == 0.5


def test_repeated_symbols_are_moved_together_by_symbol_and_apart_by_address() -> None:
    snapshot = renamed({5: "WETH"})
    tree = tree_of(snapshot)
    both = factors(parse_shock("WETH=-50%", snapshot), tree, betas(tree)).market
    assert np.flatnonzero(both < 1).tolist() == [0, 1, 5]
    one = factors(parse_shock(f"{snapshot.reserves[5].asset}=-50%", snapshot), tree, betas(tree)).market
    assert np.flatnonzero(one < 1).tolist() == [5]
