"""Scenarios, liquidation, measures and reports; pure arrays, no chain.

The names an analyst types are offered here and loaded when first used::

    import risk
    from protocols.store import load

    snapshot = load("snap")
    outcome = risk.stress(snapshot, risk.grid("WETH=0:-60%:61", snapshot))
    print(outcome)

    limits = risk.load_limits("limits.toml")
    print(risk.recommend(snapshot, limits, risk.sample_of("stressed", snapshot, 1_000, seed=1)))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from risk.attribution import attribute
    from risk.depth import Depth
    from risk.engine.explain import explain
    from risk.engine.liquidators import Liquidators
    from risk.engine.stress import stress
    from risk.outcome import Outcome
    from risk.scenarios.build import from_shocks, grid
    from risk.scenarios.scenarios import Scenarios
    from risk.scenarios.standard import standard_set
    from risk.solver.generators import sample_of
    from risk.solver.limits import load_limits
    from risk.solver.recommend import recommend

__all__ = ["Depth", "Liquidators", "Outcome", "Scenarios", "explain", "from_shocks", "grid"]
__all__ += ["attribute", "load_limits", "recommend", "sample_of", "standard_set", "stress"]

_HOME = {
    "attribute": "risk.attribution",
    "Depth": "risk.depth",
    "Liquidators": "risk.engine.liquidators",
    "Outcome": "risk.outcome",
    "Scenarios": "risk.scenarios.scenarios",
    "explain": "risk.engine.explain",
    "from_shocks": "risk.scenarios.build",
    "grid": "risk.scenarios.build",
    "load_limits": "risk.solver.limits",
    "recommend": "risk.solver.recommend",
    "sample_of": "risk.solver.generators",
    "standard_set": "risk.scenarios.standard",
    "stress": "risk.engine.stress",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: importing `risk` must not pay for pandas and numba.
    if name not in _HOME:
        raise AttributeError(f"module 'risk' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
