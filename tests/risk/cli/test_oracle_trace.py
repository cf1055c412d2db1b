"""``breakwater oracle trace`` over real HTTP against a market with composed prices."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from risk.cli.main import main
from risk.cli.oracle_trace_tree import number
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

if TYPE_CHECKING:
    from examples.localchain.adapters import OracleWorld

KEY = "s3cret-key-0123456789"
Run = Callable[..., tuple[int, str, str]]
FITTED_FEED = """
schema = "breakwater.feed/1"
description = "ETH / USD"
decimals = 8
deviation_ppb = 4900000
heartbeat_s = 3601.0
delay_s = [47.0]
[provenance]
deviation = ["fitted", "1993 rounds"]
heartbeat = ["configured", "docs"]
delay = ["fitted", "1993 rounds"]
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("ETH_RPC_URL", raising=False)

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["oracle", "trace", *(str(a) for a in arguments)])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


def market_of(world: OracleWorld) -> str:
    return f"aave-v3:{world.market.provider.address}"


def url_of(world: OracleWorld) -> str:
    return world.chain.node.url


def answers_of(world: OracleWorld, *refused: str) -> Callable[[str, list[Any]], Any]:
    from examples.localchain.rpc import RpcAnswer

    def answer(method: str, params: list[Any]) -> Any:
        if method in refused:
            return NodeError(-32601, f"the method {method} does not exist")
        try:
            return world.chain.node.rpc(method, *params)
        except RpcAnswer as error:
            return NodeError(error.error["code"], error.error["message"])

    return answer


def add_unknown_source(world: OracleWorld, symbol: str = "cbBTC") -> str:
    """Price an asset by a contract nobody knows, and return its address."""
    from examples.localchain.adapters import deploy_adapter, set_sources

    feed = world.feeds["BTC / USD"].proxy.address
    source = deploy_adapter(world.chain, "Unknown", feed)
    world.chain.mine()
    set_sources(world.chain, world.market, {symbol: source})
    return source.address


@pytest.mark.chain
def test_a_market_is_printed_as_trees(oracle_chain: OracleWorld, run: Run) -> None:
    world = oracle_chain
    code, out, err = run(market_of(world), "--rpc", url_of(world))
    assert code == 0
    eth = world.feeds["ETH / USD"]
    lines = out.splitlines()
    head = world.chain.head()
    assert lines[0] == f"Prices of {market_of(world)}, oracle {world.market.oracle.address}"
    assert lines[1].startswith(f"at block {head.number}, 2025-06-15 15:")
    at = lines.index("wstETH  3,072.25")
    assert [line.strip() for line in lines[at : at + 8]] == [
        "wstETH  3,072.25",
        "└── ratio cap 'Capped wstETH / USD' = 3,072.25",
        f"{world.sources['wstETH'].address}, 8 decimals",
        lines[at + 3].strip(),
        "time to cap not known: no ratio of a week ago could be read",
        "├── ratio = 1.2289",
        f"│   {world.parts['stETH shares'].address}, 18 decimals",
        "│   asked by getPooledEthByShares(1000000000000000000)",
    ]
    assert lines[at + 3].strip().startswith("cap 1.22925")
    assert ", headroom 0.02" in lines[at + 3]
    assert out.count(eth.aggregator.address) == 1  # explained once, referred to after
    assert out.count("'ETH / USD' = 2,500 (as above)") == 4
    assert "CAPPED: lowers the price by 0.45" in out
    assert "deviation 1 % (assumed), heartbeat 1 d (assumed)" in out
    assert "discount 8.00 % a year, matures in 89 d 23 h" in out
    assert "private path lags the public one by at most 1 min" in out
    assert "answers from 0.00000001 to 1,000,000,000,000, freezes outside" in out
    assert "held against access lists and call traces; 0 findings" in err


@pytest.mark.chain
def test_the_time_to_the_cap_rests_on_the_last_week(oracle_chain: OracleWorld, run: Run) -> None:
    world = oracle_chain
    for _ in range(9):
        world.chain.mine(world.chain.head().timestamp + 86_400)
    _, out, _ = run(market_of(world), "--rpc", url_of(world), "--asset", "sUSDe", "--asset", "wstETH")
    assert "cap not reached within ten years: ratio grew 0.00 % a year in the last 7 d" in out
    assert "cap not reached within ten years: ratio grew 5.3" in out


