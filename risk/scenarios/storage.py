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
ROWS = 1 << 18  # checked at a time


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
        scenarios, times and venues in that order.
    ScenarioError
        If a column names no asset of the market; and in a block, if a price is not positive.
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
    weight = _numbers(index["weight"], INDEX)
    time_s, venues = _grid(folder / MARKET)
    _check_product(folder / MARKET, len(index), time_s, venues)
    if (folder / FAIR).exists():
        _check_product(folder / FAIR, len(index), time_s, None)
    hashes = {name: _sha256(folder / name) for name in (INDEX, MARKET, FAIR) if (folder / name).exists()}
    return Scenarios(
        names=tuple(index["name"].astype(str)),
        groups=tuple(index["group"].astype(str)),
        assets=assets,
        venues=venues,
        time_s=time_s,
        weight=weight,
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


def _grid(path: Path) -> tuple[FloatArray, tuple[str, ...]]:
    """Return times and venues of the first scenario; the others have to have the same."""
    rows = _table(path, ["scenario", "time_s", "venue"], [("scenario", "==", 0)])
    time_s = np.unique(_numbers(rows["time_s"], path.name))
    return time_s, tuple(str(v) for v in rows["venue"].unique())


def _check_product(path: Path, n: int, time_s: FloatArray, venues: tuple[str, ...] | None) -> None:
    """Refuse rows that are not all scenarios, times and venues, in order; a batch at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names, places = ["scenario", "time_s"], 1
    if venues is not None:
        names, places = [*names, "venue"], len(venues)
    whole, row, broken = n * len(time_s) * places, 0, False
    try:
        for batch in pq.ParquetFile(path).iter_batches(ROWS, columns=names):
            place = np.arange(row, row + len(batch))
            good = place < whole
            good &= batch["scenario"].to_numpy(zero_copy_only=False) == place // (len(time_s) * places)
            good &= batch["time_s"].to_numpy(zero_copy_only=False) == time_s[place // places % len(time_s)]
            if venues is not None:
                found = pc.index_in(pc.cast(batch["venue"], pa.string()), pa.array(venues, pa.string()))
                good &= found.to_numpy(zero_copy_only=False) == place % places
            broken = not good.all()
            row += int(np.argmin(good)) if broken else len(batch)
            if broken:
                break
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    if broken or row != whole or whole == 0:
        of = f"{n} scenarios and {len(time_s)} times"
        of = of if venues is None else f"{n} scenarios, {len(time_s)} times and {places} venues"
        raise MalformedFile(
            f"{path.name} row {row} breaks the product of {of}.",
            remedy=f"Sort by {', '.join(names)}, and give every combination once.",
        )


def _columns(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return [c for c in names if c not in ("scenario", "time_s", "venue")]


def _held(folder: Path, snapshot: Snapshot) -> tuple[Finding, ...]:
    given = _columns(folder / MARKET)
    unknown = [c for c in given if c not in snapshot.asset_names]
    if unknown:
        raise ScenarioError(
            f"{MARKET} has a column '{unknown[0]}', no asset of this market.",
            remedy=f"Assets: {', '.join(snapshot.asset_names)}. Paths of coins go into a spec's [[paths]].",
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
        _numbers(rows[a], path.name) if a in rows else np.full(len(rows), price_usd[i])
        for i, a in enumerate(assets)
    ]
    values = np.stack(columns, axis=1)
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ScenarioError(f"{path.name}: {assets[column]} costs {values[row, column]} in a scenario.")
    return values


def _numbers(column: pd.Series, name: str) -> FloatArray:
    try:
        return column.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MalformedFile(f"{name}: {column.name} holds no numbers: {error}.") from error


def _table(path: Path, columns: list[str] | None, filters: Any = None) -> pd.DataFrame:
    import pyarrow as pa

    try:
        return pd.read_parquet(path, columns=columns, filters=filters)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> MalformedFile:
    return MalformedFile(f"{path.name} cannot be read: {error}.", remedy="See docs/scenarios.md.")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MalformedFile(f"{path.name} cannot be read: {error.strerror}.") from error
