"""The fetcher against a local server that answers as Binance, OKX and Kraken do."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("ccxt", reason="needs the extra 'exchanges'")

from abis.errors import ExchangeUnreachable, InputError, MalformedFile
from abis.findings import FindingKind
from risk.market_data.fetch import Fetched, Request, fetch
from risk.market_data.kinds import fetch_book
from risk.market_data.moment_summary import Asked, moment
from risk.market_data.parts import Series, parts_of, read_series, series_in
from risk.market_data.venue import ATTEMPTS, Venue, masked, open_venue
from risk.scenarios.candles import read_candles
from tests.risk.market_data.venue_server import Bar, Served, venue_server

ROOT = Path(__file__).resolve().parents[3]
START_S = 1_764_547_200  # 2025-12-01 00:00 UTC
DAY_S = 86_400
BARS = 2 * 288
SERIES = Series("binance", "BTC/USDT", "candles", "5m")


def bar(k: int) -> Bar:
    return (100.0 + k, 101.0 + k, 99.0 + k, 100.5 + k, 1.5)


@pytest.fixture
def served() -> Served:
    return Served(bars={(START_S + 300 * k) * 1000: bar(k) for k in range(BARS)})


@pytest.fixture
def url(served: Served) -> Iterator[str]:
    with venue_server(served) as base:
        yield base


def venue_of(
    url: str, name: str = "binance", *, perpetual: bool = False, waits: list[float] | None = None
) -> Venue:
    sleep = (waits if waits is not None else []).append
    return open_venue(name, perpetual=perpetual, base_url=url, requests_per_second=2_000, sleep=sleep)


def two_days(venue: Venue, root: Path, series: Series = SERIES) -> Fetched:
    return fetch(venue, Request(series, START_S, START_S + 2 * DAY_S), root)


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("name", ["binance", "okx", "kraken"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_each_venue_gives_the_bars_it_has(
    name: str, shuffled: bool, served: Served, url: str, tmp_path: Path
) -> None:
    served.shuffled = shuffled
    series = Series(name, "BTC/USDT", "candles", "5m")
    found = two_days(venue_of(url, name), tmp_path, series)
    assert (found.rows, found.faulty_rows, found.findings) == (BARS, 0, ())
    rows = read_series(tmp_path, series)
    assert rows["time"].iloc[0] == pd.Timestamp("2025-12-01T00:00Z")
    np.testing.assert_array_equal(rows["close"], [bar(k)[3] for k in range(BARS)])
    candles = read_candles(list(parts_of(series.folder(tmp_path))))["BTC/USDT"]
    assert candles.step_s == 300
    assert candles.end_s[0] == START_S + 300


@pytest.mark.parametrize("fault", ["429", "503", "truncated", "html", "cut"])
@pytest.mark.parametrize("name", ["binance", "okx", "kraken"])
def test_answers_that_fail_are_asked_for_again(
    name: str, fault: str, served: Served, url: str, tmp_path: Path
) -> None:
    waits: list[float] = []
    served.faults = [fault, fault]
    found = two_days(venue_of(url, name, waits=waits), tmp_path, Series(name, "BTC/USDT", "candles", "5m"))
    assert (found.rows, found.findings) == (BARS, ())
    assert waits == ([3.0, 3.0] if fault == "429" else [1.0, 2.0])  # what the venue says, else doubling


def test_a_venue_that_stays_silent_is_named_without_its_url(served: Served, url: str, tmp_path: Path) -> None:
    served.faults = ["503"] * 50
    with pytest.raises(ExchangeUnreachable, match="binance gave no usable answer in 6 attempts") as raised:
        two_days(venue_of(url), tmp_path)
    assert "127.0.0.1" not in str(raised.value)
    assert len([r for r in served.requests if "klines" in r]) == ATTEMPTS
    assert list(tmp_path.rglob("*.parquet")) == []


def test_what_a_venue_says_is_shown_without_urls_and_control_characters() -> None:
    said = "bad\x1b[31m\nkey https://host/v1?key=SECRET 1"
    assert masked(said) == "bad?[31m key <url> 1"
    assert len(masked("x" * 1_000)) == 200


def test_what_is_refused_is_not_asked_again(served: Served, url: str, tmp_path: Path) -> None:
    served.faults = ["bad request"]
    with pytest.raises(InputError, match="binance refuses the request: BadRequest") as raised:
        two_days(venue_of(url), tmp_path)
    assert "127.0.0.1" not in str(raised.value)
    with pytest.raises(InputError, match=r"does not list 'BTC/USD'. Nearest: BTC/USDT"):
        two_days(venue_of(url), tmp_path, Series("binance", "BTC/USD", "candles", "5m"))
    with pytest.raises(InputError, match="no bars of '7m'"):
        two_days(venue_of(url), tmp_path, Series("binance", "BTC/USDT", "candles", "7m"))
    with pytest.raises(InputError, match="no fixed grid"):
        two_days(venue_of(url), tmp_path, Series("binance", "BTC/USDT", "candles", "1w"))
    with pytest.raises(InputError, match="nothing lies between"):
        fetch(venue_of(url), Request(SERIES, START_S, START_S), tmp_path)
    with pytest.raises(InputError, match=r"'binnance' is no exchange known here. Nearest: binance"):
        venue_of(url, "binnance")
    with pytest.raises(InputError, match="no base URL"):
        venue_of("ftp://somewhere")
    with pytest.raises(InputError, match="kraken offers no funding rate history"):
        venue_of(url, "kraken").call("fetch_funding_rate_history", "BTC/USDT")


def test_gaps_repeats_and_contradictions_become_findings(served: Served, url: str, tmp_path: Path) -> None:
    at = {k: (START_S + 300 * k) * 1000 for k in (10, 11, 20, 30, 40, 50)}
    del served.bars[at[10]], served.bars[at[11]]
    served.twice = [(at[20], bar(20)), (at[30], bar(31))]
    served.bars[at[40]] = (-1.0, 1.0, -1.0, 1.0, 1.0)
    served.bars[at[50]] = (150.0, 300.0, 149.0, 290.0, 1.0)
    found = two_days(venue_of(url), tmp_path)
    assert found.rows == BARS - 2 - 1 - 1
    assert found.faulty_rows == 3
    told = " ".join(f.message for f in found.findings)
    assert "4 of 576 bars are missing" in told
    assert "2025-12-01T00:50:00+00:00 (2)" in told
    assert "two rows for one time: 2025-12-01T02:30:00+00:00" in told
    assert "1 rows were given twice" in told
    assert "impossible" in told
    assert "taken back by the next bar: 2025-12-01T04:10:00+00:00" in told
    assert {f.subject for f in found.findings} == {"binance BTC/USDT candles 5m"}
    again = two_days(venue_of(url), tmp_path)
    assert (again.parts_made, again.findings, again.faulty_rows) == (0, found.findings, 3)


def test_a_venue_with_only_its_newest_bars_leaves_a_gap(served: Served, url: str, tmp_path: Path) -> None:
    served.bars |= {(START_S + 300 * k) * 1000: bar(k) for k in range(BARS, 1_000)}
    found = two_days(venue_of(url, "kraken"), tmp_path, Series("kraken", "BTC/USDT", "candles", "5m"))
    assert found.rows == BARS - 280  # Kraken serves the last 720 whatever is asked for
    assert found.findings[0].kind is FindingKind.MISSING
    assert "280 of 576 bars are missing" in found.findings[0].message


def test_a_fetch_goes_on_where_it_stopped_and_ends_in_the_same_bytes(
    served: Served, url: str, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    two_days(venue_of(url), whole)
    served.stop_after = 1
    with pytest.raises(ExchangeUnreachable):
        two_days(venue_of(url), cut)
    assert len(list(parts_of(SERIES.folder(cut)))) == 1
    served.stop_after = None
    found = two_days(venue_of(url), cut)
    assert (found.parts_kept, found.parts_made) == (1, 1)
    assert tree(cut) == tree(whole)
    # A damaged part is fetched again; one of another series is never replaced.
    part = next(parts_of(SERIES.folder(cut)))
    part.write_bytes(part.read_bytes()[:100])
    assert two_days(venue_of(url), cut).parts_made == 1
    assert tree(cut) == tree(whole)
    other = Series("binance", "ETH/USDT", "candles", "5m").folder(cut) / part.name
    other.parent.mkdir(parents=True)
    other.write_bytes(part.read_bytes())
    with pytest.raises(MalformedFile, match="not binance ETH/USDT candles 5m"):
        two_days(venue_of(url), cut, Series("binance", "ETH/USDT", "candles", "5m"))


def test_a_longer_period_completes_a_part_cut_short(served: Served, url: str, tmp_path: Path) -> None:
    fetch(venue_of(url), Request(SERIES, START_S + 3_600, START_S + 7_200), tmp_path)
    assert len(read_series(tmp_path, SERIES)) == 12
    found = two_days(venue_of(url), tmp_path)
    assert (found.rows, found.findings) == (BARS, ())
    assert not read_series(tmp_path, SERIES)["time"].duplicated().any()


def test_funding_open_interest_and_books(served: Served, url: str, tmp_path: Path) -> None:
    hours = range(0, 48, 8)
    served.funding = {(START_S + 3_600 * h) * 1000 + 3: 1e-4 * (h - 16) for h in hours}
    served.open_interest = {(START_S + 3_600 * h) * 1000: (1_000.0 + h, 9e7) for h in range(48)}
    venue = venue_of(url, perpetual=True)
    funding = Series("binance", "BTC/USDT:USDT", "funding", "")
    assert two_days(venue, tmp_path, funding).rows == 6
    rates = read_series(tmp_path, funding)["funding_rate_fraction"]
    np.testing.assert_allclose(rates, [1e-4 * (h - 16) for h in hours])
    interest = Series("binance", "BTC/USDT:USDT", "open-interest", "1h")
    found = two_days(venue, tmp_path, interest)
    assert (found.rows, found.findings) == (48, ())
    served.open_interest[(START_S + 3_600) * 1000] = (-5.0, 9e7)
    bad = two_days(venue, tmp_path / "bad", interest)
    assert (bad.rows, bad.faulty_rows) == (47, 1)
    assert any("impossible open_interest_base" in f.message for f in bad.findings)
    book = fetch_book(venue_of(url), "BTC/USDT")
    assert book["side"].tolist() == ["bid", "bid", "ask"]
    assert book["price"].tolist() == [100.0, 99.5, 100.5]
    assert {s.kind for s in series_in(tmp_path)} == {"funding", "open-interest"}


COMMAND = """
import sys
from risk.cli.main import main
main(sys.argv[1:])
"""


def command(url: str, root: Path, *more: str) -> list[str]:
    arguments = ["data", "fetch", "--venue", "binance", "--symbol", "BTC/USDT", "--since", "2025-12-01"]
    arguments += ["--until", "2025-12-03", "--output", str(root), "--base-url", f"binance={url}", *more]
    return [sys.executable, "-c", COMMAND, *arguments]


@pytest.mark.verify
def test_a_killed_command_leaves_whole_parts_and_ends_in_the_same_bytes(
    served: Served, url: str, tmp_path: Path
) -> None:
    served.bars = {(START_S - 20 * DAY_S + 300 * k) * 1000: bar(k) for k in range(22 * 288)}
    long = ("--since", "2025-11-11", "--requests-per-second", "4")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen(command(url, killed, *long), cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(list(killed.rglob("2*.parquet"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    made = len(list(killed.rglob("2*.parquet")))
    assert 2 <= made < 7
    for root in (killed, whole):
        subprocess.run(command(url, root, "--since", "2025-11-11"), cwd=ROOT, check=True, capture_output=True)
    assert tree(killed) == tree(whole)
    manifest = json.loads((whole / "manifest.json").read_text())
    assert manifest["series"][0]["rows"] == 22 * 288


def test_one_venue_that_fails_does_not_stop_the_others(served: Served, url: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [*command(url, tmp_path, "--json"), "--venue", "okx", "--base-url", f"okx={url}/nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "okx" in run.stderr
    assert url not in run.stderr
    data = json.loads(run.stdout)["data"]
    assert [(s["label"], s["rows"]) for s in data["series"]] == [("binance BTC/USDT candles 5m", BARS)]


def test_what_was_fetched_can_be_measured_at_a_moment(served: Served, url: str, tmp_path: Path) -> None:
    for name in ("binance", "okx", "kraken"):
        two_days(venue_of(url, name), tmp_path, dataclasses.replace(SERIES, venue=name))
    served.open_interest = {(START_S + 3_600 * h) * 1000: (1_000.0 + h, 9e7) for h in range(48)}
    served.funding = {(START_S + 3_600 * h) * 1000: 1e-4 for h in range(0, 48, 8)}
    perpetual = venue_of(url, perpetual=True)
    two_days(perpetual, tmp_path, Series("binance", "BTC/USDT:USDT", "open-interest", "1h"))
    two_days(perpetual, tmp_path, Series("binance", "BTC/USDT:USDT", "funding", ""))
    at_s = START_S + 2 * DAY_S
    found, findings = moment(tmp_path, Asked(at_s=at_s))
    (btc,) = found.assets
    assert (btc.fair_usd, btc.venues, btc.dispersion) == (bar(BARS - 1)[3], 3, 0.0)
    assert (btc.open_interest_usd, btc.open_interest_change) == (9e7, 0.0)
    assert btc.funding_year == pytest.approx(1e-4 * 3 * 365)
    assert btc.predicted_gap is not None
    assert {f.message for f in findings if f.subject == "BTC"} == {"no order books."}
