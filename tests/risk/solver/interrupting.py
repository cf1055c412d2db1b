"""A real process that is ended as soon as it keeps something, and what it leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from risk.solver.resume import unfinished

WAIT_S = 120
SINCE_S = 0.005


def interrupted(command: list[str], folder: Path, kept: str, how: signal.Signals) -> tuple[int, str, str]:
    """End ``breakwater`` by a signal once it keeps a file of that pattern in ``folder``.

    Returns
    -------
    tuple of int, str, str
        Return code, stdout and stderr.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", "from risk.cli.main import main; main()", *command, "-o", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline_s = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < deadline_s:
        if any(unfinished(folder).rglob(kept)):
            break
        time.sleep(SINCE_S)
    process.send_signal(how)
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out, err


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
