"""``breakwater history`` over real HTTP against the local market."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from abis.chain import Chain
from protocols.registry import read_history, resolve
from risk.cli.main import main

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line and return exit code, stdout and stderr."""
    monkeypatch.delenv("ETH_RPC_URL", raising=False)
    monkeypatch.delenv("BREAKWATER_MARKETS", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.mark.chain
def test_three_outputs_of_one_history(demo_chain: DemoWorld, run: Run) -> None:
    chain, market = demo_chain.chain, demo_chain.market
    link = market.reserves["LINK"].underlying.address
    chain.send(market.admin, market.configurator, "setSupplyCap", link, 123_000)
    chain.send(market.admin, market.configurator, "configureReserveAsCollateral", link, 6_000, 7_000, 10_800)
    chain.mine()
    chain.send(
        market.admin, market.configurator, "setEModeCategory", 1, 9_310, 9_510, 10_110, "0x" + "0" * 40, "=A"
    )
    head = chain.mine()
    name = f"aave-v3:{market.provider.address}"
    order = ["history", name, "--rpc", chain.node.url, "--from-block", head.number - 1]
    reader = Chain(chain.node.url)
    expected = read_history(reader, resolve(name), head.number - 1, reader.block("latest"), lambda *_: None)
    rows = [asdict(c) for c in expected.changes]
    assert len(rows) == 8

    code, out, err = run(*order, "--json")
    body = json.loads(out)
    assert (code, body["schema"], body["data"]["rows"]) == (0, "breakwater.history/1", rows)
    assert set(body["units"]) == set(rows[0])
    assert f"8 changes in blocks {head.number - 1} to {head.number}" in err
    code, out, _ = run(*order, "--csv")
    assert code == 0
    listed = list(csv.DictReader(io.StringIO(out)))
    assert [r["new"] for r in listed] == [str(r["new"]).replace("=A", "'=A") for r in rows]
    assert [r["transaction"] for r in listed] == [r["transaction"] for r in rows]
    code, out, _ = run(*order)
    assert code == 0
    assert all(shown in out for shown in ("LINK", "123,000", "60 %", "66 %", "e-mode 1", "8 %", "'=A"))
    code, out, err = run(*order[:-1], head.number, "--to-block", head.number)
    assert "LINK" not in out
    assert f"in blocks {head.number} to {head.number}" in err
    chain.mine()
    code, out, _ = run(*order[:-1], head.number + 1)
    assert code == 0
    assert "No parameter changed." in out


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (["aave-v3-ethereum", "--from-block", "5"], "no RPC URL given"),
        (["aave-v2-ethereum", "--from-block", "5"], "whose configuration events are not read"),
        (["aave-v3-etherum", "--from-block", "5"], "Nearest: aave-v3-ethereum"),
        (["aave-v3-ethereum", "--from-block", "5", "--to-block", "soon"], "'soon' is no block"),
        (["aave-v3-ethereum", "--from-block", "5", "--json", "--csv"], "exclude each other"),
    ],
)
def test_a_wrong_order_ends_in_a_stated_error(run: Run, order: list[str], says: str) -> None:
    code, out, err = run("history", *order)
    assert (code, out) == (2, "")
    assert says in err


@pytest.mark.chain
def test_a_range_that_ends_before_it_begins_is_refused(demo_chain: DemoWorld, run: Run) -> None:
    name = f"aave-v3:{demo_chain.market.provider.address}"
    code, _, err = run(
        "history", name, "--rpc", demo_chain.chain.node.url, "--from-block", 99, "--to-block", 98
    )
    assert code == 2
    assert "blocks 99 to 98 are no range" in err
