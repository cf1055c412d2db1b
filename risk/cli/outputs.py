"""Writes result files whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from abis.errors import InputError, OutputExists
from risk.files import write_whole


def refuse_existing(folder: Path, names: Iterable[str], force: bool) -> None:
    """Refuse to replace files nobody asked to replace.

    Raises
    ------
    OutputExists
        Naming the first file that is there, or the folder if it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputExists(f"'{folder}' is a file.", remedy="Name a folder with --output.")
    for name in names:
        if not force and (folder / name).exists():
            raise OutputExists(f"'{folder / name}' exists.", remedy="Choose another folder or give --force.")


def write_files(folder: Path, texts: Mapping[str, str | bytes]) -> None:
    """Write each text as UTF-8 into ``folder``, made if missing; each file appears in one step.

    A name may have folders in it: ``pictures/steps.svg``.  Bytes are written as they are.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / name, text.encode("utf-8") if isinstance(text, str) else text)
    except OSError as error:
        raise InputError(
            f"cannot write into '{folder}': {error.strerror or error}.",
            remedy="Choose a folder that is writable.",
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise InputError(
            f"cannot write '{path}': {error.strerror or error}.", remedy="Choose a file that is writable."
        ) from error