@pytest.mark.chain
def test_json_has_raw_values_settings_and_caps_of_each_source(oracle_chain: OracleWorld, run: Run) -> None:
    world = oracle_chain
    code, out, _ = run(market_of(world), "--rpc", url_of(world), "--json", "--asset", "wstETH")
    assert code == 0
    document = json.loads(out)
    assert document["schema"] == "breakwater.oracle-trace/1"
    assert document["inputs"] == {"market": market_of(world), "feeds": {}}
    data = document["data"]
    assert data["oracle"] == world.market.oracle.address
    assert data["checks"] == ["access lists", "call traces"]
    [price] = data["prices"]
    assert (price["symbol"], price["answer_raw"]) == ("wstETH", str(world.price_raw("wstETH")))
    source = price["source"]
    assert source["address"] == world.sources["wstETH"].address
    assert [leg["role"] for leg in source["legs"]] == ["ratio", "base"]
    assert source["settings"]["snapshot_ratio_raw"] == "1210000000000000000"
    cap = data["caps"][source["address"]]
    assert int(cap["cap_raw"]) > int(cap["value_raw"]) == 1228900000000000000
    assert (cap["time_to_cap_s"], cap["growth_per_year"]) == (None, None)
    settings = data["feeds"][world.feeds["ETH / USD"].proxy.address]
    assert settings["deviation_bps"] == {
        "value": 100.0,
        "origin": "assumed",
        "source": "widest customary settings, no source for this feed",
    }
    assert document["findings"] == []


@pytest.mark.chain
def test_a_feed_file_makes_settings_fitted_and_configured(
    oracle_chain: OracleWorld, tmp_path: Path, run: Run
) -> None:
    path = tmp_path / "eth.toml"
    path.write_text(FITTED_FEED)
    arguments = (market_of(oracle_chain), "--rpc", url_of(oracle_chain), "--asset", "WETH", "--feed", path)
    _, out, _ = run(*arguments)
    assert "deviation 0.49 % (fitted), heartbeat 1 h 1 s (configured)" in out
    _, out, _ = run(*arguments, "--json")
    document = json.loads(out)
    assert document["inputs"]["feeds"] == {"eth.toml": hashlib.sha256(path.read_bytes()).hexdigest()}
    [settings] = document["data"]["feeds"].values()
    assert settings["delay_s"] == {"value": 47.0, "origin": "fitted", "source": "1993 rounds"}
    path.write_text(FITTED_FEED.replace("decimals = 8", "decimals = 18"))
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "states 18 decimals of 'ETH / USD', which has 8 on chain" in err


@pytest.mark.chain
def test_an_unknown_source_is_a_finding_and_strict_refuses_it(oracle_chain: OracleWorld, run: Run) -> None:
    world = oracle_chain
    source = add_unknown_source(world)
    arguments = (market_of(world), "--rpc", url_of(world), "--asset", "cbBTC")
    code, out, err = run(*arguments)
    assert code == 0
    assert f"└── not recognised = 10489500000000 raw\n    {source}, decimals not known" in out
    assert "reads 2 contracts more" in out
    assert f"medium: {source}: How this source makes its price is not known" in err
    code, out, err = run(*arguments, "--strict", "--json")
    assert code == 1
    [finding] = json.loads(out)["findings"]
    assert (finding["kind"], finding["subject"]) == ("unsupported", source)
    assert "the prices have 1 finding of medium severity or worse" in err
    code, _, _ = run(market_of(world), "--rpc", url_of(world), "--asset", "WETH", "--strict")
    assert code == 0


@pytest.mark.chain
def test_names_on_chain_cannot_write_on_the_terminal(oracle_chain: OracleWorld, run: Run) -> None:
    from examples.localchain.adapters import deploy_adapter

    world = oracle_chain
    assert world.market.acl_manager is not None
    name = "[red]\x1b[2J=1+1\u202e"
    source = deploy_adapter(world.chain, "FixedPrice", world.market.acl_manager.address, 8, 5, name)
    world.chain.mine()
    _, out, _ = run(source.address, "--rpc", url_of(world))
    assert "fixed price '[red]�[2J=1+1�' = 0.00000005" in out
    assert "\x1b" not in out


