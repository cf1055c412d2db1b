from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abis.errors import BreakwaterError, MalformedFile, ScenarioError
from risk.scenarios.spec import load_scenarios
from risk.scenarios.storage import write_scenarios
from tests.risk.markets import NOW_S, market
from tests.risk.scenarios.test_mixture import cascade
from tests.risk.scenarios.test_spec import spec

SNAPSHOT = market()
FHS = "[[fhs]]\nscenarios = 40\nhorizon_s = 86400\nseed = 3\n"
BOOTSTRAP = "[[bootstrap]]\nfiles = ['c.parquet']\nstep_s = 3600\nscenarios = 20\nhorizon_s = 86400\n"
DEPEG = "[[depeg]]\ntokens = { USDC = 1.0 }\nkind = 'stable'\nhalf_life_s = 43200\ncertain = true\n"
SHARES = "share = {} \nstressed = {}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    times = pd.date_range("2025-11-01", periods=400, freq="1h", tz="UTC")
    frames = []
    for symbol in ("ETH/USDT", "BTC/USDT"):
        close = 3_000 * np.exp(np.cumsum(0.01 * rng.standard_normal(400)))
        frames.append(pd.DataFrame({"time": times, "symbol": symbol, "close": close}))
    pd.concat(frames).to_parquet(tmp_path / "c.parquet")
    write_scenarios(cascade(), tmp_path / "december")
    return tmp_path


def test_sources_of_a_file_become_one_mixture(folder: Path) -> None:
    text = FHS + SHARES.format(0.5, "false") + BOOTSTRAP + SHARES.format(0.25, "false")
    text += "[[paths]]\nfolder = 'december'\n" + SHARES.format(0.25, "true")
    scenarios = load_scenarios(spec(folder, text), SNAPSHOT)
    assert len(scenarios) == 62
    assert scenarios.weight[-2:].sum() == pytest.approx(0.25)
    assert scenarios.groups.count("fhs") == 40
    assert scenarios.venues == ("perp", "spot")
    assert scenarios.sha256 == load_scenarios(spec(folder, text), SNAPSHOT).sha256
    with pytest.raises(ScenarioError, match="less than 25%"):
        load_scenarios(spec(folder, text.replace("true", "false")), SNAPSHOT)


def test_generated_paths_stand_beside_shocks_without_shares(folder: Path) -> None:
    text = "[[shock]]\nmove = 'WETH=-30%'\n" + FHS + BOOTSTRAP
    scenarios = load_scenarios(spec(folder, text), SNAPSHOT)
    block = scenarios.produce(0, 1)
    np.testing.assert_allclose(block.fair_price_usd[0, :, 0], 2_500 * 0.7)
    assert len(scenarios) == 61


def test_sources_without_a_seed_draw_apart(folder: Path) -> None:
    fhs = FHS.replace("seed = 3\n", "")
    block = load_scenarios(spec(folder, fhs + fhs), SNAPSHOT).produce(0, 80)
    assert (block.fair_price_usd[:40, 1:, 0] != block.fair_price_usd[40:, 1:, 0]).all()
    same = load_scenarios(spec(folder, FHS + FHS), SNAPSHOT).produce(0, 80)  # as the file says
    assert (same.fair_price_usd[:40] == same.fair_price_usd[40:]).all()


def test_a_depeg_lies_on_top_of_every_source(folder: Path) -> None:
    plain = load_scenarios(spec(folder, FHS), SNAPSHOT)
    both = load_scenarios(spec(folder, FHS + DEPEG), SNAPSHOT)
    usdc = both.produce(0, 40).market_price_usd[:, :, 0, 4]
    assert (usdc.min(axis=1) < 0.999).all()
    assert (both.produce(0, 40).fair_price_usd == plain.produce(0, 40).fair_price_usd).all()
    assert both.sha256 != plain.sha256


