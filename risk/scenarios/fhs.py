"""Filtered historical simulation: past shocks, scaled by the volatility of the moment.

Each coin's variance follows a GJR-GARCH(1,1) (`garch`); what is left, the standardised
residuals, is drawn as whole rows in blocks, so coins fall together as they did.  Tails beyond
the 97.5 % quantile come from a fitted Pareto law (`tails`), and rows can be drawn by
condition (`conditions`): apart in falling markets, in the hours after macro-economic
releases, or by where the price stands in its range.

A fitted model is one Parquet file of residuals with its parameters in the file's metadata.
One ships: ``data/fhs_hourly.parquet``, made by ``breakwater data fit``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import MalformedFile, ScenarioError
from protocols.snapshot import Snapshot
from risk.scenarios.build import digest
from risk.scenarios.conditions import (
    DOWN_WINDOW_S,
    STATES,
    Always,
    Condition,
    Down,
    Events,
    PriceRange,
    down_rows,
    event_rows,
    range_rows,
    within_event,
)
from risk.scenarios.garch import Marginal, filter_variance, fit_marginal
from risk.scenarios.history import Fill
from risk.scenarios.market_factor import FACTOR
from risk.scenarios.panel import Panel
from risk.scenarios.paths import from_log_paths, time_grid
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.simulate import Resampler, Sample, Variance, check_block
from risk.scenarios.tails import Tail, Tails, fit_tails

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Start = Literal["last", "median", "stressed"]

SCHEMA = "breakwater.fhs/1"
SHIPPED = "fhs_hourly.parquet"
STRESSED = 0.975  # the stressed start is this quantile of the filtered variances
BLOCK_S = 12 * 3_600


@dataclass(frozen=True, eq=False)
class Fhs:
    """A fitted model of K coins.

    Parameters
    ----------
    coins : tuple of str, length K
    step_s : int
    end_s : (n,) int64
        Unix time each residual's step ends.
    residual : (n, K) float64
        Standardised, centred residuals, exact in float32 so that the file holds them.
    states : mapping of str to (n,) int64
        State of each row under ``down``, ``events`` and ``range``.
    marginals : tuple of Marginal, length K
    tails : tuple of Tails, length K
    starts : mapping of str to (K,) float64
        Variance to start from: ``last``, ``median``, ``stressed`` (the `STRESSED` quantile); and
        ``highest``, which no step exceeds.
    down_threshold : float
        Log return of the factor below which a day counts as down.
    source : str
        What the sample comes from.
    """

    coins: tuple[str, ...]
    step_s: int
    end_s: IntArray
    residual: FloatArray
    states: Mapping[str, IntArray]
    marginals: tuple[Marginal, ...]
    tails: tuple[Tails, ...]
    starts: Mapping[str, FloatArray]
    down_threshold: float
    source: str

    @property
    def factor(self) -> int:
        """The coin whose falls and range the conditions speak of: `FACTOR`, else the first."""
        return self.coins.index(FACTOR) if FACTOR in self.coins else 0

    @property
    def follows(self) -> NDArray[np.bool_]:
        """Whether each row continues the row before it, (n,) bool."""
        return np.concatenate([[False], np.diff(self.end_s) == self.step_s])

    @property
    def sha256(self) -> str:
        """Hash of sample and parameters."""
        return digest(self._parameters(), self.residual, self.end_s.astype(np.float64))

    def variance_at(self, start: Start | FloatArray) -> FloatArray:
        """Return the variance a path starts from, (K,).

        Raises
        ------
        ScenarioError
            If ``start`` is unknown or not positive.
        """
        if not isinstance(start, str):
            value = np.asarray(start, dtype=np.float64)
            if value.shape != (len(self.coins),) or not (value > 0).all():
                raise ScenarioError("a start needs one positive variance a coin.")
            return value
        if start not in self.starts:
            raise ScenarioError(
                f"'{start}' is no start of the variance.", remedy="Choose last, median or stressed."
            )
        return self.starts[start]

    def resampler(
        self,
        *,
        start: Start | FloatArray = "last",
        tails: bool = True,
        block_s: int = BLOCK_S,
        condition: Condition | None = None,
    ) -> Resampler:
        """Return the generator of log paths.

        Parameters
        ----------
        start : {"last", "median", "stressed"} or (K,) float64
            Variance of the first step.
        tails : bool
            Whether residuals beyond the thresholds are drawn from the Pareto law.
        block_s : int
            Mean length of a block; rounded to whole steps, at least one.
        condition : Condition, optional

        Raises
        ------
        ScenarioError
            As `variance_at` and `Resampler`.
        """
        check_block(block_s)
        wanted = condition or Always()
        plain = np.zeros(len(self.residual), dtype=np.int64)
        state = plain if wanted.name == "none" else self.states[wanted.name]
        return Resampler(
            Sample(self.residual, self.follows, state),
            "stationary",
            max(1, round(block_s / self.step_s)),
            wanted,
            Variance(
                self.marginals,
                self.variance_at(start),
                self.starts["highest"],
                self.tails if tails else None,
            ),
        )

    def down(self) -> Condition:
        """Return the condition that draws from falling markets once the path has fallen as far."""
        return Down(self.factor, max(1, DOWN_WINDOW_S // self.step_s), self.down_threshold)

    def events(self, time_s: FloatArray, now_s: int, event_s: Sequence[int]) -> Condition:
        """Return the condition of events at unix times, for paths that start at ``now_s``."""
        starts = now_s + time_s[:-1].astype(np.int64)
        hit = within_event(starts, self.step_s, event_s)
        return Events(frozenset(np.flatnonzero(hit).tolist()))

    def price_range(
        self, price_usd: float, low_usd: float, high_usd: float, supports_usd: Sequence[float] = ()
    ) -> Condition:
        """Return the condition of the factor's nominal price in or out of its range.

        Raises
        ------
        ScenarioError
            If a level is not positive, or the low is not below the high.
        """
        levels = np.array([price_usd, low_usd, high_usd, *supports_usd], dtype=np.float64)
        if not (np.isfinite(levels).all() and (levels > 0).all()):
            raise ScenarioError("price levels must be positive.", remedy="Give them in USD.")
        low, high, *supports = (float(v) for v in np.log(levels[1:] / price_usd))
        return PriceRange(self.factor, low, high, tuple(supports))

    def _parameters(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "coins": list(self.coins),
            "step_s": self.step_s,
            "marginals": [m.to_json() for m in self.marginals],
            "tails": [{"lower": t.lower.to_json(), "upper": t.upper.to_json()} for t in self.tails],
            "starts": {name: v.tolist() for name, v in self.starts.items()},
            "down_threshold": self.down_threshold,
            "source": self.source,
        }


def fit(panel: Panel, *, event_s: Sequence[int] = (), source: str = "") -> Fhs:
    """Return the model of a panel.

    Parameters
    ----------
    panel : Panel
    event_s : sequence of int
        Unix times of macro-economic releases (`macro_events.calendar`).
    source : str
        What the candles are; kept in the file.

    Raises
    ------
    ScenarioError
        As `garch.fit_marginal`, `tails.fit_tails` and `conditions.down_rows`.
    """
    marginals = tuple(fit_marginal(r) for r in panel.log_return.T)
    variance = np.stack(
        [filter_variance(r, panel.follows, m) for r, m in zip(panel.log_return.T, marginals, strict=True)],
        axis=1,
    )
    raw = panel.log_return / np.sqrt(variance[:-1])
    residual = (raw - raw.mean(axis=0)).astype(np.float32).astype(np.float64)
    factor = panel.coins.index(FACTOR) if FACTOR in panel.coins else 0
    down, threshold = down_rows(panel, factor)
    return Fhs(
        coins=panel.coins,
        step_s=panel.step_s,
        end_s=panel.end_s,
        residual=residual,
        states={"down": down, "events": event_rows(panel, event_s), "range": range_rows(panel, factor)},
        marginals=marginals,
        tails=tuple(fit_tails(z) for z in residual.T),
        starts={
            "last": variance[-1],
            "median": np.median(variance[:-1], axis=0),
            "stressed": np.quantile(variance[:-1], STRESSED, axis=0),
            "highest": variance.max(axis=0),
        },
        down_threshold=threshold,
        source=source,
    )


def filtered(
    model: Fhs,
    snapshot: Snapshot,
    *,
    scenarios: int,
    horizon_s: int,
    seed: int,
    start: Start = "last",
    tails: bool = True,
    block_s: int = BLOCK_S,
    condition: Condition | None = None,
    fill: Fill = "hold",
    given_betas: Mapping[str, float] | None = None,
    group: str = "fhs",
) -> Scenarios:
    """Return filtered historical scenarios of a market.

    Parameters
    ----------
    model : Fhs
    snapshot : Snapshot
    scenarios, horizon_s, seed : int
    start, tails, block_s, condition
        As `Fhs.resampler`.
    fill, given_betas
        As `paths.from_log_paths`.
    group : str
        Group, and stem of the names.

    Raises
    ------
    ScenarioError
        If horizon, start, condition or market do not fit.
    """
    time_s = time_grid(horizon_s, model.step_s)
    generator = model.resampler(start=start, tails=tails, block_s=block_s, condition=condition)
    steps = len(time_s) - 1
    return from_log_paths(
        snapshot,
        model.coins,
        lambda a, b: generator.log_paths(a, b, steps, seed),
        scenarios=scenarios,
        time_s=time_s,
        seed=seed,
        group=group,
        identity={
            "model": model.sha256,
            "start": start,
            "tails": tails,
            "block_steps": generator.block_steps,
            "condition": repr(_plain(condition)),
        },
        fill=fill,
        given_betas=given_betas,
    )


def _plain(condition: Condition | None) -> object:
    """Return a condition with what it holds in a fixed order."""
    return sorted(condition.scheduled) if isinstance(condition, Events) else condition


def write_fhs(model: Fhs, path: Path) -> None:
    """Write the model as one Parquet file, in one step."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"end_s": pa.array(model.end_s)}
    for k, coin in enumerate(model.coins):
        columns[f"residual_{coin}"] = pa.array(model.residual[:, k].astype(np.float32))
    for name, state in model.states.items():
        columns[f"state_{name}"] = pa.array(state.astype(np.int8))
    text = json.dumps(model._parameters(), sort_keys=True)
    table = pa.table(columns).replace_schema_metadata({SCHEMA: text})
    staged = path.with_name(f".{path.name}.tmp")
    pq.write_table(table, staged, compression="zstd", compression_level=19)
    staged.replace(path)


