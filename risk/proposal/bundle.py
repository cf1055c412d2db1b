"""An evidence bundle: what a command wrote, from which inputs, each file by its hash.

``manifest.json`` names everything that determines the outputs.  Whoever has the snapshot can
compute them again and compare bytes; nothing in it depends on a machine, a clock or a path.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from abis.errors import LimitBroken, MalformedFile, UnknownSchema

SCHEMA = "breakwater.bundle/1"
MANIFEST = "manifest.json"
INPUTS = "inputs/"  # copies of the files a command was given
_PLAIN = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99}/){0,2}[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What determines a bundle, and what is in it.

    Parameters
    ----------
    version, code_sha256 : str
        Of the code that wrote it.
    settings : mapping
        What was asked, JSON-ready; `risk.cli.proposal_request` reads it back.
    snapshot_sha256 : str
        Of the snapshot's manifest.
    snapshot_parts : mapping of str to str
        Hash of each of its tables.
    scenarios_sha256 : str
    seed, resampling_seed : int or None
        Of drawn scenarios, and of resamples.
    inputs, outputs : mapping of str to str
        Hash of each file, by its name in the bundle.
    """

    version: str
    code_sha256: str
    settings: Mapping[str, Any]
    snapshot_sha256: str
    snapshot_parts: Mapping[str, str]
    scenarios_sha256: str
    seed: int | None
    resampling_seed: int
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def text(self) -> str:
        """Return it as JSON text, keys sorted."""
        body = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    @property
    def files(self) -> dict[str, str]:
        """Return the hash of every file of the bundle but the manifest, inputs first."""
        return {**dict(sorted(self.inputs.items())), **dict(sorted(self.outputs.items()))}


def sha256(content: bytes) -> str:
    """Return the hash of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the hash of each file.

    Raises
    ------
    MalformedFile
        If a name could lead out of the folder.
    """
    return {plain_name(name): sha256(content) for name, content in files.items()}


def plain_name(name: str) -> str:
    """Return ``name`` if it stays inside a folder on every system.

    Raises
    ------
    MalformedFile
        If it is absolute, climbs, is hidden, too long, or holds anything but letters, digits and ``._-/``.
    """
    if _PLAIN.fullmatch(name) is None or ".." in name:
        raise MalformedFile(
            f"{name[:80]!r} is no name of an output.", remedy="Names are letters, digits, '.', '_' and '-'."
        )
    return name


def manifest_of(body: Any) -> Manifest:
    """Return the manifest that parsed JSON describes.

    Raises
    ------
    MalformedFile
        If something is missing or is not what it should be.
    UnknownSchema
        If it was written under another schema.
    """
    if not isinstance(body, dict) or "schema" not in body:
        raise _malformed("it is no manifest of a bundle")
    if body["schema"] != SCHEMA:
        raise UnknownSchema(
            f"the bundle has schema {str(body['schema'])[:40]!r}.", remedy=f"This version reads {SCHEMA!r}."
        )
    expected = set(Manifest.__dataclass_fields__)
    given = set(body) - {"schema"}
    if given != expected:
        raise _malformed(f"its entries differ: {', '.join(sorted(str(k)[:40] for k in given ^ expected))}")
    own = {key: body[key] for key in expected}
    for key in ("inputs", "outputs", "snapshot_parts"):
        _check_hashes(key, own[key])
    for key in ("code_sha256", "snapshot_sha256"):
        _check_hashes(key, {"": own[key]})
    for name in (*own["inputs"], *own["outputs"]):
        plain_name(name)
    if not isinstance(own["settings"], dict):
        raise _malformed("its settings are no object")
    return Manifest(**own)


def _check_hashes(key: str, value: Any) -> None:
    found = value.values() if isinstance(value, dict) else [None]
    if not all(isinstance(v, str) and _HASH.fullmatch(v) for v in found):
        raise _malformed(f"{key} holds something that is no sha256")


def _malformed(what: str) -> MalformedFile:
    return MalformedFile(f"{MANIFEST}: {what}.", remedy="Name a folder that 'breakwater propose' wrote.")


def check_bytes(manifest: Manifest, found: Mapping[str, bytes]) -> None:
    """Refuse a bundle whose files are not those of its manifest.

    Parameters
    ----------
    manifest : Manifest
    found : mapping of name to bytes
        The files that are there.

    Raises
    ------
    LimitBroken
        Naming the first file that is missing or differs.
    """
    for name, expected in manifest.files.items():
        if name not in found:
            raise LimitBroken(f"{name} is missing.", remedy="Get the bundle again from its source.")
        if sha256(found[name]) != expected:
            raise LimitBroken(
                f"{name} was changed after the bundle was written: sha256 {sha256(found[name])}, "
                f"the manifest says {expected}.",
                remedy="Get the bundle again from its source.",
            )


def check_same(given: Mapping[str, bytes], again: Mapping[str, bytes], names: Iterable[str]) -> None:
    """Refuse a bundle that its inputs do not lead to.

    Parameters
    ----------
    given, again : mapping of name to bytes
        The files that are there, and those computed again.
    names : iterable of str
        Which to compare, in this order.

    Raises
    ------
    LimitBroken
        Naming the first file that differs, and its first line that does.
    """
    for name in names:
        if name not in again:
            raise LimitBroken(f"{name} is not what these inputs lead to: no such file is written now.")
        if given[name] != again[name]:
            raise LimitBroken(
                f"{name} is not what its inputs lead to: {_first_difference(given[name], again[name])}.",
                remedy="Recompute it with 'breakwater propose', and trust the figures computed.",
            )
    extra = sorted(set(again) - set(names))
    if extra:
        raise LimitBroken(f"{extra[0]} is missing: these inputs also lead to it.")


def _first_difference(given: bytes, again: bytes) -> str:
    lines = given.split(b"\n"), again.split(b"\n")
    for number, (left, right) in enumerate(zip(*lines, strict=False), 1):
        if left != right:
            return f"line {number} differs first: {_shown(left)!r} is there, {_shown(right)!r} is computed"
    return f"{len(lines[0])} lines are there, {len(lines[1])} are computed"


def _shown(line: bytes) -> str:
    return line[:80].decode("utf-8", "replace")
