"""What a fetch says about its period: answers that hold nothing, bars still open, payments missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ccxt", reason="needs the extra 'exchanges'")

from abis.findings import FindingKind
from risk.market_data.fetch import Request, fetch
from risk.market_data.parts import Series
from risk.market_data.venue import Venue, open_venue
from tests.risk.market_data.venue_server import Served, venue_server

START_S = 1_764_547_200  # 2025-12-01 00:00 UTC
DAY_S = 86_400
CANDLES = Series("binance", "BTC/USDT", "candles", "5m")
FUNDING = Series("binance", "BTC/USDT:USDT", "funding", "")


@pytest.fixture
def served() -> Served:
    bar = (100.0, 101.0, 99.0, 100.5, 1.5)
    return Served(bars={(START_S + 300 * k) * 1000: bar for k in range(288)})


@pytest.fixture
def url(served: Served) -> Iterator[str]:
    with venue_server(served) as base:
        yield base


def venue_of(url: str, *, perpetual: bool = False, waits: list[float] | None = None) -> Venue:
    sleep = (waits if waits is not None else []).append
    return open_venue("binance", perpetual=perpetual, base_url=url, requests_per_second=2_000, sleep=sleep)


@pytest.mark.parametrize("fault", ["null", "{}", "7", "badly packed"])
def test_an_answer_that_holds_nothing_is_asked_for_again(
    fault: str, served: Served, url: str, tmp_path: Path
) -> None:
    served.faults, waits = [fault], list[float]()
    found = fetch(venue_of(url, waits=waits), Request(CANDLES, START_S, START_S + DAY_S), tmp_path)
    assert (found.rows, found.findings, len(waits)) == (288, (), 1)


def test_a_bar_still_open_is_not_missing(served: Served, url: str, tmp_path: Path) -> None:
    venue = venue_of(url)
    now_s = START_S + 6 * 3600 + 100
    venue.exchange.milliseconds = lambda: now_s * 1000
    for until_s in (now_s, now_s + DAY_S):
        found = fetch(venue, Request(CANDLES, START_S, until_s), tmp_path)
        assert (found.rows, found.findings) == (72, ())


def test_payments_missing_for_more_than_a_day_are_told(served: Served, url: str, tmp_path: Path) -> None:
    venue, request = venue_of(url, perpetual=True), Request(FUNDING, START_S, START_S + 9 * DAY_S)
    (nothing,) = fetch(venue, request, tmp_path / "nothing").findings
    assert nothing.kind == FindingKind.MISSING
    assert "2025-12-01T00:00:00+00:00 to 2025-12-10T00:00:00+00:00" in nothing.message
    paid = [START_S + 8 * 3600 * k for k in range(27)]
    served.funding = {s * 1000 + 4: 1e-4 for s in paid}
    assert fetch(venue, request, tmp_path / "all").findings == ()
    served.funding = {s * 1000 + 4: 1e-4 for k, s in enumerate(paid) if not 6 <= k < 12}
    (hole,) = fetch(venue, request, tmp_path / "hole").findings
    assert "1 times: 2025-12-02T16:00:00+00:00 to 2025-12-05T00:00:00+00:00" in hole.message


def test_the_last_payment_before_now_is_fetched(served: Served, url: str, tmp_path: Path) -> None:
    venue = venue_of(url, perpetual=True)
    served.funding = {(START_S + 3600 * k) * 1000: 1e-5 for k in range(48)}  # hourly, as some venues fund
    now_s = START_S + DAY_S + 5 * 3600 + 60
    venue.exchange.milliseconds = lambda: now_s * 1000
    assert fetch(venue, Request(FUNDING, START_S, now_s), tmp_path).rows == 24 + 6


def test_findings_are_about_the_period_asked_for(served: Served, url: str, tmp_path: Path) -> None:
    later_s = START_S + 5 * DAY_S
    bar = served.bars[START_S * 1000]
    served.bars |= {(later_s + 300 * k) * 1000: bar for k in range(288)}
    served.bars[START_S * 1000] = (-1.0, *bar[1:])
    venue = venue_of(url)
    assert len(fetch(venue, Request(CANDLES, START_S, START_S + DAY_S), tmp_path).findings) == 2
    assert fetch(venue, Request(CANDLES, later_s, later_s + DAY_S), tmp_path).findings == ()