def test_conditions_change_the_paths_from_where_they_hold(folder: Path) -> None:
    def day(text: str) -> np.ndarray:
        block = load_scenarios(
            spec(folder, FHS.replace("= 40", "= 400") + "start = 'median'\n" + text), SNAPSHOT
        )
        return np.log(block.produce(0, 400).fair_price_usd[:, :, 0] / 2_500)

    calm = day("condition = 'events'\nevent_at_s = []")
    event = day("condition = 'events'\nevent_at_s = [14400]")
    dated = day("condition = 'events'\nevents = ['2025-10-09T14:53:20+02:00']")
    assert (event == dated).all()
    assert (calm[:, :5] == event[:, :5]).all()  # the release is at the fourth hour
    assert (event[:, 7] - event[:, 4]).std() > 1.3 * (calm[:, 7] - calm[:, 4]).std()
    broken = day("condition = 'range'\nrange = { low_usd = 2600, high_usd = 3000 }")
    inside = day("condition = 'range'\nrange = { low_usd = 2000, high_usd = 3000 }")
    assert np.diff(broken[:, :2]).std() > 1.5 * np.diff(inside[:, :2]).std()


def test_a_calendar_without_releases_ahead_is_told(folder: Path) -> None:
    quiet = load_scenarios(spec(folder, FHS + "condition = 'events'"), SNAPSHOT)
    assert NOW_S == 1_760_000_000  # 9 October 2025: the next release is on the 24th
    assert [f.subject for f in quiet.findings if "release" in f.message] == ["macro events"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FHS + "start = 'worst'", "start = 'worst'"),
        (FHS + "range = { low_usd = 1, high_usd = 2 }", "range needs condition = 'range'"),
        (FHS + "condition = 'range'", "range is no table"),
        (FHS + "condition = 'events'\nevents = ['2025-10-09T14:00']", "has no time zone"),
        (FHS + "condition = 'events'\nevents = []\nevent_at_s = []", "either events or event_at_s"),
        (FHS + "condition = 'events'\nevent_at_s = ['soon']", "event_at_s"),
        (FHS + "condition = 'range'\nrange = { low_usd = 3, high_usd = 2 }", "low below its high"),
        (
            FHS + "condition = 'range'\nrange = { low_usd = 3, high_usd = 4, supports_usd = ['x'] }",
            "supports_usd",
        ),
        (FHS + "block_s = -1", "a block of -1 s"),
        (FHS.replace("seed = 3", "seed = -3"), "a seed of -3"),
        (FHS + "model = 'none.parquet'", "no fitted model"),
        (FHS + "share = 1.0\n" + BOOTSTRAP, "some have none"),
        (FHS + "share = 1.0\nstressed = true\n[[grid]]\nmove = 'WETH=0:-5%:6'", "no share of a mixture"),
        (FHS.replace("86400", "86000"), "no multiple"),
        ("[[fhs]]\nscenarios = 4", "'horizon_s' is missing"),
        (BOOTSTRAP + "kind = 'circular'", "kind = 'circular'"),
        (BOOTSTRAP + "assets = { DOGE = 'ETH' }", "no series 'DOGE'"),
        (BOOTSTRAP + "assets = { 'ETH/USDT' = 'ETH', 'BTC/USDT' = 'ETH' }", "are both ETH"),
        (BOOTSTRAP + "assets = { 'ETH/USDT' = 5 }", "assets holds 5"),
        (BOOTSTRAP + "block_s = 0", "a block of 0 s"),
        (FHS + DEPEG + "seed = 1\n" + DEPEG + "seed = 2\n", r"depegs with seeds \[1, 2\]"),
        ("[[paths]]\nfolder = 'nowhere'", "no directory of scenarios"),
        (FHS + "[[depeg]]\ntokens = { USDC = 1.0 }\nhalf_life_s = 1", "either kind or severity"),
        (FHS + "[[depeg]]\ntokens = { USDC = 'x' }\nkind = 'stable'\nhalf_life_s = 1", "tokens ="),
    ],
)
def test_faulty_sections_are_refused(folder: Path, text: str, reason: str) -> None:
    with pytest.raises(BreakwaterError, match=reason) as raised:
        load_scenarios(spec(folder, text), SNAPSHOT)
    assert isinstance(raised.value, (MalformedFile, ScenarioError))
