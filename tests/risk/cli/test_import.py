from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocols.store import digest, load
from risk.cli.main import main

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "import"
FILES = [str(EXAMPLE / f"{name}.csv") for name in ("reserves", "emodes", "accounts", "legs")]
MARKET = ["--market-file", str(EXAMPLE / "market.toml")]


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["import", *map(str, arguments)])
    return int(stop.value.code or 0)


def test_the_example_becomes_a_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*FILES, "-o", tmp_path / "s", *MARKET, "--strict") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "3 accounts, 4 collateral and 2 debt legs in 3 reserves" in err
    assert "health factor of 3 accounts recomputed" in err
    assert f"sha256 {digest(tmp_path / 's')[:12]}" in err
    assert load(tmp_path / "s").market.name == "example"


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    assert (
        run(*FILES, "-o", tmp_path / "a", *MARKET)
        == run(*reversed(FILES), "-o", tmp_path / "b", *MARKET)
        == 0
    )
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_options_stand_for_a_market_file_and_win_over_it(tmp_path: Path) -> None:
    options = ["--rules", "3.0", "--name", "mine", "--chain-id", "10", "--block", "5", "--time", "2024-01-01"]
    base = ["--base", "ETH", "--base-usd", "2000.5", "--base-decimals", "18"]
    assert run(*FILES, "-o", tmp_path / "a", *options, *base, "--tolerance", "100") == 0
    alone = load(tmp_path / "a")
    assert (alone.market.name, alone.market.chain_id, alone.rules.version) == ("mine", 10, "3.0")
    assert (alone.block.number, alone.block.timestamp_s) == (5, 1_704_067_200)
    assert (alone.base.symbol, str(alone.base.usd), alone.base.unit_raw) == ("ETH", "2000.5", 10**18)
    assert run(*FILES, "-o", tmp_path / "b", *MARKET, "--name", "mine") == 0
    assert load(tmp_path / "b").market.name == "mine"
    assert load(tmp_path / "b").rules.version == "3.3"


def test_a_bad_row_is_told_and_refused_only_when_strict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    legs = tmp_path / "legs.csv"
    legs.write_text((EXAMPLE / "legs.csv").read_text() + "x,debt,WETH,-4,\n")
    files = [*FILES[:3], str(legs)]
    assert run(*files, "-o", tmp_path / "s", *MARKET, "--strict") == 1
    assert not (tmp_path / "s").exists()
    assert "nothing was written" in capsys.readouterr().err
    assert run(*files, "-o", tmp_path / "s", *MARKET) == 0
    err = capsys.readouterr().err
    assert "high: legs.csv:8: left out: amount is -4, expected >= 0." in err
    findings = json.loads((tmp_path / "s" / "manifest.json").read_text())["findings"]
    assert [f["subject"] for f in findings if f["severity"] == "high"] == ["legs.csv:8"]


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    legs = tmp_path / "legs.csv"
    legs.write_text("account,side,asset,amount\na,debt,WETH,1\na,debt,\x1b[31mred,1\n")
    assert run(*FILES[:3], legs, "-o", tmp_path / "s", *MARKET) == 0
    assert "\x1b" not in capsys.readouterr().err


def test_an_existing_output_is_kept_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*FILES, "-o", tmp_path / "s", *MARKET) == 0
    assert run(*FILES, "-o", tmp_path / "s", *MARKET, "--name", "other") == 2
    assert "--force" in capsys.readouterr().err
    assert load(tmp_path / "s").market.name == "example"
    assert run(*FILES, "-o", tmp_path / "s", *MARKET, "--name", "other", "--force") == 0
    assert load(tmp_path / "s").market.name == "other"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([*FILES], "--rules"),
        ([*FILES, "--rules", "1.0"], "1.0"),
        ([FILES[0], "--rules", "3.3"], "lists legs"),
        ([*FILES, "absent.csv", "--rules", "3.3"], "absent.csv"),
        ([*FILES, "--rules", "3.3", "--tolerance", "inf"], "tolerance"),
        ([*FILES, "--rules", "3.3", "--time", "soon"], "block.time"),
        ([*FILES, "--rules", "3.3", "--base", "ETH"], "--base-usd"),
    ],
)
def test_bad_input_exits_2_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    assert run(*arguments, "-o", tmp_path / "s") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "breakwater: error:" in err
    assert named in err
    assert list(tmp_path.iterdir()) == []


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "breakwater import reserves.csv legs.csv -o snap" in capsys.readouterr().out
