"""The market factor: every asset moves by its beta when the market does.

The factor is the move of ETH, the collateral most lending markets hang on.  In log
prices ``log f_i = beta_i * log f_market``, so a price factor never turns negative and
``f_i = f_market ** beta_i``.  Betas belong to the tops of the chains of `families`:
everything that follows ETH has beta 1, stables have 0.

Shipped betas (``data/betas.csv``) are ordinary least squares slopes through the origin of
hourly log returns on those of ETH, estimated from spot candles by
``benchmarks/fit_tables.py``; a top without data gets `ASSUMED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from abis.findings import Finding, FindingKind, Severity
from risk.scenarios.families import Tree, is_stable, read_table

FloatArray = NDArray[np.float64]

FACTOR = "ETH"
ASSUMED = 1.0  # a volatile asset without data falls with the market
MIN_RETURNS = 100


@dataclass(frozen=True, slots=True)
class Beta:
    """One beta: its value, how many returns it comes from, and where they come from."""

    symbol: str
    beta: float
    n_returns: int
    source: str


@cache
def shipped() -> Mapping[str, Beta]:
    """Return the shipped betas by top."""
    rows = read_table("betas.csv")
    table = {r["symbol"]: Beta(r["symbol"], float(r["beta"]), int(r["n_returns"]), r["source"]) for r in rows}
    return MappingProxyType(table)


def betas(tree: Tree, given: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the beta of every top of the market.

    Parameters
    ----------
    tree : Tree
    given : mapping of str to float, optional
        Betas that win over the shipped ones, by top.

    Returns
    -------
    dict of str to float
        0 for stables, shipped or given values, else `ASSUMED`.
    """
    out = {}
    for top in tree.tops:
        default = 0.0 if is_stable(top) else shipped()[top].beta if top in shipped() else ASSUMED
        out[top] = (given or {}).get(top, default)
    return out


def beta_findings(tree: Tree, given: Mapping[str, float] | None = None) -> tuple[Finding, ...]:
    """Return a finding for each top whose beta is assumed rather than estimated."""
    known = set(shipped()) | set(given or {})
    return tuple(
        Finding(
            FindingKind.UNVERIFIED,
            Severity.INFO,
            top,
            f"beta to the market factor assumed to be {ASSUMED:g}: no price data.",
            remedy="Give a beta of your own in the scenario file.",
        )
        for top in tree.tops
        if not is_stable(top) and top not in known
    )


def estimate_beta(asset_log_return: FloatArray, market_log_return: FloatArray) -> float:
    """Return the least-squares slope through the origin, ``sum(x y) / sum(x^2)``.

    Parameters
    ----------
    asset_log_return, market_log_return : (n,) float64
        Simultaneous log returns.

    Raises
    ------
    ScenarioError
        If lengths differ, a value is not finite, there are fewer than `MIN_RETURNS`, or the
        market never moves.
    """
    y, x = np.asarray(asset_log_return), np.asarray(market_log_return)
    if x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ScenarioError("returns must be finite and of equal length.", remedy="Join the series on time.")
    if len(x) < MIN_RETURNS or not (x**2).sum() > 0:
        raise ScenarioError(
            f"{len(x)} returns are too few for a beta.", remedy=f"Give at least {MIN_RETURNS} moving ones."
        )
    return float((x * y).sum() / (x**2).sum())
