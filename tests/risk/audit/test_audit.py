"""``breakwater oracle audit``: facts about feeds joined with the market that reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from abis.findings import Severity
from oracles.feed_audit import Check, Result
from protocols.snapshot import Feed, Snapshot
from protocols.store import save
from risk.audit.audit import AuditReport, audit
from risk.audit.buffers import exposure_of
from risk.audit.liquidatable import repriced, scaled_price
from risk.cli.main import main
from tests.risk.markets import NOW_S, RESERVES, market

Run = Callable[..., tuple[int, str, str]]
DESCRIPTIONS = ("ETH / USD", "wstETH / USD", "BTC / USD", "cbBTC / USD", "USDC / USD", "LINK / USD", "")


@pytest.fixture
def taken() -> Snapshot:
    reserves = [
        replace(
            r,
            feed=Feed(f"0x{k:040d}", text, 8, r.price_raw, NOW_S - 600) if text else None,
        )
        for k, (r, text) in enumerate(zip(RESERVES, DESCRIPTIONS, strict=True))
    ]
    return market(reserves=reserves)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["oracle", "audit", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


def of(report: AuditReport, asset: str, name: str) -> Check:
    return next(c for c in report.checks if (c.asset, c.name) == (asset, name))


def test_every_check_is_made_for_every_asset_once(taken: Snapshot) -> None:
    report = audit(taken)
    pairs = [(c.asset, c.name) for c in report.checks]
    assert len(set(pairs)) == len(pairs) == 7 * 11 + 1
    assert {a for a, _ in pairs} == {*taken.asset_names, "market"}
    assert len(report.findings) == sum(c.result is Result.FOUND for c in report.checks)


def test_what_the_snapshot_does_not_hold_is_not_guessed(taken: Snapshot) -> None:
    report = audit(taken)
    assert of(report, "GHO", "stale").result is Result.NOT_KNOWN
    assert of(report, "WETH", "single source").result is Result.NOT_KNOWN
    assert of(report, "wstETH", "capped").result is Result.NOT_KNOWN
    assert of(report, "WETH", "stale").result is Result.FINE  # the published heartbeat is an hour
    assert of(report, "LINK", "heartbeat against horizon").result is Result.NOT_KNOWN


def test_the_buffer_is_the_smallest_under_which_collateral_counts(taken: Snapshot) -> None:
    # 100 wstETH in the e-mode of 95 % and 1 % bonus, none outside.
    assert exposure_of(taken, 1).buffer_share == pytest.approx(1 - 0.95 * 1.01)
    assert exposure_of(taken, 0).buffer_share == pytest.approx(1 - 0.83 * 1.05)
    assert exposure_of(taken, 6).buffer_share is None
    assert exposure_of(taken, 1).collateral_usd == pytest.approx(300_000)


FEEDS = """
[market]
sequencer_feed = false

[feeds.wstETH]
legs = [
  {description = "ETH / USD"},
  {description = "stETH / ETH", deviation_bps = 200, heartbeat_s = 86400, settings_from = "fitted"},
]
[feeds.wstETH.cap]
snapshot_ratio = "1191926196479920216"
snapshot_at = %d
growth_bps = 875
ratio = "1228900000000000000"
ratio_growth_bps = 300

[feeds.GHO]
making = "fixed"

[feeds.USDC.stable_cap]
cap = 104000000
feed = 130000000

