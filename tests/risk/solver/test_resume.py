"""What an interrupted run keeps, and that going on with it changes no byte."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from abis.errors import InputError, MalformedFile
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from protocols.store import save
from risk.cli.main import main
from risk.cli.resumable import resumable
from risk.proposal import provenance
from risk.scenarios.build import grid
from risk.scenarios.scenarios import Scenarios
from risk.solver.amount import Amount
from risk.solver.cap_options import Kind
from risk.solver.evaluate import Judgement, Setting, judged
from risk.solver.limits import read_limits
from risk.solver.losses import losses_of
from risk.solver.menu import menu_of
from risk.solver.resume import INPUTS, Checkpoint, unfinished
from tests.risk.report import made
from tests.risk.solver.interrupting import files, interrupted

LIMITS = "[tail]\nlevel = 0.9\n[avoidable_loss]\ncvar_usd = {}\n[box]\nthreshold_bps = 100\nltv_bps = 100\n"
HASHES = {"snapshot": "a", "limits": "b", "depth": None}


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return made.market()


@pytest.fixture(scope="module")
def falls(market: Snapshot) -> Scenarios:
    return grid("market=0:-40%:5", market)


@pytest.fixture
def setting(market: Snapshot, falls: Scenarios) -> Setting:
    tolerated = read_limits(LIMITS.format("1e9"))
    return Setting(market, menu_of(market, tolerated), falls, tolerated)


def test_sweeps_are_found_again_to_the_bit(setting: Setting, tmp_path: Path) -> None:
    inputs = (setting.snapshot, setting.menu, setting.scenarios, setting.limits)
    plain = losses_of(*inputs)
    first = losses_of(*inputs, kept=Checkpoint(tmp_path / "c", HASHES).losses("all"))
    again = Checkpoint(tmp_path / "c", HASHES)
    second = losses_of(*inputs, kept=again.losses("all"))
    assert again.resumed
    assert again.blocks_found == 1
    for a, b, c in zip(plain, first, second, strict=True):
        for measure in ("eligible_usd", "bad_debt_usd", "avoidable_usd"):
            want = getattr(a.swept.change, measure)
            assert np.array_equal(getattr(b.swept.change, measure), want)
            assert np.array_equal(getattr(c.swept.change, measure), want)


def test_a_damaged_block_is_swept_again(setting: Setting, tmp_path: Path) -> None:
    inputs = (setting.snapshot, setting.menu, setting.scenarios, setting.limits)
    want = losses_of(*inputs, kept=Checkpoint(tmp_path / "c", HASHES).losses("all"))
    (path,) = (tmp_path / "c").glob("*.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    again = Checkpoint(tmp_path / "c", HASHES)
    got = losses_of(*inputs, kept=again.losses("all"))
    assert again.blocks_found == 0
    assert np.array_equal(got[0].swept.change.eligible_usd, want[0].swept.change.eligible_usd)


def test_judgements_are_found_again_for_the_same_inputs_only(setting: Setting, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c", HASHES)
    known = replace(setting, known=checkpoint)
    checkpoint.bind(known)
    chosen = setting.menu.current
    want = judged(setting, chosen)
    assert judged(known, chosen) == want
    again = Checkpoint(tmp_path / "c", HASHES)
    again.bind(known)
    known = replace(known, known=again)
    assert judged(known, chosen) == want
    assert again.facts_found == 1
    other = chosen.copy()
    other[0] = setting.menu.first[0] + 1
    assert judged(known, other) == judged(setting, other)
    shorter = replace(known, scenarios=grid("market=0:-20%:3", setting.snapshot))
    assert judged(shorter, chosen) == judged(replace(shorter, known=None), chosen)
    assert again.facts_found == 1


def test_every_float_survives(setting: Setting, tmp_path: Path) -> None:
    finding = Finding(FindingKind.MISSING, Severity.LOW, "x", "y", 1.5, "z")
    made_up = Judgement((Amount("a", 0.1 + 0.2, float("inf"), "m"),), (finding,))
    checkpoint = Checkpoint(tmp_path / "c", HASHES)
    checkpoint.bind(setting)
    assert checkpoint.judgement(setting, "k" * 64, lambda: made_up) == made_up
    again = Checkpoint(tmp_path / "c", HASHES)
    again.bind(setting)
    assert again.judgement(setting, "k" * 64, lambda: Judgement(())) == made_up


def test_other_inputs_are_refused_by_name(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "c", HASHES)
    with pytest.raises(InputError, match="limits differ") as caught:
        Checkpoint(tmp_path / "c", {**HASHES, "limits": "other"})
    assert "--restart" in (caught.value.remedy or "")
    Checkpoint(tmp_path / "c", {**HASHES, "limits": "other"}, restart=True)
    (tmp_path / "c" / INPUTS).write_text("{")
    with pytest.raises(MalformedFile, match="does not say"):
        Checkpoint(tmp_path / "c", HASHES)


@pytest.mark.verify
def test_ctrl_c_and_the_same_command_give_the_bytes_of_one_run(market: Snapshot, tmp_path: Path) -> None:
    """A real process, interrupted as soon as it keeps something, then run again."""
    save(market, tmp_path / "snap")
    (tmp_path / "limits.toml").write_text(LIMITS.format("1e9") + "[solver]\nrelever = [0.0]\n")
    command = ["solve", str(tmp_path / "snap"), "--limits", str(tmp_path / "limits.toml"), "--draws", "300"]
    kept = unfinished(tmp_path / "a")
    code, out, err = interrupted(command, tmp_path / "a", "losses-*", signal.SIGINT)
    assert code == 130, err
    assert "the same command goes on" in err
    assert out == ""
    assert [p.name for p in (tmp_path / "a").iterdir()] == [kept.name]
    assert json.loads((kept / INPUTS).read_text())["inputs"]["seed"] == "1"
    assert not list(kept.glob(".*"))  # nothing half-written
    for folder in ("a", "b"):
        with pytest.raises(SystemExit) as stop:
            main([*command, "-o", str(tmp_path / folder)])
        assert not stop.value.code
    wanted = files(tmp_path / "b")
    assert files(tmp_path / "a") == wanted
    assert "solution.json" in wanted


def test_caps_are_part_of_what_names_a_judgement(market: Snapshot, falls: Scenarios, tmp_path: Path) -> None:
    """Two choices that differ in a cap alone are two judgements."""
    tolerated = read_limits(LIMITS.format("1e9") + "supply_cap_pct = 10\nsupply_cap_step_pct = 10\n")
    setting = Setting(market, menu_of(market, tolerated), falls, tolerated)
    checkpoint = Checkpoint(tmp_path / "c", HASHES)
    setting = replace(setting, known=checkpoint)
    checkpoint.bind(setting)
    menu = setting.menu
    (row, *_) = [r for r, row in enumerate(menu.rows) if row.kind is Kind.SUPPLY_CAP]
    judged(setting, menu.current, realised=False)
    other = menu.current.copy()
    other[row] = menu.first[row] + (1 if menu.rows[row].current == 0 else 0)
    judged(setting, other, realised=False)
    assert checkpoint.facts_found == 0


def test_what_other_code_left_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of any of the packages' files ends what was unfinished, with no new version."""
    with resumable(tmp_path, {"limits": "a"}, restart=False):
        pass
    with resumable(tmp_path, {"limits": "a"}, restart=False) as checkpoint:
        assert checkpoint is not None
        assert checkpoint.resumed
    monkeypatch.setattr(provenance, "code_sha256", lambda: "0" * 64)
    with (
        pytest.raises(InputError, match="code_sha256 differ"),
        resumable(tmp_path, {"limits": "a"}, restart=False),
    ):
        pass
