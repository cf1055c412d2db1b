"""``breakwater oracle audit`` and the examples of docs/oracle-safety.md, as a user types them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from protocols.store import save
from risk.cli.main import main
from tests.risk.markets import RESERVES, market

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = ROOT / "docs" / "oracle-safety.md"
FACTS = ROOT / "examples" / "oracle_feeds.toml"
EXAMPLES = re.findall(
    r"```console\n\$ breakwater (.*)\n((?:.*\n)*?)```", DOCUMENT.read_text(encoding="utf-8")
)
PRICES = ("--price", "WETH=2650", "--price", "wstETH=3136", "--price", "USDC=0.9999")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.fixture
def snap(run: Run, tmp_path: Path) -> Path:
    """The example market, imported as the README does."""
    folder, out = ROOT / "examples" / "import", tmp_path / "snap"
    run("import", *sorted(folder.glob("*.csv")), "--market-file", folder / "market.toml", "-o", out)
    return out


@pytest.mark.parametrize(("line", "shown"), EXAMPLES, ids=[line.split(" -")[0] for line, _ in EXAMPLES])
def test_the_document_shows_what_the_command_prints(
    line: str, shown: str, run: Run, snap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    _, out, _ = run(*(snap if word == "snap" else word for word in shlex.split(line)))
    assert [row.rstrip() for row in out.rstrip().splitlines()] == shown.rstrip().splitlines()


def test_the_document_has_an_example_of_each_command() -> None:
    assert sorted(line.split()[1] for line, _ in EXAMPLES) == ["audit", "check-update"]


def test_strict_refuses_only_grave_findings(run: Run, snap: Path) -> None:
    code, out, err = run("oracle", "audit", snap, "--feeds", FACTS, *PRICES, "--strict")
    assert code == 1
    assert "1 finding of high or critical severity" in err
    assert "older than its heartbeat" in " ".join(out.split())
    assert run("oracle", "audit", snap, *PRICES, "--strict")[0] == 0


def test_json_holds_every_check_and_hashes_of_what_was_read(run: Run, snap: Path) -> None:
    code, out, err = run("oracle", "audit", snap, "--feeds", FACTS, *PRICES, "--json")
    assert (code, err) == (0, "")
    body = json.loads(out)
    assert len(body["data"]["checks"]) == 3 * 11 + 1
    assert {len(body["inputs"][k]) for k in ("snapshot_sha256", "feeds_sha256")} == {64}
    assert [f["severity"] for f in body["findings"]] == ["high", "medium", "low", "low", "low"]
    capped = next(c for c in body["data"]["checks"] if (c["asset"], c["check"]) == ("wstETH", "capped"))
    assert "binds in 18.0 days" in capped["evidence"]
    assert capped["remedy"]


def test_a_wider_horizon_is_met_by_a_slower_feed(run: Run, snap: Path) -> None:
    def slow(*more: object) -> list[str]:
        body = json.loads(run("oracle", "audit", snap, "--feeds", FACTS, "--json", *more)[1])
        name = "heartbeat against horizon"
        return [c["asset"] for c in body["data"]["checks"] if c["check"] == name and c["severity"]]

    assert slow() == ["wstETH", "USDC"]
    assert slow("--horizon-s", 86_400) == []
    assert run("oracle", "audit", snap, "--horizon-s", 0)[0] == 2


def test_a_market_without_findings_says_so_and_what_is_not_known(run: Run, snap: Path) -> None:
    code, out, err = run("oracle", "audit", snap)
    assert code == 0
    assert "No findings." in out
    assert "30 not known" in err
    assert "a market price" in " ".join(run("oracle", "audit", snap, "--all")[1].split())


def test_names_from_strangers_are_not_markup(run: Run, tmp_path: Path) -> None:
    evil = "[red]X[/red]"
    reserves = [replace(r, symbol=evil, price_raw=112_000_000) if r.symbol == "LINK" else r for r in RESERVES]
    save(market([("0xa", 0, {5: 10_000}, {4: 1_000})], reserves), tmp_path / "snap")
    _, out, _ = run("oracle", "audit", tmp_path / "snap", "--price", f"{evil}=15")
    assert evil in out


def test_a_missing_snapshot_is_bad_input(run: Run, tmp_path: Path) -> None:
    code, out, err = run("oracle", "audit", tmp_path / "nothing")
    assert (code, out) == (2, "")
    assert "nothing" in err
