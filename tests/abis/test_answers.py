from __future__ import annotations

import os
from pathlib import Path

import pytest

from abis import answers
from abis.answers import Answers
from abis.calls import Call

HASH = "0x" + "ab" * 32


def call(number: int) -> Call:
    return Call("0x" + "Ab" * 20, "f(uint256)(uint256)", (number,))


def test_what_was_answered_is_known_at_this_block_of_this_chain_only(tmp_path: Path) -> None:
    calls = [call(i) for i in range(5)]
    raw = [b"zero", None, b"", b"three", b"\xff" * 100]
    Answers(tmp_path, 1, HASH).keep(calls, raw)
    assert Answers(tmp_path, 1, HASH).of(calls) == raw
    assert Answers(tmp_path, 2, HASH).of(calls) == [None] * 5
    assert Answers(tmp_path, 1, "0x" + "cd" * 32).of(calls) == [None] * 5


def test_a_torn_file_forgets_its_last_answers_only(tmp_path: Path) -> None:
    kept = Answers(tmp_path, 1, HASH)
    kept.keep([call(1)], [b"one"])
    kept.keep([call(2)], [b"two"])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    assert Answers(tmp_path, 1, HASH).of([call(1), call(2)]) == [b"one", None]


def test_a_folder_that_cannot_be_written_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    kept = Answers(tmp_path / "file", 1, HASH)
    kept.keep([call(1)], [b"one"])
    assert kept.of([call(1)]) == [None]


def test_the_oldest_files_go_when_there_are_too_many_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LIMIT_BYTES", 1000)
    for age in range(5):
        path = tmp_path / f"{age}.log"
        path.write_bytes(b"x" * 400)
        os.utime(path, (10_000 - age, 10_000 - age))
    Answers(tmp_path, 1, HASH)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.log", "1.log"]
