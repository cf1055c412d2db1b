"""``breakwater data``: fit and fair on made-up candles, and what fetch refuses before it asks anyone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from risk.cli.main import main
from risk.market_data.parts import Series, part_name, write_part
from risk.scenarios.candles import read_candles
from risk.scenarios.fhs import read_fhs
from tests.risk.market_data.made_market import candles as candles_of
from tests.risk.scenarios.made_panel import START_S, made_panel

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["data", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    panel = made_panel(1_400)
    frames = [
        pd.DataFrame(
            {"time": panel.end_s - 3_600, "symbol": f"{coin}USDT", "close": np.exp(panel.log_price[:, k])}
        )
        for k, coin in enumerate(panel.coins)
    ]
    pd.concat(frames).to_csv(tmp_path / "candles.csv", index=False)
    return tmp_path / "candles.csv"


def test_fit_writes_a_model_that_scenarios_can_use(candles: Path, tmp_path: Path, run: Run) -> None:
    model = tmp_path / "model.parquet"
    model.write_bytes(b"of yesterday")
    code, out, err = run("fit", candles, "--label", "made up", "--output", model, "--json", "--force")
    assert code == 0, err
    told = json.loads(out)
    assert told["data"]["n_returns"] == 1_399
    assert list(told["data"]["coins"]) == ["BTC", "ETH"]
    assert list(told["inputs"]["files"]) == ["candles.csv"]
    fitted = read_fhs(model)
    assert fitted.sha256 == told["data"]["sha256"]
    assert fitted.source.startswith("made up: closes every 3600 s within")
    code, _, err = run("fit", candles, "--output", model)
    assert (code, "exists" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--coin", "ETHUSDT"), "no choice"),
        (("--coin", "DOGEUSDT=DOGE"), "no series 'DOGEUSDT'"),
        (("--step", "5000"), "no multiple"),
    ],
)
def test_fit_refuses_what_it_cannot_use(
    candles: Path, tmp_path: Path, run: Run, arguments: tuple[str, ...], reason: str
) -> None:
    code, _, err = run("fit", candles, "--output", tmp_path / "m.parquet", *arguments)
    assert (code, reason in err) == (2, True), err
    assert not (tmp_path / "m.parquet").exists()


def venue(root: Path, name: str, closes: list[float], symbol: str = "BTC/USDT") -> None:
    series = Series(name, symbol, "candles", "5m")
    times = pd.to_datetime(START_S + 300 * np.arange(len(closes)), unit="s", utc=True).as_unit("us")
    rows = pd.DataFrame({"time": times, "close": closes})
    write_part(series.folder(root) / part_name(START_S), rows, series, (START_S * 1000, START_S * 1000))


def test_fair_needs_three_venues_and_leaves_out_the_one_that_is_wrong(tmp_path: Path, run: Run) -> None:
    root, fair = tmp_path / "candles", tmp_path / "fair.parquet"
    venue(root, "a", [100.0, 101.0, 102.0])
    venue(root, "b", [100.2, 101.2, 102.2])
    code, _, err = run("fair", root, "--symbol", "BTC/USDT", "--output", fair)
    assert (code, "2 venues (a BTC/USDT, b BTC/USDT) make no fair price" in err) == (2, True)
    venue(root, "c", [100.1, 66.0])
    code, out, err = run("fair", root, "--symbol", "BTC/USDT", "--output", fair, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["data"]["times"], told["data"]["priced"]) == (3, 2)
    assert {f["kind"] for f in told["findings"]} == {"missing", "inconsistent"}
    series = read_candles([fair])["BTC/USDT"]
    np.testing.assert_allclose(series.price, [100.1, 101.1])
    code, _, _ = run("fair", root, "--symbol", "BTC/USDT", "--output", fair, "--force", "--strict")
    assert code == 1
    code, _, err = run("fair", root, "--symbol", "BTC/USDT", "--output", fair)
    assert (code, "exists" in err) == (2, True)
    venue(root, "d", [100.0] * 3, "BTC/USD")
    both = ("--symbol", "BTC/USDT", "--symbol", "BTC/USD")
    _, out, _ = run("fair", root, *both, "--output", fair, "--force", "--json")
    assert any("taken as one currency" in f["message"] for f in json.loads(out)["findings"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--venue", "binance", "--symbol", "BTC/USDT"), "candles need a period"),
        (("--venue", "binance", "--symbol", "BTC/USDT", "--kind", "trades"), "'trades' is no kind"),
        (
            ("--venue", "binance", "--symbol", "BTC/USDT", "--kind", "funding", "--since", "2025-12-01"),
            "BTC/USDT is spot and has no funding",
        ),
        (("--venue", "binance", "--symbol", "BTC/USDT", "--since", "yesterday"), "'yesterday' is no time"),
        (
            ("--venue", "binance", "--symbol", "BTC/USDT", "--since", "2025-12-01", "--base-url", "x"),
            "no choice",
        ),
        (
            ("--venue", "nowhere", "--symbol", "BTC/USDT", "--since", "2025-12-01"),
            "'nowhere' is no exchange known here",
        ),
    ],
)
def test_fetch_refuses_before_it_asks_anyone(
    tmp_path: Path, run: Run, arguments: tuple[str, ...], reason: str
) -> None:
    pytest.importorskip("ccxt", reason="needs the extra 'exchanges'")
    code, _, err = run("fetch", *arguments, "--output", tmp_path / "out")
    assert (code, reason in err) == (2, True), err


def test_times_with_a_zone_are_moved_to_utc() -> None:
    from risk.cli.data_fetch import _moment

    assert _moment("2025-12-01T01:00+01:00") == _moment("2025-12-01") == _moment("2025-12-01T00:00Z")


def test_help_names_the_extra_that_fetch_needs(run: Run) -> None:
    _, out, _ = run("fetch", "--help")
    assert "breakwater[exchanges]" in " ".join(out.split())


@pytest.fixture
def market(tmp_path: Path) -> Path:
    root = tmp_path / "market"
    for name, last in (("a", 100.0), ("b", 100.2), ("c", 101.0)):
        candles_of(root, name, [100.0] * 300 + [last])
    return root


def test_stress_prints_a_column_an_asset_and_the_same_numbers_as_json(
    market: Path, tmp_path: Path, run: Run
) -> None:
    code, out, err = run("stress", market, "--oracle", "BTC=99.2")
    assert code == 0, err
    assert "2025-12-02 01:05 UTC, and in the 24 h before" in out
    assert max(map(len, out.splitlines())) <= 80
    rows = {line[:20].strip(): line[20:].strip() for line in out.splitlines()}
    assert rows["fair price"] == "$100.20"
    assert rows["dispersion"] == "1.00%"
    assert "no order books" in err
    code, out, _ = run("stress", market, "--oracle", "BTC=99.2", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["data"]["assets"][0]["fair_usd"] == 100.2
    assert set(told["data"]["assets"][0]) - {"asset", "venues", "lowest", "highest", "feed"} <= set(
        told["units"]
    )
    assert len(told["inputs"]["data"]) == 3
    assert run("stress", market, "--strict")[0] == 0  # nothing graver than what was not fetched
    assert run("stress", market, "--at", "2025-12-02T03:00", "--strict")[0] == 1


def test_stress_takes_files_of_the_user(market: Path, tmp_path: Path, run: Run) -> None:
    held = tmp_path / "positions.csv"
    held.write_text("venue,asset,side,entry_usd,leverage,notional_usd,count\na,BTC,long,100.2,20,1e8,5000\n")
    closed = tmp_path / "closed.csv"
    closed.write_text("time,asset,liquidated_usd\n2025-12-02T01:00Z,BTC,48e6\n")
    given = ("--positions", held, "--profile", "a=middle", "--liquidations", closed)
    code, out, err = run("stress", market, *given, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["data"]["assets"][0]["liquidated_usd_hour"] == pytest.approx(2e6)
    assert told["data"]["assets"][0]["leverage"] == pytest.approx(20.0)
    assert set(told["inputs"]["files"]) == {"positions.csv", "closed.csv"}
    assert "spectral radius" in run("stress", market, *given)[1]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--window", "soon"), "'soon' is no length of time"),
        (("--at", "yesterday"), "'yesterday' is no date"),
        (("--oracle", "BTC=-1"), "--oracle 'BTC=-1' is no price"),
        (("--asset", "ETH"), "no candles of 'ETH'"),
        (("--profile", "a=large"), "--profile without positions"),
        (("--positions", "none.csv"), "none.csv does not exist"),
        (("--liquidations", "none.csv"), "none.csv does not exist"),
        (("--feed", "none.toml"), "'none.toml' cannot be read"),
    ],
)
def test_stress_refuses_what_it_cannot_use(
    market: Path, run: Run, arguments: tuple[str, ...], reason: str
) -> None:
    code, out, err = run("stress", market, *arguments)
    assert (code, out, reason in err) == (2, "", True), err
