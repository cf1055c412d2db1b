"""Keeps what a long command computes until it ends, and tells how to go on after an interruption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from risk.solver.resume import Checkpoint


@contextmanager
def resumable(output: Path | None, inputs: Mapping[str, Any], restart: bool) -> Iterator[Checkpoint | None]:
    """Yield where results are kept, None without a folder to write into.

    Parameters
    ----------
    output : Path or None
    inputs : mapping
        Hashes of everything that decides the result.
    restart : bool
        Whether to delete what an interrupted run left.
    """
    from risk.proposal.provenance import code_sha256, code_version
    from risk.solver.resume import Checkpoint, unfinished

    if output is None:
        yield None
        return
    folder = unfinished(output)
    # What other code computed is none of this one's, whatever the version says.
    said = {"version": code_version(), "code_sha256": code_sha256()} | {
        name: None if value is None else str(value) for name, value in inputs.items()
    }
    checkpoint = Checkpoint(folder, said, restart=restart)
    if checkpoint.resumed:
        typer.echo(
            f"going on with the unfinished run in {folder}: {checkpoint.files:,} results are kept", err=True
        )
    try:
        yield checkpoint
    except KeyboardInterrupt:
        typer.echo(f"interrupted: what was computed is in {folder}; the same command goes on", err=True)
        raise
