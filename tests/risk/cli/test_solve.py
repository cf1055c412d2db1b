"""``breakwater solve`` and ``breakwater limits`` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.risk.cli.conftest import Run
from tests.risk.solver.small import LIMITS


def test_template(run: Run, tmp_path: Path) -> None:
    assert run("limits", "init", tmp_path / "limits.toml")[0] == 0
    assert "[bad_debt]" in (tmp_path / "limits.toml").read_text()
    assert run("limits", "init")[1] == (tmp_path / "limits.toml").read_text()


def test_a_plan_goes_to_propose(snap: Path, run: Run, tmp_path: Path) -> None:
    """What solve writes is what propose reads; twice the same bytes."""
    (tmp_path / "limits.toml").write_text(LIMITS)
    common = ("--limits", tmp_path / "limits.toml", "--shock", "WETH=-20%", "--shock", "WETH=-30%")
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
