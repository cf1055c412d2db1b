"""``breakwater solve`` and ``breakwater limits`` as a user types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.risk.cli.conftest import Run
from tests.risk.solver.small import LIMITS


def test_template(run: Run, tmp_path: Path) -> None:
    assert run("limits", "init", tmp_path / "limits.toml")[0] == 0
    assert "[bad_debt]" in (tmp_path / "limits.toml").read_text()
    assert run("limits", "init")[1] == (tmp_path / "limits.toml").read_text()


def test_a_plan_goes_to_propose(snap: Path, run: Run, tmp_path: Path) -> None:
    """What solve writes is what propose reads; twice the same bytes."""
    (tmp_path / "limits.toml").write_text(LIMITS)
    common = ("--limits", tmp_path / "limits.toml", "--shock", "WETH=-20%", "--no-explain")
    code, out, _ = run("solve", snap, *common, "-o", tmp_path / "a")
    assert code == 0
    assert "## Doing nothing" in out
    assert run("solve", snap, *common, "-o", tmp_path / "b")[0] == 0
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["inputs", "manifest.json", "plan.json", "snapshot", "solution.json", "solution.md"]
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    changes = json.loads((tmp_path / "a" / "plan.json").read_text())["changes"]
    code, out, _ = run("propose", snap, "--from", tmp_path / "a", "--shock", "WETH=-20%", "--json")
    assert code in (0, 1)
    assert json.loads(out)
    assert changes


def test_nothing_feasible_is_exit_code_1(snap: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(LIMITS.replace("1e12", "0.01"))
    code, out, _ = run(
        "solve", snap, "--limits", tmp_path / "limits.toml", "--shock", "market=-60%", "--json"
    )
    assert code == 1
    assert json.loads(out)["data"]["conflict"]["names"]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (("--frontier", 1, "-o", "out"), "--frontier 1 is no curve. Give at least 2"),
        (("--frontier", 3), "--frontier 3 writes files. Name a folder with -o"),
        (("--draws", 1), "greater than or equal to 2"),
        (("--draws", "many"), "valid integer"),
        (("--seed", 10**20), "--seed"),  # JSON holds no such number
        (("--draws", 50), "50 scenarios are too few for tail.level = 0.99"),
        (("--draws", 500, "--shock", "WETH=-20%"), "--draws 500 draws nothing"),
        (("--certify-with", "median"), "--certify-with median speaks of a certificate"),
        (("--try", 2), "--try 2 speaks of a certificate"),
        (("--certify", 10), "10 scenarios cannot certify"),
        (("--certify", 900, "--certify-with", "nope"), "'nope' is no generator"),
        (("--outer", -1), "greater than or equal to 0"),
        (("--sensitivity", 1), "without a depth"),
        (("--shock", "NOPE=-20%"), "'NOPE' is not listed"),
        (("--scenarios", "nowhere.toml"), "'nowhere.toml' does not exist"),
        (("--depth", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    snap: Path, run: Run, tmp_path: Path, asked: tuple[object, ...], named: str
) -> None:
    (tmp_path / "limits.toml").write_text("[bad_debt]\ncvar_usd = 1e9\n")
    asked = tuple(tmp_path / "out" if word == "out" else word for word in asked)
    code, out, err = run("solve", snap, "--limits", tmp_path / "limits.toml", *asked)
    assert (code, out) == (2, "")
    assert named in " ".join(re.sub("[\u2500-\u257f]", " ", err).split())
    assert "losses of every option" not in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[solver]\nobjective = "profit"', "solver.objective is 'profit'. Give one or several"),
        ("[bad_debt]\ncvar_us = 1", "Did you mean 'cvar_usd'"),
        ("[bad_debt]\ncvar_usd = -5", "bad_debt.cvar_usd is -5"),
        ("[avoidable_loss.per_emode.9]\ncvar_usd = 5", "e-mode '9'"),
        ("[pin]\n'WETH.ltv' = 1000", "outside the box"),
        ("[liquidations]\ncvar_usd = 1\nquantile_usd = 2", "can never bind"),
        ("[box]\nthreshold_bps = 0\nltv_bps = 0", "the box is empty"),
    ],
)
def test_bad_limits_are_refused_before_any_work(
    snap: Path, run: Run, tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "limits.toml").write_text(text)
    code, out, err = run("solve", snap, "--limits", tmp_path / "limits.toml", "--shock", "WETH=-20%")
    assert (code, out) == (2, "")
    assert named in " ".join(err.split())
    assert "losses of every option" not in err


def test_limits_that_cannot_be_read_are_named(snap: Path, run: Run, tmp_path: Path) -> None:
    code, _, err = run("solve", snap, "--limits", tmp_path / "none.toml")
    assert code == 2
    assert "none.toml" in "".join(err.split())
    assert "breakwater limits init" in " ".join(err.split())


def test_rules_by_regime_need_the_flag(snap: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(LIMITS + "[procyclicality]\nrelease_buffer = 0.25\n")
    code, _, err = run("solve", snap, "--limits", tmp_path / "limits.toml", "--shock", "WETH=-20%")
    assert code == 2
    assert "--regimes" in err
    (tmp_path / "limits.toml").write_text(LIMITS)
    code, _, err = run("solve", snap, "--limits", tmp_path / "limits.toml", "--candles", tmp_path / "x.csv")
    assert code == 2
    assert "--regimes" in err


@pytest.mark.verify
def test_without_a_known_regime_nothing_else_changes(snap: Path, run: Run, tmp_path: Path) -> None:
    """The rule stands beside the recommendation: plan and everything else are as without --regimes."""
    (tmp_path / "limits.toml").write_text(LIMITS)
    common = ("solve", snap, "--limits", tmp_path / "limits.toml", "--draws", 40, "--no-explain")
    assert run(*common, "-o", tmp_path / "plain")[0] == 0
    code, out, _ = run(*common, "--regimes", "-o", tmp_path / "rule")
    assert code == 0
    plain, rule = (json.loads((tmp_path / name / "solution.json").read_text()) for name in ("plain", "rule"))
    found = rule["data"].pop("regimes")
    assert rule == plain
    assert (tmp_path / "plain" / "plan.json").read_bytes() == (tmp_path / "rule" / "plan.json").read_bytes()
    assert found["now"]["regime"] is None
    assert "no candles were given" in found["now"]["why"]
    assert "Regime of the snapshot: not known" in out
    assert "certificate" in out
    assert "missing (`--certify`)" in out
    # Each regime has a plan that propose reads, and the folder is still verified.
    for regime, choice in found["regimes"].items():
        assert choice["kept"]
        assert choice["certificate"] is None
        folder = tmp_path / "rule" / f"regime-{regime.replace(' ', '-')}"
        assert json.loads((folder / "plan.json").read_text())["changes"] == choice["set"]
    code, _, err = run("propose", snap, "--from", folder, "--shock", "WETH=-20%", "--json")
    assert code in (0, 1), err
    assert run("verify", tmp_path / "rule")[0] == 0
    # What is measured is of the whole past, and the point of it: what tempers moves less.
    rules = {(m["coin"], m["rule"]): m["published"] for m in found["measured"]["rules"]}
    assert found["measured"]["days"] == 808
    plainest, all_four = rules["ETH", "volatility of the day"], rules["ETH", "all four"]
    assert all_four["largest_move"] < plainest["largest_move"]
    assert all_four["peak_to_trough"] < plainest["peak_to_trough"]
    assert all_four["mean"] > plainest["mean"]
