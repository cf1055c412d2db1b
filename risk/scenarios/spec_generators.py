"""The sections of a TOML spec that generate paths: ``bootstrap``, ``fhs``, ``paths``, ``depeg``.

::

    [[bootstrap]]
    files = ["eth_5m.parquet", "btc_5m.parquet"]   # relative to the spec
    step_s = 3600
    horizon_s = 86400
    scenarios = 1000
    seed = 7                       # optional, as is all below
    kind = "stationary"            # or "moving"
    block_s = 43200
    fill = "beta"
    [[fhs]]
    horizon_s = 86400
    scenarios = 1000
    model = "model.parquet"        # by default the one that ships
    start = "last"                 # or "median" (of the shipped model the default), "stressed"
    tails = true
    condition = "down"             # or "none", "events", "range"
    events = ["2026-03-18T18:00Z"] # events: times with a zone, or event_at_s = [3600] seconds from
                                   # the snapshot; else the calendar's
    range = { low_usd = 2800, high_usd = 4800, supports_usd = [3000] }
    [[paths]]
    folder = "december"            # a Parquet directory
    coins = true                   # its columns are coins (ETH, BTC), say of a cascade; fill as above
    [[depeg]]                      # on top of everything else in the file
    tokens = { USDC = 1.0, DAI = 0.6 }
    kind = "stable"                # or severity = { mean = 0.08, sd = 0.04 }
    half_life_s = 43200
    certain = true                 # or per_year = 1.5
    real = false
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from abis.errors import MalformedFile, ScenarioError
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.scenarios import ratio_jumps
from risk.scenarios.bootstrap import BLOCK_S, bootstrap
from risk.scenarios.coin_paths import on_market
from risk.scenarios.conditions import Condition, Events
from risk.scenarios.families import tree_of
from risk.scenarios.fhs import Fhs, filtered, read_fhs, shipped_fhs
from risk.scenarios.macro_events import calendar, unix_times
from risk.scenarios.panel import read_panel
from risk.scenarios.paths import time_grid
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.spec_rows import FILL, NUMBER, check_names, check_row
from risk.scenarios.storage import read_coin_paths, read_scenarios

GENERATED = {"horizon_s": int, "scenarios": int, "seed": int, "block_s": int, "fill": FILL, "group": str}
SHARE = {"share": NUMBER, "stressed": bool}
BOOTSTRAP = {
    "files": list,
    "step_s": int,
    "kind": ("stationary", "moving"),
    "assets": dict,
    "market": str,
    "interval": str,
    **GENERATED,
    **SHARE,
}
FHS = {
    "model": str,
    "start": ("last", "median", "stressed"),
    "tails": bool,
    "condition": ("none", "down", "events", "range"),
    "events": list,
    "event_at_s": list,
    "range": dict,
    **GENERATED,
    **SHARE,
}
PATHS = {"folder": str, "coins": bool, "fill": FILL, **SHARE}
RANGE = {"low_usd": NUMBER, "high_usd": NUMBER, "supports_usd": list}
DEPEG = {
    "tokens": dict,
    "kind": ("stable", "staked"),
    "severity": dict,
    "half_life_s": NUMBER,
    "per_year": NUMBER,
    "certain": bool,
    "real": bool,
    "seed": int,
}
SEVERITY = {"mean": NUMBER, "sd": NUMBER}

Row = Mapping[str, Any]


def generated(
    spec: Row, snapshot: Snapshot, folder: Path, given: Mapping[str, float], label: str
) -> Iterator[tuple[Row, Scenarios]]:
    """Yield each generating section with its scenarios.

    Raises
    ------
    MalformedFile, ScenarioError, UnknownAsset
        If a section or a file it names is malformed, or does not fit the market.
    """
    drawn = count()  # sources without a seed draw apart: a mixture of one and the same draws would vary more
    for k, row in enumerate(spec.get("bootstrap", [])):
        needed = ("files", "step_s", "horizon_s", "scenarios")
        check_row(row, BOOTSTRAP, f"{label} bootstrap {k}", needed=needed)
        check_names(row, "assets", f"{label} bootstrap {k}")
        yield row, _bootstrap({"seed": next(drawn), **row}, snapshot, folder, given)
    for k, row in enumerate(spec.get("fhs", [])):
        check_row(row, FHS, f"{label} fhs {k}", needed=("horizon_s", "scenarios"))
        yield row, _fhs({"seed": next(drawn), **row}, snapshot, folder, given, f"{label} fhs {k}")
    for k, row in enumerate(spec.get("paths", [])):
        check_row(row, PATHS, f"{label} paths {k}", needed=("folder",))
        yield row, _paths(row, snapshot, folder / row["folder"], given, f"{label} paths {k}")


def _paths(row: Row, snapshot: Snapshot, folder: Path, given: Mapping[str, float], label: str) -> Scenarios:
    if row.get("coins", False):
        coins = read_coin_paths(folder)
        return on_market(coins, snapshot, fill=row.get("fill", "hold"), given_betas=given)
    if "fill" in row:
        raise MalformedFile(f"{label}: fill needs coins = true.", remedy="Add it.")
    return read_scenarios(folder, snapshot)


def _common(row: Row, given: Mapping[str, float], group: str) -> dict[str, Any]:
    return {
        "scenarios": row["scenarios"],
        "horizon_s": row["horizon_s"],
        "seed": row["seed"],
        "block_s": row.get("block_s", BLOCK_S),
        "fill": row.get("fill", "hold"),
        "given_betas": given,
        "group": row.get("group", group),
    }


def _bootstrap(row: Row, snapshot: Snapshot, folder: Path, given: Mapping[str, float]) -> Scenarios:
    panel = read_panel(
        [folder / str(name) for name in row["files"]],
        step_s=row["step_s"],
        assets=row.get("assets"),
        market=row.get("market", "spot"),
        interval=row.get("interval"),
    )
    kind = row.get("kind", "stationary")
    return bootstrap(panel, snapshot, kind=kind, **_common(row, given, "bootstrap"))


def _fhs(row: Row, snapshot: Snapshot, folder: Path, given: Mapping[str, float], label: str) -> Scenarios:
    model = read_fhs(folder / row["model"]) if "model" in row else shipped_fhs()
    condition, findings = _condition(row, model, snapshot, label)
    out = filtered(
        model,
        snapshot,
        # The shipped sample's last hour is not the snapshot's.
        start=row.get("start", "last" if "model" in row else "median"),
        tails=row.get("tails", True),
        condition=condition,
        **_common(row, given, "fhs"),
    )
    return replace(out, findings=(*out.findings, *findings))


def _condition(
    row: Row, model: Fhs, snapshot: Snapshot, label: str
) -> tuple[Condition | None, tuple[Finding, ...]]:
    name = row.get("condition", "none")
    for key, owner in (("events", "events"), ("event_at_s", "events"), ("range", "range")):
        if key in row and name != owner:
            raise MalformedFile(f"{label}: {key} needs condition = '{owner}'.", remedy="Add it.")
    if name == "down":
        return model.down(), ()
    if name == "events":
        return _events(row, model, snapshot)
    if name == "range":
        return _price_range(row, model, snapshot, label), ()
    return None, ()


def _events(row: Row, model: Fhs, snapshot: Snapshot) -> tuple[Condition, tuple[Finding, ...]]:
    now = snapshot.block.timestamp_s
    times = _event_times(row, now)
    condition = model.events(time_grid(row["horizon_s"], model.step_s), now, times)
    assert isinstance(condition, Events)
    if condition.scheduled:
        return condition, ()
    found = Finding(
        FindingKind.MISSING,
        Severity.LOW,
        "macro events",
        "no scheduled release falls within the horizon: every hour is drawn from hours without one.",
        remedy="Give events or event_at_s, or bring the calendar up to date.",
    )
    return condition, (found,)


def _event_times(row: Row, now_s: int) -> tuple[int, ...]:
    if "events" in row and "event_at_s" in row:
        raise MalformedFile("give either events or event_at_s.", remedy="Leave one out.")
    if "events" in row:
        return unix_times(row["events"])
    if "event_at_s" not in row:
        return calendar()
    at = row["event_at_s"]
    if not all(isinstance(s, int) and not isinstance(s, bool) for s in at):
        raise MalformedFile(f"event_at_s = {at!r}.", remedy="Give whole seconds from the snapshot.")
    return tuple(now_s + s for s in at)


def _price_range(row: Row, model: Fhs, snapshot: Snapshot, label: str) -> Condition:
    check_row(row.get("range"), RANGE, f"{label} range", needed=("low_usd", "high_usd"))
    levels, coin = row["range"], model.coins[model.factor]
    supports = levels.get("supports_usd", [])
    if not all(isinstance(s, NUMBER) and not isinstance(s, bool) for s in supports):
        raise MalformedFile(f"{label} range: supports_usd = {supports!r}.", remedy="Give prices in USD.")
    tree = tree_of(snapshot)
    held = tree.holds(coin)
    if not held.any():
        raise ScenarioError(f"the market has no asset that follows {coin}.", remedy="Leave out the range.")
    # The coin's own token comes first in its chain; a wrapped one differs by its rate.
    names = [i for i in held.nonzero()[0].tolist() if tree.chains[i][1:] == (coin,)]
    price = float(snapshot.price_usd[names[0] if names else int(held.argmax())])
    return model.price_range(price, levels["low_usd"], levels["high_usd"], supports)


def with_depegs(scenarios: Scenarios, spec: Row, snapshot: Snapshot, label: str) -> Scenarios:
    """Return the scenarios with the depegs of the spec on top, as they are where it has none.

    Raises
    ------
    MalformedFile, ScenarioError, UnknownAsset
        If a section is malformed, or names a token the market lacks.
    """
    rows = spec.get("depeg", [])
    if not rows:
        return scenarios
    for k, row in enumerate(rows):
        check_row(row, DEPEG, f"{label} depeg {k}", needed=("tokens", "half_life_s"))
    jumps = [_jump(row, f"{label} depeg {k}") for k, row in enumerate(rows)]
    seeds = {int(row["seed"]) for row in rows if "seed" in row}
    if len(seeds) > 1:
        raise MalformedFile(f"{label}: depegs with seeds {sorted(seeds)}.", remedy="Give all one seed.")
    seed = seeds.pop() if seeds else 0
    return ratio_jumps.with_ratio_jumps(scenarios, jumps, snapshot, seed=seed)


def _jump(row: Row, label: str) -> ratio_jumps.RatioJump:
    if ("kind" in row) == ("severity" in row):
        raise MalformedFile(f"{label}: give either kind or severity.", remedy="See docs/scenarios.md.")
    if "severity" in row:
        check_row(row["severity"], SEVERITY, f"{label} severity", needed=("mean", "sd"))
        severity = ratio_jumps.Severity(float(row["severity"]["mean"]), float(row["severity"]["sd"]))
    else:
        severity = ratio_jumps.published_severity(row["kind"])
    shares = row["tokens"]
    if not all(isinstance(s, NUMBER) and not isinstance(s, bool) for s in shares.values()):
        raise MalformedFile(f"{label}: tokens = {shares!r}.", remedy="Write { USDC = 1.0 }.")
    return ratio_jumps.RatioJump(
        tokens={name: float(share) for name, share in shares.items()},
        severity=severity,
        half_life_s=float(row["half_life_s"]),
        per_year=float(row.get("per_year", 0.0)),
        certain=row.get("certain", False),
        real=row.get("real", False),
    )
