"""What harm comes from: the scenarios run again with one channel, or several, switched off.

Channels:

* oracle error: off, oracles read the fair price at once (`risk.engine.prices.PERFECT`);
* close-factor excess: off, calls repay no more than restores health (``Liquidators.minimal``);
* price impact: off, sales move no price: infinite depth;
* exchange cascade: off, scenarios without the forced selling of exchanges, where they are given.

One at a time, a channel's part is what the harm falls by when it alone is off; such parts need not add
up, since channels need each other.  Shapley values (1953) average that over every order of
switching off and do: their sum is the harm less what remains with all channels off.  A part may
be negative.  The avoidable loss is net of the reference cost of selling, which infinite depth
lowers: price impact then justifies some of the bonus.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import ScenarioError
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.liquidators import Liquidators
from risk.engine.prices import PERFECT, Oracles, Perfect
from risk.engine.stress import stress
from risk.figures import total
from risk.scenarios.scenarios import Scenarios

FloatArray = NDArray[np.float64]
Coalition = frozenset[str]

ORACLE, CLOSE_FACTOR = "oracle error", "close-factor excess"
IMPACT, CASCADE = "price impact", "exchange cascade"
REST, HARM = "rest, all channels off", "harm"
AMOUNTS = ("avoidable_loss_usd", "bad_debt_usd", "over_liquidated_usd", "repaid_usd")


@dataclass(frozen=True, eq=False, slots=True)
class Attribution:
    """Harm by channel, per scenario.

    Parameters
    ----------
    names : tuple of str, length S
    weight : (S,) float64
    channels : tuple of str, length n
        Those that were switched.
    absent : mapping of str to str
        Those that were not, and why.
    harm, rest : mapping of str to (S,) float64
        By amount, USD: with all channels on, and with all of them off.
    alone, shapley : mapping of str to (S, n) float64
        Parts of the channels, one at a time and Shapley values.
    """

    names: tuple[str, ...]
    weight: FloatArray
    channels: tuple[str, ...]
    absent: Mapping[str, str]
    harm: Mapping[str, FloatArray]
    rest: Mapping[str, FloatArray]
    alone: Mapping[str, FloatArray]
    shapley: Mapping[str, FloatArray]

    def frame(self) -> pd.DataFrame:
        """Return one row a scenario and channel: for each amount the part alone and its share."""
        n = len(self.channels)
        columns: dict[str, Any] = {
            "scenario": np.repeat(np.array(self.names, dtype=object), n),
            "channel": list(self.channels) * len(self.names),
        }
        for amount in self.harm:
            short = amount.removesuffix("_usd")
            columns[f"{short}_alone_usd"] = self.alone[amount].ravel()
            columns[f"{short}_shapley_usd"] = self.shapley[amount].ravel()
        return pd.DataFrame(columns)

    def mean(self, amount: str) -> pd.DataFrame:
        """Return the weighted mean over scenarios: a row a channel, then what rests and the harm.

        Columns ``channel``, ``alone_usd`` (NaN for the last two) and ``shapley_usd``.
        """
        alone, shapley = (
            np.average(x[amount], axis=0, weights=self.weight) for x in (self.alone, self.shapley)
        )
        rest, harm = (float(np.average(x[amount], weights=self.weight)) for x in (self.rest, self.harm))
        return self._rows(alone, shapley, rest, harm)

    def parts(self, amount: str, scenario: int) -> pd.DataFrame:
        """Return the same of one scenario."""
        rest, harm = (float(x[amount][scenario]) for x in (self.rest, self.harm))
        return self._rows(self.alone[amount][scenario], self.shapley[amount][scenario], rest, harm)

    def _rows(self, alone: FloatArray, shapley: FloatArray, rest: float, harm: float) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "channel": [*self.channels, REST, HARM],
                "alone_usd": [*alone, math.nan, math.nan],
                "shapley_usd": [*shapley, rest, harm],
            }
        )


def attribute(
    snapshot: Snapshot,
    scenarios: Scenarios,
    *,
    oracles: Oracles = None,
    depth: Depth | None = None,
    liquidators: Liquidators | None = None,
    without_cascade: Scenarios | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Attribution:
    """Run the scenarios with every combination of channels on and off, and part the harm between them.

    Parameters
    ----------
    snapshot, scenarios, oracles, depth, liquidators
        As in `risk.stress`.
    without_cascade : Scenarios, optional
        The same scenarios without the cascade on exchanges.
    progress : callable (done, total), optional
        In scenarios, over all ``2**n`` runs.
    **options
        Other keywords of `risk.stress`.

    Raises
    ------
    ScenarioError
        If ``without_cascade`` are not the same scenarios, or as `risk.stress`.
    """
    if without_cascade is not None:
        _check_twins(scenarios, without_cascade)
    who, absent = liquidators or Liquidators(), _absent(oracles, depth, liquidators, without_cascade)
    channels = tuple(c for c in (ORACLE, CLOSE_FACTOR, IMPACT, CASCADE) if c not in absent)
    runs = _subsets(channels)
    found: dict[Coalition, dict[str, FloatArray]] = {}
    for k, on in enumerate(runs):
        off = set(channels) - on
        outcome = stress(
            snapshot,
            without_cascade if CASCADE in off and without_cascade is not None else scenarios,
            oracles=PERFECT if ORACLE in off else oracles,
            depth=None if IMPACT in off else depth,
            liquidators=replace(who, minimal=who.minimal or CLOSE_FACTOR in off),
            progress=None if progress is None else _offset(progress, k, len(runs)),
            **options,
        )
        found[on] = {amount: total(outcome, amount) for amount in AMOUNTS}
    every, none = frozenset(channels), frozenset[str]()
    values = {amount: {on: totals[amount] for on, totals in found.items()} for amount in AMOUNTS}
    return Attribution(
        names=scenarios.names,
        weight=scenarios.weight,
        channels=channels,
        absent=absent,
        harm=found[every],
        rest=found[none],
        alone={amount: one_at_a_time(v, channels) for amount, v in values.items()},
        shapley={amount: shapley_values(v, channels) for amount, v in values.items()},
    )


def one_at_a_time(values: Mapping[Coalition, NDArray[Any]], channels: Sequence[str]) -> NDArray[Any]:
    """Return ``v(all) - v(all but i)`` for each channel, (..., n)."""
    every = frozenset(channels)
    parts = [values[every] - values[every - {c}] for c in channels]
    return np.stack(parts, axis=-1) if parts else np.zeros((*np.shape(values[every]), 0))


def shapley_values(values: Mapping[Coalition, NDArray[Any]], channels: Sequence[str]) -> NDArray[Any]:
    """Return the Shapley value of each channel, (..., n).

    ``sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))``.

    Parameters
    ----------
    values : mapping of frozenset to array (...)
        What each set of channels makes of the harm; of all ``2**n`` sets.
    channels : sequence of str, length n
    """
    n, every = len(channels), frozenset(channels)
    parts = []
    for channel in channels:
        others = [s for s in _subsets(tuple(channels)) if channel not in s]
        gains = [
            math.factorial(len(s)) * math.factorial(n - len(s) - 1) * (values[s | {channel}] - values[s])
            for s in others
        ]
        parts.append(sum(gains[1:], start=gains[0]) / math.factorial(n))
    return np.stack(parts, axis=-1) if parts else np.zeros((*np.shape(values[every]), 0))


def _subsets(channels: Sequence[str]) -> list[Coalition]:
    """Return every set of channels, largest first."""
    sizes = range(len(channels), -1, -1)
    return [frozenset(c) for size in sizes for c in combinations(channels, size)]


def _absent(
    oracles: Oracles, depth: Depth | None, who: Liquidators | None, without_cascade: Scenarios | None
) -> dict[str, str]:
    """Return the channels that are off as it is, and why."""
    absent = {}
    if isinstance(oracles, Perfect):
        absent[ORACLE] = "oracles were taken to read fair prices"
    if who is not None and who.minimal:
        absent[CLOSE_FACTOR] = "liquidators were taken to repay no more than needed"
    if depth is None or bool(depth.infinite.all()):
        absent[IMPACT] = "infinite depth was assumed"
    if without_cascade is None:
        absent[CASCADE] = "no scenarios without a cascade were given"
    return absent


def _check_twins(scenarios: Scenarios, other: Scenarios) -> None:
    same = (scenarios.names, scenarios.assets) == (other.names, other.assets)
    if not same or not np.array_equal(scenarios.time_s, other.time_s):
        raise ScenarioError(
            "the scenarios without a cascade are not those with one.",
            remedy="Give the same names, assets and times in the same order.",
        )


def _offset(progress: Callable[[int, int], None], run: int, runs: int) -> Callable[[int, int], None]:
    return lambda done, total: progress(run * total + done, runs * total)
