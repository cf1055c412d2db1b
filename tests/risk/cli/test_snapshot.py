"""``breakwater snapshot`` over real HTTP against the local market."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abis.calls import function
from abis.multicall import MULTICALL3
from protocols.registry import MARKETS
from protocols.store import digest, load
from risk.cli.main import main
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

KEY = "s3cret-key-0123456789"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line and return exit code, stdout and stderr."""
    monkeypatch.delenv("ETH_RPC_URL", raising=False)

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


def market_of(world: DemoWorld) -> str:
    return f"aave-v3:{world.market.provider.address}"


def answers_of(world: DemoWorld) -> Callable[[str, list[Any]], Any]:
    """Return what the market's node answers, for a scripted node to change."""
    from examples.localchain.rpc import RpcAnswer

    def answer(method: str, params: list[Any]) -> Any:
        try:
            return world.chain.node.rpc(method, *params)
        except RpcAnswer as refused:
            return NodeError(refused.error["code"], refused.error["message"])

    return answer


@pytest.mark.chain
def test_a_snapshot_is_written_whole_and_summarised_on_stderr(
    demo_chain: DemoWorld, tmp_path: Path, run: Run
) -> None:
    target = tmp_path / "snap"
    code, out, err = run("snapshot", market_of(demo_chain), "--rpc", demo_chain.chain.node.url, "-o", target)
    assert (code, out) == (0, "")
    taken = load(target)
    assert taken.block.hash == demo_chain.chain.head().hash
    assert len(taken.book) == len(demo_chain.plans)
    assert f"{len(demo_chain.plans)} accounts" in err
    assert "100.0 % of the totals found" in err
    assert digest(target)[:12] in err
    assert "Balances: " in err
    assert [p.name for p in tmp_path.iterdir()] == ["snap"]


