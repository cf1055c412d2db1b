"""``breakwater oracle fit`` and ``oracle replay`` on files a known feed left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from oracles.feed import PriceFeed, RequestSchedule, fixed_delay
from oracles.feed_file import read_feed
from risk.cli.main import main
from tests.oracles.test_feed import feed
from tests.oracles.worlds import world

Run = Callable[..., tuple[int, str, str]]
TRUTH = feed(heartbeat_s=7_200.0, delay=fixed_delay(48), requests=(RequestSchedule(86_400, 600),))
DAYS = 16


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("ETH_RPC_URL", raising=False)

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["oracle", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.fixture(scope="module")
def made() -> tuple[pd.DataFrame, pd.DataFrame]:
    return world(TRUTH, days=DAYS, seed=21)


@pytest.fixture
def files(made: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> tuple[Path, Path]:
    """Rounds of two feeds and candles of two coins, as strangers name their columns."""
    rounds, candles = made
    other = rounds.assign(feed="BTC / USD", answer_raw="5")
    rounds = pd.concat([rounds.assign(feed="ETH / USD"), other]).rename(columns={"answer_raw": "answer"})
    rounds.to_csv(tmp_path / "rounds.csv", index=False)
    named = candles.rename(columns={name: f"{name}_usdt" for name in ("open", "high", "low", "close")})
    both = pd.concat([named.assign(symbol="ETH"), named.assign(symbol="BTC")])
    both.to_parquet(tmp_path / "candles.parquet")
    return tmp_path / "rounds.csv", tmp_path / "candles.parquet"


def fitted(run: Run, files: tuple[Path, Path], *more: object) -> tuple[int, str, str]:
    return run("fit", files[0], "--feed", "eth/usd", "--candles", files[1], "--where", "symbol=ETH", *more)


def test_settings_are_recovered_and_written_as_a_feed_file(
    run: Run, files: tuple[Path, Path], tmp_path: Path
) -> None:
    target = tmp_path / "eth.toml"
    code, out, err = fitted(run, files, "-o", target, "--json")
    assert code == 0, err
    data = json.loads(out)["data"]
    assert (data["feed"], data["deviation_bps"], data["heartbeat_s"]) == (
        "ETH / USD",
        TRUTH.deviation_bps,
        7_200,
    )
    assert (
        data["deviation_bps_estimate"]["low"] <= TRUTH.deviation_bps <= data["deviation_bps_estimate"]["high"]
    )
    assert data["heartbeat_s_estimate"]["low"] <= 7_200 <= data["heartbeat_s_estimate"]["high"]
    assert data["delay_s_estimate"]["low"] <= 48 <= data["delay_s_estimate"]["high"]
    assert [s["period_s"] for s in data["schedules"]] == [86_400]
    (regime,) = data["regimes"]
    assert regime["early"] + regime["waited"] + regime["by_clock"] == regime["rounds"]
    written, view = read_feed(target)
    assert isinstance(written, PriceFeed)
    assert (written.deviation_ppb, written.heartbeat_s) == (TRUTH.deviation_ppb, 7_200)
    assert written.delay.samples_s[0] == data["delay_s"]
    assert written.requests[0].phase_s == pytest.approx(600, abs=30)
    assert view.wick_weight == data["wick_weight"]


def test_the_same_files_give_the_same_bytes(run: Run, files: tuple[Path, Path]) -> None:
    first = run("fit", files[0], "--feed", "ETH / USD", "--json")
    assert first == run("fit", files[0], "--feed", "ETH / USD", "--json")
    assert len(json.loads(first[1])["inputs"]["rounds_sha256"]) == 64


def test_people_read_a_table_and_are_told_what_was_found(run: Run, files: tuple[Path, Path]) -> None:
    code, out, err = fitted(run, files)
    assert code == 0
    for text in ("deviation, bps", "heartbeat, s", "7,200", "fitted", "by the clock"):
        assert text in out
    assert "Passes over the candles" in err
    assert "a round comes every 86400 s" in err


def test_a_feed_file_predicts_the_days_it_was_not_made_from(
    run: Run, files: tuple[Path, Path], tmp_path: Path, made: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    target = tmp_path / "eth.toml"
    cut = (made[0].time.iloc[0] + pd.Timedelta(days=12)).date().isoformat()
    assert fitted(run, files, "--until", cut, "-o", target)[0] == 0
    order = ["replay", target, files[0], "--candles", files[1], "--where", "symbol=ETH", "--since", cut]
    code, out, err = run(*order, "--json")
    assert code == 0, err
    body = json.loads(out)
    data = body["data"]
    assert data["real"] == (made[0].time >= pd.Timestamp(cut, tz="UTC")).sum() - 1
    assert data["next_share"] > 0.9
    assert data["chance_share"] < 0.5 < data["predicted_share"]
    assert data["answer_median_bps"] < 5
    assert abs(data["late_median_s"]) <= 36
    assert set(body["units"]) == set(data)
    assert body["inputs"]["tolerance_s"] == 300
    code, out, err = run(*order)
    assert code == 0
    assert "predicted by chance" in out
    assert "error of a matched answer, median" in out


def test_a_mistaken_setting_shows_in_the_replay(run: Run, files: tuple[Path, Path], tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.toml", tmp_path / "wrong.toml"
    assert fitted(run, files, "-o", right)[0] == 0
    text = right.read_text(encoding="utf-8")
    assert "deviation_ppb = 5000000" in text
    wrong.write_text(text.replace("deviation_ppb = 5000000", "deviation_ppb = 9000000"), encoding="utf-8")

    def next_share(path: Path) -> float:
        _, out, _ = run("replay", path, files[0], "--candles", files[1], "--where", "symbol=ETH", "--json")
        return float(json.loads(out)["data"]["next_share"])

    assert next_share(wrong) < next_share(right) - 0.1


def test_a_feed_file_is_not_replaced_unless_told(run: Run, files: tuple[Path, Path], tmp_path: Path) -> None:
    target = tmp_path / "eth.toml"
    target.write_text("mine")
    code, _, err = run("fit", files[0], "--feed", "ETH/USD", "-o", target)
    assert (code, target.read_text()) == (2, "mine")
    assert "exists" in err
    assert run("fit", files[0], "--feed", "ETH/USD", "-o", target, "--force")[0] == 0
    assert read_feed(target)[0].description == "ETH / USD"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--feed", "DOGE/USD"], "no rounds of 'DOGE/USD'"),
        ([], "rounds of 2 feeds"),
        (["--feed", "ETH/USD", "--decimals", "6"], "other decimals than 6"),
        (["--feed", "ETH/USD", "--since", "2023-06-01", "--until", "2023-05-01"], "nothing lies from"),
        (["--feed", "ETH/USD", "--since", "2030-01-01"], "0 steps between rounds"),
        (["--feed", "ETH/USD", "--until", "soon"], "'soon' is no date"),
        (["--feed", "ETH/USD", "--candles", "{candles}"], "candles of several series"),
        (["--feed", "ETH/USD", "--candles", "{candles}", "--where", "symbol=DOGE"], "no candle has symbol"),
        (["--feed", "ETH/USD", "--candles", "{candles}", "--where", "coin=ETH"], "no column 'coin'"),
        (["--feed", "ETH/USD", "--candles", "{candles}", "--where", "ETH"], "is no choice"),
        (["--feed", "ETH/USD", "--from-block", "5"], "exclude each other"),
        (["--feed", "ETH/USD", "--candles", "none.parquet"], "'none.parquet' cannot be read"),
    ],
)
def test_a_wrong_order_is_answered_with_what_is_wrong(
    run: Run, files: tuple[Path, Path], options: list[str], says: str
) -> None:
    code, out, err = run("fit", files[0], *(o.format(candles=files[1]) for o in options))
    assert (code, out) == (2, "")
    assert says in err


@pytest.mark.parametrize(
    ("header", "rows", "says"),
    [
        ("time,answer", ["1700000000,5", "1700000060,6"], "says no decimals"),
        ("when,answer,decimals", ["1700000000,5,8"], "rounds without time"),
        ("time,answer,decimals", [], "0 usable rounds"),
        (
            "time,answer,decimals",
            ["1700000000,nan,8", "1700000060,-4,8", "1700000090,0,8"],
            "0 usable rounds",
        ),
        ("time,answer,decimals", ["1700000000,5,8", "1700000060,6,18"], "decimals [8, 18]"),
        ("time,answer,decimals", ["1700000000,5,99"], "usable decimals"),
        ("time,answer,decimals", ["1700000000,5,8", "1700000060,6,8"], "1 steps between rounds"),
    ],
)
def test_files_that_hold_no_history_are_refused(
    run: Run, tmp_path: Path, header: str, rows: list[str], says: str
) -> None:
    path = tmp_path / "rounds.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    code, out, err = run("fit", path)
    assert (code, out) == (2, "")
    assert says in err


def test_bad_rows_among_good_ones_are_findings_and_with_strict_a_refusal(
    run: Run, files: tuple[Path, Path], tmp_path: Path
) -> None:
    rounds = pd.read_csv(files[0], dtype=str)
    rounds = rounds[rounds.feed == "ETH / USD"].drop(columns="feed")
    rounds = rounds.iloc[::-1]  # times decrease
    for k, answer in enumerate(("NaN", "-5", "0", "1e9", "=1+1")):
        rounds.iloc[100 + k, rounds.columns.get_loc("answer")] = answer
    rounds.to_csv(tmp_path / "bad.csv", index=False)
    code, out, err = run("fit", tmp_path / "bad.csv", "--json")
    assert code == 0, err
    body = json.loads(out)
    assert body["data"]["deviation_bps"] == TRUTH.deviation_bps
    left_out = [f for f in body["findings"] if f["kind"] == "out_of_range"]
    assert len(left_out) == 5
    assert run("fit", tmp_path / "bad.csv", "--strict")[0] == 1


@pytest.mark.parametrize(
    ("replaced", "options", "says"),
    [
        (("decimals = 8", "decimals = 6"), [], "6 decimals"),
        (("ETH / USD", "XYZ / USD"), [], "no rounds of 'XYZ / USD'"),
        (None, ["--tolerance-s", "nan"], "--tolerance-s"),
        (None, ["--tolerance-s", "-1"], "--tolerance-s"),
        (None, ["--since", "2030-01-01"], "fewer than two rounds"),
        (None, ["--from-block", "3"], "neither or both"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(
    run: Run,
    files: tuple[Path, Path],
    tmp_path: Path,
    replaced: tuple[str, str] | None,
    options: list[str],
    says: str,
) -> None:
    target = tmp_path / "eth.toml"
    assert run("fit", files[0], "--feed", "ETH/USD", "-o", target)[0] == 0
    if replaced is not None:
        target.write_text(target.read_text().replace(*replaced))
    code, out, err = run("replay", target, files[0], "--candles", files[1], "--where", "symbol=ETH", *options)
    assert (code, out) == (2, "")
    assert says in err
