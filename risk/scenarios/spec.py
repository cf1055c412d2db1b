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
                                   # or "crashes"

Sections that generate paths are those of `spec_generators`.  If ``history``, ``bootstrap``,
``fhs`` and ``paths`` have a ``share`` (and some ``stressed = true``), they are a `mixture`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abis.errors import MalformedFile
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.scenarios.build import combine, from_shocks, grid
from risk.scenarios.families import tree_of
from risk.scenarios.history import Window, crash_windows, historical
from risk.scenarios.mixture import Component, aligned, mixture
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.spec_generators import SHARE, generated, with_depegs
from risk.scenarios.spec_rows import FAIR, FILL, check_names, check_row
from risk.scenarios.standard import standard_set
from risk.scenarios.storage import read_scenarios

TOP = {
    "fair": FAIR,
    "standard": bool,
    "betas": dict,
    "shock": list,
    "grid": list,
    "history": list,
    "bootstrap": list,
    "fhs": list,
    "paths": list,
    "depeg": list,
}
SHOCK = {"move": str, "weight": (int, float), "fair": FAIR, "group": str}
GRID = {"move": str, "fair": FAIR, "group": str}
HISTORY = {
    "files": list,
    "step_s": int,
    "assets": dict,
    "windows": (list, str),
    "price": str,
    "market": str,
    "interval": str,
    "max_gap_s": int,
    "fill": FILL,
    **SHARE,
}
CRASHES = "crashes"  # the windows of data/crashes.csv that the files cover
WINDOW = {"name": str, "start": str, "end": str}


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
    check_row(spec, TOP, label)
    given = _betas(spec.get("betas", {}), label)
    unused = _unused(given, snapshot, label)
    sources = [
        *_histories(spec, snapshot, folder, given, label),
        *generated(spec, snapshot, folder, given, label),
    ]
    if any("share" in row for row, _ in sources):
        batch = _mixed(spec, sources, label)
    else:
        parts, weights = _shocks(spec, snapshot, given, label)
        rest = [*_grids(spec, snapshot, given, label), *(part for _, part in sources)]
        weights += [part.weight for part in rest]
        every = aligned([*parts, *rest]) if sources else [*parts, *rest]
        # Weights are judged together: a single shock may weigh nothing.
        batch = combine(every, np.concatenate(weights) if weights else None)
    batch = replace(batch, findings=(*batch.findings, *unused))
    return with_depegs(batch, spec, snapshot, label)


def _unused(given: Mapping[str, float], snapshot: Snapshot, label: str) -> tuple[Finding, ...]:
    """Return a finding for each beta of what the market lacks.

    Raises
    ------
    MalformedFile
        If a beta is given for what follows something else: it moves by the beta of that.
    """
    tree = tree_of(snapshot)
    for name in given:
        if name in tree.up and name not in tree.tops:
            top = tree.up[name][-1]
            raise MalformedFile(f"{label}: {name} follows {top}.", remedy=f"Give the beta of {top}.")
    return tuple(
        Finding(FindingKind.MISSING, Severity.LOW, name, "no asset of this market: its beta is not used.")
        for name in given
        if name not in tree.tops
    )


def _mixed(
    spec: Mapping[str, Any], sources: Sequence[tuple[Mapping[str, Any], Scenarios]], label: str
) -> Scenarios:
    """Return the sources as a mixture; shocks have no probability and cannot take part."""
    if spec.get("standard", False) or spec.get("shock") or spec.get("grid"):
        raise MalformedFile(
            f"{label}: shocks and grids have no share of a mixture.",
            remedy="Run them from a file of their own.",
        )
    if not all("share" in row for row, _ in sources):
        raise MalformedFile(f"{label}: some sources have a share, some have none.", remedy="Give all one.")
    return mixture(
        [Component(part, float(row["share"]), row.get("stressed", False)) for row, part in sources]
    )


def _shocks(
    spec: Mapping[str, Any], snapshot: Snapshot, given: Mapping[str, float], label: str
) -> tuple[list[Scenarios], list[NDArray[np.float64]]]:
    """Return the standard set and the shocks with their weights."""
    parts = [standard_set(snapshot, given)] if spec.get("standard", False) else []
    weights = [part.weight for part in parts]
    for k, row in enumerate(spec.get("shock", [])):
        check_row(row, SHOCK, f"{label} shock {k}", needed=("move",))
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
    return parts, weights


def _grids(
    spec: Mapping[str, Any], snapshot: Snapshot, given: Mapping[str, float], label: str
) -> Iterator[Scenarios]:
    for k, row in enumerate(spec.get("grid", [])):
        check_row(row, GRID, f"{label} grid {k}", needed=("move",))
        fair = row.get("fair", spec.get("fair", "redemption"))
        yield grid(row["move"], snapshot, fair=fair, group=row.get("group"), given_betas=given)


def _histories(
    spec: Mapping[str, Any], snapshot: Snapshot, folder: Path, given: Mapping[str, float], label: str
) -> Iterator[tuple[Mapping[str, Any], Scenarios]]:
    for k, row in enumerate(spec.get("history", [])):
        check_row(row, HISTORY, f"{label} history {k}", needed=("files", "step_s", "windows"))
        check_names(row, "assets", f"{label} history {k}")
        yield row, _history(row, snapshot, folder, given, f"{label} history {k}")


def _history(
    row: Mapping[str, Any], snapshot: Snapshot, folder: Path, given: Mapping[str, float], label: str
) -> Scenarios:
    crashes = row["windows"] == CRASHES
    if isinstance(row["windows"], str) and not crashes:
        raise MalformedFile(f"{label}: windows = {row['windows']!r}.", remedy=f"List them, or '{CRASHES}'.")
    windows = list(crash_windows()) if crashes else _windows(row["windows"], label)
    options = {k: v for k, v in row.items() if k not in ("files", "windows", *SHARE)}
    files = [folder / str(name) for name in row["files"]]
    return historical(files, snapshot, windows, given_betas=given, leave_out=crashes, **options)


def _windows(rows: Sequence[Any], label: str) -> list[Window]:
    for k, window in enumerate(rows):
        check_row(window, WINDOW, f"{label} window {k}", needed=("name", "start", "end"))
    return [Window.of(window["name"], window["start"], window["end"]) for window in rows]


def _betas(table: Mapping[str, Any], label: str) -> dict[str, float]:
    for name, beta in table.items():
        if isinstance(beta, bool) or not isinstance(beta, int | float) or not np.isfinite(beta):
            raise MalformedFile(f"{label}: the beta of {name} is {beta!r}.", remedy="Give a number.")
    return {name: float(beta) for name, beta in table.items()}
