"""``breakwater review``: end to end on a saved snapshot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.snapshot import Snapshot
from protocols.store import digest
from tests.risk.cli.conftest import Run
from tests.risk.report.made import market

FILES = ("report.html", "report.md", "review.json")
ROOT = Path(__file__).resolve().parents[3]


def test_three_files_and_a_summary(run: Run, snap: Path, tmp_path: Path) -> None:
    code, out, err = run("review", snap, "-o", tmp_path / "out", "--cover", 500_000)
    assert (code, out) == (0, "")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert "At block 24,000,000 the market holds" in err
    assert "INFINITE DEPTH" in err
    body = json.loads((tmp_path / "out" / "review.json").read_text(encoding="utf-8"))
    assert body["schema"] == "breakwater.review/1"
    assert body["inputs"]["snapshot_sha256"] == digest(snap)
    assert body["inputs"]["cover_usd"] == 500_000
    assert body["data"]["reverse"][0]["loss_usd"] > 500_000
    assert str(tmp_path) not in json.dumps(body)


def test_json_goes_to_stdout_alone(run: Run, snap: Path, tmp_path: Path) -> None:
    code, out, _ = run("review", snap, "-o", tmp_path, "--json", "--seed", 11)
    assert code == 0
    assert out == (tmp_path / "review.json").read_text(encoding="utf-8")
    assert json.loads(out)["inputs"]["seed"] == 11


def test_own_shocks_lead_and_depth_is_used(run: Run, snap: Path, tmp_path: Path) -> None:
    taken: Snapshot = market()
    lines = ["asset,size_tokens,proceeds_usd,time,source"]
    for reserve, price in zip(taken.reserves, taken.price_usd, strict=True):
        size = 10_000_000 / price
        lines.append(f"{reserve.symbol},{size},{0.97 * size * price},{taken.block.timestamp_s},made")
    curve = tmp_path / "depth.csv"
    curve.write_text("\n".join(lines) + "\n", encoding="utf-8")
    code, _, err = run(
        "review", snap, "-o", tmp_path / "out", "--shock", "WETH=-35%,WBTC=-20%", "--depth", curve
    )
    assert code == 0
    assert "Scenario ETH -35%, WBTC -20%" in err or "Scenario WBTC -20%, WETH -35%" in err
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No depth was given" not in text
    assert "INFINITE DEPTH ASSUMED" not in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_a_spec_replaces_the_standard_set(run: Run, snap: Path, tmp_path: Path) -> None:
    spec = tmp_path / "own.toml"
    spec.write_text('[[shock]]\nmove = "LINK=-40%"\n', encoding="utf-8")
    code, out, _ = run(
        "review", snap, "-o", tmp_path / "out", "--scenarios", spec, "--grid", "market=0:-20%:5", "--json"
    )
    assert code == 0
    assert json.loads(out)["data"]["scenarios_total"] == 6


@pytest.mark.verify
def test_the_same_inputs_give_the_same_bytes_whatever_locale_and_zone(snap: Path, tmp_path: Path) -> None:
    made = []
    for k, zone in enumerate(("UTC", "Pacific/Kiritimati")):
        folder = tmp_path / str(k)
        subprocess.run(
            [sys.executable, "-m", "risk.cli.main", "review", str(snap), "-o", str(folder), "--cover", "1e5"],
            check=True,
            cwd=ROOT,
            capture_output=True,
            env={**os.environ, "TZ": zone, "LC_ALL": ("C", "C.UTF-8")[k], "PYTHONHASHSEED": str(k)},
        )
        made.append([(folder / name).read_bytes() for name in FILES])
    assert made[0] == made[1]


@pytest.mark.parametrize("name", FILES)
def test_reports_that_are_there_are_kept(run: Run, snap: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    code, _, err = run("review", snap, "-o", tmp_path)
    assert (code, (tmp_path / name).read_text(encoding="utf-8")) == (2, "mine")
    assert "--force" in err
    assert run("review", snap, "-o", tmp_path, "--force")[0] == 0
    assert (tmp_path / name).read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--shock", "WETH=30%"), "has no sign"),
        (("--shock", "DOGE=-30%"), "not listed"),
        (("--cover", "-1"), "no amount"),
        (("--cover", "nan"), "no amount"),
        (("--scenarios", "nowhere.toml"), "does not exist"),
        (("--depth", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_bad_input_is_an_error_and_writes_nothing(
    run: Run, snap: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run("review", snap, "-o", tmp_path / "out", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_refused(run: Run, snap: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    assert run("review", snap, "-o", tmp_path / "out")[0] == 2


def test_strict_refuses_grave_findings_but_writes_the_report(run: Run, snap: Path, tmp_path: Path) -> None:
    code, _, err = run("review", snap, "-o", tmp_path, "--strict")
    assert code == 1
    assert "high or critical" in err
    assert (tmp_path / "report.html").exists()


def test_help_has_examples(run: Run) -> None:
    code, out, _ = run("review", "--help")
    assert code == 0
    assert "--cover" in out
    assert "breakwater review snap -o out" in out
