"""Events spilled to a Parquet file, block by block: memory holds one block's calls."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from abis.errors import InputError
from risk.engine.events import EventLog, table_of


class EventFile:
    """Writes the calls of a run, scenarios by name; nothing appears at ``path`` before all are there.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    names, accounts, assets : sequence of str
        What the indices of the logs stand for.
    """

    def __init__(
        self, path: Path, names: Sequence[str], accounts: Sequence[str], assets: Sequence[str]
    ) -> None:
        self.path, self.names, self.accounts, self.assets = path, names, accounts, assets
        self.partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
        self.rows = 0
        self._writer: Any = None

    def __enter__(self) -> EventFile:
        try:
            self.write([])  # so that a run without a call leaves an empty table
        except OSError as error:
            raise InputError(
                f"cannot write '{self.path}': {error.strerror or error}.", remedy="Choose another file."
            ) from error
        return self

    def write(self, logs: Sequence[tuple[int, EventLog]]) -> None:
        """Append the calls of one block, (first scenario, log) in the order of time."""
        table = table_of(logs, self.accounts, self.assets)
        table["scenario"] = [self.names[s] for s in table["scenario"]]
        for name in ("account", "collateral", "debt"):
            table[name] = table[name].astype(object)
        schema = self._writer.schema if self._writer else _schema(table)
        arrow = pa.Table.from_pandas(table, schema=schema, preserve_index=False)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.partial, schema)
        if len(table):
            self._writer.write_table(arrow)
        self.rows += len(table)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        if kind is None:
            self.partial.replace(self.path)
        else:
            self.partial.unlink(missing_ok=True)


def _schema(table: Any) -> pa.Schema:
    kinds = {"scenario": pa.string(), "account": pa.string(), "collateral": pa.string(), "debt": pa.string()}
    flags = {"toxic": pa.bool_(), "kept": pa.bool_()}
    return pa.schema([(name, (kinds | flags).get(name, pa.float64())) for name in table.columns])
