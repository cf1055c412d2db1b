"""What the tests of the commands share: a command line run in this process, and a made market saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from protocols.store import save
from risk.cli.main import main
from tests.risk.report.made import market

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line and return exit code, stdout and stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.fixture(scope="session")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a saved snapshot; no test may write into it."""
    path = tmp_path_factory.mktemp("made") / "snap"
    save(market(), path)
    return path
