"""``breakwater data fetch``: what is refused before anyone is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from risk.cli.main import main

BTC = ("--venue", "binance", "--symbol", "BTC/USDT")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main(["data", "fetch", *BTC, *arguments])
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("mine")
    said = refused(capsys, "--since", "2025-12-01", "--output", str(tmp_path / "taken"))
    assert "cannot write into" in said
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_manifest_that_cannot_be_read_stops_the_work_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text("{broken")
    said = refused(capsys, "--since", "2025-12-01", "--output", str(tmp_path))
    assert "manifest.json cannot be read" in said


def test_times_before_1970_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "--since", "0001-01-01", "--output", str(tmp_path))
    assert "'0001-01-01' is before 1970" in said
