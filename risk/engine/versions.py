"""What has to be the same on two machines for the same work to give the same bytes."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("breakwater", "numpy", "numba", "llvmlite", "scipy", "pandas")
ROOMS = ("abis", "oracles", "protocols", "risk")


def versions() -> dict[str, str]:
    """Return what decides the bytes of results here, by name.

    Libraries, this project's own sources, the interpreter, and what NumPy and the C library choose
    their routines by: processors with other vector instructions round ``exp`` otherwise.
    """
    return {
        **{name: _version(name) for name in LIBRARIES},
        "sources": _sources()[:12],
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "C library": " ".join(platform.libc_ver()).strip(),
        "processor": " ".join([platform.machine(), *_vector_instructions()]),
    }


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Return in what another machine differs, in words; empty where it does not."""
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return ", ".join(f"{n} {there.get(n) or 'missing'} there, {here.get(n) or 'missing'} here" for n in names)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return ""


@lru_cache(maxsize=1)
def _sources() -> str:
    """Return the hash of the four packages as they were when first asked for."""
    root, digest = Path(__file__).resolve().parents[2], hashlib.sha256()
    for path in sorted(p for room in ROOMS for p in (root / room).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _vector_instructions() -> list[str]:
    import numpy as np

    config: Any = np.show_config(mode="dicts")
    known = config.get("SIMD Extensions", {})
    return [*known.get("baseline", []), *known.get("found", [])]