@pytest.mark.chain
def test_the_url_comes_from_the_environment_and_a_block_can_be_chosen(
    demo_chain: DemoWorld, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETH_RPC_URL", demo_chain.chain.node.url)
    number = demo_chain.chain.head().number - 3
    assert run("snapshot", market_of(demo_chain), "-o", tmp_path / "a", "--block", number)[0] == 0
    assert load(tmp_path / "a").block.number == number
    assert run("snapshot", market_of(demo_chain), "-o", tmp_path / "b", "--block", "Finalized")[0] == 0
    assert load(tmp_path / "b").block.number == demo_chain.chain.head().number - 64


@pytest.mark.chain
def test_an_existing_output_is_kept_unless_forced(demo_chain: DemoWorld, tmp_path: Path, run: Run) -> None:
    order = ["snapshot", market_of(demo_chain), "--rpc", demo_chain.chain.node.url, "-o", tmp_path / "snap"]
    number = demo_chain.chain.head().number - 5
    assert run(*order)[0] == 0
    first = digest(tmp_path / "snap")
    code, _, err = run(*order, "--block", number)
    assert (code, digest(tmp_path / "snap")) == (2, first)
    assert "exists. Choose another output or pass --force." in err
    assert run(*order, "--block", number, "--force")[0] == 0
    assert load(tmp_path / "snap").block.number == number


@pytest.mark.chain
@pytest.mark.parametrize(
    ("market", "options", "code", "says"),
    [
        ("aave-v3-ethereum", [], 2, "serves chain 31337, the market lives on chain 1"),
        ("{pool}", [], 2, "is no Aave v3 market at block"),
        ("aave-v3:0x" + "0" * 39 + "9", [], 2, "is no Aave v3 market at block"),
        ("{market}", ["--block", "99999999"], 2, "does not have block 99999999"),
        ("{market}", ["--block", "0"], 2, "a block after its deployment"),
        ("{market}", ["--block", "yesterday"], 2, "'yesterday' is no block"),
        ("{market}", ["--block", "-5"], 2, "'-5' is no block"),
        ("aave-v3-etherum", [], 2, "Nearest: aave-v3-ethereum"),
    ],
)
def test_a_wrong_order_ends_in_a_stated_error_and_writes_nothing(
    demo_chain: DemoWorld, tmp_path: Path, run: Run, market: str, options: list[str], code: int, says: str
) -> None:
    market = market.format(pool=f"aave-v3:{demo_chain.market.pool.address}", market=market_of(demo_chain))
    got, out, err = run(
        "snapshot", market, "--rpc", demo_chain.chain.node.url, "-o", tmp_path / "snap", *options
    )
    assert (got, out) == (code, "")
    assert err.startswith("breakwater: error: ")
    assert says in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.chain
def test_a_node_without_the_blocks_state_is_named(demo_chain: DemoWorld, tmp_path: Path, run: Run) -> None:
    """A node that lost its history, as most public ones have: blocks known, state gone."""
    rpc = answers_of(demo_chain)
    old = demo_chain.chain.head().number - 10

    def pruned(method: str, params: list[Any]) -> object:
        if method in ("eth_call", "eth_getCode"):
            return NodeError(-32000, "missing trie node 5d5c (path ) state 0x5d is not available")
        return rpc(method, params)

    with serving(ScriptedNode(pruned), f"/v2/{KEY}") as node:
        code, _, err = run(
            "snapshot", market_of(demo_chain), "--rpc", node.url, "-o", tmp_path / "snap", "--block", old
        )
    assert code == 2
    assert f"does not have the state of block {old}. Use an archive node, or a newer block." in err
    assert KEY not in err
    assert list(tmp_path.iterdir()) == []


def test_a_closed_port_is_unreachable_and_the_key_stays_hidden(tmp_path: Path, run: Run) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v2/{KEY}"
        code, out, err = run("snapshot", "aave-v3-ethereum", "--rpc", url, "-o", tmp_path / "snap")
    assert (code, out) == (3, "")
    assert "/***: connection refused. Check the RPC URL" in err
    assert KEY not in err
    assert list(tmp_path.iterdir()) == []


def test_no_url_and_no_folder_are_said_before_anything_is_read(tmp_path: Path, run: Run) -> None:
    code, _, err = run("snapshot", "aave-v3-ethereum", "-o", tmp_path / "snap")
    assert code == 2
    assert "Pass --rpc URL or set ETH_RPC_URL." in err
    code, _, err = run("snapshot", "aave-v3-ethereum", "--rpc", "http://x", "-o", tmp_path / "a" / "b")
    assert code == 2
    assert "is no folder" in err


@pytest.mark.chain
def test_an_interrupt_leaves_nothing_behind(
    demo_chain: DemoWorld, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("protocols.aave_v3.adapter.completeness_of", interrupted)
    code, _, _ = run(
        "snapshot", market_of(demo_chain), "--rpc", demo_chain.chain.node.url, "-o", tmp_path / "snap"
    )
    assert code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.chain
def test_a_reorganisation_starts_the_reading_over(demo_chain: DemoWorld, tmp_path: Path, run: Run) -> None:
    """The first answer about the head is undone by the time it is confirmed."""
    rpc = answers_of(demo_chain)
    confirmed: list[object] = []

    def moving(method: str, params: list[Any]) -> object:
        found = rpc(method, params)
        if method == "eth_getBlockByNumber" and params[0] != "latest":
            confirmed.append(found)
            if len(confirmed) == 1:
                return dict(found) | {"hash": "0x" + "00" * 32}
        return found

    with serving(ScriptedNode(moving)) as node:
        code, _, err = run("snapshot", market_of(demo_chain), "--rpc", node.url, "-o", tmp_path / "snap")
    assert code == 0
    assert err.count("Starting over: block ") == 1
    assert load(tmp_path / "snap").block.hash == demo_chain.chain.head().hash


@pytest.mark.chain
def test_strict_refuses_a_market_with_grave_findings(demo_chain: DemoWorld, tmp_path: Path, run: Run) -> None:
    market, order = demo_chain.market, ["--rpc", demo_chain.chain.node.url, "-o", tmp_path / "snap"]
    link = market.reserves["LINK"].underlying.address
    assert run("snapshot", market_of(demo_chain), *order, "--strict")[0] == 0
    demo_chain.chain.send(market.admin, market.oracle, "setAssetSources", [link], [link])
    demo_chain.chain.mine()
    before = digest(tmp_path / "snap")
    code, _, err = run("snapshot", market_of(demo_chain), *order, "--strict", "--force")
    assert (code, digest(tmp_path / "snap")) == (1, before)
    assert f"high: {link}: The oracle price cannot be read" in err
    assert run("snapshot", market_of(demo_chain), *order, "--force")[0] == 0
    assert len(load(tmp_path / "snap").findings) == 1


def test_help_shows_examples_that_name_real_markets(run: Run) -> None:
    code, out, _ = run("snapshot", "--help")
    assert code == 0
    named = [line.split()[2] for line in out.splitlines() if line.strip().startswith("breakwater snapshot")]
    assert len(named) == 4
    assert all(name in MARKETS or name.startswith("aave-v3:0x") for name in named)


def test_the_command_loads_web3_only_when_it_connects() -> None:
    code = (
        "import sys\nfrom risk.cli.main import main\n"
        "try:\n    main(['snapshot', 'aave-v3-etherum', '-o', 'x'])\nexcept SystemExit: pass\n"
        "print('web3' in sys.modules, 'pyarrow' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"


@pytest.mark.chain
def test_a_spark_like_market_of_a_users_file_is_read_with_its_categorys_own_price(
    demo_chain: DemoWorld, tmp_path: Path, run: Run
) -> None:
    market, chain = demo_chain.market, demo_chain.chain
    own = market.spec.emodes[0]
    figures = (own.ltv_bps, own.liquidation_threshold_bps, own.liquidation_bonus_bps)
    ether = market.reserves["WETH"].underlying.address
    arguments = (own.id, *figures, ether, own.label)
    chain.send(market.admin, market.configurator, "setEModeCategory", *arguments)
    chain.mine()
    chain_id = int(chain.node.rpc("eth_chainId"), 16)
    file, target = tmp_path / "markets.toml", tmp_path / "snap"
    file.write_text(
        f'[markets.my-spark]\nprotocol = "spark"\nchain_id = {chain_id}\n'
        f'address = "{market.provider.address}"\n'
    )
    code, _, err = run("snapshot", "my-spark", "--registry", file, "--rpc", chain.node.url, "-o", target)
    assert code == 0, err
    taken = load(target)
    assert (taken.market.name, taken.market.protocol, taken.market.version) == ("my-spark", "spark", "3.0")
    assert taken.emodes[0].price_reserve == taken.asset_index("WETH")
    assert taken.emodes[0].price_raw == taken.reserves[taken.emodes[0].price_reserve].price_raw
    assert (taken.book.collateral.price_emode == own.id).any()
    code, out, _ = run("accounts", target, "--json")
    assert code == 0
    rows = {row["account"]: row for row in json.loads(out)["data"]["rows"]}
    for account, emode in zip(taken.book.accounts, taken.book.emode, strict=True):
        if emode == own.id:
            debt_raw = chain.read(market.pool, "getUserAccountData", account)[1]
            assert str(debt_raw) in {str(v) for v in rows[account].values()}


@pytest.mark.chain
def test_a_pool_of_an_unknown_revision_is_refused_and_read_as_the_release_it_is_said_to_follow(
    demo_chain: DemoWorld, tmp_path: Path, run: Run
) -> None:
    honest = answers_of(demo_chain)
    newest = {
        "0x" + function(getter).selector.hex()
        for getter in (
            *("getLiquidationGracePeriod(address)", "getEModeCategoryCollateralBitmap(uint8)"),
            *("getReserveDeficit(address)", "getEModeCategoryLtvzeroBitmap(uint8)"),
            "getIsEModeCategoryIsolated(uint8)",
        )
    }
    revision = "0x" + function("POOL_REVISION()").selector.hex()

    def to_come(method: str, params: list[Any]) -> Any:
        if method == "eth_getCode" and params[0] == MULTICALL3:
            return "0x"  # so that every call can be seen
        if method == "eth_call" and params[0].get("data", "")[:10] in newest | {revision}:
            return "0x" + (99 if params[0]["data"].startswith(revision) else 0).to_bytes(32, "big").hex()
        return honest(method, params)

    with serving(ScriptedNode(to_come)) as node:
        order = ["snapshot", market_of(demo_chain), "--rpc", node.url, "-o", tmp_path / "snap"]
        order += ["--concurrency", 1]  # all go over one connection to the node
        code, _, err = run(*order)
        assert (code, list(tmp_path.iterdir())) == (2, [])
        assert "has revision 99 and the getters of 3.7" in err
        assert "--release" in err
        code, _, err = run(*order, "--release", "9.9")
        assert (code, "--release = '9.9' is no release of aave-v3. Known: 3.0, 3.1" in err) == (2, True)
        code, _, err = run(*order, "--release", "3.0")
    assert code == 0, err
    assert "high: " in err
    assert "Pool revision 99 is no release with known rules; those of 3.0 are applied" in err
    assert load(tmp_path / "snap").market.version == "3.0"
