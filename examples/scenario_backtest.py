"""Backtests every generator of price paths on real candles, and writes the tables of docs/scenarios.md.

``python -m examples.scenario_backtest DATA_FOLDER`` fits on what lies before `SPLIT` and judges every
hour, and every day, after it.  Parameters are not fitted again; only the volatility of the
moment is known at each forecast.  About ten minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import ScenarioError
from risk.scenarios.backtest import Coverage, coverage, lower_tail_dependence, mixed, probability_at
from risk.scenarios.bootstrap import resampler_of
from risk.scenarios.candles import Candles
from risk.scenarios.conditions import RANGE_LOOKBACK_S, Always, Condition, event_rows, range_rows
from risk.scenarios.fhs import Fhs, fit
from risk.scenarios.garch import filter_variance
from risk.scenarios.macro_events import calendar
from risk.scenarios.panel import Panel, read_panel
from risk.scenarios.paths import time_grid
from risk.scenarios.ratio_jumps import episodes, fit_ratio_jumps
from risk.scenarios.tails import ranks, redraw_tails

FloatArray = NDArray[np.float64]

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "scenarios.md"
BEGIN, END = "<!-- backtest: written by python -m examples.scenario_backtest -->", "<!-- /backtest -->"
SPLIT = pd.Timestamp("2025-01-01T00:00Z").timestamp()
SPLIT_RATIO = pd.Timestamp("2023-01-01T00:00Z").timestamp()
HOUR_S, DAY_STEPS = 3_600, 24
HEAD = (
    "| generator | horizon | coin | quantile | losses beyond (expected) | share | Kupiec p "
    "| independence p | both p |"
)
LEVELS = {"1 h": (0.05, 0.01, 0.001), "24 h": (0.05, 0.01)}
ONE_STEP, STATIC_DAYS, PATHS, SEED = 200_000, 50_000, 2_000, 20_260_101
MIXTURE = {"bootstrap, stationary": 0.25, "fhs": 0.5, "fhs, stressed start": 0.25}
ASSETS = {"ETHUSDT": "ETH", "BTCUSDT": "BTC"}


@dataclass(frozen=True, eq=False)
class Case:
    """A model fitted before the split, and what came after it."""

    train: Panel
    test: Panel
    model: Fhs
    variance: FloatArray  # (n_test + 1, K), known before each hour
    event_s: tuple[int, ...]


def case_of(panel: Panel, split_s: float, event_s: tuple[int, ...]) -> Case:
    """Return the case of one split."""
    train, test = panel.between(-np.inf, split_s), panel.between(split_s, np.inf)
    model = fit(train, event_s=event_s, source="before the split")
    variance = np.stack(
        [
            filter_variance(r, panel.follows, m)
            for r, m in zip(panel.log_return.T, model.marginals, strict=True)
        ],
        axis=1,
    )
    return Case(train, test, model, variance[len(train) :], event_s)


def hourly(case: Case) -> dict[str, FloatArray]:
    """Return ``F_t(r_t)`` of every test hour by generator, (n, K)."""
    test, model = case.test, case.model
    scale = np.sqrt(case.variance[: len(test)])
    out = {
        "bootstrap, stationary": _static(resampler_of(case.train).sample.value, test.log_return),
        "fhs": _scaled(case, tails=True),
        "fhs, no fitted tails": _scaled(case, tails=False),
        "fhs, stressed start": _static(
            _residuals(model, True) * np.sqrt(model.variance_at("stressed")), test.log_return
        ),
    }
    for name, state in _test_states(case).items():
        rows = model.states[name]
        probability = out["fhs"].copy()
        for s in np.unique(state[state >= 0]):
            own = _residuals(model, True, rows == s)
            at = state == s
            for k in range(len(model.coins)):
                probability[at, k] = probability_at(own[:, k], test.log_return[at, k], scale[at, k])
        out[f"fhs, {name}"] = probability
    out["mixture"] = mixed(out, MIXTURE)
    return out


def _static(sample: FloatArray, returns: FloatArray) -> FloatArray:
    return np.stack([probability_at(s, r) for s, r in zip(sample.T, returns.T, strict=True)], axis=1)


def _scaled(case: Case, *, tails: bool) -> FloatArray:
    scale = np.sqrt(case.variance[: len(case.test)])
    sample = _residuals(case.model, tails)
    columns = zip(sample.T, case.test.log_return.T, scale.T, strict=True)
    return np.stack([probability_at(s, r, x) for s, r, x in columns], axis=1)


def _residuals(model: Fhs, tails: bool, rows: NDArray[np.bool_] | None = None) -> FloatArray:
    """Return draws of one step of variance 1, from some rows of the sample."""
    value = model.residual
    chosen = np.arange(len(value)) if rows is None else np.flatnonzero(rows)
    if not tails:
        return value[chosen]
    many = np.tile(chosen, max(1, ONE_STEP // len(chosen)))
    rng = np.random.default_rng(SEED)
    return np.stack(
        [
            redraw_tails(z[many], rng.random(len(many)), t, ranks(z, t), many)
            for z, t in zip(value.T, model.tails, strict=True)
        ],
        axis=1,
    )


def _test_states(case: Case) -> dict[str, NDArray[np.int64]]:
    """Return the state of each test hour by condition, from what was known before it."""
    test, model = case.test, case.model
    factor = model.factor
    before = pd.Series(test.log_price[:, factor] - test.log_return[:, factor], index=test.end_s - test.step_s)
    then = before.reindex(before.index - DAY_STEPS * HOUR_S).to_numpy()
    down = np.where(np.isnan(then), -1, before.to_numpy() - then < model.down_threshold).astype(np.int64)
    return {"down": down, "events": event_rows(test, case.event_s), "range": range_rows(test, factor)}


def daily(case: Case) -> dict[str, FloatArray]:
    """Return ``F_t`` of the return of every whole test day by generator, (days, K)."""
    starts = day_starts(case.test)
    realised = np.stack([case.test.log_return[i : i + DAY_STEPS].sum(axis=0) for i in starts])
    model = case.model
    static = {
        "bootstrap, stationary": resampler_of(case.train),
        "bootstrap, moving": resampler_of(case.train, kind="moving", block_s=DAY_STEPS * HOUR_S),
        "fhs, stressed start": model.resampler(start="stressed"),
    }
    out = {
        name: _static(r.log_paths(0, STATIC_DAYS, DAY_STEPS, SEED)[:, -1], realised)
        for name, r in static.items()
    }
    moving: Mapping[str, tuple[bool, Callable[[int], Condition]]] = {
        "fhs": (True, lambda _: Always()),
        "fhs, no fitted tails": (False, lambda _: Always()),
        "fhs, down": (True, lambda _: model.down()),
        "fhs, events": (True, lambda i: _events(case, i)),
        "fhs, range": (True, lambda i: _range(case, i)),
    }
    for name, (tails, condition) in moving.items():
        rows = []
        for i, r in zip(starts, realised, strict=True):
            generator = model.resampler(start=case.variance[i], tails=tails, condition=condition(i))
            rows.append(_static(generator.log_paths(0, PATHS, DAY_STEPS, SEED + i)[:, -1], r[None])[0])
        out[name] = np.stack(rows)
    out["mixture"] = mixed(out, MIXTURE)
    return out


def day_starts(test: Panel) -> list[int]:
    """Return the rows where a whole day of hours begins at midnight, UTC."""
    begins = test.end_s - test.step_s
    return [
        i
        for i in np.flatnonzero(begins % (DAY_STEPS * HOUR_S) == 0).tolist()
        if i + DAY_STEPS <= len(test) and test.follows[i + 1 : i + DAY_STEPS].all()
    ]


def _events(case: Case, i: int) -> Condition:
    now = int(case.test.end_s[i]) - HOUR_S
    return case.model.events(time_grid(DAY_STEPS * HOUR_S, HOUR_S), now, case.event_s)


def _range(case: Case, i: int) -> Condition:
    """Return the condition of the range of the month before; none where it is not known."""
    steps = RANGE_LOOKBACK_S // HOUR_S
    closes = case.test.log_price[max(0, i - steps) : i, case.model.factor]
    if len(closes) < steps:
        return Always()
    price, low, high = (float(np.exp(v)) for v in (closes[-1], closes[:-1].min(), closes[:-1].max()))
    return case.model.price_range(price, low, high)


def coverage_table(
    probabilities: Mapping[str, FloatArray], horizon: str, coins: tuple[str, ...]
) -> list[str]:
    """Return the rows of the coverage table of one horizon."""
    rows = []
    for name, values in probabilities.items():
        for k, coin in enumerate(coins):
            rows += [_row(name, horizon, coin, coverage(values[:, k], level)) for level in LEVELS[horizon]]
    return rows


def _row(name: str, horizon: str, coin: str, found: Coverage) -> str:
    p = " | ".join(_p(v) for v in (found.kupiec_p, found.independence_p, found.conditional_p))
    counts = f"{found.beyond} of {found.n:,} ({found.n * found.level:.1f})"
    return f"| {name} | {horizon} | {coin} | {found.level:.1%} | {counts} | {found.share:.2%} | {p} |"


def _p(value: float) -> str:
    text = "< 0.001" if value < 0.001 else f"{value:.3f}"
    return f"**{text}**" if value < 0.01 else text


def state_table(case: Case, hours: Mapping[str, FloatArray]) -> list[str]:
    """Return what conditions change in the hours they are about: plain beside conditioned."""
    coin = case.model.coins[case.model.factor]
    out = [f"| condition | state | hours | fhs, {coin} | conditioned, {coin} |", "|---|---|---|---|---|"]
    for name, state in _test_states(case).items():
        for s in np.unique(state[state >= 0]).tolist():
            at = state == s
            shares = (
                f"{(hours[key][at, case.model.factor] <= 0.05).mean():.1%}" for key in ("fhs", f"fhs, {name}")
            )
            out.append(f"| {name} | {s} | {int(at.sum()):,} | {' | '.join(shares)} |")
    return out


def dependence_table(case: Case) -> list[str]:
    """Return how ETH and BTC fall together: in the test period, and in each generator's paths."""
    steps = {"1 h": 1, "24 h": DAY_STEPS}
    model = case.model
    made = {
        "bootstrap, stationary": resampler_of(case.train),
        "fhs": model.resampler(start="median"),
        "fhs, down": model.resampler(start="median", condition=model.down()),
        "fhs, stressed start": model.resampler(start="stressed"),
    }
    paths = {name: r.log_paths(0, 20_000, DAY_STEPS, SEED) for name, r in made.items()}
    days = np.stack([case.test.log_return[i : i + DAY_STEPS].sum(axis=0) for i in day_starts(case.test)])
    out = []
    for horizon, q in (("1 h", 0.05), ("1 h", 0.01), ("24 h", 0.05)):
        came = case.test.log_return if horizon == "1 h" else days
        cells = [f"{lower_tail_dependence(came[:, 0], came[:, 1], q):.2f}"]
        for path in paths.values():
            end = path[:, steps[horizon]]
            cells.append(f"{lower_tail_dependence(end[:, 0], end[:, 1], q):.2f}")
        out.append(f"| {horizon} | {q:.0%} | {' | '.join(cells)} |")
    head = f"| horizon | quantile | came | {' | '.join(paths)} |"
    return [head, "|" + "---|" * (3 + len(paths)), *out]


