"""`stress`: every scenario through the oracles and the liquidators to an `Outcome`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from abis.errors import ScenarioError
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.accrual import Accrual
from risk.engine.advance import Engine, run, start, stuck
from risk.engine.arrays import IntArray, Records
from risk.engine.assumptions import Assumptions
from risk.engine.cluster import in_turn, spread
from risk.engine.event_file import EventFile
from risk.engine.events import EventLog, table_of
from risk.engine.explain import explained
from risk.engine.feedback import Feedback
from risk.engine.liquidators import Liquidators
from risk.engine.liquidity import Liquidity
from risk.engine.outage import Outage
from risk.engine.paths import follow
from risk.engine.prices import Oracles
from risk.engine.prune import pruned
from risk.engine.state import block_size
from risk.outcome import Outcome
from risk.scenarios.scenarios import BLOCK, Scenarios

# Ledger fields that do not go into the outcome.
COUNTERS = {"calls", "unsure", "cut_off", "at_s", "capital_usd"}
COUNTERS |= {"withdrawable", "pressure_tokens", "pressed_tokens"}
NO_CATEGORY = "no e-mode"


class Ledger(NamedTuple):
    """The ledger part of `risk.engine.state.State`."""

    scenario: Records
    asset: Records
    emode: Records
    unliquidated_accounts: IntArray


# Of a block: its ledger, and its logs with its first scenario.
Part = tuple[Ledger, list[tuple[int, EventLog]]]


def stress(
    snapshot: Snapshot,
    scenarios: Scenarios,
    *,
    oracles: Oracles = None,
    depth: Depth | None = None,
    liquidators: Liquidators | None = None,
    accrual: Accrual | bool = False,
    liquidity: Liquidity = Liquidity.UNLIMITED,
    outage: Outage | None = None,
    feedback: Feedback | None = None,
    events: bool | Path = False,
    executor: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Liquidate a market's book in every scenario and add up the harm.

    Parameters
    ----------
    snapshot : Snapshot
        The market.
    scenarios : Scenarios
        Market and fair prices, assets in the order of the snapshot's reserves.
    oracles : OracleGraph or PERFECT, optional
        What makes oracle prices from market prices.  Without it they follow the market at once;
        with `PERFECT` they are the fair prices at once.
    depth : Depth, optional
        Curves of what selling fetches; infinite depth without.  Sales of a scenario use a curve
        up along its path; it refills as the depth says, by default not at all.
    liquidators : Liquidators, optional
        Costs of liquidating; documented defaults.
    accrual : Accrual or bool
        Interest along the path; True as `Accrual` has it by default, False none.
    liquidity : Liquidity
        What can be withdrawn: where it runs out, flash loans and redemptions stop.
    outage : Outage, optional
        When the chain's sequencer is down.
    feedback : Feedback, optional
        How sales move the market that the oracles observe; without it they move no price but
        their own.
    events : bool or Path
        Keep one row a liquidation call in ``Outcome.events``; or spill them to a Parquet file, block
        by block, so that memory does not grow with them (scenarios there by name).
    executor : str, optional
        ``dask://host:port`` of a scheduler whose workers take the blocks (`risk.engine.cluster`);
        results are those of this machine, byte for byte.
    progress : callable (done, total), optional
        Called after every block of scenarios.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        If the file of events cannot be written, or the executor cannot be used.
    ScenarioError
        If the scenarios, the curves or the graph are for other assets, or a price is impossible.
    """
    _check_assets(snapshot, "scenarios", scenarios.assets)
    if depth is not None:
        _check_assets(snapshot, "depth curves", depth.assets)
    assumed = Assumptions(oracles, depth, liquidators, accrual, liquidity, outage, feedback)
    engine = assumed.engine(snapshot, scenarios)
    total, table = _all_blocks(
        engine, scenarios, assumed, events=events, executor=executor, progress=progress
    )
    return Outcome(
        names=scenarios.names,
        groups=scenarios.groups,
        weight=scenarios.weight,
        assets=scenarios.assets,
        emodes=(NO_CATEGORY, *(e.label or f"e-mode {e.id}" for e in snapshot.emodes)),
        **_columns(total),
        infinite_depth=bool((engine.model.reserve["curve_points"] == 0).any()),
        events=table,
        findings=(
            *scenarios.findings,
            *assumed.findings(engine),
            *_findings(total, scenarios, oracles),
        ),
        replay=partial(explained, snapshot, scenarios, assumed),
    )


def _check_assets(snapshot: Snapshot, what: str, assets: Sequence[str]) -> None:
    if tuple(assets) != snapshot.asset_names:
        raise ScenarioError(
            f"the {what} are for {', '.join(assets)}.",
            remedy=f"Make them for {', '.join(snapshot.asset_names)}, in this order.",
        )