@pytest.mark.chain
def test_a_source_and_an_oracle_are_traced_by_address(oracle_chain: OracleWorld, run: Run) -> None:
    world = oracle_chain
    code, out, _ = run(world.sources["WBTC"].address, "--rpc", url_of(world))
    assert code == 0
    assert "└── product of two feeds 'WBTC / BTC / USD' = 104,895" in out
    weth = world.market.reserves["WETH"].underlying.address
    code, out, _ = run(world.market.oracle.address, "--rpc", url_of(world), "--asset", weth)
    assert code == 0
    assert "WETH  2,500" in out
    code, out, _ = run(f"spark:{world.market.provider.address}", "--rpc", url_of(world), "--asset", "gho")
    assert code == 0
    assert "└── fixed price 'Fixed GHO / USD' = 1" in out


@pytest.mark.chain
def test_an_earlier_block_can_be_asked_for(oracle_chain: OracleWorld, run: Run) -> None:
    from examples.localchain.feeds import push_price

    world = oracle_chain
    before = world.chain.head().number
    push_price(world.chain, world.feeds["ETH / USD"], 1_999 * 10**8)
    arguments = (market_of(world), "--rpc", url_of(world), "--asset", "WETH")
    assert "WETH  1,999" in run(*arguments)[1]
    assert "WETH  2,500" in run(*arguments, "--block", before)[1]


@pytest.mark.chain
def test_plain_json_rpc_is_enough(oracle_chain: OracleWorld, run: Run) -> None:
    world = oracle_chain
    with serving(ScriptedNode(answers_of(world, "debug_traceCall")), f"/v2/{KEY}") as node:
        code, plain, err = run(market_of(world), "--rpc", node.url)
    assert code == 0
    assert "held against access lists; 0 findings" in err
    assert plain == run(market_of(world), "--rpc", url_of(world))[1]
    assert KEY not in plain + err


@pytest.mark.chain
def test_the_key_of_the_url_is_never_shown(oracle_chain: OracleWorld, run: Run) -> None:
    refusal = NodeError(-32000, f"denied at http://127.0.0.1/v2/{KEY}")
    with serving(ScriptedNode(lambda method, params: refusal), f"/v2/{KEY}") as node:
        code, out, err = run(market_of(oracle_chain), "--rpc", node.url)
    assert code != 0
    assert KEY not in out + err
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v2/{KEY}"
        code, out, err = run("aave-v3-ethereum", "--rpc", url)
    assert (code, out) == (3, "")
    assert "/***: connection refused" in err
    assert KEY not in err


@pytest.mark.chain
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{market}", "--asset", "DOGE"], "the market does not list 'DOGE'. It lists WETH, wstETH"),
        (["{pool}"], "answers no latestAnswer() at block"),
        (["aave-v3:{pool}"], "it names no pool and price oracle"),
        (["{market}", "--feed", "absent.toml"], "absent.toml"),
        (["{market}", "--block", "99999"], "99999"),
        (["aave-v3-ethereum"], "serves chain 31337"),
        (["0x1234"], "'0x1234' is no address"),
        (["no-such-market"], "no market is called 'no-such-market'"),
    ],
)
def test_wrong_orders_end_in_a_stated_error(
    oracle_chain: OracleWorld, run: Run, arguments: list[str], says: str
) -> None:
    pool = oracle_chain.market.pool.address
    filled = [a.format(market=market_of(oracle_chain), pool=pool) for a in arguments]
    code, out, err = run(*filled, "--rpc", url_of(oracle_chain))
    assert (code, out) == (2, "")
    assert says in err


def test_no_url_is_said_at_once(run: Run) -> None:
    code, out, err = run("aave-v3-ethereum")
    assert (code, out) == (2, "")
    assert "no RPC URL given. Pass --rpc URL or set ETH_RPC_URL." in err


def test_help_shows_examples(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert "breakwater oracle trace aave-v3-ethereum" in out


def test_the_command_loads_web3_only_when_it_connects() -> None:
    script = (
        "import sys, risk.cli.oracle_trace; print([m for m in ('web3', 'numpy', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['rich']")  # typer brings rich


@pytest.mark.parametrize(
    ("raw", "decimals", "shown"),
    [
        (None, 8, "no answer"),
        (250_000_000_000, 8, "2,500"),
        (1_228_912_345_678_912_345, 18, "1.22891234"),
        (1, 8, "0.00000001"),
        (1, 18, "1.00e-18"),
        (0, 8, "0"),
        (-1_50000000, 8, "-1.5"),
        (2**191 - 1, 8, "3.14e+49"),
        (7, None, "7 raw"),
    ],
)
def test_numbers_are_cut_and_never_shown_as_nothing(
    raw: int | None, decimals: int | None, shown: str
) -> None:
    assert number(raw, decimals) == shown
