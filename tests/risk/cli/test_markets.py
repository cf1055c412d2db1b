"""``breakwater markets``: its three outputs against the registry, and a user's file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from protocols.registry import MARKETS
from risk.cli.main import main

FORK = """
[markets.my-fork]
protocol = "aave-v3"
chain_id = 8453
address = "0x2f39d218133afab8f2b819b1066c7e434ad94e9e"
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command line in an empty home and return exit code, stdout and stderr."""
    monkeypatch.delenv("BREAKWATER_MARKETS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


def test_json_and_csv_list_every_market_with_the_same_values(run: Run) -> None:
    code, out, _ = run("markets", "--json")
    body = json.loads(out)
    assert (code, body["schema"]) == (0, "breakwater.markets/1")
    rows = body["data"]["rows"]
    assert {r["name"]: (r["chain_id"], r["address"], r["steward"]) for r in rows} == {
        s.name: (s.chain_id, s.address, s.steward or "") for s in MARKETS.values()
    }
    assert {r["source"] for r in rows} == {"built in"}
    assert set(body["units"]) == set(rows[0])
    code, out, _ = run("markets", "--csv")
    assert code == 0
    assert list(csv.DictReader(io.StringIO(out))) == [{k: str(v) for k, v in r.items()} for r in rows]


def test_the_table_names_every_market_and_all_can_be_read(run: Run) -> None:
    code, out, err = run("markets")
    assert code == 0
    assert all(name in out for name in MARKETS)
    assert "Not readable" not in err


def test_a_users_market_is_listed_as_such(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FORK)
    by_option = run("markets", "--registry", file, "--json")
    monkeypatch.setenv("BREAKWATER_MARKETS", str(file))
    assert run("markets", "--json") == by_option
    (mine,) = [r for r in json.loads(by_option[1])["data"]["rows"] if r["name"] == "my-fork"]
    assert (mine["source"], mine["readable"], mine["chain_id"]) == ("user file", True, 8453)
    assert str(tmp_path) not in by_option[1]


@pytest.mark.parametrize("market", ["my-fork", "aave-v2-ethereum"])
def test_snapshot_knows_the_users_market_and_the_built_in_ones(run: Run, tmp_path: Path, market: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FORK)
    code, _, err = run("snapshot", market, "--registry", file, "-o", tmp_path / "snap")
    assert code == 2
    assert "no RPC URL given" in err


def test_a_broken_file_and_two_formats_are_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FORK.replace("8453", "-1"))
    code, out, err = run("markets", "--registry", file)
    assert (code, out) == (2, "")
    assert "mine.toml: markets.my-fork.chain_id = -1 is no integer of 1 or more" in err
    assert run("markets", "--json", "--csv")[0] == 2
