"""What a run by regime keeps, and that going on with it solves nothing again and changes no byte."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abis.errors import InputError
from protocols.snapshot import Snapshot
from protocols.store import save
from risk.cli.main import main
from risk.scenarios.fhs import shipped_fhs
from risk.scenarios.past import past_of
from risk.solver import regime_walk, regimes
from risk.solver.generators import sample_of
from risk.solver.limits import read_limits
from risk.solver.menu import Menu
from risk.solver.recommend import Solution, recommend
from risk.solver.regime_draws import REGIMES, Regimes, regimes_of
from risk.solver.regime_kept import sweeps_of
from risk.solver.regime_walk import EVERY_DAYS, WARM_UP_DAYS, Walk, walk
from risk.solver.regimes import RegimeChoice, by_regime
from risk.solver.resume import Checkpoint, unfinished
from risk.solver.search import Effort
from tests.risk.report import made
from tests.risk.solver.interrupting import files, interrupted
from tests.risk.solver.small import LIMITS

HASHES = {"snapshot": "a"}
SWEPT = Effort(attempts=2, realised=False)
DRAWS, CERTIFIED = 20, 60


@pytest.fixture(scope="module")
def past() -> Regimes:
    model = shipped_fhs()
    return regimes_of(model, past_of(model))


@pytest.fixture(scope="module")
def solution() -> Solution:
    market = made.market()
    return recommend(market, read_limits(LIMITS), sample_of("stressed", market, DRAWS, 1), effort=SWEPT)


def choices(solution: Solution, past: Regimes, folder: Path | None, **asked: Any) -> tuple[RegimeChoice, ...]:
    checkpoint = None if folder is None else Checkpoint(folder, HASHES)
    asked = {"draws": DRAWS, "seed": 1, "certified": CERTIFIED, "effort": SWEPT, "paths": 50} | asked
    return by_regime(solution, past, checkpoint=checkpoint, **asked)


def said(found: tuple[RegimeChoice, ...]) -> list[tuple[object, ...]]:
    """All of the choices that has a value of its own."""
    return [
        (
            *(c.regime, c.scenarios.sha256, c.ltvs, c.changes, c.amounts, c.certificate, c.conflict),
            *((s.not_before_s, s.changes, s.amounts, s.worsened) for s in c.plan),
        )
        for c in found
    ]


def no_more(*_: object, **__: object) -> None:
    raise AssertionError("computed again")


def test_finished_regimes_are_not_solved_again(
    solution: Solution, past: Regimes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = said(choices(solution, past, None))
    assert said(choices(solution, past, tmp_path / "c")) == plain
    with monkeypatch.context() as patched:
        for name in ("search", "losses_of", "certify"):
            patched.setattr(regimes, name, no_more)
        assert said(choices(solution, past, tmp_path / "c")) == plain
        # None of these is among the inputs that a checkpoint belongs to.
        for asked in ({"effort": replace(SWEPT, attempts=1)}, {"draws": DRAWS + 1}, {"seed": 2}):
            with pytest.raises(AssertionError, match="computed again"):
                choices(solution, past, tmp_path / "c", **asked)
        # What one regime left is damaged: it alone is solved again, from its sweeps.
        (kept, *_) = sorted((tmp_path / "c").rglob("solved-*.json"))
        kept.write_bytes(kept.read_bytes()[:-1])
        with pytest.raises(AssertionError, match="computed again"):
            choices(solution, past, tmp_path / "c")
    calls = 0
    searched: Callable[..., Any] = regimes.search

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return searched(*args, **kwargs)

    monkeypatch.setattr(regimes, "search", counted)
    assert said(choices(solution, past, tmp_path / "c")) == plain
    assert calls == 1


def test_sweeps_are_kept_under_their_menu(solution: Solution, tmp_path: Path) -> None:
    """It follows the recommendation, which other attempts may change while the inputs stay the same."""
    part, setting = Checkpoint(tmp_path / "c", HASHES), solution.setting
    first, *others = setting.menu.rows
    less = replace(setting, menu=Menu((replace(first, options=first.options[:-1], current=0), *others)))
    names = {one.name for one in map(partial(sweeps_of, part), (setting, less, setting)) if one is not None}
    assert len(names) == 2
    assert sweeps_of(None, setting) is None


def test_a_part_belongs_to_the_inputs_of_the_run(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "c", HASHES).part("p").fact("kind", "k", lambda: {"value": 0.1 + 0.2})
    again = Checkpoint(tmp_path / "c", HASHES)
    assert again.resumed
    assert again.files == 1
    assert again.part("p").fact("kind", "k", dict) == {"value": 0.1 + 0.2}
    assert again.part("q").fact("kind", "k", dict) == {}
    with pytest.raises(InputError, match="snapshot differ"):
        Checkpoint(tmp_path / "c" / "p", {"snapshot": "b"})


def walked(past: Regimes, folder: Path | None, seed: int = 1) -> Walk:
    """A walk over the first days alone: two estimates."""
    checkpoint = None if folder is None else Checkpoint(folder, HASHES)
    hours = (WARM_UP_DAYS + EVERY_DAYS + 30) * 24
    first = past.of(np.arange(len(past.model.end_s)) < hours)
    return walk(first, probability=0.05, horizon_days=1, paths=20, seed=seed, checkpoint=checkpoint)


def test_estimates_of_the_walk_are_found_again_to_the_bit(
    past: Regimes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = walked(past, None)
    found = [walked(past, tmp_path / "c")]
    monkeypatch.setattr(regime_walk, "_estimate", no_more)
    found.append(walked(past, tmp_path / "c"))
    for one in found:
        for name in ("of_day", "of_regime", "floor"):
            np.testing.assert_array_equal(getattr(one, name), getattr(plain, name))
    with pytest.raises(AssertionError, match="computed again"):
        walked(past, tmp_path / "c", seed=2)


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return made.market()


@pytest.mark.verify
def test_ctrl_c_and_kill_between_regimes_give_the_bytes_of_one_run(
    market: Snapshot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real command, interrupted after a regime and killed in the walk, then run to its end."""
    save(market, tmp_path / "snap")
    (tmp_path / "limits.toml").write_text(LIMITS)
    command = ["solve", str(tmp_path / "snap"), "--limits", str(tmp_path / "limits.toml"), "--draws", "40"]
    command += ["--regimes", "--no-explain"]
    first, killed = tmp_path / "a", signal.SIGKILL
    kept = unfinished(first)
    code, out, err = interrupted(command, first, "solved-*.json", signal.SIGINT)
    assert (code, out) == (130, ""), err
    assert "the same command goes on" in err
    solved = {p: p.stat().st_mtime_ns for p in kept.rglob("solved-*.json")}
    assert 0 < len(solved) <= len(REGIMES)
    code, out, err = interrupted(command, first, "estimate-*.json", killed)
    assert (code, out) == (-killed, ""), err
    assert f"going on with the unfinished run in {kept}" in " ".join(err.split())
    again = {p: p.stat().st_mtime_ns for p in kept.rglob("solved-*.json")}
    assert len(again) == len(REGIMES)
    assert {p: again[p] for p in solved} == solved  # not solved again
    assert [p.name for p in first.iterdir()] == [kept.name]
    said = []
    for folder in ("a", "b"):
        with pytest.raises(SystemExit) as stop:
            main([*command, "-o", str(tmp_path / folder)])
        assert not stop.value.code
        said.append(capsys.readouterr())
    assert said[0].out == said[1].out
    assert "by regime: losses of every option" not in said[0].err
    assert "by regime: losses of every option" in said[1].err
    wanted = files(tmp_path / "b")
    assert files(first) == wanted
    assert "regime-calm/plan.json" in wanted
