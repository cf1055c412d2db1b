from __future__ import annotations

import numpy as np
import pytest

from abis.errors import ScenarioError
from risk.scenarios.families import tree_of
from risk.scenarios.market_factor import ASSUMED, beta_findings, betas, estimate_beta, shipped
from tests.risk.markets import market, renamed


def test_given_betas_win_over_shipped_ones() -> None:
    tree = tree_of(market())
    assert betas(tree)["LINK"] == shipped()["LINK"].beta
    assert betas(tree, {"LINK": 2.0})["LINK"] == 2.0
    assert betas(tree)["ETH"] == 1.0
    assert betas(tree)["USDC"] == 0.0


def test_an_asset_without_data_gets_an_assumed_beta_and_a_finding() -> None:
    tree = tree_of(renamed({5: "NOBODY"}))
    assert betas(tree)["NOBODY"] == ASSUMED
    assert [f.subject for f in beta_findings(tree)] == ["NOBODY"]
    assert beta_findings(tree, {"NOBODY": 0.5}) == ()


def test_the_slope_of_a_known_line_is_found() -> None:
    x = np.random.default_rng(5).normal(0, 0.01, 400)
    assert estimate_beta(1.3 * x, x) == pytest.approx(1.3, rel=1e-12)


@pytest.mark.parametrize("bad", [np.zeros(400), np.full(400, np.nan), np.ones(5), np.ones(399)])
def test_useless_returns_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ScenarioError):
        estimate_beta(np.ones(400) if len(bad) != 5 else np.ones(5), bad)
