"""What a result was made from: hashes of the inputs, and of the code itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("abis", "oracles", "protocols", "risk")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything that determines the figures; no path and no clock.

    Parameters
    ----------
    snapshot_sha256 : str
        Of the snapshot's manifest, which holds those of its parts.
    scenarios_sha256 : str
    depth_sha256 : str or None
        Of the depth file; None if depth was assumed.
    seed : int or None
        Of drawn scenarios.
    resampling_seed : int
        Of the resamples behind intervals.
    version : str
        Of the distribution; which code exactly is in the manifest beside the outputs, so that
        another version that computes the same writes the same.
    """

    snapshot_sha256: str
    scenarios_sha256: str
    depth_sha256: str | None
    seed: int | None
    resampling_seed: int
    version: str


def code_version() -> str:
    """Return the installed distribution's version."""
    return version("breakwater")


@cache
def code_sha256() -> str:
    """Return one hash of the names and contents of every file of the four packages.

    Installed and checked-out code of one version give the same.
    """
    state = hashlib.sha256()
    for package in PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        root = Path(spec.origin).parent
        for file in sorted(_files(root), key=lambda f: f.relative_to(root).as_posix()):
            name = f"{package}/{file.relative_to(root).as_posix()}"
            state.update(f"{hashlib.sha256(file.read_bytes()).hexdigest()} {name}\n".encode())
    return state.hexdigest()


def _files(root: Path) -> list[Path]:
    """Return the files of a package without what the interpreter and editors leave."""
    found = [f for f in root.rglob("*") if f.is_file() and f.suffix != ".pyc"]
    return [
        f for f in found if not any(p.startswith((".", "__pycache__")) for p in f.relative_to(root).parts)
    ]