def _all_blocks(
    engine: Engine,
    scenarios: Scenarios,
    assumed: Assumptions,
    *,
    events: bool | Path,
    executor: str | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[Ledger, pd.DataFrame | None]:
    """Return the ledger of all scenarios, block after block, and the events if they are to be kept."""
    accounts, assets = engine.snapshot.book.accounts, scenarios.assets
    ledgers: list[Ledger] = []
    blocks = partial(_blocks, engine, scenarios, assumed, executor=executor, progress=progress)
    if isinstance(events, Path):
        with EventFile(events, scenarios.names, accounts, assets) as file:
            for ledger, block_logs in blocks(log=True):
                ledgers.append(ledger)
                file.write(block_logs)
        return _joined(ledgers), None
    logs: list[tuple[int, EventLog]] = []
    for ledger, block_logs in blocks(log=events):
        ledgers.append(ledger)
        logs += block_logs
    return _joined(ledgers), table_of(logs, accounts, assets) if events else None


def _joined(ledgers: list[Ledger]) -> Ledger:
    return Ledger(*(np.concatenate(columns) for columns in zip(*ledgers, strict=True)))


def _blocks(
    engine: Engine,
    scenarios: Scenarios,
    assumed: Assumptions,
    *,
    log: bool,
    executor: str | None,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Part]:
    """Yield the ledger and the logs, with the first scenario, of one block after another."""
    n = len(scenarios)
    size = block_size(engine.model, min(BLOCK, n), len(scenarios.time_s), len(scenarios.venues))
    work = partial(one_block, engine, scenarios, assumed, log)
    for last, part in in_turn(work, n, size) if executor is None else spread(work, n, size, executor):
        yield part
        if progress is not None:
            progress(last, n)


def one_block(
    engine: Engine, scenarios: Scenarios, assumed: Assumptions, log: bool, first: int, last: int
) -> Part:
    """Return the ledger and the logs of scenarios ``first`` .. ``last - 1``.

    By the fastest way that gives what `run` gives.
    """
    block = scenarios.produce(first, last)
    if assumed.feedback is not None:
        state = start(engine, len(block))
        state, logs = run(engine, state, assumed.path(engine, scenarios, block, state), events=log)
    elif engine.growth is None:
        state, logs = follow(engine, assumed.along(engine, scenarios, block), events=log)
    else:
        path = list(assumed.along(engine, scenarios, block).moments())
        engine = engine if log else pruned(engine, path)  # events name accounts of the whole book
        state, logs = run(engine, start(engine, len(block)), path, events=log)
    ledger = Ledger(state.scenario, state.asset, state.emode, stuck(engine, state))
    return ledger, [(first, one) for one in logs]


def _columns(total: Ledger) -> dict[str, Any]:
    """Return the ledger's fields as contiguous arrays, named as in `Outcome`."""
    records = (total.scenario, total.asset)
    columns = {
        k: np.ascontiguousarray(r[k]) for r in records for k in r.dtype.names or () if k not in COUNTERS
    }
    names = total.emode.dtype.names or ()
    by_emode = {f"{k.removesuffix('_usd')}_emode_usd": np.ascontiguousarray(total.emode[k]) for k in names}
    return {
        **columns,
        **by_emode,
        "unliquidated_accounts": total.unliquidated_accounts,
    }


def _findings(total: Ledger, scenarios: Scenarios, oracles: Oracles) -> list[Finding]:
    found = []
    unsure, cut_off = (int(total.scenario[k].sum()) for k in ("unsure", "cut_off"))
    if unsure:
        found.append(
            Finding(
                FindingKind.UNVERIFIED,
                Severity.LOW,
                "liquidation engine",
                f"{unsure} decisions about accounts already liquidated lay within rounding of a threshold "
                "and were taken in floating point.",
            )
        )
    if cut_off:
        found.append(
            Finding(
                FindingKind.INCONSISTENT,
                Severity.HIGH,
                "liquidation engine",
                f"{cut_off} accounts were still profitable to liquidate after the most calls one moment "
                "allows; their outcome is incomplete.",
                remedy="Raise min_profit_usd or gas_usd_per_call to realistic values.",
            )
        )
    if oracles is None and len(scenarios.time_s) > 1:
        found.append(
            Finding(
                FindingKind.UNVERIFIED,
                Severity.MEDIUM,
                "oracles",
                "no oracle graph was given: oracle prices were taken to follow the market at once.",
                remedy="Pass the market's oracle graph.",
            )
        )
    return found