[feeds.LINK]
making = "feed"
legs = [{min_answer_raw = 1400000000, max_answer_raw = "1000000000000000000", sources = 1}]
"""


@pytest.fixture
def files(taken: Snapshot, tmp_path: Path) -> tuple[Path, Path]:
    save(taken, tmp_path / "snap")
    (tmp_path / "feeds.toml").write_text(FEEDS % (NOW_S - 7 * 86_400), encoding="utf-8")
    return tmp_path / "snap", tmp_path / "feeds.toml"


def test_a_file_of_facts_turns_not_known_into_findings(files: tuple[Path, Path], run: Run) -> None:
    snap, feeds = files
    code, out, err = run(snap, "--feeds", feeds, "--price", "wstETH=3090", "--price", "GHO=0.93", "--json")
    assert (code, err) == (0, "")
    body = json.loads(out)
    assert body["schema"] == "breakwater.oracle-audit/1"
    found = {(c["asset"], c["check"]): c["severity"] for c in body["data"]["checks"] if c["severity"]}
    assert found["wstETH", "capped"] == "high"
    assert found["wstETH", "cap below market"] == "critical"
    # 250 bps of two legs against a buffer of 405 bps, with a heartbeat of a day.
    assert found["wstETH", "deviation against buffer"] == "medium"
    assert found["wstETH", "heartbeat against horizon"] == "high"
    assert found["GHO", "fixed price"] == "critical"
    assert found["USDC", "hidden upside"] == "high"
    assert found["LINK", "min/max answer"] == "high"
    assert found["LINK", "single source"] == "high"
    assert found["WBTC", "base asset"] == "medium"
    assert len(body["findings"]) == len(found)
    assert run(snap, "--feeds", feeds, "--price", "wstETH=3090", "--price", "GHO=0.93", "--json")[1] == out


def test_a_lost_leg_is_found_without_any_market_price(run: Run, tmp_path: Path) -> None:
    reserves = [replace(r, price_raw=112_000_000) if r.symbol == "wstETH" else r for r in RESERVES]
    save(market(reserves=reserves), tmp_path / "snap")
    code, out, err = run(tmp_path / "snap", "--strict", "--all")
    assert code == 1
    assert "high or critical" in err
    assert "a leg is missing" in " ".join(out.split())


def test_the_table_names_what_was_found_and_counts_what_was_not_known(
    files: tuple[Path, Path], run: Run
) -> None:
    code, out, err = run(files[0])
    assert code == 0
    assert "test market at block 23000000" in out
    assert "not known" in err


def test_little_at_stake_is_of_low_severity(taken: Snapshot) -> None:
    small = market([("0xa", 0, {5: 1}, {4: 1})], taken.reserves)
    report = audit(small, market_usd={"LINK": 30.0})
    assert of(report, "LINK", "composition").severity is Severity.LOW
    assert audit(taken, market_usd={"LINK": 30.0}).findings[0].severity is Severity.HIGH


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[feed.x]\n", "no key 'feed'"),
        ("[feeds.nope]\n", "not listed"),
        ("[feeds.WETH]\nmaking = 'magic'\n", "magic"),
        ("[feeds.WETH]\nlegs = [{heartbeat_s = -1}]\n", "heartbeat_s is -1"),
        ("[feeds.WETH]\nlegs = [{sources = 'many'}]\n", "sources is 'many'"),
        ("[feeds.WETH.cap]\nratio = 1\n", "snapshot_ratio is missing"),
        ("[feeds.WETH.stable_cap]\ncap = 0\nfeed = 1\n", "stable_cap"),
        ("nonsense", "cannot read"),
    ],
)
def test_a_file_of_facts_that_makes_no_sense_is_bad_input(
    files: tuple[Path, Path], run: Run, text: str, word: str
) -> None:
    files[1].write_text(text, encoding="utf-8")
    code, out, err = run(files[0], "--feeds", files[1])
    assert (code, out) == (2, "")
    assert word in err


@pytest.mark.parametrize("price", ["WETH", "WETH=0", "WETH=nan", "nope=1"])
def test_impossible_market_prices_are_bad_input(files: tuple[Path, Path], run: Run, price: str) -> None:
    assert run(files[0], "--price", price)[0] == 2


def test_market_prices_come_from_a_file_and_options_win(
    files: tuple[Path, Path], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_text("asset,price_usd\nWETH,2500\nLINK,30\n", encoding="utf-8")
    _, out, _ = run(files[0], "--market-prices", tmp_path / "p.csv", "--price", "LINK=15.1", "--json")
    assert json.loads(out)["inputs"]["market_usd"] == {"WETH": 2500.0, "LINK": 15.1}
    (tmp_path / "p.csv").write_text("name\nWETH\n", encoding="utf-8")
    assert run(files[0], "--market-prices", tmp_path / "p.csv")[0] == 2


def test_repricing_finds_exactly_the_accounts_that_cross(taken: Snapshot) -> None:
    # 0xa2 has health 1.0364 in e-mode; the price at which it is exactly 1 is not liquidatable.
    at_one = -(-taken.reserves[1].price_raw * 10**18 // 1036363636363636363)
    assert repriced(taken, "wstETH", at_one).rows == ()
    below = repriced(taken, "wstETH", at_one - 10**4)
    assert [r.account for r in below.rows] == ["0xa2"]
    assert below.rows[0].asset_raw == 100 * 10**18
    assert below.debt_usd == pytest.approx(275_000)
    assert repriced(taken, "wstETH", at_one - 10**4, at_one - 2 * 10**4).already == 1


def test_a_price_scales_with_its_ratio_rounded_down() -> None:
    assert scaled_price(10**8, 3, 2) == 66_666_666
