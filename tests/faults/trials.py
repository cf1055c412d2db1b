"""Reads of a market through the proxy, each held to a clean read of the same block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abis.chain import Chain
from abis.errors import BreakwaterError, Reorganised
from protocols.aave_v3.adapter import read_market
from protocols.journal import Journal
from protocols.registry import MarketSpec, resolve
from protocols.snapshot import Snapshot
from protocols.store import encode
from tests.faults.proxy import Kind, Proxy, running

if TYPE_CHECKING:
    from examples.demo.world import DemoWorld

SHARE = 0.2
_RESTARTS = 6
_TIME_LIMIT_S = 0.3


@dataclass
class Tally:
    """What came of a number of reads."""

    reads: int = 0
    completed: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by error class
    wrong: int = 0
    injected: Counter[Kind] = field(default_factory=Counter)


class Trials:
    """Reads of one local market.

    Parameters
    ----------
    world : DemoWorld
        The market.
    """

    def __init__(self, world: DemoWorld) -> None:
        self._world = world
        self._spec = resolve(f"aave-v3:{world.market.provider.address}")
        self._truth: dict[str, object] = {}
        self._mark = ""

    def run(self, kinds: Sequence[Kind], seeds: Sequence[int], share: float = SHARE) -> Tally:
        """Read once a seed, and count.  Errors that are not ours are not caught."""
        tally = Tally()
        for seed in seeds:
            self._mark = self._world.chain.snapshot()
            self._world.chain.mine()  # the block to be replaced
            proxy = Proxy(
                self._world.chain.node.port,
                kinds,
                share,
                seed,
                too_late_s=2 * _TIME_LIMIT_S,
                reorganise=self._reorganise,
            )
            with running(proxy):
                tally.reads += 1
                try:
                    taken = _read(proxy.url, self._spec)
                except BreakwaterError as error:
                    tally.refused[type(error).__name__] += 1
                else:
                    tally.completed += 1
                    tally.wrong += not self._is_true(taken)
            tally.injected += proxy.injected
            self._world.chain.revert(self._mark)
        return tally

    def _reorganise(self) -> None:
        """Replace the newest block by another one of the same number."""
        chain = self._world.chain
        at = chain.head().timestamp + 1
        chain.revert(self._mark)
        self._mark = chain.snapshot()
        chain.mine(at)

    def _is_true(self, taken: Snapshot) -> bool:
        if taken.block.hash not in self._truth:
            chain = Chain(self._world.chain.node.url)
            clean = read_market(chain, self._spec, chain.block(taken.block.number))
            self._truth[clean.block.hash] = encode(clean)
        return self._truth.get(taken.block.hash) == encode(taken)


def _read(url: str, spec: MarketSpec) -> Snapshot:
    """Read as the command does: over again when the block leaves the chain."""
    chain = Chain(url, timeout_s=_TIME_LIMIT_S, sleep=lambda _: None)
    chain.connect(spec.chain_id)
    journal = Journal()
    for _ in range(_RESTARTS):
        try:
            return read_market(chain, spec, chain.block("latest"), journal=journal)
        except Reorganised as error:
            last = error
    raise last
