"""A developer's own node: calls sent as anybody, on a state that is put back afterwards.

The only file that sends transactions.  It holds no keys and signs nothing: the node is asked to act as
the sender, which only test nodes do, and only after it has proven to be one.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from abis.chain import Chain, Header
from abis.errors import ChainError, InputError, RpcFailed

# What web3_clientVersion begins with -> the prefix of the node's own methods.
_NODES = {"anvil": "anvil", "hardhatnetwork": "hardhat", "hardhat": "hardhat", "edr": "hardhat"}
_BALANCE_WEI = 10**24
_GAS = 8_000_000  # two fit a block of Ethereum mainnet many times over; none exceeds EIP-7825's limit
_MOST_BLOCKS = 50
_PATIENCE_S = 300.0  # a fork fetches from afar what it does not have yet


@dataclass(frozen=True, slots=True)
class Step:
    """One call to be sent.

    Parameters
    ----------
    sender, to : str
        Addresses.
    data : str
        Calldata, hex.
    what : str
        For messages.
    """

    sender: str
    to: str
    data: str
    what: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a step; ``reason`` is empty where it succeeded.  Untrusted text."""

    step: Step
    reason: str


class Fork:
    """A test node, proven to be one.

    Parameters
    ----------
    chain : Chain
        One endpoint, which must try every request once only: nothing may be sent twice.

    Raises
    ------
    InputError
        If the node is none of a developer's own: it names itself otherwise, or cannot go back.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._own = self._proven()

    def _proven(self) -> str:
        """Return the prefix of the node's methods after both proofs."""
        try:
            named = str(self._chain.request("web3_clientVersion", [])).lower()
        except RpcFailed:
            named = ""
        prefix = next((own for name, own in _NODES.items() if named.startswith(name)), None)
        if prefix is None:
            raise self._refusal("it does not name itself anvil or hardhat")
        try:
            mark = self._chain.request("evm_snapshot", [])
            back = self._chain.request("evm_revert", [mark])
        except RpcFailed:
            back = False
        if back is not True:
            raise self._refusal("it cannot take a snapshot and go back to it")
        return prefix

    def _refusal(self, why: str) -> InputError:
        return InputError(
            f"{self._chain.masked_url} is no test node: {why}. Nothing was sent.",
            remedy="Start a fork of your own, such as anvil --fork-url URL, and give its address.",
        )

    @contextlib.contextmanager
    def put_back(self) -> Iterator[None]:
        """Undo afterwards whatever is done inside, mining included.

        Raises
        ------
        ChainError
            If the node does not go back.
        """
        mark = self._chain.request("evm_snapshot", [])
        try:
            with self._mining_on_demand():
                yield
        finally:
            if self._chain.request("evm_revert", [mark]) is not True:
                raise ChainError(
                    f"{self._chain.masked_url} did not go back to its state before.", remedy="Start it anew."
                )

    @contextlib.contextmanager
    def _mining_on_demand(self) -> Iterator[None]:
        automine = self._asked(f"{self._own}_getAutomine", True)
        interval_s = self._asked(f"{self._own}_getIntervalMining", None)
        self._chain.request("evm_setAutomine", [False])
        if interval_s:
            self._chain.request("evm_setIntervalMining", [0])
        try:
            yield
        finally:
            self._chain.request("evm_setAutomine", [bool(automine)])
            if interval_s:
                self._chain.request("evm_setIntervalMining", [interval_s])

    def _asked(self, method: str, otherwise: Any) -> Any:
        try:
            return self._chain.request(method, [])
        except RpcFailed:
            return otherwise

    def set_code(self, address: str, code: str) -> None:
        """Put a contract's code at an address."""
        self._chain.request(f"{self._own}_setCode", [address, code])

    def mine(self, at_s: int) -> Header:
        """Mine one block at a unix time and return it."""
        self._chain.request("evm_mine", [hex(at_s)])
        return self._chain.block("latest")

    def send(self, steps: Sequence[Step]) -> tuple[Sent, ...]:
        """Send every step as its sender, in order: one block for each run of steps of one sender.

        Nodes may order the transactions of different senders in a block as they like.
        """
        sent: list[Sent] = []
        for _, group in itertools.groupby(steps, key=lambda step: step.sender):
            sent += self._send_together(list(group))
        return tuple(sent)

    def _send_together(self, steps: Sequence[Step]) -> Iterator[Sent]:
        self._act_as(steps[0].sender)
        hashes, refused = [], {}
        for number, step in enumerate(steps):
            transaction = {"from": step.sender, "to": step.to, "data": step.data, "gas": hex(_GAS)}
            try:
                hashes.append(str(self._chain.request("eth_sendTransaction", [transaction])))
            except RpcFailed as error:
                hashes.append("")
                refused[number] = error.message
        receipts = self._mined([h for h in hashes if h])
        for number, (step, hash_) in enumerate(zip(steps, hashes, strict=True)):
            yield Sent(step, refused.get(number) or self._reason(step, receipts[hash_]))

    def _act_as(self, sender: str) -> None:
        self._chain.request(f"{self._own}_impersonateAccount", [sender])
        self._chain.request(f"{self._own}_setBalance", [sender, hex(_BALANCE_WEI)])

    def _mined(self, hashes: Sequence[str]) -> dict[str, Any]:
        receipts: dict[str, Any] = {}
        for _ in range(_MOST_BLOCKS):
            self.mine(self._chain.block("latest").timestamp_s + 1)
            for hash_ in hashes:
                if receipts.get(hash_) is None:
                    receipts[hash_] = self._chain.request("eth_getTransactionReceipt", [hash_])
            if all(receipts[h] is not None for h in hashes):
                return receipts
        raise ChainError(
            f"{self._chain.masked_url} did not mine what was sent.", remedy="Start it anew and try again."
        )

    def _reason(self, step: Step, receipt: Any) -> str:
        """Return why a step failed; empty if it did not."""
        if isinstance(receipt, dict) and receipt.get("status") == "0x1":
            return ""
        call = {"from": step.sender, "to": step.to, "data": step.data}
        try:
            self._chain.request("eth_call", [call, "latest"])
        except RpcFailed as error:
            return error.message
        return "it reverted"


def open_fork(url: str) -> tuple[Fork, Chain]:
    """Return a test node and the reader of its chain.

    Parameters
    ----------
    url : str
        http(s) URL; shown only masked.

    Raises
    ------
    InputError
        If it is no test node.
    ChainUnreachable
        If it does not answer.
    """
    # What is sent is tried once; what is read may be asked for again.
    return Fork(Chain(url, attempts=1, timeout_s=_PATIENCE_S)), Chain(url, timeout_s=_PATIENCE_S)
