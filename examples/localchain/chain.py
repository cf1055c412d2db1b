"""Change a local chain: queue transactions, mine them as one block, check every receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .contracts import Artifact, Contract, created_address
from .errors import TransactionReverted
from .node import Node
from .rpc import RpcAnswer

# More than any call here needs and far below the block's limit.
_GAS = hex(100_000_000)
_ERROR_STRING = "0x08c379a0"


@dataclass(frozen=True, slots=True)
class Head:
    """The latest block: its number and its time in Unix seconds."""

    number: int
    timestamp: int
    hash: str


@dataclass(slots=True)
class LocalChain:
    """A node with a queue of transactions.

    Nothing is mined until `mine`.  Transactions of one sender keep their order; those of
    different senders in one block may be reordered, so mine before a step that needs
    another sender's.

    Attributes
    ----------
    node : Node
        The running node.
    """

    node: Node
    _queue: list[dict[str, str]] = field(default_factory=list)
    _labels: list[str] = field(default_factory=list)
    _nonces: dict[str, int] = field(default_factory=dict)

    def send(self, sender: str, contract: Contract, function: str, *arguments: Any) -> None:
        """Queue a call of ``function`` from ``sender``."""
        data = contract.encode(function, *arguments)
        self._enqueue(sender, f"{contract.name}.{function}{arguments!r}", data, to=contract.address)

    def deploy(
        self, sender: str, artifact: Artifact, *arguments: Any, libraries: Mapping[str, str] | None = None
    ) -> Contract:
        """Queue a deployment and return the contract it will create."""
        data = artifact.creation_code(arguments, libraries or {})
        nonce = self._enqueue(sender, f"deployment of {artifact.name}", data)
        return Contract(artifact.name, created_address(sender, nonce), artifact.abi)

    def mine(self, at: int | None = None) -> Head:
        """Mine the queue as one block and check that every transaction succeeded.

        Parameters
        ----------
        at : int, optional
            Unix time of the block; the block interval after the last one by default.

        Raises
        ------
        TransactionReverted
            Naming the first transaction that failed and the reason it gave.
        """
        rpc = self.node.rpc
        queue, labels = self._queue, self._labels
        self._queue, self._labels = [], []
        hashes = rpc.batch("eth_sendTransaction", [[transaction] for transaction in queue])
        rpc("evm_mine", *([] if at is None else [hex(at)]))
        receipts = rpc("eth_getBlockReceipts", "latest") if hashes else []
        status = {receipt["transactionHash"]: receipt["status"] for receipt in receipts}
        for hash_, label in zip(hashes, labels, strict=True):
            if status.get(hash_) != "0x1":
                raise TransactionReverted(f"{label} failed: {self._reason(hash_, status)}.")
        return self.head()

    def read(self, contract: Contract, function: str, *arguments: Any, sender: str | None = None) -> Any:
        """Return what ``function`` answers at the latest block."""
        call = {"to": contract.address, "data": contract.encode(function, *arguments)}
        if sender is not None:
            call["from"] = sender
        answer = self.node.rpc("eth_call", call, "latest")
        return contract.decode(function, len(arguments), answer)

    def read_many(self, contract: Contract, function: str, arguments: Sequence[Sequence[Any]]) -> list[Any]:
        """Return what ``function`` answers for each of many argument lists."""
        calls = [
            [{"to": contract.address, "data": contract.encode(function, *a)}, "latest"] for a in arguments
        ]
        answers = self.node.rpc.batch("eth_call", calls)
        return [contract.decode(function, len(a), x) for a, x in zip(arguments, answers, strict=True)]

    def head(self) -> Head:
        """Return the latest block."""
        block = self.node.rpc("eth_getBlockByNumber", "latest", False)
        return Head(int(block["number"], 16), int(block["timestamp"], 16), block["hash"])

    def snapshot(self) -> str:
        """Return a mark to which `revert` can go back, once."""
        return str(self.node.rpc("evm_snapshot"))

    def revert(self, mark: str) -> None:
        """Go back to a mark: every block since is undone and the queue is emptied."""
        if not self.node.rpc("evm_revert", mark):
            raise ValueError(f"no snapshot {mark} of the local chain; a mark can be used once")
        self._queue, self._labels, self._nonces = [], [], {}

    def _enqueue(self, sender: str, label: str, data: str, to: str | None = None) -> int:
        nonce = self._nonces.get(sender)
        if nonce is None:
            nonce = int(self.node.rpc("eth_getTransactionCount", sender, "latest"), 16)
        self._nonces[sender] = nonce + 1
        transaction = {"from": sender, "data": data, "gas": _GAS, "gasPrice": "0x0", "nonce": hex(nonce)}
        if to is not None:
            transaction["to"] = to
        self._queue.append(transaction)
        self._labels.append(label if len(label) < 200 else label[:200] + "...")
        return nonce

    def _reason(self, hash_: str, status: Mapping[str, str]) -> str:
        if hash_ not in status:
            return "it was not mined in its block"
        try:
            trace = self.node.rpc("debug_traceTransaction", hash_, {"tracer": "callTracer"})
        except RpcAnswer as error:
            return f"the node gives no trace ({error})"
        output = trace.get("output", "0x")
        if output.startswith(_ERROR_STRING):
            text = bytes.fromhex(output[10:])[64:].rstrip(b"\0").decode(errors="replace")
            # Aave's releases before v3.5 revert with a number of their Errors.sol.
            return f'reverted with "{text}"'
        return f"{trace.get('error', 'reverted')}, output {output[:74]}"
