"""Saves a `Snapshot` as a directory and loads it back, byte for byte.

The directory holds one Parquet file a part (`protocols.tables`) and ``manifest.json``
(`protocols.manifest`).  DuckDB and pandas open the parts as they are.  The same snapshot
gives the same bytes; a changed byte is refused on loading.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from abis.errors import BreakwaterError, InputError, MalformedFile, OutputExists
from protocols.manifest import (
    Manifest,
    changed,
    malformed,
    manifest_bytes,
    migrated,
    parse_manifest,
    sha256,
    snapshot_from,
)
from protocols.snapshot import Snapshot
from protocols.tables import PARTS, tables_of

MANIFEST = "manifest.json"


def save(snapshot: Snapshot, path: str | os.PathLike[str], force: bool = False) -> str:
    """Write a snapshot directory in one step and return the sha256 of its manifest.

    Parameters
    ----------
    snapshot : Snapshot
        What to save.
    path : path-like
        The directory to create; its parent must exist.
    force : bool
        Replace a snapshot (or an empty directory) that is already there.

    Raises
    ------
    OutputExists
        If ``path`` exists and ``force`` is not given, or holds anything but a snapshot.
    InconsistentSnapshot
        If a value cannot be stored.
    InputError
        If the directory cannot be written.  Nothing half-written remains.
    """
    target = Path(os.path.abspath(path))
    _refuse_existing(target, str(path), force)
    files = encode(snapshot)
    staging = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        staging.mkdir()
        for name, content in files.items():
            _write(staging / name, content)
        _put_in_place(staging, target)
    except OSError as error:
        raise InputError(
            f"cannot write the snapshot to '{path}': {error.strerror or error}.",
            remedy="Choose a folder that exists and is writable.",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return sha256(files[MANIFEST])


def load(path: str | os.PathLike[str]) -> Snapshot:
    """Return the snapshot saved in directory ``path``.

    Raises
    ------
    MalformedFile
        If a file is missing or is not what it should be.
    SnapshotChanged
        If the bytes of a part or of the manifest differ from their sha256.
    UnknownSchema
        If it was written under a schema this version does not know.
    InconsistentSnapshot
        If its tables contradict each other.
    """
    folder = Path(path)
    manifest = parse_manifest(_read(folder, MANIFEST), str(folder / MANIFEST))
    tables = {name: _part(folder, name, digest) for name, digest in _digests(folder, manifest).items()}
    try:
        return snapshot_from(*migrated(manifest, tables))
    except BreakwaterError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, pa.ArrowException) as error:
        raise malformed(str(folder), f"{type(error).__name__}: {error}") from error


def digest(source: Snapshot | str | os.PathLike[str]) -> str:
    """Return the sha256 that names a snapshot: that of its manifest, which holds all others.

    Parameters
    ----------
    source : Snapshot or path-like
        A snapshot in memory, or the directory of a saved one (only its manifest is read).
    """
    if isinstance(source, Snapshot):
        return sha256(encode(source)[MANIFEST])
    return sha256(_read(Path(source), MANIFEST))


def encode(snapshot: Snapshot) -> dict[str, bytes]:
    """Return file name -> bytes of a snapshot's directory; the manifest comes last."""
    tables = tables_of(snapshot)
    files = {f"{name}.parquet": _parquet(table) for name, table in tables.items()}
    parts = {
        name: {"sha256": sha256(files[f"{name}.parquet"]), "rows": table.num_rows}
        for name, table in tables.items()
    }
    files[MANIFEST] = manifest_bytes(snapshot, parts)
    return files


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # Every option that shapes the bytes is pinned: defaults change between releases.
    pq.write_table(
        table,
        sink,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=True,
        write_statistics=True,
        row_group_size=1_048_576,
        store_schema=False,
    )
    return bytes(sink.getvalue())


def _digests(folder: Path, manifest: Manifest) -> dict[str, str]:
    try:
        return {name: str(manifest["parts"][name]["sha256"]) for name in PARTS}
    except (KeyError, TypeError) as error:
        raise malformed(str(folder / MANIFEST), f"it lists no part {error}") from error


def _part(folder: Path, name: str, expected: str) -> pa.Table:
    file = f"{name}.parquet"
    content = _read(folder, file)
    if sha256(content) != expected:
        raise changed(str(folder / file))
    try:
        return pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise malformed(str(folder / file), str(error)) from error


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise MalformedFile(
            f"'{folder}' is no snapshot: {name}: {error.strerror or error}.",
            remedy="Name a directory written by 'breakwater snapshot' or 'breakwater import'.",
        ) from error


def _write(file: Path, content: bytes) -> None:
    with file.open("xb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _refuse_existing(target: Path, shown: str, force: bool) -> None:
    if not os.path.lexists(target):
        return
    if not force:
        raise OutputExists(f"'{shown}' exists.", remedy="Choose another output or pass --force.")
    known = {MANIFEST, *(f"{name}.parquet" for name in PARTS)}
    # Force replaces snapshots, never a home directory given by mistake.
    if target.is_symlink() or not target.is_dir() or {p.name for p in target.iterdir()} - known:
        raise OutputExists(
            f"'{shown}' holds more than a snapshot and is not replaced.", remedy="Choose another output."
        )


def _put_in_place(staging: Path, target: Path) -> None:
    """Rename ``staging`` to ``target``; an old snapshot there comes back if that fails."""
    if not target.exists():
        staging.rename(target)
        return
    old = staging.with_suffix(".old")
    target.rename(old)
    try:
        staging.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
