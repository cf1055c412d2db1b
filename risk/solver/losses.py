"""Losses of every option in every scenario: what the joint choice adds up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np

from oracles.graph import OracleGraph
from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray
from risk.engine.book_sweep import Accounts, BookSwept
from risk.engine.pair_sweep import Calls, Swept
from risk.engine.prices import check_prices, market_price_usd, oracle_raw
from risk.scenarios.scenarios import BLOCK, ScenarioBlock, Scenarios
from risk.solver.limits import Limits
from risk.solver.menu import BPS, Menu, accounts_of
from risk.solver.parts import Part, accounts_of_part
from risk.solver.scenario_limits import parts_of
from risk.solver.sweep.book import sweep, sweepable

MEASURES = ("eligible_usd", "bad_debt_usd", "avoidable_usd")


@dataclass(frozen=True, eq=False, slots=True)
class Losses:
    """Losses of one behaviour of borrowers.

    Parameters
    ----------
    relever : float
        Share of every rise of LTV that borrowers follow.
    swept : BookSwept
        As things are, (S,), and the change by option, (M, S).
    parts : mapping of Part to BookSwept
        The same of each part of the book that a limit speaks of.
    """

    relever: float
    swept: BookSwept
    parts: Mapping[Part, BookSwept] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, part: Part | None) -> BookSwept:
        """Return the losses of a part, of the whole book for None."""
        return self.swept if part is None else self.parts[part]


class Kept(Protocol):
    """Keeps the sweep of a block of scenarios, so that it is done once; see `risk.solver.resume`."""

    def swept(self, start: int, make: Callable[[], tuple[BookSwept, ...]]) -> tuple[BookSwept, ...]:
        """Return the block that starts at a scenario, made and kept if it is not there."""
        ...


def losses_of(
    snapshot: Snapshot,
    menu: Menu,
    scenarios: Scenarios,
    limits: Limits,
    *,
    oracles: OracleGraph | None = None,
    accounts: Accounts | None = None,
    kept: Kept | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Losses, ...]:
    """Return the losses of every option, for each behaviour the limits name.

    Parameters
    ----------
    snapshot : Snapshot
    menu : Menu
    scenarios : Scenarios
        Assets in the order of the snapshot's reserves.
    limits : Limits
    oracles : OracleGraph, optional
        Without it oracle prices follow the market at once.
    accounts : Accounts, optional
        All of the snapshot by default.
    kept : Kept, optional
        Where blocks that were swept before are found, and new ones kept.
    progress : callable (done, total), optional
        Called after every block of scenarios.

    Raises
    ------
    ScenarioError
        If a price is impossible.
    """
    accounts = accounts_of(snapshot, menu) if accounts is None else accounts
    calls, parts = calls_of(limits, scenarios), parts_of(limits)
    books = [accounts, *(accounts_of_part(snapshot, menu, accounts, part) for part in parts)]
    ready = [sweepable(book, menu.row_options(e)) for e in limits.relever for book in books]
    whole = [_empty(len(menu.options), len(scenarios)) for _ in ready]
    for start in range(0, len(scenarios), BLOCK):
        stop = min(start + BLOCK, len(scenarios))

        def swept(start: int = start, stop: int = stop) -> tuple[BookSwept, ...]:
            block = scenarios.produce(start, stop)
            oracle, fair = multiples(snapshot, scenarios, block, oracles)
            return tuple(sweep(book, oracle, fair, calls) for book in ready)

        for own, found in zip(whole, swept() if kept is None else kept.swept(start, swept), strict=True):
            _put(own, found, start, stop)
        if progress is not None:
            progress(stop, len(scenarios))
    out = []
    for k, relever in enumerate(limits.relever):
        first, *own_parts = whole[k * len(books) : (k + 1) * len(books)]
        out.append(Losses(relever, first, MappingProxyType(dict(zip(parts, own_parts, strict=True)))))
    return tuple(out)


def calls_of(limits: Limits, scenarios: Scenarios) -> Calls:
    """Return how liquidations come about; a delay is the steps that cover it."""
    time_s = scenarios.time_s
    step_s = float(np.diff(time_s).min()) if len(time_s) > 1 else np.inf
    return Calls(
        delay_steps=int(np.ceil(limits["calls.delay_s"] / step_s)) if np.isfinite(step_s) else 0,
        close_factor=limits["calls.close_factor"],
        reference_cost=limits["calls.reference_cost_bps"] / BPS,
    )


def multiples(
    snapshot: Snapshot, scenarios: Scenarios, block: ScenarioBlock, oracles: OracleGraph | None
) -> tuple[FloatArray, FloatArray]:
    """Return oracle and fair prices as multiples of the snapshot's oracle prices, (S, T, A) each.

    An asset without a price keeps 1: nothing is valued by it.
    """
    market = market_price_usd(block)
    check_prices(block.fair_price_usd, block.start, "fair price")
    raw = oracle_raw(snapshot, market, scenarios.time_s, oracles, block.start).astype(np.float64)
    return _over(raw * snapshot.base.usd_per_raw, snapshot.price_usd), _over(
        block.fair_price_usd, snapshot.price_usd
    )


def _over(prices: FloatArray, now: FloatArray) -> FloatArray:
    return np.asarray(np.divide(prices, now, out=np.ones_like(prices), where=now > 0))


def _empty(options: int, scenarios: int) -> BookSwept:
    return BookSwept(
        Swept(*(np.empty(scenarios) for _ in MEASURES)),
        Swept(*(np.empty((options, scenarios)) for _ in MEASURES)),
    )


def _put(whole: BookSwept, block: BookSwept, start: int, stop: int) -> None:
    """Write a block in its place: arrays of all options and scenarios are there once only."""
    for measure in MEASURES:
        getattr(whole.now, measure)[start:stop] = getattr(block.now, measure)
        getattr(whole.change, measure)[:, start:stop] = getattr(block.change, measure)
