"""``breakwater data fit``: what is refused before candles are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from risk.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--coin", "ETHUSDT=ETH", "--coin", "ETHUSDT=BTC", "--output", "m.parquet"), "ETHUSDT twice"),
        (("--coin", "ETHUSDT", "--output", "m.parquet"), "is no choice"),
        (("--output", ".", "--force"), "is a folder"),
    ],
)
def test_choices_that_cannot_be_are_refused(
    arguments: tuple[str, ...], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["data", "fit", str(tmp_path / "none.csv"), *arguments])
    assert (stop.value.code, reason in capsys.readouterr().err) == (2, True)
