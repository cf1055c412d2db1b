"""The local node: anvil on a free loopback port, deterministic, never left behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .errors import NodeFailed
from .paths import anvil_binary
from .rpc import Rpc
from .tied import tied_process

CHAIN_ID = 31337
BLOCK_TIME_S = 12
# Room for thousands of transactions in one block: mining in batches is several times
# faster than a block per transaction.
BLOCK_GAS_LIMIT = 10**12
# The hard fork is pinned: Ethereum's own in mid-2025, and the last one without a gas
# limit per transaction, which deployments of whole markets exceed.
HARDFORK = "prague"
_START_LIMIT_S = 30.0
_LOG_HEAD_BYTES = 1 << 16
_LISTENING = re.compile(rb"Listening on 127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True)
class Node:
    """A running local node.

    Attributes
    ----------
    port : int
        Port on the loopback interface.
    pid : int
        Process id of the node.
    rpc : Rpc
        Client of the node.
    """

    port: int
    pid: int
    rpc: Rpc

    @property
    def url(self) -> str:
        """Endpoint for other clients."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def running_node(genesis_at: int) -> Iterator[Node]:
    """Run a node until the block ends.

    Mining is on demand and blocks are ``BLOCK_TIME_S`` apart unless told otherwise, so the
    same transactions give the same chain at every run.  Any address may send without a
    key and without paying gas.  The states of some four thousand blocks can be
    read; what of them is on disk goes with the node.

    Parameters
    ----------
    genesis_at : int
        Unix time of block 0, seconds.

    Raises
    ------
    LocalChainMissing
        If the npm packages are absent.
    NodeFailed
        If the node does not start.
    """
    command = [str(anvil_binary()), "--host", "127.0.0.1", "--port", "0"]
    command += ["--chain-id", str(CHAIN_ID), "--timestamp", str(genesis_at), "--hardfork", HARDFORK]
    command += ["--gas-limit", str(BLOCK_GAS_LIMIT), "--base-fee", "0", "--gas-price", "0"]
    command += ["--no-mining", "--order", "fifo", "--auto-impersonate", "--accounts", "1"]
    command += ["--no-request-size-limit"]
    with contextlib.ExitStack() as stack:
        states = stack.enter_context(_folder_of_states())
        # The log goes to an unnamed file: a pipe nobody reads would block the node.
        log = stack.enter_context(tempfile.TemporaryFile())
        command += ["--cache-path", states]
        process = stack.enter_context(tied_process(command, stdout=log, stderr=log))
        port = _wait_for_port(log, process)
        rpc = Rpc(port)
        with contextlib.closing(rpc):
            rpc("anvil_setBlockTimestampInterval", BLOCK_TIME_S)
            yield Node(port, process.pid, rpc)


@contextlib.contextmanager
def _folder_of_states() -> Iterator[str]:
    """Yield a folder for the states of blocks beyond five hundred, a megabyte each.

    By default they go to the user's home and stay there.  What starters that were killed left behind
    is removed.
    """
    for left in Path(tempfile.gettempdir()).glob("breakwater-node-*-*"):
        starter = left.name.split("-")[2]
        if starter.isdigit() and not _is_running(int(starter)):
            shutil.rmtree(left, ignore_errors=True)  # another start may be removing it, too
    with tempfile.TemporaryDirectory(prefix=f"breakwater-node-{os.getpid()}-") as folder:
        yield folder


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _wait_for_port(log: IO[bytes], process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + _START_LIMIT_S
    text = b""
    while time.monotonic() < deadline:
        # Not log.read(): the node writes at the file position it shares with us.
        text = os.pread(log.fileno(), _LOG_HEAD_BYTES, 0)
        if found := _LISTENING.search(text):
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.01)
    tail = text.decode(errors="replace").strip().splitlines()[-1:]
    raise NodeFailed(f"The local node did not start: {' '.join(tail) or 'it said nothing'}.")
