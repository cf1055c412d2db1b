"""The options that name scenarios, shared by the commands that run them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.scenarios.scenarios import Scenarios

ScenarioFile = Annotated[
    Path | None, typer.Option("--scenarios", help="TOML spec or Parquet directory of scenarios.")
]
Shocks = Annotated[
    list[str] | None, typer.Option("--shock", help='A joint move, such as "WETH=-30%,WBTC=-25%".')
]
Grids = Annotated[
    list[str] | None, typer.Option("--grid", help='A line of moves, such as "market=0:-50%:26".')
]
DepthFile = Annotated[
    Path | None, typer.Option("--depth", help="CSV or Parquet of what selling each size fetches.")
]


def scenarios_of(
    taken: Snapshot, path: Path | None, shocks: Sequence[str], grids: Sequence[str], *, standard: bool
) -> Scenarios:
    """Return the scenarios that the options name.

    Parameters
    ----------
    taken : Snapshot
    path : Path or None
        TOML spec or Parquet directory.
    shocks, grids : sequence of str
        Added to it.
    standard : bool
        Whether the standard set is run beside shocks and grids where no ``path`` is given; alone,
        it always is.

    Raises
    ------
    MalformedFile
        If ``path`` does not exist.
    """
    from abis.errors import MalformedFile
    from risk.scenarios.build import combine, from_shocks, grid
    from risk.scenarios.spec import load_scenarios
    from risk.scenarios.standard import standard_set

    if path is not None and not path.exists():
        raise MalformedFile(f"'{path}' does not exist.", remedy="Name a TOML spec or a Parquet directory.")
    parts = []
    if path is not None:
        parts.append(load_scenarios(path, taken))
    elif standard or not (shocks or grids):
        parts.append(standard_set(taken))
    if shocks:
        parts.append(from_shocks(shocks, taken))
    parts += [grid(text, taken) for text in grids]
    return combine(parts)


def sha256_of(path: Path | None) -> str | None:
    """Return the hash of a file's bytes; None without a file."""
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()
