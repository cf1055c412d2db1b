"""What the demo's solver is judged by, and the demo from end to end."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.demo.__main__ import CERTIFIED, LIMITS
from examples.demo.tail import DRAWS, HOUR_S, spec_text, thinned
from risk.scenarios.mixture import STRESSED_AT_LEAST
from risk.solver.limits import load_limits
from tests.risk.engine.markets import market, moves, reserve

ROOT = Path(__file__).resolve().parents[2]


@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 40))
def test_thinned_paths_keep_hours_and_lowest_prices(seed: int, steps: int) -> None:
    """DMO-8: thinned paths keep every whole hour and the lowest fair price of every asset of every path."""
    rng = np.random.default_rng(seed)
    listed = market([reserve("X"), reserve("Y", 5.0)], [])
    whole = moves(listed, rng.uniform(0.5, 1.5, (3, steps, 2)))
    object.__setattr__(whole, "time_s", np.arange(steps) * 900.0)
    got = thinned(whole)
    assert set(whole.time_s[whole.time_s % HOUR_S == 0]) <= set(got.time_s) <= set(whole.time_s)
    before, after = whole.produce(0, 3), got.produce(0, 3)
    np.testing.assert_array_equal(before.fair_price_usd.min(axis=1), after.fair_price_usd.min(axis=1))
    assert after.market_price_usd.shape[1] == len(got.time_s)
    assert got.sha256 != whole.sha256


@pytest.mark.parametrize("name", DRAWS)
def test_the_mixture_is_stressed_enough(name: str) -> None:
    spec = tomllib.loads(spec_text(name))
    rows = [*spec["paths"], *spec["fhs"]]
    assert sum(row["share"] for row in rows) == pytest.approx(1.0)
    assert sum(row["share"] for row in rows if row.get("stressed")) >= STRESSED_AT_LEAST
    assert sum(row["scenarios"] for row in spec["fhs"]) == 2 * DRAWS[name]
    assert DRAWS.keys() == CERTIFIED.keys()


@pytest.mark.parametrize("name", DRAWS)
def test_the_limits_can_be_read(name: str) -> None:
    limits = load_limits(LIMITS[name])
    assert limits["avoidable_loss.cvar_usd"] < np.inf
    assert "emode:2" in limits.keep
    assert DRAWS.keys() == LIMITS.keys()


def test_samples_differ_in_what_a_larger_one_can_tell() -> None:
    """The limits of the two samples are the same but for the tail and the amounts in it."""
    small, full = (load_limits(LIMITS[name]).to_json() for name in ("small_sample", "full_sample"))
    differ = {key for key in small if small[key] != full[key]}
    assert differ == {"tail.level", "bad_debt.cvar_usd", "avoidable_loss.cvar_usd"}


@pytest.mark.chain
@pytest.mark.verify
@pytest.mark.usefixtures("local_chain_installed")
def test_the_demo_solves_and_its_plan_is_verified(tmp_path: Path) -> None:
    """Doing nothing breaks limits, the plan keeps all; a changed figure is found out."""
    command = [sys.executable, "-m", "examples.demo", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "amounts and bounds are the same" in done.stdout + done.stderr
    assert "SMALL SAMPLE" in done.stderr
    folder = tmp_path / "solution_small_sample"
    data = json.loads((folder / "solution.json").read_text())["data"]
    assert not all(a["kept"] for a in data["do_nothing"]["amounts"])
    assert data["changes"]
    assert all(a["kept"] for a in data["recommended"]["amounts"])
    (folder / "solution.md").write_text((folder / "solution.md").read_text() + " ")
    verify = [sys.executable, "-m", "risk.cli.main", "verify", str(folder)]
    assert subprocess.run(verify, cwd=ROOT, capture_output=True, check=False).returncode != 0
