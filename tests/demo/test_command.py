"""``python -m examples.demo`` leaves no process behind, whenever it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.localchain.processes import descendants, ends

pytestmark = [
    pytest.mark.chain,
    pytest.mark.usefixtures("local_chain_installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="the kernel ties processes on Linux only"),
]
ROOT = Path(__file__).resolve().parents[2]

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}


DEPLOYING, OPENING, READING = "Pushing two days", "Opening 40 accounts", "$ breakwater snapshot"
QUICK = {(DEPLOYING, signal.SIGTERM), (READING, signal.SIGKILL)}
CASES = [
    pytest.param(moment, ending, marks=[] if (moment, ending) in QUICK else [pytest.mark.verify])
    for moment in (DEPLOYING, OPENING, READING)
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
]


@pytest.mark.parametrize(("moment", "ending"), CASES)
def test_an_interrupted_demo_leaves_nothing(moment: str, ending: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.demo", "--accounts", "40", "--out", str(tmp_path)]
    with subprocess.Popen([*command], cwd=ROOT, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stderr is not None
        assert any(moment in line for line in demo.stderr), "the demo never came this far"
        below = [os.pidfd_open(pid) for pid in descendants(demo.pid)]
        assert below
        demo.send_signal(ending)
        assert demo.wait(30) == EXIT_CODES[ending]
        assert [ends(pidfd) for pidfd in below] == [True] * len(below)


def test_bad_numbers_are_refused_before_anything_starts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.demo", "--accounts", "3", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "3 accounts cannot hold one of every kind" in done.stderr
    assert done.stdout == ""
