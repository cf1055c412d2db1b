"""A local market with Aave's kinds of price sources: snapshot, trace of the same block, audit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.localchain.adapters import OracleWorld
from examples.oracle_trace import let_days_pass
from risk.cli.main import main

pytestmark = pytest.mark.chain


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def command(*arguments: object) -> str:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        assert not stop.value.code
        return capsys.readouterr().out

    return command


def test_the_audit_knows_what_the_trace_read(
    oracle_chain: OracleWorld, run: Callable[..., str], tmp_path: Path
) -> None:
    snap, trace = tmp_path / "snap", tmp_path / "trace.json"
    let_days_pass(oracle_chain)
    chain = oracle_chain.chain
    where = (f"aave-v3:{oracle_chain.market.provider.address}", "--rpc", chain.node.url)
    block = ("--block", chain.head().number)
    run("snapshot", *where, *block, "-o", snap)
    trace.write_text(run("oracle", "trace", *where, *block, "--json"), encoding="utf-8")

    def checks(*more: object) -> dict[tuple[str, str], dict[str, str]]:
        rows = json.loads(run("oracle", "audit", snap, "--json", *more))["data"]["checks"]
        return {(row["asset"], row["check"]): row for row in rows}

    blind, seen = checks(), checks("--trace", trace)
    assert blind["wstETH", "capped"]["result"] == "not known"
    assert seen["wstETH", "capped"]["result"] == "finding"
    assert "binds in 13." in seen["wstETH", "capped"]["evidence"]
    assert seen["GHO", "fixed price"]["result"] == "finding"
    assert "USDT / USD" in seen["USDe", "base asset"]["evidence"]
    assert seen["USDe", "hidden upside"]["result"] == "fine"
    unknown = [sum(c["result"] == "not known" for c in each.values()) for each in (blind, seen)]
    assert unknown[1] < unknown[0] / 2
