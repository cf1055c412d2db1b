"""``breakwater stress`` on a saved snapshot."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protocols.store import digest, save
from risk.cli.stress_tables import TABLES
from risk.outcome import LEDGER
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.scenarios.standard import standard_set
from risk.scenarios.storage import write_scenarios
from risk.sensitivity import VARIANTS
from tests.risk.cli.conftest import Run
from tests.risk.engine.markets import Account as Position
from tests.risk.engine.markets import market as book_of_accounts
from tests.risk.engine.markets import reserve as plain
from tests.risk.report.made import market

SHOCK = ("--shock", "WETH=-40%", "--shock", "WETH=-1%")


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
        (("--table", "beauty", "--csv"), "beauty"),
        (("--table", "figures"), "--csv"),
        (("--table", "attribution", "--csv"), "--attribution"),
        (("--without-cascade", "x"), "--attribution"),
        (("--level", "high"), "high"),
        (("--executor", "10.0.0.5"), "10.0.0.5"),
        (("--level", "100%"), "100%"),
        (("--level", "95%", "--level", "0.95"), "0.95"),
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


def test_depth_sensitivity_in_json_and_csv(run: Run, snap: Path) -> None:
    _, text, _ = run("stress", snap, *SHOCK, "--depth-sensitivity", "--json")
    found = json.loads(text)["data"]["sensitivity"]
    assert [row["variant"] for row in found["variants"]] == list(VARIANTS)
    assert {type(row["holds"]) for row in found["conclusions"]} == {bool}
    _, table, _ = run("stress", snap, *SHOCK, "--depth-sensitivity", "--csv")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["variant"] for row in rows] == list(VARIANTS)
    for row in rows:
        told = [c["conclusion"] for c in found["conclusions"] if row["variant"] in c["fails"].split(", ")]
        assert row["reverses"] == "; ".join(told)
    assert any(row["reverses"] for row in rows)


def test_figures_of_chosen_scenarios_have_no_interval(run: Run, snap: Path) -> None:
    code, out, _ = run("stress", snap, *SHOCK, "--level", "90%")
    assert code == 0
    assert "No interval is defined: scenarios are chosen, not drawn" in out
    assert "CVaR 90 %" in out
    _, text, _ = run("stress", snap, *SHOCK, "--level", "90%", "--level", "0.5", "--json")
    body = json.loads(text)
    figures = {(f["amount"], f["measure"], f["level"]): f for f in body["data"]["figures"]}
    assert body["inputs"]["levels"] == [0.9, 0.5]
    assert {level for _, _, level in figures} == {None, 0.9, 0.5}
    losses = [row["bad_debt_usd"] for row in body["data"]["rows"]]
    assert figures["bad_debt_usd", "mean", None]["value"] == pytest.approx(sum(losses) / len(losses))
    assert figures["bad_debt_usd", "VaR", 0.9]["value"] == max(losses)
    assert all(f["low"] is None and f["interval"].startswith("none") for f in figures.values())


def test_figures_of_drawn_scenarios_have_intervals(run: Run, snap: Path, tmp_path: Path) -> None:
    price = market().price_usd * np.random.default_rng(3).uniform(0.5, 1.1, (60, 1, len(market().reserves)))
    drawn = Scenarios(
        names=tuple(f"draw {k}" for k in range(60)),
        groups=("drawn",) * 60,
        assets=market().asset_names,
        venues=("market",),
        time_s=np.zeros(1),
        weight=np.random.default_rng(4).uniform(0.5, 2.0, 60),
        seed=3,
        sha256="",
        produce=lambda a, b: ScenarioBlock(a, price[a:b, :, None], price[a:b]),
    )
    write_scenarios(drawn, tmp_path / "drawn")
    code, text, _ = run("stress", snap, "--scenarios", tmp_path / "drawn", "--json")
    assert code == 0
    for f in json.loads(text)["data"]["figures"]:
        if f["measure"] == "worst":
            assert f["low"] is None
        else:
            assert f["interval"] in ("bootstrap", "normal approximation")
            assert f["low"] is None or f["low"] <= f["value"] * (1 + 1e-9)
            assert f["high"] is None or f["high"] >= f["value"] * (1 - 1e-9)
    code, out, _ = run("stress", snap, "--scenarios", tmp_path / "drawn")
    assert "95 % interval" in out
    assert "…" in out


@pytest.mark.parametrize("table", [t for t in TABLES if t not in ("sensitivity", "attribution")])
def test_each_table_is_csv_that_agrees_with_json(run: Run, snap: Path, table: str) -> None:
    _, text, _ = run("stress", snap, *SHOCK, "--csv", "--table", table)
    rows = list(csv.DictReader(io.StringIO(text)))
    _, json_text, _ = run("stress", snap, *SHOCK, "--json")
    data = json.loads(json_text)["data"]
    if table == "ledger":
        first = data["rows"][0]
        for side, names, suffix in (("reserve", data["assets"], "asset"), ("emode", data["emodes"], "emode")):
            own = [r for r in rows if (r["scenario"], r["side"]) == (first["scenario"], side)]
            assert [r["name"] for r in own] == names
            for column in LEDGER:
                assert [float(r[f"{column}_usd"]) for r in own] == first[f"{column}_by_{suffix}"]
        assert sum(first["bad_debt_by_emode"]) == pytest.approx(sum(first["bad_debt_by_asset"]))
    elif table == "figures":
        assert [float(r["value"]) for r in rows] == [f["value"] for f in data["figures"]]
    elif table == "exposure":
        told = {r["test"]: float(r["figure"]) for r in rows}
        assert told["borrow power"] == data["exposure"]["borrow_power_usd"]
        assert told["cover-2 shortfall"] == data["exposure"]["cover_two"]["shortfall_usd"]
        assert sum(r["test"] == "cap fill" for r in rows) == len(data["exposure"]["cap_fill"])
    else:
        assert [float(r["potential_bad_debt_usd"]) for r in rows] == [
            r["potential_bad_debt_usd"] for r in data["rows"]
        ]


def test_attribution_adds_up_in_json_csv_and_table(run: Run, snap: Path) -> None:
    _, text, _ = run("stress", snap, *SHOCK, "--attribution", "--json")
    found = json.loads(text)["data"]["attribution"]
    assert found["channels"] == ["oracle error", "close-factor excess"]
    assert set(found["absent"]) == {"price impact", "exchange cascade"}
    for row in found["rows"]:
        loss = row["avoidable_loss_usd"]
        assert loss["rest"] + sum(loss["shapley"]) == pytest.approx(loss["harm"])
    assert found["rows"][0]["avoidable_loss_usd"]["harm"] > 0
    _, table, _ = run("stress", snap, *SHOCK, "--attribution", "--csv")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == 2 * 2
    assert (
        float(rows[0]["avoidable_loss_shapley_usd"]) == found["rows"][0]["avoidable_loss_usd"]["shapley"][0]
    )
    code, out, _ = run("stress", snap, *SHOCK, "--attribution")
    assert code == 0
    assert "exchange cascade: not switched" in out
    assert "close-factor excess" in out


def test_strict_fails_on_findings_of_a_depth_file(run: Run, snap: Path, tmp_path: Path) -> None:
    path = tmp_path / "depth.csv"
    now = market().block.timestamp_s
    path.write_text(f"asset,size_tokens,proceeds_usd,time,source\nDOGE,1,1,{now},x\n", encoding="utf-8")
    code, out, err = run("stress", snap, *SHOCK, "--depth", path)
    assert code == 0
    assert "DOGE" in err
    code, out, err = run("stress", snap, *SHOCK, "--depth", path, "--strict", "--json")
    assert code == 1
    assert json.loads(out)["findings"][0]["subject"] == "DOGE"
    assert "medium severity" in err


def test_bracketed_names_are_shown_as_they_are(run: Run, snap: Path, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[[shock]]\nmove = "WETH=-40%"\ngroup = "=cmd()"\n', encoding="utf-8")
    _, text, _ = run("stress", snap, "--scenarios", tmp_path / "s.toml", "--csv")
    assert "'=cmd()" in text


def test_options_of_a_run_are_told_in_its_json(run: Run, snap: Path) -> None:
    _, text, _ = run("stress", snap, *SHOCK, "--json", "--interest", "--latency-blocks", 5, "--feedback", 0.5)
    inputs = json.loads(text)["inputs"]
    assert inputs["interest"] is True
    assert (inputs["latency_blocks"], inputs["feedback"]) == (5.0, 0.5)
    _, plain, _ = run("stress", snap, *SHOCK, "--json")
    assert "interest" not in json.loads(plain)["inputs"]


@pytest.mark.parametrize("case", ["empty", "no collateral", "worthless collateral"])
def test_odd_books_give_numbers_in_every_output(run: Run, tmp_path: Path, case: str) -> None:
    """Nobody at all, a debt nothing stands behind, and collateral at a price of 0: no NaN, no crash."""
    listed = [plain("X", 100.0), plain("USDC", decimals=6), plain("ZERO", 0.0)]
    accounts = {
        "empty": [],
        "no collateral": [Position({}, {1: 1_000.0}), Position({0: 10.0}, {1: 700.0})],
        "worthless collateral": [Position({2: 10.0}, {1: 500.0}), Position({0: 10.0, 2: 1.0}, {1: 700.0})],
    }[case]
    save(book_of_accounts(listed, accounts), tmp_path / "snap")
    shock = ("--shock", "X=-30%", "--shock", "X=0%")
    more = ("--attribution", "--depth-sensitivity")
    code, text, _ = run("stress", tmp_path / "snap", *shock, *more, "--json")
    assert code == 0
    rows = json.loads(text)["data"]["rows"]  # the envelope refuses NaN and infinity
    lost = {"empty": 0.0, "no collateral": 1_000.0, "worthless collateral": 500.0}[case]
    assert rows[1]["bad_debt_usd"] == pytest.approx(lost)
    assert rows[1]["potential_bad_debt_usd"] == pytest.approx(lost)
    assert rows[0]["bad_debt_usd"] >= rows[1]["bad_debt_usd"]
    code, out, _ = run("stress", tmp_path / "snap", *shock, *more)
    assert (code, "nan" in out) == (0, False)
    for table in TABLES:
        code, out, _ = run("stress", tmp_path / "snap", *shock, *more, "--csv", "--table", table)
        assert (code, "nan" in out) == (0, False)