def depeg_lines(rounds: Candles) -> list[str]:
    """Return what a depeg law fitted before `SPLIT_RATIO` says of what came after."""
    from scipy.stats import poisson

    early = rounds.end_s < SPLIT_RATIO
    before, after = (
        Candles(rounds.symbol, rounds.end_s[m], rounds.price[m], rounds.step_s) for m in (early, ~early)
    )
    try:
        law = fit_ratio_jumps("stETH", before)
    except ScenarioError as error:
        return [f"stETH/ETH cannot be judged: {error.message}"]
    found = episodes(after)
    years = (after.end_s[-1] - after.end_s[0]) / (365.25 * 86_400)
    expected = law.per_year * years
    fewer, more = poisson.cdf(len(found), expected), poisson.sf(len(found) - 1, expected)
    p = min(1.0, 2 * min(fewer, more))
    deepest = max((e.fall for e in found), default=0.0)
    return [
        f"The depeg law of stETH/ETH, fitted to the Chainlink rounds of 2022: {law.per_year:.1f} episodes a "
        f"year beyond 0.5 %, mean depth {law.severity.mean:.1%}, standard deviation {law.severity.sd:.1%}, "
        f"median half life {law.half_life_s / 3_600:.0f} h. After it came {len(found)} where {expected:.1f} "
        f"were expected (two-sided Poisson p {p:.3f}), the deepest {deepest:.1%}."
    ]


