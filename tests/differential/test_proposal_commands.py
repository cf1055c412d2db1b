"""The proposal commands against a running market: read, reviewed, executed, held to the prediction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.localchain.random_world import RandomWorld
from protocols.store import save
from risk.cli.main import main
from tests.differential.snapshots import take

pytestmark = pytest.mark.chain
QUICK = ("--one-depth", "--shock", "WETH=-10%", "--max-age", "100000")
SETS = ("--set", "WETH.ltv=60%", "--set", "WETH.liquidation_threshold=62%", "--set", "WETH.supply_cap=900M")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    return int(stop.value.code or 0)


@pytest.mark.verify
def test_a_payload_is_reviewed_from_an_endpoint_alone(
    v36_chain: RandomWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = v36_chain.chain.node.url
    save(take(v36_chain), tmp_path / "snap")
    out, review = tmp_path / "out", tmp_path / "review"
    code = run("propose", tmp_path / "snap", *SETS, *QUICK, "--simulate-rpc", url, "-o", out)
    said = capsys.readouterr().err
    assert code == 0, said
    assert "0 differences" in said
    simulation = json.loads((out / "simulation.json").read_text())["data"]
    assert simulation["agrees"]
    assert simulation["liquidatable_found"] == simulation["liquidatable_predicted"] != []
    safe = json.loads((out / "safe.json").read_text())
    assert {t["to"] for t in safe["transactions"]} == {v36_chain.market.configurator.address}
    market = f"aave-v3:{v36_chain.market.provider.address}"
    code = run(
        *("review-payload", out / "safe.json", "--market", market, "--rpc", url, *QUICK),
        *("--simulate-rpc", url, "-o", review),
    )
    said = capsys.readouterr().err
    assert code == 0, said
    assert json.loads((review / "simulation.json").read_text())["data"]["agrees"]
    assert (review / "snapshot" / "manifest.json").is_file()
    both = [json.loads((d / "config_diff.json").read_text())["data"] for d in (out, review)]
    assert both[0] == both[1]
    assert "ltv_bps" in (review / "config_diff.md").read_text()


def test_a_simulation_that_differs_ends_in_1(
    v36_chain: RandomWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(take(v36_chain), tmp_path / "snap")
    asset = v36_chain.market.reserves["WETH"].underlying.address
    raised = v36_chain.market.configurator.encode("setSupplyCap", asset, 900_000_000)
    taken_off = v36_chain.market.configurator.encode("dropReserve", asset)  # refused: it has suppliers
    payload = tmp_path / "calls.txt"
    payload.write_text(f"{raised}\n{taken_off}\n")
    url = v36_chain.chain.node.url
    code = run("review-payload", payload, tmp_path / "snap", *QUICK, "--simulate-rpc", url)
    said = capsys.readouterr().err
    assert code == 1
    assert "call 2 failed" in said
    assert "the simulation differs" in said
