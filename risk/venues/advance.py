"""``advance(market, state, inputs)``: a block of scenarios from one moment to the next, and its fold.

A path in one call is the fold of moments and nothing else (a tested law), so another model can stand between
two moments: selling that on-chain liquidations bring about enters as ``flow_usd`` like any other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import ScenarioError
from risk.engine.jit import over_scenarios
from risk.venues.kernel import Record, fold, record
from risk.venues.market import Market
from risk.venues.positions import FloatArray
from risk.venues.state import State

LARGEST_MOVE = 10.0  # of a log price: e**10 either way


class Inputs(NamedTuple):
    """What comes from outside at one moment.

    ``log_move`` (S, K): log price of each asset over its start without the venues' own impact.
    ``flow_usd`` (S, V, K): sold on each venue by others, negative where bought; None for nothing.
    """

    time_s: float
    log_move: FloatArray
    flow_usd: FloatArray | None = None


def advance(market: Market, state: State, inputs: Inputs) -> tuple[State, Record]:
    """Return the state after a moment, changed in place, and what happened in it, one bin.

    Parameters
    ----------
    market : Market
    state : State
        Of S scenarios.
    inputs : Inputs

    Raises
    ------
    ScenarioError
        If time does not pass, or a move or flow is not finite or of another shape.
    """
    flow = None if inputs.flow_usd is None else np.asarray(inputs.flow_usd)[:, None]
    move = np.asarray(inputs.log_move, dtype=np.float64)[:, None]
    return run(market, state, [inputs.time_s], move, flow)


def run(
    market: Market,
    state: State,
    time_s: ArrayLike,
    log_move: ArrayLike,
    flow_usd: ArrayLike | None = None,
    *,
    every_s: float | None = None,
) -> tuple[State, Record]:
    """Return the state after a path, changed in place, and what happened, binned.

    Parameters
    ----------
    market : Market
    state : State
        Of S scenarios.
    time_s : (T,) array_like of float
        Strictly increasing, after the state's time.
    log_move : (S, T, K) array_like of float
        See `Inputs`.
    flow_usd : (S, T, V, K) array_like of float, optional
    every_s : float, optional
        Length of a bin, counted from the state's time; a bin a moment by default.

    Raises
    ------
    ScenarioError
        If times do not rise, or a move or flow is not finite or of another shape.
    """
    times = np.ascontiguousarray(time_s, dtype=np.float64)
    moves = np.ascontiguousarray(log_move, dtype=np.float64)
    n, v, k = len(state.path), len(market.venues), len(market.assets)
    _check_times(times, state)
    _check(moves, (n, len(times), k), "moves", LARGEST_MOVE)
    flows = np.zeros((n, len(times), 0, k))
    if flow_usd is not None:
        flows = np.ascontiguousarray(flow_usd, dtype=np.float64)
        _check(flows, (n, len(times), v, k), "flows", np.inf)
    bins = _bins(times, float(state.scenario["time_s"][0]), every_s)
    out = record(n, int(bins[-1]) + 1, v, k)
    over_scenarios(fold, n, times, bins, moves, flows, market.arrays, state, out)
    return state, out


def bin_times(time_s: ArrayLike, start_s: float, every_s: float) -> FloatArray:
    """Return the end of each bin of `run`, (B,): the last moment in it."""
    times = np.asarray(time_s, dtype=np.float64)
    bins = _bins(times, start_s, every_s)
    return np.asarray(times[np.flatnonzero(np.append(np.diff(bins) > 0, True))])


def _bins(times: FloatArray, start_s: float, every_s: float | None) -> NDArray[np.int64]:
    if every_s is None:
        return np.arange(len(times), dtype=np.int64)
    if not every_s > 0.0:
        raise ScenarioError(f"bins of {every_s} s.", remedy="Give a length above 0.")
    raw = np.ceil((times - start_s) / every_s - 1e-9).astype(np.int64)
    return np.asarray(np.unique(raw, return_inverse=True)[1], dtype=np.int64)


def _check_times(times: FloatArray, state: State) -> None:
    before = np.append(state.scenario["time_s"].max(initial=-np.inf), times[:-1])
    if times.ndim != 1 or not len(times) or not np.isfinite(times).all() or (times <= before).any():
        raise ScenarioError("times do not rise from the state's.", remedy="Sort them and drop duplicates.")


def _check(values: FloatArray, shape: tuple[int, ...], what: str, most: float) -> None:
    if values.shape != shape:
        raise ScenarioError(f"{what} of shape {values.shape}, expected {shape}.")
    if not (np.isfinite(values) & (np.abs(values) <= most)).all():
        place = tuple(int(i) for i in np.argwhere(~(np.isfinite(values) & (np.abs(values) <= most)))[0])
        raise ScenarioError(f"{what} {place} is {values[place]}.", remedy="Give finite numbers without gaps.")
