"""``breakwater stress`` on a saved snapshot."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from protocols.store import digest, save
from risk.cli.main import main
from risk.scenarios.standard import standard_set
from tests.risk.report.made import market

Run = Callable[..., tuple[int, str, str]]
SHOCK = ("--shock", "WETH=-40%", "--shock", "WETH=-1%")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line and return exit code, stdout and stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.fixture(scope="module")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stress") / "snap"
    save(market(), path)
    return path


def test_table_shows_the_worst_first(run: Run, snap: Path) -> None:
    code, out, err = run("stress", snap, *SHOCK)
    assert code == 0
    assert out.index("-40%") < out.index("-1%")
    assert "INFINITE DEPTH ASSUMED" in out
    assert "2 of 2 scenarios shown" in err
    assert "Scenarios run: 2" in err


def test_json_and_csv_hold_all_scenarios_and_agree(run: Run, snap: Path) -> None:
    _, text, _ = run("stress", snap, *SHOCK, "--json")
    body = json.loads(text)
    assert body["schema"] == "breakwater.stress/1"
    assert body["inputs"]["snapshot_sha256"] == digest(snap)
    _, table, _ = run("stress", snap, *SHOCK, "--csv")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [r["scenario"] for r in rows] == [r["scenario"] for r in body["data"]["rows"]]
    for row, given in zip(rows, body["data"]["rows"], strict=True):
        assert float(row["bad_debt_usd"]) == given["bad_debt_usd"] == sum(given["bad_debt_by_asset"])
    assert set(body["units"]) >= {"bad_debt_usd", "eligible_accounts", "under_liquidation_usd_hours"}


def test_standard_set_without_scenarios(run: Run, snap: Path) -> None:
    _, text, _ = run("stress", snap, "--json")
    rows = json.loads(text)["data"]["rows"]
    assert tuple(r["scenario"] for r in rows) == standard_set(market()).names


def test_events_are_every_call(run: Run, snap: Path, tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    code, _, _ = run("stress", snap, *SHOCK, "--events", path)
    assert code == 0
    table = pd.read_parquet(path)
    _, text, _ = run("stress", snap, *SHOCK, "--json")
    repaid = {r["scenario"]: r["repaid_usd"] for r in json.loads(text)["data"]["rows"] if r["repaid_usd"]}
    assert table.groupby("scenario")["repaid_usd"].sum().to_dict() == pytest.approx(repaid)
    code, _, err = run("stress", snap, *SHOCK, "--events", path)
    assert code == 2
    assert "--force" in err


def test_an_account_explained_in_the_worst_scenario(run: Run, snap: Path, tmp_path: Path) -> None:
    run("stress", snap, *SHOCK, "--events", tmp_path / "calls.parquet")
    account = str(pd.read_parquet(tmp_path / "calls.parquet")["account"].iloc[0])
    code, out, _ = run("stress", snap, *SHOCK, "--explain", account)
    assert code == 0
    assert out.startswith(f"Account {account} in scenario '")
    assert "call: repays" in out
    code, out, _ = run("stress", snap, *SHOCK, "--explain", account, "--scenario", "WETH -1%")
    assert "'WETH -1%'" in out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--json", "--csv"), "exclude"),
        (("--scenario", "WETH -1%"), "--explain"),
        (("--by", "beauty"), "beauty"),
        (("--explain", "0xnobody"), "0xnobody"),
        (("--shock", "NOPE=-1%"), "NOPE"),
        (("--scenarios", "missing.toml"), "missing.toml"),
    ],
)
def test_bad_input_is_named(run: Run, snap: Path, options: tuple[str, ...], named: str) -> None:
    code, out, err = run("stress", snap, *options)
    assert (code, out) == (2, "")
    assert named in err


def test_depth_sensitivity_says_what_holds(run: Run, snap: Path) -> None:
    code, out, _ = run("stress", snap, *SHOCK, "--depth-sensitivity")
    assert code == 0
    for variant in ("as given", "depth x 1/3", "depth x 3", "depth -86 %", "utilisation 100 %"):
        assert variant in out
    assert "INFINITE DEPTH ASSUMED" in out
    assert "the worst scenario by bad debt is" in out
    assert ": holds" in out
    code, _, err = run("stress", snap, "--depth-sensitivity", "--json")
    assert code == 2
    assert "--depth-sensitivity" in err


def test_options_of_a_run_are_told_in_its_json(run: Run, snap: Path) -> None:
    _, text, _ = run("stress", snap, *SHOCK, "--json", "--interest", "--latency-blocks", 5, "--feedback", 0.5)
    inputs = json.loads(text)["inputs"]
    assert inputs["interest"] is True
    assert (inputs["latency_blocks"], inputs["feedback"]) == (5.0, 0.5)
    _, plain, _ = run("stress", snap, *SHOCK, "--json")
    assert "interest" not in json.loads(plain)["inputs"]
