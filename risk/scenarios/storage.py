"""Scenarios as a Parquet directory, so that any model can hand its paths to Breakwater.

::

    scenarios.parquet   name, group, weight                      one row a scenario
    market.parquet      scenario, time_s, venue, <asset> ...     USD per whole token
    fair.parquet        scenario, time_s, <asset> ...            optional: else the median venue
    manifest.json       optional: schema, seed, sha256 of each file

Rows are sorted by scenario, time and venue, every scenario has every time and venue.  An
asset column is named as `Snapshot.asset_names`; an asset without one keeps its price, and
a finding says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from abis.errors import MalformedFile, OutputExists, ScenarioError
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.scenarios.build import digest
from risk.scenarios.scenarios import BLOCK, ScenarioBlock, Scenarios

FloatArray = NDArray[np.float64]

SCHEMA = "breakwater.scenarios/1"
INDEX, MARKET, FAIR, MANIFEST = "scenarios.parquet", "market.parquet", "fair.parquet", "manifest.json"


def write_scenarios(scenarios: Scenarios, folder: Path) -> None:
    """Write the directory, one row group a block of scenarios.

    Raises
    ------
    OutputExists
        If ``folder`` exists.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if folder.exists():
        raise OutputExists(f"{folder.name} exists.", remedy="Choose another name or remove it.")
    folder.mkdir(parents=True)
    columns = {"name": scenarios.names, "group": scenarios.groups, "weight": scenarios.weight}
    pd.DataFrame(columns).to_parquet(folder / INDEX, index=False)
    prices = [(a, pa.float64()) for a in scenarios.assets]
    keys = [("scenario", pa.int64()), ("time_s", pa.float64())]
    with (
        pq.ParquetWriter(folder / MARKET, pa.schema([*keys, ("venue", pa.string()), *prices])) as market,
        pq.ParquetWriter(folder / FAIR, pa.schema([*keys, *prices])) as fair,
    ):
        for block in scenarios.blocks(BLOCK):
            market.write_table(pa.Table.from_pandas(_market_rows(block, scenarios), market.schema))
            fair.write_table(pa.Table.from_pandas(_fair_rows(block, scenarios), fair.schema))
    files = {name: _sha256(folder / name) for name in (INDEX, MARKET, FAIR)}
    manifest = {
        "schema": SCHEMA,
        "seed": scenarios.seed,
        "scenarios_sha256": scenarios.sha256,
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _keys(block: ScenarioBlock, time_s: FloatArray) -> pd.MultiIndex:
    numbers = range(block.start, block.start + len(block))
    return pd.MultiIndex.from_product([numbers, time_s], names=["scenario", "time_s"])


def _fair_rows(block: ScenarioBlock, scenarios: Scenarios) -> pd.DataFrame:
    values = block.fair_price_usd.reshape(-1, len(scenarios.assets))
    index = _keys(block, scenarios.time_s)
    return pd.DataFrame(values, index=index, columns=list(scenarios.assets)).reset_index()


def _market_rows(block: ScenarioBlock, scenarios: Scenarios) -> pd.DataFrame:
    numbers = range(block.start, block.start + len(block))
    index = pd.MultiIndex.from_product(
        [numbers, scenarios.time_s, scenarios.venues], names=["scenario", "time_s", "venue"]
    )
    values = block.market_price_usd.reshape(-1, len(scenarios.assets))
    return pd.DataFrame(values, index=index, columns=list(scenarios.assets)).reset_index()


def read_scenarios(folder: Path, snapshot: Snapshot) -> Scenarios:
    """Return the scenarios of a directory; prices are read block by block.

    Parameters
    ----------
    folder : Path
    snapshot : Snapshot
        The market; gives the order of assets and the prices of those without a column.

    Raises
    ------
    MalformedFile
        If a file is missing, unreadable, changed, or its rows are not the full product of
        scenarios, times and venues.
    ScenarioError
        If a column names no asset of the market, or a price is not positive.
    """
    return _read(folder, snapshot.asset_names, snapshot.price_usd, lambda: _held(folder, snapshot))


def read_coin_paths(folder: Path) -> Scenarios:
    """Return a directory whose columns are coins of no market in particular, as an exchange model writes.

    Raises
    ------
    MalformedFile, ScenarioError
        As `read_scenarios`.
    """
    _manifest(folder)
    coins = tuple(_columns(folder / MARKET))
    return _read(folder, coins, np.full(len(coins), np.nan), tuple)


def _read(
    folder: Path,
    assets: tuple[str, ...],
    price_usd: FloatArray,
    findings: Callable[[], tuple[Finding, ...]],
) -> Scenarios:
    manifest = _manifest(folder)
    index = _table(folder / INDEX, None)
    for name in ("name", "group", "weight"):
        if name not in index:
            raise MalformedFile(f"{INDEX} has no column '{name}'.", remedy="See docs/scenarios.md.")
    keys = _table(folder / MARKET, ["scenario", "time_s", "venue"])
    time_s = np.sort(keys["time_s"].unique()).astype(np.float64)
    venues = tuple(str(v) for v in keys["venue"].unique())
    _check_product(keys, len(index), time_s, venues)
    hashes = {name: _sha256(folder / name) for name in (INDEX, MARKET, FAIR) if (folder / name).exists()}
    return Scenarios(
        names=tuple(index["name"].astype(str)),
        groups=tuple(index["group"].astype(str)),
        assets=assets,
        venues=venues,
        time_s=time_s,
        weight=index["weight"].to_numpy(dtype=np.float64),
        seed=manifest.get("seed"),
        sha256=digest({"files": hashes, "assets": assets}, price_usd),
        produce=partial(_produce, folder, assets, price_usd, (len(time_s), len(venues))),
        findings=findings(),
    )


def _manifest(folder: Path) -> Mapping[str, Any]:
    if not folder.is_dir():
        raise MalformedFile(f"{folder.name} is no directory of scenarios.", remedy="See docs/scenarios.md.")
    if not (folder / MANIFEST).exists():
        return {}
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = dict(manifest["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedFile(f"{MANIFEST} cannot be read: {error}.") from error
    if manifest.get("schema") != SCHEMA:
        raise MalformedFile(f"{MANIFEST} has schema {manifest.get('schema')!r}.", remedy=f"Known: {SCHEMA}.")
    for name, expected in files.items():
        if name not in (INDEX, MARKET, FAIR) or _sha256(folder / name) != expected:
            raise MalformedFile(f"{name} differs from its manifest.", remedy="Write the scenarios again.")
    return dict(manifest)


def _check_product(keys: pd.DataFrame, n: int, time_s: FloatArray, venues: tuple[str, ...]) -> None:
    expected = pd.MultiIndex.from_product([range(n), time_s, venues])
    found = pd.MultiIndex.from_frame(keys)
    if len(found) != len(expected) or not (found == expected).all():
        same = found[: len(expected)] == expected[: len(found)]
        row = int(np.argmin(same)) if not same.all() else min(len(found), len(expected))
        raise MalformedFile(
            f"{MARKET} row {row} breaks the product of {n} scenarios, {len(time_s)} times and "
            f"{len(venues)} venues.",
            remedy="Sort by scenario, time_s and venue, and give every combination once.",
        )


def _columns(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
    except (OSError, ValueError) as error:
        raise MalformedFile(
            f"{path.name} cannot be read: {error}.", remedy="See docs/scenarios.md."
        ) from error
    return [c for c in names if c not in ("scenario", "time_s", "venue")]


def _held(folder: Path, snapshot: Snapshot) -> tuple[Finding, ...]:
    given = _columns(folder / MARKET)
    unknown = [c for c in given if c not in snapshot.asset_names]
    if unknown:
        raise ScenarioError(
            f"{MARKET} has a column '{unknown[0]}', no asset of this market.",
            remedy=f"Assets: {', '.join(snapshot.asset_names)}.",
        )
    return tuple(
        Finding(FindingKind.MISSING, Severity.LOW, asset, "no price path was given: it keeps its price.")
        for asset in snapshot.asset_names
        if asset not in given
    )


def _produce(
    folder: Path,
    assets: tuple[str, ...],
    price_usd: FloatArray,
    shape: tuple[int, int],
    start: int,
    stop: int,
) -> ScenarioBlock:
    market = _prices(folder / MARKET, assets, price_usd, start, stop).reshape(
        stop - start, *shape, len(assets)
    )
    if not (folder / FAIR).exists():
        return ScenarioBlock(start, market, np.median(market, axis=2))
    fair = _prices(folder / FAIR, assets, price_usd, start, stop)
    return ScenarioBlock(start, market, fair.reshape(stop - start, shape[0], len(assets)))


def _prices(path: Path, assets: tuple[str, ...], price_usd: FloatArray, start: int, stop: int) -> FloatArray:
    rows = _table(path, None, [("scenario", ">=", start), ("scenario", "<", stop)])
    columns = [
        rows[a].to_numpy(dtype=np.float64) if a in rows else np.full(len(rows), price_usd[i])
        for i, a in enumerate(assets)
    ]
    values = np.stack(columns, axis=1)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ScenarioError(f"{path.name}: {assets[column]} costs {values[row, column]} in a scenario.")
    return values


def _table(path: Path, columns: list[str] | None, filters: Any = None) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, columns=columns, filters=filters)
    except (OSError, ValueError) as error:
        raise MalformedFile(
            f"{path.name} cannot be read: {error}.", remedy="See docs/scenarios.md."
        ) from error


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise MalformedFile(f"{path.name} cannot be read: {error.strerror}.") from error
