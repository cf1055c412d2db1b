"""The past of a fitted model: what is rebuilt is what it was fitted to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from abis.errors import ScenarioError
from risk.scenarios.fhs import STRESSED, Fhs, shipped_fhs
from risk.scenarios.garch import filter_variance
from risk.scenarios.panel import Panel
from risk.scenarios.past import past_of
from tests.risk.scenarios.made_panel import made_panel


@pytest.fixture(scope="module")
def panel() -> Panel:
    return made_panel(900, gaps=(400,))


@pytest.fixture(scope="module")
def model(panel: Panel) -> Fhs:
    """Return what fitting would, with coefficients that are given: the likelihood is not what is tested."""
    shipped = shipped_fhs()
    columns = zip(panel.log_return.T, shipped.marginals, strict=True)
    variance = np.stack([filter_variance(r, panel.follows, m) for r, m in columns], axis=1)
    raw = panel.log_return / np.sqrt(variance[:-1])
    return replace(
        shipped,
        end_s=panel.end_s,
        residual=(raw - raw.mean(axis=0)).astype(np.float32).astype(np.float64),
        starts={
            "last": variance[-1],
            "median": np.median(variance[:-1], axis=0),
            "stressed": np.quantile(variance[:-1], STRESSED, axis=0),
            "highest": variance.max(axis=0),
        },
    )


def test_returns_and_variances_are_those_of_the_panel(panel: Panel, model: Fhs) -> None:
    found = past_of(model)
    np.testing.assert_allclose(found.log_return, panel.log_return, atol=1e-7)
    for k, marginal in enumerate(model.marginals):
        made = filter_variance(panel.log_return[:, k], panel.follows, marginal)
        np.testing.assert_allclose(found.variance[:, k], made[:-1], rtol=1e-4)


def test_residuals_of_another_model_are_refused(model: Fhs) -> None:
    with pytest.raises(ScenarioError, match="cannot be rebuilt"):
        past_of(replace(model, residual=model.residual * 1.5))


@pytest.mark.real_data
@pytest.mark.verify
def test_the_shipped_model_gives_back_the_closes_it_was_fitted_to(data_dir: Path) -> None:
    from examples.practice.forward import panel_of_folder

    real, model = panel_of_folder(data_dir), shipped_fhs()
    _, here, there = np.intersect1d(real.end_s, model.end_s, return_indices=True)
    assert len(there) == len(model.end_s)
    np.testing.assert_allclose(past_of(model).log_return[there], real.log_return[here], atol=1e-6)