def read_rounds(folder: Path) -> Candles:
    """Return the stETH/ETH rounds, each held for its heartbeat of a day."""
    rounds = pd.read_parquet(folder / "oracle" / "chainlink_rounds_ethereum_2022_01_to_2024_01.parquet")
    own = rounds[rounds.feed == "stETH/ETH"].sort_values("time").drop_duplicates("time", keep="last")
    end_s = own.time.dt.as_unit("s").astype("int64").to_numpy()
    return Candles("stETH/ETH", end_s, own.price_in_quote.to_numpy(dtype=np.float64), 86_400)


def report(case: Case, rounds: Candles) -> str:
    """Return the tables as Markdown."""
    coins = case.model.coins
    first, last = (pd.Timestamp(int(t), unit="s").date() for t in (case.test.end_s[0], case.test.end_s[-1]))
    hours = hourly(case)
    lines = [
        f"Fitted to {len(case.train):,} hours before 2025, judged on {len(case.test):,} hours from {first} "
        f"to {last} (Binance spot; no data from 8 to 14 October 2025). Bold: p below 0.01.",
        "",
        HEAD,
        "|" + "---|" * 9,
        *coverage_table(hours, "1 h", coins),
        *coverage_table(daily(case), "24 h", coins),
        "",
        "The hours of each state, one hour ahead, 5 % quantile: share of losses beyond it.",
        "",
        *state_table(case, hours),
        "",
        "How often BTC was below its quantile when ETH was below its own:",
        "",
        *dependence_table(case),
        "",
        *depeg_lines(rounds),
    ]
    return "\n".join(lines)


def main() -> None:
    """Read the folder from the command line and write the tables into the page."""
    parser = argparse.ArgumentParser(prog="python -m examples.scenario_backtest", description=__doc__)
    parser.add_argument("folder", type=Path, help="the data folder")
    folder = parser.parse_args().folder
    files = sorted((folder / "prices").glob("binance_spot*.parquet"))
    panel = read_panel(files, step_s=HOUR_S, assets=ASSETS)
    text = report(case_of(panel, SPLIT, calendar()), read_rounds(folder))
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
