"""Depth that comes back: what sales used up is there again after a while, but for a lasting part.

With ``P`` all that was ever sold into a sink, ``p`` where on its curve it stands, ``k`` the lasting
share and ``h`` the half-life::

    p(t + dt) = k P + (p(t) - k P) 2**(-dt / h)
"""

from __future__ import annotations

import numpy as np

from risk.engine.arrays import FloatArray
from risk.engine.model import Model
from risk.engine.state import State


def pressure_after(model: Model, state: State, time_s: float) -> FloatArray:
    """Return where on its curve each reserve would be sold at ``time_s``, (S, A) whole tokens."""
    now, half_life_s = state.asset["pressure_tokens"], model.reserve["half_life_s"]
    waited_s = time_s - state.scenario["at_s"][:, None]
    if np.isinf(half_life_s).all() or not waited_s.any():
        return np.asarray(now)
    lasting = model.reserve["lasting_share"] * state.asset["pressed_tokens"]
    return np.asarray(lasting + (now - lasting) * still_missing(waited_s, half_life_s))


def still_missing(waited_s: FloatArray, half_life_s: FloatArray) -> FloatArray:
    """Return the share of what passes with time that is not back after a wait longer than 0."""
    with np.errstate(divide="ignore"):  # a half-life of 0: all is back at once
        return np.asarray(np.exp2(-waited_s / half_life_s))


def refill(model: Model, state: State, time_s: float) -> None:
    """Let depth refill up to ``time_s``, in place."""
    state.asset["pressure_tokens"][:] = pressure_after(model, state, time_s)
