"""What a run assumes beside market and scenarios, so that it can be run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from abis.findings import Finding
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.accrual import Accrual, Growth, growth_of
from risk.engine.advance import Engine, Inputs, engine_of
from risk.engine.feedback import Feedback, coupled
from risk.engine.liquidators import Liquidators
from risk.engine.liquidity import Liquidity
from risk.engine.outage import Outage
from risk.engine.prices import Along, Oracles, along, moments
from risk.engine.state import State
from risk.scenarios.scenarios import ScenarioBlock, Scenarios


@dataclass(frozen=True, eq=False, slots=True)
class Assumptions:
    """The keywords of `risk.stress` that decide what happens; see there."""

    oracles: Oracles = None
    depth: Depth | None = None
    liquidators: Liquidators | None = None
    accrual: Accrual | bool = False
    liquidity: Liquidity = Liquidity.UNLIMITED
    outage: Outage | None = None
    feedback: Feedback | None = None

    def engine(self, snapshot: Snapshot, scenarios: Scenarios) -> Engine:
        """Return the engine of a market for the scenarios' path."""
        who = self.liquidators or Liquidators()
        if len(scenarios.time_s) == 1:
            who = replace(who, latency_blocks=0.0)  # prices stay, so waiting changes nothing
        return engine_of(snapshot, who, self.depth, self._growth(snapshot, scenarios), self.liquidity)

    def _growth(self, snapshot: Snapshot, scenarios: Scenarios) -> Growth | None:
        if self.accrual is False:
            return None
        return growth_of(snapshot, scenarios.time_s, Accrual() if self.accrual is True else self.accrual)

    def path(
        self, engine: Engine, scenarios: Scenarios, block: ScenarioBlock, state: State
    ) -> Iterator[Inputs]:
        """Yield the inputs of a block of scenarios, moment by moment, as ``state`` moves on."""
        if self.feedback is None:
            return moments(engine.snapshot, scenarios, block, self.oracles, self.outage)
        return coupled(engine, scenarios, block, state, self.feedback, self.oracles, self.outage)

    def along(self, engine: Engine, scenarios: Scenarios, block: ScenarioBlock) -> Along:
        """Return the prices of a block of scenarios, which no liquidation moves without feedback."""
        return along(engine.snapshot, scenarios, block, self.oracles, self.outage)

    def findings(self, engine: Engine) -> tuple[Finding, ...]:
        """Return what depth, oracles and interest have to say."""
        return (
            *(self.depth.findings if self.depth else ()),
            *(self.oracles.findings() if self.oracles else ()),
            *(engine.growth.findings if engine.growth else ()),
        )
