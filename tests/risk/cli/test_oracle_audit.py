"""``breakwater oracle audit`` and the examples of docs/oracle-safety.md, as a user types them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from protocols.store import save
from risk.cli.main import main
from tests.abis.scripted_node import NodeError, ScriptedNode, serving
from tests.risk.cli.test_oracle_trace import KEY, add_unknown_source, answers_of, market_of, url_of
from tests.risk.markets import RESERVES, market

if TYPE_CHECKING:
    from examples.localchain.adapters import OracleWorld
    from examples.localchain.random_world import RandomWorld

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
    for name in ("ETH_RPC_URL", "BREAKWATER_MARKETS", "BREAKWATER_CACHE"):
        monkeypatch.delenv(name, raising=False)

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
    assert "30 not known; --all names them, --trace, --feeds and --price tell." in err
    assert "a market price" in " ".join(run("oracle", "audit", snap, "--all")[1].split())


def test_names_from_strangers_are_not_markup(run: Run, tmp_path: Path) -> None:
    evil = "[red]X[/red]"
    reserves = [replace(r, symbol=evil, price_raw=112_000_000) if r.symbol == "LINK" else r for r in RESERVES]
    save(market([("0xa", 0, {5: 10_000}, {4: 1_000})], reserves), tmp_path / "snap")
    _, out, _ = run("oracle", "audit", tmp_path / "snap", "--price", f"{evil}=15")
    assert evil in out


def saved(run: Run, world: OracleWorld, folder: Path, block: int) -> tuple[Path, Path]:
    """The two files of an audit without a node: a snapshot and the trace of its block."""
    snap, trace = folder / "saved", folder / "trace.json"
    where = (market_of(world), "--rpc", url_of(world), "--block", block)
    assert run("snapshot", *where, "-o", snap)[0] == 0
    trace.write_bytes(run("oracle", "trace", *where, "--json")[1].encode())
    return snap, trace


@pytest.mark.chain
def test_a_market_is_audited_as_its_snapshot_and_trace_are(
    oracle_chain: OracleWorld, run: Run, tmp_path: Path
) -> None:
    world = oracle_chain
    unknown = add_unknown_source(world)
    world.chain.mine()
    block = world.chain.head()
    snap, trace = saved(run, world, tmp_path, block.number)
    add_unknown_source(world, "WETH")  # later, and so not seen
    world.chain.mine()
    options = ("--price", "WETH=2650", "--horizon-s", 600, "--json")
    code, out, err = run(
        "oracle", "audit", market_of(world), "--rpc", url_of(world), "--block", block.number, *options
    )
    assert code == 0
    read, files = (
        json.loads(text) for text in (out, run("oracle", "audit", snap, "--trace", trace, *options)[1])
    )
    assert read == files
    assert {f["subject"] for f in read["findings"]} >= {"WETH", "GHO"}
    assert read["data"]["block_hash"] == block.hash
    assert read["inputs"]["trace_sha256"] == sha256(trace.read_bytes()).hexdigest()
    checks = {(c["asset"], c["check"]): c for c in read["data"]["checks"]}
    assert checks["cbBTC", "fixed price"]["result"] == "not known"
    assert checks["GHO", "fixed price"]["result"] == "finding"
    said = " ".join(err.split())
    assert "Reserves and prices: " in said
    assert "Price sources: " in said
    assert f"at block {block.number}, held against" in said
    assert unknown in said


@pytest.mark.chain
def test_a_market_of_ones_own_is_audited_at_the_head_by_its_name(
    oracle_chain: OracleWorld, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, cache = oracle_chain, tmp_path / "cache"
    registry = tmp_path / "markets.toml"
    registry.write_text(
        f'[markets.mine]\nprotocol = "aave-v3"\nchain_id = 31337\n'
        f'address = "{world.market.provider.address}"\n'
    )
    monkeypatch.setenv("BREAKWATER_CACHE", str(cache))
    where = ("mine", "--registry", registry, "--rpc", url_of(world))
    code, out, err = run("oracle", "audit", *where, "--no-cache")
    head = world.chain.head()
    assert code == 0
    assert out.startswith(f"mine at block {head.number}, ")
    assert "fixed price" in out
    assert "--all names them, --feeds and --price tell." in err  # traced already
    assert not cache.exists()
    assert run("oracle", "audit", *where)[1] == out
    assert list((cache / "journals").iterdir())
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    code, _, err = run("oracle", "audit", *where)  # a directory goes before a market
    assert code == 2
    assert "'mine' is no snapshot" in err


@pytest.mark.chain
def test_a_market_of_aave_v2_is_audited(v2_chain: RandomWorld, run: Run, tmp_path: Path) -> None:
    where = (f"aave-v2:{v2_chain.market.pool.address}", "--rpc", v2_chain.chain.node.url)
    code, out, _ = run("oracle", "audit", *where, "--json")
    assert code == 0
    assert run("snapshot", *where, "-o", tmp_path / "snap")[0] == 0
    (tmp_path / "trace.json").write_bytes(run("oracle", "trace", *where, "--json")[1].encode())
    files = run("oracle", "audit", tmp_path / "snap", "--trace", tmp_path / "trace.json", "--json")[1]
    assert json.loads(out) == json.loads(files)
    assert any(c["result"] == "fine" for c in json.loads(out)["data"]["checks"])


@pytest.mark.chain
def test_the_key_of_the_url_is_never_shown(oracle_chain: OracleWorld, run: Run) -> None:
    answers, path = answers_of(oracle_chain), f"/v2/{KEY}"
    command = ("oracle", "audit", market_of(oracle_chain), "--json", "--rpc")
    with serving(ScriptedNode(answers), path) as node:
        code, out, err = run(*command, node.url)
    assert code == 0
    assert KEY not in out + err

    def late(method: str, params: list[Any]) -> Any:
        told = len(node.seen) > 12
        return NodeError(-32000, f"denied at http://127.0.0.1{path}") if told else answers(method, params)

    with serving(ScriptedNode(late), path) as node:
        code, out, err = run(*command, node.url)
    assert (code != 0, out) == (True, "")
    assert "denied" in err
    assert KEY not in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such-market"], "no market is called 'no-such-market'. Known: "),
        (["aave-v3-etherum"], "no market is called 'aave-v3-etherum'. Nearest: aave-v3-ethereum"),
        (["aave-v3:0x12"], "'0x12' is no address"),
        (["{folder}/nothing"], "nothing'. Known: "),
        (["aave-v3-ethereum"], "no RPC URL given. Pass --rpc URL or set ETH_RPC_URL."),
        (["aave-v3-ethereum", "--block", "soon"], "'soon' is no block"),
        (["aave-v3-ethereum", "--trace", "t.json"], "--trace is for a snapshot directory"),
        # before a node is asked anything
        (["aave-v3-ethereum", "--feeds", "absent.toml"], "absent.toml"),
        (["aave-v3-ethereum", "--market-prices", "absent.csv"], "absent.csv"),
        (["aave-v3-ethereum", "--horizon-s", "0"], "--horizon-s"),
        (["{folder}/snap", "--block", "1"], "--block is for a market"),
        (["{folder}"], "is no snapshot: manifest.json"),
    ],
)
def test_wrong_orders_end_in_a_stated_error(run: Run, snap: Path, arguments: list[str], says: str) -> None:
    code, out, err = run("oracle", "audit", *(a.format(folder=snap.parent) for a in arguments))
    assert (code, out) == (2, "")
    assert says in err
