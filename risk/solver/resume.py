"""Resuming: what a run has computed, kept in a folder until it ends.

What takes long is kept: the sweep of a block of scenarios, the judgement of a choice, and by regime
(`risk.solver.regime_kept`) the choice, its certificate and the estimates of the walk.  A run that goes on
finds them and computes the rest as it would have; everything else is computed again, and so an interrupted
run gives the bytes of one that was not.  Files appear whole or not at all, and carry the hash of what is in
them: one that was damaged is computed again.  A folder belongs to its inputs.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from abis.errors import InputError, MalformedFile
from abis.findings import Finding
from risk.engine.arrays import FloatArray
from risk.engine.book_sweep import BookSwept
from risk.engine.pair_sweep import Swept
from risk.files import write_whole
from risk.solver.evaluate import Amount, Judgement, Setting

INPUTS = "inputs.json"
SCHEMA = "breakwater.unfinished/1"
NAMED_BY_KEY = ("menu", "limits", "known")  # parts of a setting that a judgement's key stands for
_SIZE = 16  # characters of a hash in a file's name


class Checkpoint:
    """What an unfinished run left in ``folder``, and where this one leaves it.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    inputs : mapping of str to str or None
        Name and hash of everything that decides the result.
    restart : bool
        Whether to delete what is there.

    Raises
    ------
    InputError
        If the folder belongs to other inputs, or cannot be written.
    MalformedFile
        If it does not say to which it belongs.
    """

    def __init__(self, folder: Path, inputs: Mapping[str, str | None], *, restart: bool = False) -> None:
        self.folder = folder
        self._inputs = inputs
        if restart and folder.exists():
            shutil.rmtree(folder)
        self.blocks_found = self.facts_found = 0
        self._setting: Setting | None = None
        said = {"schema": SCHEMA, "inputs": dict(inputs)}
        self.resumed = (folder / INPUTS).exists() or any(folder.glob("*.npz"))
        if self.resumed:
            _check_same(folder, said)
        else:
            _begin(folder, said)

    def bind(self, setting: Setting) -> None:
        """Name the market, scenarios and depth that judgements are kept for."""
        self._setting = setting

    def remove(self) -> None:
        """Delete the folder: the run has ended."""
        shutil.rmtree(self.folder)

    def part(self, name: str) -> Checkpoint:
        """Return where the same run keeps what belongs to another setting, a folder within this one."""
        return Checkpoint(self.folder / name, self._inputs)

    @property
    def files(self) -> int:
        """Return how many results are kept, those of all parts included."""
        return sum(
            path.is_file() and path.name != INPUTS and not path.name.startswith(".")  # half-written
            for path in self.folder.rglob("*")
        )

    def losses(self, name: str) -> KeptLosses:
        """Return where the sweeps of one kind are kept."""
        return KeptLosses(self, name)

    def judgement(self, setting: Setting, key: str, make: Callable[[], Judgement]) -> Judgement:
        """Return what is known under a key; see `risk.solver.evaluate.Known`."""
        if not self._same(setting):
            return make()
        return _judgement(self.fact("choice", key, lambda: _judgement_data(make())))

    def fact(self, kind: str, key: str, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return what is known under a key, made and kept if nothing is.

        Parameters
        ----------
        kind : str
            Stem of the file's name.
        key : str
            Hash of all that decides it, beside the inputs of the run.
        make : callable
            What it returns must survive JSON as it is.
        """
        stem = f"{kind}-{key[:_SIZE]}"
        found = self.read(stem, "json")
        if found is not None:
            data: dict[str, Any] = json.loads(found)
            if data.pop("key") == key:
                self.facts_found += 1
                return data
        made = make()
        self.write(stem, "json", json.dumps({"key": key, **made}).encode())
        return made

    def _same(self, setting: Setting) -> bool:
        own = self._setting
        return own is not None and all(
            getattr(own, part.name) is getattr(setting, part.name)
            for part in fields(Setting)
            if part.name not in NAMED_BY_KEY
        )

    def read(self, stem: str, suffix: str) -> bytes | None:
        """Return what was kept, None if nothing was or it is damaged."""
        for path in sorted(self.folder.glob(f"{stem}-*.{suffix}")):
            content = path.read_bytes()
            if path.name == _name(stem, suffix, content):
                return content
        return None

    def write(self, stem: str, suffix: str, content: bytes) -> None:
        """Keep something."""
        write_whole(self.folder / _name(stem, suffix, content), content)


