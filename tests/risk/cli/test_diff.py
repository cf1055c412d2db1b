"""``breakwater diff``: three outputs, and the contract's own count of who can be liquidated."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from protocols.store import digest, load, save
from risk.cli.main import main
from tests.risk.markets import market

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line and return exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "160")

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two snapshots: an LTV and a price lower in the second."""
    a = market()
    weth = replace(a.reserves[0], ltv_bps=8000, price_raw=2300 * 10**8)
    save(a, tmp_path / "a")
    save(replace(a, reserves=(weth, *a.reserves[1:])), tmp_path / "b")
    return tmp_path / "a", tmp_path / "b"


def test_all_outputs_say_the_same(pair: tuple[Path, Path], run: Run) -> None:
    code, out, err = run("diff", *pair, "--json")
    body = json.loads(out)
    assert (code, body["schema"], err) == (0, "breakwater.diff/1", "")
    assert body["inputs"]["before_sha256"] == digest(pair[0])
    (change,) = body["data"]["parameters"]
    assert (change["name"], change["old"], change["new"]) == ("WETH", "8050", "8000")
    assert body["data"]["accounts"]["newly_liquidatable"]["rows"][0]["account"] == "0xa1"
    assert body["data"]["empty"] is False
    for option in ("--md", ""):
        code, out, _ = run("diff", *pair, *([option] if option else []))
        assert code == 0
        assert all(
            text in out for text in ("80.5 %", "80 %", "8050", "$2,300.0", "Newly liquidatable", "0xa1")
        )


def test_no_difference_is_said_and_is_fine(pair: tuple[Path, Path], run: Run) -> None:
    for options in ((), ("--md",)):
        code, out, _ = run("diff", pair[0], pair[0], *options)
        assert code == 0
        assert "No difference in parameters, prices, rates, totals or accounts." in out
    assert json.loads(run("diff", pair[0], pair[0], "--json")[1])["data"]["empty"] is True


def test_what_cannot_be_compared_is_refused(pair: tuple[Path, Path], tmp_path: Path, run: Run) -> None:
    a = market()
    save(replace(a, market=replace(a.market, name="other")), tmp_path / "other")
    code, out, err = run("diff", pair[0], tmp_path / "other")
    assert (code, out) == (2, "")
    assert "different markets. Give two snapshots of one market, or --force." in err
    code, _, err = run("diff", pair[0], tmp_path / "other", "--force")
    assert code == 0
    assert "Warning: 'test market' (chain 1) and 'other' (chain 1) are different markets." in err
    assert run("diff", pair[0], tmp_path / "absent")[0] == 2
    assert run("diff", *pair, "--json", "--md")[0] == 2


@pytest.mark.chain
def test_liquidatable_accounts_of_both_sides_are_the_contracts(
    demo_chain: DemoWorld, tmp_path: Path, run: Run
) -> None:
    from tests.differential.price_moves import MOVES, push

    chain, market_ = demo_chain.chain, demo_chain.market
    take = ["snapshot", f"aave-v3:{market_.provider.address}", "--rpc", chain.node.url, "-o"]
    assert run(*take, tmp_path / "a")[0] == 0
    weth = market_.reserves["WETH"].underlying.address
    chain.send(market_.admin, market_.configurator, "configureReserveAsCollateral", weth, 7000, 7500, 10500)
    push(demo_chain, next(iter(MOVES.values())))
    assert run(*take, tmp_path / "b")[0] == 0
    body = json.loads(run("diff", tmp_path / "a", tmp_path / "b", "--json", "--top", 500)[1])["data"]
    assert {(p["name"], p["parameter"], p["old"], p["new"]) for p in body["parameters"]} == {
        ("WETH", "ltv_bps", str(load(tmp_path / "a").reserves[0].ltv_bps), "7000"),
        (
            "WETH",
            "liquidation_threshold_bps",
            str(load(tmp_path / "a").reserves[0].liquidation_threshold_bps),
            "7500",
        ),
    }
    liquidatable = {}
    for side in ("a", "b"):
        taken = load(tmp_path / side)
        pool = market_.pool
        calls = [
            [{"to": pool.address, "data": pool.encode("getUserAccountData", a)}, hex(taken.block.number)]
            for a in taken.book.accounts
        ]
        answers = [pool.decode("getUserAccountData", 1, x) for x in chain.node.rpc.batch("eth_call", calls)]
        liquidatable[side] = {a for a, v in zip(taken.book.accounts, answers, strict=True) if v[5] < 10**18}
    accounts = body["accounts"]
    assert accounts["liquidatable_before_accounts"] == len(liquidatable["a"])
    assert accounts["liquidatable_after_accounts"] == len(liquidatable["b"])
    newly = {row["account"] for row in accounts["newly_liquidatable"]["rows"]}
    assert newly == liquidatable["b"] - liquidatable["a"]
    assert newly
