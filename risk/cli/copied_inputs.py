"""Copies of the files a command was given, so that its bundle can be computed again from itself alone.

A spec of scenarios or of depth may name further files and folders.  They are copied beside it as
``inputs/scenarios-0.parquet``, ``inputs/scenarios-1/market.parquet``, numbered as the spec names them, and in
its copy they have these names.  What determines the scenarios is the content, so its hash stays the same.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from abis.errors import MalformedFile
from risk.proposal.bundle import INPUTS
from risk.scenarios.storage import FAIR, INDEX, MANIFEST, MARKET

LARGEST_BYTES = 200_000_000  # of an input with all it names; what is larger is not copied
SPECS = ("scenarios", "certify", "depth")  # inputs that may name files
# Section of a spec -> the key that names files; relative to the spec.
NAMING = {"history": "files", "bootstrap": "files", "fhs": "model", "paths": "folder", "table": "file"}
_SUFFIXES = (".toml", ".csv", ".parquet", ".json")


class Copied(NamedTuple):
    """Name in the bundle and bytes of every copy, and the inputs too large to be copied whole."""

    files: dict[str, bytes]
    too_large: tuple[str, ...]


def copied(given: Mapping[str, Path]) -> Copied:
    """Return the copies of some inputs.

    Parameters
    ----------
    given : mapping of str to Path
        By kind of input: ``scenarios``, ``depth``, ``limits`` and so on.

    Raises
    ------
    MalformedFile
        If a file cannot be read.
    """
    out: dict[str, bytes] = {}
    too_large = []
    for kind, path in given.items():
        named = _named(kind, path)
        if sum(map(_bytes, named.values())) > LARGEST_BYTES:
            too_large.append(kind)
            if not path.is_dir():
                out[f"{INPUTS}{kind}{_suffix(path)}"] = _read(path)
            continue
        for name, file in named.items():
            out[INPUTS + name] = _read(file)
        if not path.is_dir():
            out[f"{INPUTS}{kind}{_suffix(path)}"] = _renamed(kind, path)
    return Copied(out, tuple(too_large))


def missing(given: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield each input that names a file which is not there, and the name."""
    for kind, path in given.items():
        if not path.is_dir():
            for name in _names(kind, _spec(kind, path)):
                if not (path.parent / name).exists():
                    yield kind, name


def _named(kind: str, path: Path) -> dict[str, Path]:
    """Return the files that belong to an input beside itself, by their name among the copies."""
    if path.is_dir():
        return _folder(kind, path)
    out: dict[str, Path] = {}
    for name, new in _names(kind, _spec(kind, path)).items():
        file = path.parent / name
        out |= _folder(new, file) if file.is_dir() else {new: file}
    return out


def _folder(name: str, path: Path) -> dict[str, Path]:
    """Return the files of a folder of scenarios; others in it determine nothing."""
    return {
        f"{name}/{part}": path / part for part in (INDEX, MARKET, FAIR, MANIFEST) if (path / part).exists()
    }


def _spec(kind: str, path: Path) -> Mapping[str, Any]:
    """Return a parsed spec, empty for an input that is none; what is wrong with it is told by its reader."""
    if kind not in SPECS or path.suffix.lower() not in (".toml", ".json"):
        return {}
    try:
        return _parsed(_read(path).decode(), path)
    except ValueError:
        return {}


def _parsed(text: str, path: Path) -> Mapping[str, Any]:
    body = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    return body if isinstance(body, dict) else {}


def _names(kind: str, spec: Mapping[str, Any]) -> dict[str, str]:
    """Return what a spec names, each once, and the names of the copies."""
    every = dict.fromkeys(name for row, key in _rows(spec) for name in _listed(row.get(key)))
    return {name: f"{kind}-{k}{_plain(name)}" for k, name in enumerate(every)}


def _rows(spec: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for section, key in NAMING.items():
        rows = spec.get(section, [])
        yield from ((row, key) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()


def _listed(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [name for name in values if isinstance(name, str)]


def _plain(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix in _SUFFIXES else ""


def _renamed(kind: str, path: Path) -> bytes:
    """Return a spec's own bytes, what it names under the names of the copies.

    The names are replaced in the text, which keeps its comments, and what it then says is compared.
    """
    content = _read(path)
    spec = _spec(kind, path)
    names = _names(kind, spec)
    if all(name == new for name, new in names.items()):
        return content
    text = content.decode()
    for name, new in names.items():
        for quote in ('"', "'"):
            text = text.replace(f"{quote}{name}{quote}", f"{quote}{new}{quote}")
    for row, key in _rows(spec):
        value = row.get(key)
        if isinstance(value, list):
            row[key] = [names.get(name, name) for name in value]
        elif isinstance(value, str):
            row[key] = names[value]
    if _parsed(text, path) != spec:
        raise MalformedFile(
            f"'{path.name}' cannot be copied: a name of a file in it is also something else, or has escapes.",
            remedy=f"Rename one of {', '.join(map(repr, list(names)[:3]))}, or write it without backslashes.",
        )
    return text.encode()


def _suffix(path: Path) -> str:
    return path.suffix.lower() if path.suffix.lower() in _SUFFIXES else ".txt"


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> MalformedFile:
    return MalformedFile(
        f"cannot read '{path}': {error.strerror or error}.", remedy="Check the name of the file."
    )
