"""Events spilled to a file are the events kept in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abis.errors import InputError
from benchmarks.bench_engine import market_of, shocks_of
from risk.engine.stress import stress
from risk.scenarios.scenarios import ScenarioBlock
from tests.property.test_engine_laws import same, shallow
from tests.risk.engine.markets import Account, market, moves, reserve


def test_the_file_is_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EVT-1: events in a file are those in memory, scenarios by name, whatever the block; totals too."""
    snapshot, path = market_of(5, 40), tmp_path / "calls.parquet"
    scenarios = shocks_of(snapshot, 5, 7, times=3)
    kept = stress(snapshot, scenarios, depth=shallow(snapshot), events=True)
    monkeypatch.setattr("risk.engine.stress.block_size", lambda *_: 2)
    spilled = stress(snapshot, scenarios, depth=shallow(snapshot), events=path)
    same(kept, spilled)
    assert spilled.events is None
    assert kept.events is not None
    assert len(kept.events) > 10
    read, table = pd.read_parquet(path), kept.events
    assert read.scenario.tolist() == [scenarios.names[s] for s in table.scenario]
    for name in ("account", "collateral", "debt"):
        assert read[name].tolist() == table[name].astype(str).tolist()
    numbers = [c for c in table.columns if c not in ("scenario", "account", "collateral", "debt")]
    pd.testing.assert_frame_equal(read[numbers], table[numbers].reset_index(drop=True))
    assert list(tmp_path.iterdir()) == [path]


def test_no_calls_are_an_empty_table(tmp_path: Path) -> None:
    snapshot = market([reserve("X", 100.0)], [Account({0: 1.0}, {})])
    stress(snapshot, moves(snapshot, [[1.0]]), events=tmp_path / "calls.parquet")
    read = pd.read_parquet(tmp_path / "calls.parquet")
    assert read.empty
    assert "repaid_usd" in read.columns


def test_a_run_that_fails_leaves_no_file(tmp_path: Path) -> None:
    snapshot = market_of(5, 4)
    scenarios = shocks_of(snapshot, 5, 2)

    def broken(start: int, stop: int) -> ScenarioBlock:
        raise RuntimeError(f"{start} to {stop}")

    object.__setattr__(scenarios, "produce", broken)
    with pytest.raises(RuntimeError, match="0 to 2"):
        stress(snapshot, scenarios, events=tmp_path / "calls.parquet")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="cannot write"):
        stress(snapshot, shocks_of(snapshot, 5, 2), events=tmp_path / "nowhere" / "calls.parquet")


@pytest.mark.parametrize("price", [np.nan, -1.0, np.inf])
def test_impossible_prices_are_refused_with_their_place(price: float) -> None:
    snapshot = market([reserve("X", 100.0), reserve("USD", 1.0)], [Account({0: 1.0}, {1: 75.0})])
    with pytest.raises(InputError, match="scenario 0, time 0, asset 0"):
        stress(snapshot, moves(snapshot, [[price, 1.0]]))


def test_books_with_nothing_to_seize_give_numbers() -> None:
    """Empty books, debt without collateral and collateral worth nothing: never NaN, and debt is lost."""
    listed = [reserve("X", 100.0), reserve("USD", 1.0)]
    for accounts, lost in (
        ([], 0.0),
        ([Account({}, {1: 75.0})], 75.0),
        ([Account({0: 1.0}, {1: 75.0})], 75.0),
    ):
        snapshot = market(listed, accounts)
        got = stress(snapshot, moves(snapshot, [[0.0, 1.0]]))
        assert got.bad_debt_usd.sum() == pytest.approx(lost)
        assert not got.frame().isna().any().any()
