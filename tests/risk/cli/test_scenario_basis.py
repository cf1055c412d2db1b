"""``breakwater scenario basis``: tables, JSON, scenarios that ``stress`` takes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abis.errors import InputError
from protocols.store import load, save
from risk.cli.scenario_basis import parse_funding
from risk.scenarios.spec import load_scenarios
from tests.risk.cli.conftest import Run
from tests.risk.venues.test_basis import snapshot


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("looped") / "snap"
    save(snapshot(), path)
    return path


def test_negative_funding_unwinds_loops(run: Run, looped: Path, tmp_path: Path) -> None:
    out = tmp_path / "unwinding"
    code, text, told = run("scenario", "basis", looped, "--funding=BTC=-20%,ETH=-20%", "--json", "-o", out)
    assert code == 0
    body = json.loads(text)
    data = body["data"]
    assert data["earned"]["staked"] == 0.0
    assert data["earned"]["shortfall_usd"] > 0.0
    assert data["supply_usd"]["after"] < data["supply_usd"]["before"]
    assert sum(data["cash_usd"].values()) == pytest.approx(0.0, abs=1.0)
    assert {r["reserve"] for r in data["reserves"]} == {"USDe", "USDC", "USDT"}
    assert all(r["lowest_rate"] - 1e-12 <= r["rate"] < r["rate_before"] for r in data["reserves"])
    bought, sold = (sum(f[k] for f in data["flows"]) for k in ("bought_usd", "sold_usd"))
    assert bought == pytest.approx(sold)
    assert body["inputs"]["assumed"]["leaving"]
    path = load_scenarios(out, load(looped)).produce(0, 1)
    assert path.market_price_usd[0, :, 0, 1].min() < 1.0
    assert (path.fair_price_usd[0, :, 1] == 1.0).all()
    code, _, told = run("scenario", "basis", looped, "-o", out)
    assert code == 2
    assert "exists" in told


@pytest.mark.verify
def test_tables_say_what_leaves_and_what_is_not_identified(run: Run, looped: Path) -> None:
    code, text, _ = run("scenario", "basis", looped, "--funding=BTC=-20%,ETH=-20%")
    assert code == 0
    for part in ("Not identified", "Debt reserves", "Perpetuals bought", "The reserve fund bears"):
        assert part in text


@pytest.mark.verify
def test_the_model_of_december_pays_what_its_clamp_gives(run: Run, looped: Path) -> None:
    code, text, _ = run("scenario", "basis", looped)
    assert code == 0
    assert "BTC 10.95%, ETH 10.95%" in text
    assert "nobody leaves" in text


@pytest.mark.parametrize("text", ["BTC", "BTC=1", "=1%", "BTC=x%", "BTC=1%,BTC=2%", ""])
def test_funding_is_coin_and_percentage(text: str) -> None:
    with pytest.raises(InputError, match="no funding"):
        parse_funding(text)


def test_funding_is_read() -> None:
    assert parse_funding("BTC=1.5%, ETH=-3%") == {"BTC": 0.015, "ETH": -0.03}


def test_what_cannot_be_answered_is_refused(run: Run, looped: Path, snap: Path, tmp_path: Path) -> None:
    for arguments, says in (
        ((snap,), "no account of this market loops"),
        ((looped, "--funding=BTC=1%"), "no funding of 'ETH'"),
        ((looped, "--funding=BTC=1%,ETH=1%,DOGE=1%"), "'DOGE' does not back USDe"),
        ((looped, "--issuer", tmp_path / "none.toml"), "cannot be read"),
        ((looped, "--funding=BTC=-20%,ETH=-20%", "--worst-discount", 2), "worst discount of 2"),
    ):
        code, _, told = run("scenario", "basis", *arguments)
        assert code == 2
        assert says in told
