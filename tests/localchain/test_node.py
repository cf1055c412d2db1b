"""The node dies with its starter, however the starter ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from examples.localchain.errors import NodeFailed
from examples.localchain.node import CHAIN_ID, running_node
from tests.localchain.processes import ends

pytestmark = [pytest.mark.chain, pytest.mark.usefixtures("local_chain_installed")]
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel ties processes on Linux only")

HOLD_A_NODE = """
import sys
from examples.localchain.node import running_node
with running_node(1_750_000_000) as node:
    print(node.pid, flush=True)
    sys.stdin.readline()
    {then}
"""


def hold_a_node(then: str = "pass") -> tuple[subprocess.Popen[str], int]:
    """Start a process that holds a node; return it and a pidfd of the node."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_A_NODE.format(then=then)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout is not None
    return holder, os.pidfd_open(int(holder.stdout.readline()))


@linux
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_to_the_starter_ends_the_node(ending: signal.Signals) -> None:
    holder, node = hold_a_node()
    with holder:
        holder.send_signal(ending)
        assert ends(node)


@linux
@pytest.mark.parametrize("then", ["pass", "raise RuntimeError", "sys.exit(3)", "__import__('os')._exit(4)"])
def test_leaving_the_block_ends_the_node(then: str) -> None:
    holder, node = hold_a_node(then)
    with holder:
        holder.communicate("\n")
        assert ends(node)


def test_two_nodes_run_side_by_side_on_the_loopback_interface() -> None:
    with running_node(1_750_000_000) as one, running_node(1_750_000_000) as other:
        assert one.port != other.port
        assert one.url.startswith("http://127.0.0.1:")
        assert int(one.rpc("eth_chainId"), 16) == CHAIN_ID


@linux
def test_a_stopped_node_is_reported() -> None:
    with running_node(1_750_000_000) as node:
        watched = os.pidfd_open(node.pid)
        os.kill(node.pid, signal.SIGKILL)
        assert ends(watched)
        with pytest.raises(NodeFailed, match="does not answer"):
            node.rpc("eth_blockNumber")


def test_genesis_time_is_the_given_one() -> None:
    with running_node(1_750_000_000) as node:
        assert int(node.rpc("eth_getBlockByNumber", "0x0", False)["timestamp"], 16) == 1_750_000_000


def test_states_of_old_blocks_can_be_read_and_go_with_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with running_node(1_750_000_000) as node:
        node.rpc("anvil_mine", hex(1_200))
        assert int(node.rpc("eth_getBalance", "0x" + "11" * 20, hex(1)), 16) == 0
        assert len([path for path in temporary.rglob("*") if path.is_file()]) > 500
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert list(temporary.iterdir()) == []


@linux
def test_what_a_killed_starter_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    holder, node = hold_a_node()
    with holder, running_node(1_750_000_000):
        assert len(list(tmp_path.iterdir())) == 2  # a running starter's folder stays
        holder.kill()
        assert ends(node)
    assert len(list(tmp_path.iterdir())) == 1
    with running_node(1_750_000_000):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
