"""Panels of made-up returns, with stretches and gaps, for the generator tests."""

from __future__ import annotations

import numpy as np

from risk.scenarios.panel import Panel

START_S = 1_700_000_000 - 1_700_000_000 % 3_600


def made_panel(
    rows: int = 2_000, coins: tuple[str, ...] = ("ETH", "BTC"), seed: int = 1, gaps: tuple[int, ...] = ()
) -> Panel:
    """Return hourly t-distributed returns with a common factor and slowly changing volatility."""
    rng = np.random.default_rng(seed)
    volatility = 0.006 * np.exp(0.6 * np.sin(np.arange(rows) / 90) + 0.2 * rng.standard_normal(rows))
    common = rng.standard_t(4, rows) * volatility
    own = rng.standard_t(4, (rows, len(coins))) * volatility[:, None] * 0.5
    returns = common[:, None] + own
    hours = np.arange(rows) + np.searchsorted(np.asarray(gaps), np.arange(rows), side="right") * 5
    return Panel(
        coins, 3_600, START_S + 3_600 * (hours + 1), returns, np.log(2_000.0) + np.cumsum(returns, axis=0)
    )
