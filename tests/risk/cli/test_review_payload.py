"""``breakwater review-payload``: what it refuses, and what it never hides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from abis.calls import Call, encode
from protocols.store import load
from tests.abis.scripted_node import NodeError, ScriptedNode, serving
from tests.risk.cli.conftest import Run

QUICK = ("--shock", "WETH=-10%", "--one-depth", "--max-age", "1e6")


def cap(snap: Path, tokens: int = 900_000_000) -> str:
    taken = load(snap)
    asset = taken.reserves[taken.asset_index("WETH")].asset
    return "0x" + encode(Call("", "setSupplyCap(address,uint256)", (asset, tokens))).hex()


def test_an_unknown_call_is_in_every_output(run: Run, snap: Path, tmp_path: Path) -> None:
    payload = tmp_path / "calls.txt"
    payload.write_text(f"0x12345678\n{cap(snap)}\n")
    code, text, _ = run("review-payload", payload, snap, *QUICK, "-o", tmp_path / "out", "--json")
    assert code == 0
    body = json.loads(text)
    assert [c["parameter"] for c in body["data"]["changes"]] == ["WETH.supply_cap"]
    (unread,) = [f for f in body["findings"] if "NOT DECODED" in f["message"]]
    assert (unread["subject"], unread["severity"]) == ("call 1", "high")
    assert [c["by"] for c in body["data"]["calls"]] == ["unknown", "PoolConfigurator"]
    for name in ("post.md", "report.html"):
        assert "NOT DECODED" in (tmp_path / "out" / name).read_text()
    diff = json.loads((tmp_path / "out" / "config_diff.json").read_text())
    assert diff["inputs"]["payload_sha256"] == body["inputs"]["payload_sha256"]
    assert not (tmp_path / "out" / "safe.json").exists()  # the payload is somebody else's


def test_one_market_must_be_named(run: Run, snap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ETH_RPC_URL", raising=False)
    code, out, err = run("review-payload", cap(snap))
    assert (code, out) == (2, "")
    assert "snapshot or --market" in err
    assert run("review-payload", cap(snap), snap, "--market", "aave-v3-base")[0] == 2
    code, _, err = run("review-payload", cap(snap), "--market", "aave-v3-base")
    assert code == 2
    assert "no RPC URL" in err


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"chainId": "10", "transactions": [{"data": "0x12345678"}]}, "for chain '10'"),
        ({"transactions": [{"data": "0x12345678"}]}, "NOT DECODED"),
        ({"transactions": [{"data": "0x"}]}, "NOT DECODED"),
        ({"transactions": [{"to": "0x12", "data": "0x12345678"}]}, "is no address"),
    ],
)
def test_a_payload_that_is_not_for_this_market(
    run: Run, snap: Path, tmp_path: Path, payload: dict[str, Any], named: str
) -> None:
    path = tmp_path / "safe.json"
    path.write_text(json.dumps(payload))
    code, out, err = run("review-payload", path, snap, *QUICK)
    assert (code, out) == (2, "")
    assert named in err


@pytest.mark.parametrize("command", ["review-payload", "propose"])
def test_a_public_node_is_sent_nothing_and_its_key_is_not_shown(run: Run, snap: Path, command: str) -> None:
    def answer(method: str, params: list[Any]) -> Any:
        known = {"web3_clientVersion": "Geth/v1.15.0-stable", "eth_chainId": "0x1"}
        return known.get(method, NodeError(-32601, f"the method {method} does not exist"))

    asked = (cap(snap), snap) if command == "review-payload" else (snap, "--set", "WETH.ltv=79%")
    with serving(ScriptedNode(answer)) as node:
        url = node.url.rstrip("/") + "/v2/topsecretkey123"
        code, out, err = run(command, *asked, *QUICK, "--simulate-rpc", url)
        methods = {r["method"] for r in node.seen}
    assert (code, out) == (2, "")
    assert "is no test node" in err
    assert "Nothing was sent" in err
    assert "topsecret" not in err
    assert methods == {"web3_clientVersion"}
