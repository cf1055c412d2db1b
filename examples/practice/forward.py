"""Bounds certified on data up to the end of 2024, counted through 2025."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from examples.practice.page import table
from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.fhs import Fhs, Start, filtered, fit
from risk.scenarios.macro_events import calendar
from risk.scenarios.panel import Panel, read_panel
from risk.scenarios.scenarios import Scenarios
from risk.solver.evaluate import Setting, together
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.practice import most_power, same_buffers
from risk.solver.walk_forward import Exceedances, certified_bound, count, window_starts, windows_of

HOUR_S, DAY_S = 3_600, 86_400
SPLIT_S, END_S = (int(pd.Timestamp(t, tz="UTC").timestamp()) for t in ("2025-01-01", "2026-01-01"))
ASSETS = {"ETHUSDT": "ETH", "BTCUSDT": "BTC"}
LEVELS = (0.95, 0.99)
DRAWS, SEED, RISK = 10_000, 21, 0.05
LIMITS = "[solver]\nrelever = [0.0]\n"
CHOSEN_ON = 1_000
HOURLY = ("fall", "liquidated")  # of what is shown of an hour
STARTS: tuple[Start, ...] = ("median", "stressed")
HEAD = ("loss", "start", "level", "bound", "exceedances", "expected", "largest", "light", "Kupiec p")


def panel_of_folder(folder: Path) -> Panel:
    """Return the hours of ETH and BTC in the data folder."""
    files = sorted((folder / "prices").glob("binance_spot*.parquet"))
    return read_panel(files, step_s=HOUR_S, assets=ASSETS)


def frozen(panel: Panel) -> Fhs:
    """Return the model of everything before 2025."""
    before = panel.between(-np.inf, SPLIT_S)
    return fit(before, event_s=calendar(), source="before 2025")


def walk(panel: Panel, snapshot: Snapshot) -> str:
    """Return the table: each loss's bounds and how often they were broken."""
    model = frozen(panel)
    points = _points(model, snapshot)
    rows = []
    for window, window_s in (("a day", DAY_S), ("an hour", HOUR_S)):
        starts = window_starts(panel, SPLIT_S, END_S, window_s)
        came = _losses(windows_of(panel, snapshot, starts, window_s), points)
        for start in STARTS:
            drawn = filtered(model, snapshot, scenarios=DRAWS, horizon_s=window_s, seed=SEED, start=start)
            rows += _rows(window, start, _losses(drawn, points), came)
    return table(HEAD, rows)


def _points(model: Fhs, snapshot: Snapshot) -> dict[str, tuple[Setting, IntArray]]:
    """Return the parameters in force, and the solver's: most power at no more harm than these."""
    limits = read_limits(LIMITS)
    design = filtered(model, snapshot, scenarios=CHOSEN_ON, horizon_s=DAY_S, seed=SEED + 1, start="stressed")
    setting = Setting(snapshot, same_buffers(menu_of(snapshot, limits)), design, limits)
    now = setting.menu.current
    return {"in force": (setting, now), "solver": (setting, most_power(setting, now))}


def _losses(scenarios: Scenarios, points: Mapping[str, tuple[Setting, IntArray]]) -> dict[str, FloatArray]:
    """Return every loss by its name, (S,): the worst fall of each coin, and what the book suffers."""
    out: dict[str, FloatArray] = {}
    setting, _ = points["in force"]
    names = setting.snapshot.asset_names
    for coin in ("WETH", "WBTC"):
        i = names.index(coin)
        price = np.concatenate([b.fair_price_usd[:, :, i] for b in scenarios.blocks()])
        out[f"fall of {coin}, %"] = 100 * (1 - price.min(axis=1) / price[:, 0])
    for name, (made, chosen) in points.items():
        swept = together(replace(made, scenarios=scenarios), chosen, 0.0)
        out[f"liquidated, {name}, M"] = swept.eligible_usd / 1e6
        out[f"avoidable loss, {name}, M"] = swept.avoidable_usd / 1e6
        out[f"bad debt, {name}, M"] = swept.bad_debt_usd / 1e6
    return out


def _rows(
    window: str, start: str, drawn: Mapping[str, FloatArray], came: Mapping[str, FloatArray]
) -> list[list[str]]:
    found = [
        (name, count(came[name], certified_bound(losses, level, risk=RISK), level))
        for name, losses in drawn.items()
        if window == "a day" or name.startswith(HOURLY)
        for level in LEVELS
    ]
    return [_row(f"{name}, {window}", start, each) for name, each in found]


def _row(name: str, start: str, found: Exceedances) -> list[str]:
    return [
        name,
        start,
        f"{found.level:.0%}".replace("%", " %"),
        f"{found.bound:,.2f}",
        f"{found.beyond} of {found.days:,}",
        f"{found.expected:.1f}",
        f"{found.worst:,.2f}",
        str(found.light.value),
        f"{found.coverage.kupiec_p:.3f}",
    ]
