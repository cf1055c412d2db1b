"""``breakwater solve`` and ``breakwater limits`` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from protocols.store import save
from risk.cli.main import app
from tests.risk.report import made

LIMITS = """
[tail]
level = 0.8
[bad_debt]
cvar_usd = 1e12
[box]
threshold_bps = 100
threshold_step_bps = 100
ltv_bps = 100
"""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("solve") / "snap"
    save(made.market(), folder)
    return folder


def run(*args: object) -> tuple[int, str, str]:
    got = CliRunner().invoke(app, [str(a) for a in args])
    return got.exit_code, got.stdout, got.stderr


def test_template(tmp_path: Path) -> None:
    assert run("limits", "init", tmp_path / "limits.toml")[0] == 0
    assert "[bad_debt]" in (tmp_path / "limits.toml").read_text()
    assert run("limits", "init")[1] == (tmp_path / "limits.toml").read_text()


def test_a_plan_goes_to_propose(snapshot: Path, tmp_path: Path) -> None:
    """What solve writes is what propose reads; twice the same bytes."""
    (tmp_path / "limits.toml").write_text(LIMITS)
    common = ("--limits", tmp_path / "limits.toml", "--shock", "WETH=-20%", "--shock", "WETH=-30%")
    code, out, _ = run("solve", snapshot, *common, "-o", tmp_path / "a")
    assert code == 0
    assert "## Doing nothing" in out
    assert run("solve", snapshot, *common, "-o", tmp_path / "b")[0] == 0
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["inputs", "manifest.json", "plan.json", "snapshot", "solution.json", "solution.md"]
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    changes = json.loads((tmp_path / "a" / "plan.json").read_text())["changes"]
    code, out, _ = run("propose", snapshot, "--from", tmp_path / "a", "--shock", "WETH=-20%", "--json")
    assert code in (0, 1)
    assert json.loads(out)
    assert changes


def test_nothing_feasible_is_exit_code_1(snapshot: Path, tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(LIMITS.replace("1e12", "0.01"))
    code, out, _ = run(
        "solve", snapshot, "--limits", tmp_path / "limits.toml", "--shock", "market=-60%", "--json"
    )
    assert code == 1
    assert json.loads(out)["data"]["conflict"]["names"]
