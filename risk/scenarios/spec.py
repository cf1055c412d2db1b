"""``--scenarios``: a TOML spec, or a Parquet directory (`storage`).

::

    fair = "redemption"            # or "market": staked tokens really depeg
    standard = false               # add the standard set of a review
    [betas]
    LINK = 1.1                     # win over the shipped ones
    [[shock]]
    move = "WETH=-30%,WBTC=-25%"
    weight = 1.0                   # optional, as is group
    [[grid]]
    move = "market=0:-50%:26"
    [[history]]
    files = ["eth_5m.parquet"]     # relative to the spec
    step_s = 300
    assets = { ETHUSDT = "ETH" }   # optional, as are price, market, interval, max_gap_s, fill
    windows = [{ name = "2021-05-19", start = "2021-05-19T00:00Z", end = "2021-05-20T00:00Z" }]
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from abis.errors import MalformedFile
from protocols.snapshot import Snapshot
from risk.scenarios.build import combine, from_shocks, grid
from risk.scenarios.history import Window, historical
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.standard import standard_set
from risk.scenarios.storage import read_scenarios

TOP = {"fair": str, "standard": bool, "betas": dict, "shock": list, "grid": list, "history": list}
SHOCK = {"move": str, "weight": (int, float), "fair": str, "group": str}
GRID = {"move": str, "fair": str, "group": str}
HISTORY = {
    "files": list,
    "step_s": int,
    "assets": dict,
    "windows": list,
    "price": str,
    "market": str,
    "interval": str,
    "max_gap_s": int,
    "fill": str,
}
WINDOW = {"name": str, "start": str, "end": str}
CHOICES = {"fair": ("redemption", "market"), "fill": ("hold", "beta")}


def load_scenarios(path: Path, snapshot: Snapshot) -> Scenarios:
    """Return the scenarios of a TOML spec or a Parquet directory.

    Parameters
    ----------
    path : Path
    snapshot : Snapshot

    Raises
    ------
    MalformedFile
        If the spec cannot be read, or has an unknown key or a value of the wrong type.
    BadShock, UnknownAsset, ScenarioError
        As the builders raise them.
    """
    if path.is_dir():
        return read_scenarios(path, snapshot)
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise MalformedFile(
            f"{path.name} is no scenario spec: {reason}.", remedy="See docs/scenarios.md."
        ) from error
    return from_spec(spec, snapshot, folder=path.parent, label=path.name)


def from_spec(
    spec: Mapping[str, Any], snapshot: Snapshot, *, folder: Path = Path(), label: str = "spec"
) -> Scenarios:
    """Return the scenarios a parsed spec describes.

    Parameters
    ----------
    spec : mapping
        See the module.
    snapshot : Snapshot
    folder : Path
        What relative files are relative to.
    label : str
        Named in errors.

    Raises
    ------
    MalformedFile, BadShock, UnknownAsset, ScenarioError
        As `load_scenarios`.
    """
    _check(spec, TOP, label)
    given = _betas(spec.get("betas", {}), label)
    parts = [standard_set(snapshot, given)] if spec.get("standard", False) else []
    weights = [part.weight for part in parts]
    for k, row in enumerate(spec.get("shock", [])):
        _check(row, SHOCK, f"{label} shock {k}", needed=("move",))
        parts.append(
            from_shocks(
                [row["move"]],
                snapshot,
                fair=row.get("fair", spec.get("fair", "redemption")),
                groups=[row.get("group", "user")],
                given_betas=given,
            )
        )
        weights.append(np.array([float(row.get("weight", 1.0))]))
    rest = [*_grids(spec, snapshot, given, label), *_histories(spec, snapshot, folder, given, label)]
    weights += [part.weight for part in rest]
    # Weights are judged together: a single shock may weigh nothing.
    return combine([*parts, *rest], np.concatenate(weights) if weights else None)


def _grids(
    spec: Mapping[str, Any], snapshot: Snapshot, given: Mapping[str, float], label: str
) -> Iterator[Scenarios]:
    for k, row in enumerate(spec.get("grid", [])):
        _check(row, GRID, f"{label} grid {k}", needed=("move",))
        fair = row.get("fair", spec.get("fair", "redemption"))
        yield grid(row["move"], snapshot, fair=fair, group=row.get("group"), given_betas=given)


def _histories(
    spec: Mapping[str, Any], snapshot: Snapshot, folder: Path, given: Mapping[str, float], label: str
) -> Iterator[Scenarios]:
    for k, row in enumerate(spec.get("history", [])):
        _check(row, HISTORY, f"{label} history {k}", needed=("files", "step_s", "windows"))
        yield _history(row, snapshot, folder, given, f"{label} history {k}")


def _history(
    row: Mapping[str, Any], snapshot: Snapshot, folder: Path, given: Mapping[str, float], label: str
) -> Scenarios:
    windows = []
    for k, window in enumerate(row["windows"]):
        _check(window, WINDOW, f"{label} window {k}", needed=("name", "start", "end"))
        windows.append(Window.of(window["name"], window["start"], window["end"]))
    options = {k: v for k, v in row.items() if k not in ("files", "windows")}
    files = [folder / str(name) for name in row["files"]]
    return historical(files, snapshot, windows, given_betas=given, **options)


def _betas(table: Mapping[str, Any], label: str) -> dict[str, float]:
    for name, beta in table.items():
        if isinstance(beta, bool) or not isinstance(beta, int | float) or not np.isfinite(beta):
            raise MalformedFile(f"{label}: the beta of {name} is {beta!r}.", remedy="Give a number.")
    return {name: float(beta) for name, beta in table.items()}


def _check(row: object, allowed: Mapping[str, Any], label: str, needed: tuple[str, ...] = ()) -> None:
    if not isinstance(row, Mapping):
        raise MalformedFile(f"{label} is no table.", remedy="See docs/scenarios.md.")
    for key, value in row.items():
        if key not in allowed:
            raise MalformedFile(f"{label}: unknown key '{key}'.", remedy=f"Known: {', '.join(allowed)}.")
        wrong_type = not isinstance(value, allowed[key]) or (
            isinstance(value, bool) and allowed[key] is not bool
        )
        if wrong_type or value not in CHOICES.get(key, (value,)):
            raise MalformedFile(f"{label}: {key} = {value!r}.", remedy="See docs/scenarios.md.")
    for key in needed:
        if key not in row:
            raise MalformedFile(f"{label}: '{key}' is missing.", remedy="See docs/scenarios.md.")
