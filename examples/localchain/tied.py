"""Child processes that end with their starter, whatever ends the starter."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

_LAUNCHER = Path(__file__).with_name("launch.py")
_GRACE_S = 3.0


@contextlib.contextmanager
def tied_process(
    command: Sequence[str],
    *,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int | None = None,
    cwd: Path | None = None,
    first_signal: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` in its own process group until the block ends.

    The group is ended on leaving the block by any way (return, exception, Ctrl-C,
    ``SystemExit``).  On Linux the process also dies when this process is killed outright.
    An own group keeps a Ctrl-C in the terminal from reaching the child before the parent
    has decided what to do.

    Parameters
    ----------
    command : sequence of str
        Program (an absolute path) and arguments.
    stdout, stderr : file or int, optional
        As in `subprocess.Popen`.
    cwd : Path, optional
        Folder to run in.
    first_signal : signal.Signals
        How the process is asked to end before it is killed.

    Yields
    ------
    subprocess.Popen
        The running process.
    """
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())]
    process = subprocess.Popen(
        [*launcher, *command],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        end_group(process, first_signal)


def end_group(process: subprocess.Popen[bytes], first_signal: signal.Signals) -> None:
    """End the process and everything in its group, gently first."""
    for signal_, patience_s in ((first_signal, _GRACE_S), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal_)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
