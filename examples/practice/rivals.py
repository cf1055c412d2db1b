"""The solver against today's practice, on the demo market or on published positions of Aave v2."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from examples.import_lido_accounts import convert_v2
from examples.practice.page import table
from protocols.files.market import facts_from, read_market_file
from protocols.from_file import build
from protocols.snapshot import Snapshot
from protocols.store import load
from risk.depth import Depth
from risk.depth_file import load_depth
from risk.scenarios.fhs import filtered, shipped_fhs
from risk.solver.evaluate import Setting
from risk.solver.limits import read_limits
from risk.solver.losses import losses_of
from risk.solver.menu import Menu, menu_of
from risk.solver.practice import (
    Duel,
    Judged,
    duel,
    one_at_a_time,
    same_buffers,
)
from risk.solver.returns import DAY_S
from risk.solver.seed import nearest, smart_thresholds

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / "out" / "demo" / "snapshot"
DEMO_DEPTH = ROOT / "examples" / "depth" / "assumed_demo_depth.csv"
LIMITS = "[solver]\nrelever = [0.0]\n[box]\nthreshold_bps = 500\n"
CHOSEN_ON, JUDGED_ON, SEED = 1_000, 10_000, 11
HEAD = (
    "choice",
    "borrowing power, M",
    "bad debt, M",
    "avoidable loss, M",
    "debt liquidated, M",
    "95 % VaR of bad debt, M",
    "enacted, M",
)


def demo() -> tuple[Snapshot, Depth]:
    """Return the market that ``make demo`` saved, and its assumed depth."""
    snapshot = load(DEMO)
    return snapshot, load_depth(DEMO_DEPTH, snapshot)


def published(folder: Path) -> Snapshot:
    """Return the stETH accounts of Aave v2 of 20 June 2023, imported from the data folder."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        convert_v2(folder, out)
        files = sorted(p for p in out.glob("*.csv"))
        return build(files, facts_from(read_market_file(out / "market.toml")), Decimal("0.001"))


def duels(snapshot: Snapshot, depth: Depth | None, *, chosen_on: int, judged_on: int) -> list[Duel]:
    """Return every rival beside the solver; SmartLTV only where there is a depth."""
    model, limits = shipped_fhs(), read_limits(LIMITS)
    made, fresh = (
        filtered(model, snapshot, scenarios=n, horizon_s=DAY_S, seed=seed, start="stressed")
        for n, seed in ((chosen_on, SEED), (judged_on, SEED + 1))
    )
    setting = Setting(snapshot, same_buffers(menu_of(snapshot, limits)), made, limits, depth=depth)
    losses = losses_of(snapshot, setting.menu, made, limits)
    rivals = {
        "in force": setting.menu.current,
        "one at a time": one_at_a_time(setting, losses[0]),
    }
    if depth is not None:
        for c in (3.0, 4.9):
            thresholds = smart_thresholds(snapshot, setting.menu, depth, confidence=c)
            rivals[f"SmartLTV, c = {c:g}"] = nearest(setting.menu, thresholds)
    return [duel(setting, fresh, chosen, name) for name, chosen in rivals.items()]


def text(found: list[Duel]) -> str:
    """Return the table, the solver's choices under each rival."""
    rows = []
    for each in found:
        rows.append(_row(each.rival))
        for own, what in ((each.same_harm, "no more harm"), (each.same_power, "no less power")):
            if own is None:
                rows.append([f"solver: {what}", "nothing better found", *[""] * (len(HEAD) - 2)])
            else:
                rows.append([f"solver: {what}", *_row(own)[1:]])
    return table(HEAD, rows)


def smart_text(snapshot: Snapshot, menu: Menu, depth: Depth) -> str:
    """Return what SmartLTV asks for beside the threshold in force, before any box."""
    loose, strict = (smart_thresholds(snapshot, menu, depth, confidence=c) for c in (3.0, 4.9))
    rows = [
        [
            row.subject,
            f"{row.options[row.current].parameters.threshold_bps / 100:.1f} %",
            *("" if v != v else f"{v:.1%}".replace("%", " %") for v in (a, b)),
        ]
        for row, a, b in zip(menu.rows, loose.tolist(), strict.tolist(), strict=True)
    ]
    return table(("row", "threshold in force", "SmartLTV, c = 3", "SmartLTV, c = 4.9"), rows)


def _row(found: Judged) -> list[str]:
    numbers = (
        found.power_usd,
        found.bad_debt_usd,
        found.avoidable_usd,
        found.liquidated_usd,
        found.bad_debt_var_usd,
        found.enacted_usd,
    )
    return [found.name, *(f"{n / 1e6:,.2f}" for n in numbers)]
