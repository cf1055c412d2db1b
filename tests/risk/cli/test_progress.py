"""Progress without a terminal: one line a phase, those that ended short of their total too."""

from __future__ import annotations

import pytest

from risk.cli.progress import reporting

LABELS = {"sweep": "losses of every option", "search": "choices judged (at most)"}


def test_every_phase_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(LABELS) as report:
        report("sweep", 1_000, 2_000)
        report("sweep", 2_000, 2_000)
        report("search", 1, 25)
        report("search", 2, 25)
        report("walk", 9, 9)
        report("search", 7, 25)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "losses of every option: 2,000",
        "choices judged (at most): 2 of 25",
        "walk: 9",
        "choices judged (at most): 7 of 25",
    ]


def test_what_was_interrupted_is_not_said_to_have_ended(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        with reporting(LABELS) as report:
            report("search", 2, 25)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().err == ""