@dataclass(frozen=True, slots=True)
class KeptLosses:
    """Sweeps of blocks of scenarios; see `risk.solver.losses.Kept`."""

    checkpoint: Checkpoint
    name: str

    def swept(self, start: int, make: Callable[[], tuple[BookSwept, ...]]) -> tuple[BookSwept, ...]:
        """Return the block that starts at a scenario, made and kept if it is not there."""
        stem = f"losses-{self.name}-{start:09d}"
        found = self.checkpoint.read(stem, "npz")
        if found is not None:
            self.checkpoint.blocks_found += 1
            return _blocks(found)
        made = make()
        self.checkpoint.write(stem, "npz", _block_bytes(made))
        return made


def unfinished(folder: Path) -> Path:
    """Return where a run that writes into ``folder`` keeps what is unfinished."""
    return folder / ".unfinished"


def _begin(folder: Path, said: Mapping[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / INPUTS, (json.dumps(said, indent=2) + "\n").encode())
    except OSError as error:
        raise InputError(
            f"cannot write into '{folder}': {error.strerror or error}.",
            remedy="Choose a folder that is writable.",
        ) from error


def _check_same(folder: Path, said: Mapping[str, Any]) -> None:
    path = folder / INPUTS
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        schema, inputs = found["schema"], dict(found["inputs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MalformedFile(
            f"'{path}' does not say what the unfinished run was about.", remedy="Give --restart."
        ) from error
    wanted = said["inputs"]
    other = sorted(k for k in {*inputs, *wanted} if inputs.get(k) != wanted.get(k))
    if schema != said["schema"] or other:
        differ = ", ".join(other) or "schema"
        raise InputError(
            f"'{folder.parent}' holds an unfinished run of other inputs: {differ} differ.",
            remedy="Give the same inputs to go on with it, another folder, or --restart to give it up.",
        )


def _name(stem: str, suffix: str, content: bytes) -> str:
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:_SIZE]}.{suffix}"


def _block_bytes(made: tuple[BookSwept, ...]) -> bytes:
    arrays: dict[str, FloatArray] = {}
    for k, swept in enumerate(made):
        for part in fields(BookSwept):
            whole = getattr(swept, part.name)
            for measure in fields(Swept):
                arrays[f"{k}.{part.name}.{measure.name}"] = getattr(whole, measure.name)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _blocks(content: bytes) -> tuple[BookSwept, ...]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            count = 1 + max(int(name.partition(".")[0]) for name in found.files)
            return tuple(
                BookSwept(
                    **{
                        part.name: Swept(
                            **{m.name: found[f"{k}.{part.name}.{m.name}"] for m in fields(Swept)}
                        )
                        for part in fields(BookSwept)
                    }
                )
                for k in range(count)
            )
    except (ValueError, KeyError, zipfile.BadZipFile) as error:  # its hash is right: another version wrote it
        raise MalformedFile("a kept sweep is none of this version's.", remedy="Give --restart.") from error


def _judgement_data(made: Judgement) -> Mapping[str, Any]:
    return {
        # repr of a float is exact, of an infinite one no JSON
        "amounts": [asdict(a) | {"value": repr(a.value), "limit": repr(a.limit)} for a in made.amounts],
        "findings": [f.to_json() for f in made.findings],
    }


def _judgement(data: Mapping[str, Any]) -> Judgement:
    amounts = (
        Amount(**{**a, "value": float(a["value"]), "limit": float(a["limit"])}) for a in data["amounts"]
    )
    return Judgement(tuple(amounts), tuple(Finding.from_json(f) for f in data["findings"]))