def read_fhs(path: Path) -> Fhs:
    """Return the model in a file.

    Raises
    ------
    MalformedFile
        If it is missing, or no model.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        parameters = json.loads((table.schema.metadata or {})[SCHEMA.encode()])
        return _from_parts(parameters, table.to_pandas())
    except (OSError, ValueError, KeyError, TypeError) as error:  # arrow's errors derive from these
        raise MalformedFile(
            f"{path.name} is no fitted model: {type(error).__name__}: {error}.",
            remedy="Make one with 'breakwater data fit'.",
        ) from error


def _from_parts(p: Mapping[str, Any], rows: pd.DataFrame) -> Fhs:
    coins = tuple(str(c) for c in p["coins"])
    return Fhs(
        coins=coins,
        step_s=int(p["step_s"]),
        end_s=rows["end_s"].to_numpy(dtype=np.int64),
        residual=np.stack([rows[f"residual_{c}"].to_numpy(dtype=np.float64) for c in coins], axis=1),
        states={name: rows[f"state_{name}"].to_numpy(dtype=np.int64) for name in STATES if name != "none"},
        marginals=tuple(Marginal(**m) for m in p["marginals"]),
        tails=tuple(Tails(Tail(**t["lower"]), Tail(**t["upper"])) for t in p["tails"]),
        starts={name: np.array(v, dtype=np.float64) for name, v in p["starts"].items()},
        down_threshold=float(p["down_threshold"]),
        source=str(p["source"]),
    )


def shipped_fhs() -> Fhs:
    """Return the model that ships with the package."""
    with as_file(files("risk.scenarios").joinpath("data", SHIPPED)) as path:
        return read_fhs(path)
