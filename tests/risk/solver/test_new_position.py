from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abis.errors import InputError
from risk.solver.closed_forms import gbm_hit
from risk.solver.new_position import frame, new_positions
from risk.solver.returns import DAY_S, LEVELS, PairReturns, shipped_returns
from tests.risk.markets import RESERVES, market


def test_the_probability_is_that_of_reaching_ltv_over_lt() -> None:
    found = {(p.collateral, p.emode, p.debt): p for p in new_positions(market())}
    weth = found["WETH", "", "USDC"]
    returns = shipped_returns()["ETH", "USD", 7 * DAY_S, "minimum"]
    assert weth.level == pytest.approx(0.805 / 0.83)
    assert weth.empirical == pytest.approx(returns.probability(0.805 / 0.83))
    assert weth.gbm == pytest.approx(gbm_hit(0.805 / 0.83, returns.sigma, 7 / 365))
    assert 0.6 < weth.empirical < 0.8
    assert weth.label == "diagnostic"


def test_emode_positions_are_opened_only_against_what_it_lends() -> None:
    found = {(p.collateral, p.debt): p for p in new_positions(market()) if p.emode}
    assert set(found) == {("wstETH", "WETH")}
    position = found["wstETH", "WETH"]
    assert position.empirical is not None
    assert position.empirical < 0.1


def test_the_known_values_under_gbm() -> None:
    """At LTV .805 and LT .83, 80 % volatility, 7 days: .79; at LTV = LT every account is hit."""
    made = PairReturns(
        "ETH", "USD", 7 * DAY_S, "minimum", np.linspace(0.5, 1, len(LEVELS)), 0.8, 9, 9, "made"
    )
    (p,) = [
        p
        for p in new_positions(market(), table={made.key: made})
        if (p.collateral, p.debt) == ("WETH", "USDC")
    ]
    assert p.gbm == pytest.approx(0.79, abs=5e-3)
    reserves = [replace(RESERVES[0], ltv_bps=8300), *RESERVES[1:]]
    at_limit = new_positions(market(positions=(), reserves=reserves), table={made.key: made})
    (p,) = [p for p in at_limit if (p.collateral, p.debt) == ("WETH", "USDC")]
    assert (p.empirical, p.gbm) == (1, 1)


def test_what_cannot_be_opened_is_not_tested() -> None:
    reserves = [
        replace(RESERVES[0], frozen=True),
        replace(RESERVES[1], ltv_bps=0),
        RESERVES[2],
        RESERVES[3],
        replace(RESERVES[4], borrowing_enabled=False),
        replace(RESERVES[5], paused=True),
        RESERVES[6],
    ]
    found = {
        (p.collateral, p.debt) for p in new_positions(market(positions=(), reserves=reserves)) if not p.emode
    }
    assert found == {
        ("WBTC", "wstETH"),
        ("WBTC", "cbBTC"),
        ("WBTC", "GHO"),
        ("cbBTC", "wstETH"),
        ("cbBTC", "WBTC"),
        ("cbBTC", "GHO"),
        ("USDC", "wstETH"),
        ("USDC", "WBTC"),
        ("USDC", "cbBTC"),
        ("USDC", "GHO"),
    }


def test_unknown_pairs_come_last_without_a_number() -> None:
    table = frame(new_positions(market()))
    assert table["empirical"].isna().tolist() == sorted(table["empirical"].isna())
    assert list(frame(())) == list(table)


def test_longer_horizons_are_hit_more_often_and_unknown_ones_refused() -> None:
    short, long = (
        {
            (p.collateral, p.debt): p.empirical
            for p in new_positions(market(), horizon_s=h)
            if not p.emode and p.empirical is not None
        }
        for h in (DAY_S, 30 * DAY_S)
    )
    assert short["WETH", "USDC"] < long["WETH", "USDC"]
    with pytest.raises(InputError, match="60 s"):
        new_positions(market(), horizon_s=60)
