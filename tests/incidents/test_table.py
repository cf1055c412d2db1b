"""The table of replays: written into the document, as data, and with the record's gaps shown."""

from __future__ import annotations

import json

import pytest

from abis.errors import InputError
from examples.incidents.__main__ import main
from examples.incidents.record import Incident, Row, one
from examples.incidents.table import BEGIN, DOCUMENT, END, REPLAYS, markdown, written

ROWS = (
    Row("a", one(2.0), 2.02, "USD"),
    Row("b", (1.0, 3.0), 2.0, ""),
    Row("c", None, 0.5, "%", "why"),
    Row("d", one(0), 3.0, ""),
    Row("e", one(0), 0.0, ""),
)
INCIDENT = Incident("2020-01-01", "Something", "a post", "A lesson.", ROWS, "Much.")
NO_REAL_DATA = ("dai-2020", "luna-2022", "cbeth-2026", "usde-2025")


def test_differences() -> None:
    assert [r.difference() for r in ROWS] == ["+1 %", "inside", "", "+3", "0"]


def test_the_document_keeps_what_stands_around_the_table() -> None:
    text = written(f"before\n{BEGIN}\nold\n{END}\nafter\n", [INCIDENT])
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "| **2020-01-01** Something | a | 2 | 2.02 | USD | +1 % |" in text
    assert "- c: why." in text


def test_a_table_without_its_data_or_place_is_not_written() -> None:
    with pytest.raises(InputError, match="marker"):
        written("nothing", [INCIDENT])
    gap = Incident("2020-01-01", "x", "y", "z", (Row("f", None, None, ""),))
    with pytest.raises(InputError, match="BREAKWATER_TEST_DATA"):
        written(f"{BEGIN}{END}", [gap])


@pytest.mark.parametrize("name", NO_REAL_DATA)
def test_the_document_says_what_the_replay_says(name: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [line for line in markdown([REPLAYS[name]()]).splitlines() if line not in text] == []


@pytest.mark.real_data
@pytest.mark.usefixtures("data_dir")
def test_the_whole_document_is_what_the_command_writes() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert written(text, [make() for make in REPLAYS.values()]) == text


def test_the_command_writes_tables_and_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["luna-2022", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    (incident,) = body["data"]["incidents"]
    assert incident["rows"][0]["ours"] == 0.107
    assert len(body["inputs"]["change_sha256"]) == 64
    assert main(["luna-2022"]) == 0
    assert "LUNA" in capsys.readouterr().out


def test_bad_requests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nope"]) == 2
    assert main(["luna-2022", "--write"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "luna-2022" in err


def test_without_real_data_rows_are_empty_not_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAKWATER_TEST_DATA", "/nowhere")
    for name in ("steth-2022", "usdc-2023"):
        assert any(r.ours is None for r in REPLAYS[name]().rows)
