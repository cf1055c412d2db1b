"""Whom a parameter protects: the scenarios and the accounts that a step further would cost most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from risk.engine.arrays import FloatArray, IntArray
from risk.engine.book_sweep import Accounts
from risk.engine.pair_sweep import Swept
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.solver.evaluate import Setting, grown, sweep_of
from risk.solver.parts import taken

TOP = 5
MOST_ACCOUNTS = 300  # told apart, those with the most debt; the others stay one sum


@dataclass(frozen=True, slots=True)
class Share:
    """One scenario or account, and what a step further would cost in it.

    Parameters
    ----------
    name : str
        A scenario's name, or an account.
    cost_usd : float
    """

    name: str
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Protected:
    """What a step further would cost, by scenario and by account.

    The cost is potential bad debt plus borrowers' avoidable loss, by the sweep.

    Parameters
    ----------
    by : int
        The step.
    relever : float
        Share of a rise of LTV that borrowers follow.
    scenarios : tuple of Share
        Those it costs most, at most `TOP`.
    accounts : tuple of Share
        Those that cost falls on, summed over these scenarios, at most `TOP`.
    others_usd : float
        What falls on all other accounts in these scenarios, gains subtracted.
    """

    by: int
    relever: float
    scenarios: tuple[Share, ...]
    accounts: tuple[Share, ...]
    others_usd: float

    @property
    def cost_usd(self) -> float:
        """Return the cost in all the scenarios listed."""
        return sum(s.cost_usd for s in self.scenarios)


def harm(swept: Swept) -> FloatArray:
    """Return potential bad debt plus avoidable loss, USD."""
    return np.asarray(swept.bad_debt_usd + swept.avoidable_usd)


def protected(
    setting: Setting,
    chosen: IntArray,
    moved: tuple[Setting, IntArray],
    here_usd: FloatArray,
    relever: float,
    by: int,
) -> Protected:
    """Return whom not taking a step protects.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
    moved : tuple
        The setting and the choice with the step taken, of `one_step.beside`.
    here_usd : (S,) float64
        `harm` of the choice.
    relever : float
    by : int
        The step, for the record.
    """
    further, option = moved
    books = grown(setting, chosen, relever), grown(further, option, relever)
    there_usd = harm(sweep_of(further, option, books[1:])[0])
    more = there_usd - here_usd
    worst = np.argsort(-more, kind="stable")[:TOP]
    worst = worst[more[worst] > 1e-9 * np.maximum(1.0, here_usd[worst])]
    if not len(worst):
        return Protected(by, relever, (), (), 0.0)
    few = subset(setting.scenarios, worst.tolist())
    cost = _by_account(replace(further, scenarios=few), option, books[1])
    cost.update(
        {k: v - cost[k] for k, v in _by_account(replace(setting, scenarios=few), chosen, books[0]).items()}
    )
    cost = {k: -v for k, v in cost.items()}
    address = setting.snapshot.book.accounts
    owing = np.flatnonzero(np.diff(setting.snapshot.book.debt.indptr) > 0)
    first = sorted((k for k in cost if cost[k] > 1e-6), key=lambda k: (-cost[k], k))[:TOP]
    accounts = tuple(Share(str(address[owing[k]]), cost[k]) for k in first)
    scenarios = tuple(Share(setting.scenarios.names[s], float(more[s])) for s in worst.tolist())
    rest = sum(s.cost_usd for s in scenarios) - sum(a.cost_usd for a in accounts)
    return Protected(by, relever, scenarios, accounts, rest)


def subset(scenarios: Scenarios, which: Sequence[int]) -> Scenarios:
    """Return some of the scenarios, made once."""
    blocks = [scenarios.produce(k, k + 1) for k in which]
    market = np.concatenate([b.market_price_usd for b in blocks])
    fair = np.concatenate([b.fair_price_usd for b in blocks])

    def produce(start: int, stop: int) -> ScenarioBlock:
        return ScenarioBlock(start, market[start:stop], fair[start:stop])

    return replace(
        scenarios,
        names=tuple(scenarios.names[k] for k in which),
        groups=tuple(scenarios.groups[k] for k in which),
        weight=np.ones(len(which)),
        produce=produce,
    )


def _by_account(setting: Setting, chosen: IntArray, accounts: Accounts) -> dict[int, float]:
    """Return the harm to the accounts with the most debt, summed over the scenarios, USD."""
    owner = np.repeat(np.arange(len(accounts)), np.diff(accounts.d_indptr))
    debt = np.bincount(owner, accounts.d_usd, minlength=len(accounts))
    largest = np.sort(np.argsort(-debt, kind="stable")[:MOST_ACCOUNTS])
    one = [taken(accounts, np.arange(len(accounts)) == k) for k in largest.tolist()]
    swept = sweep_of(setting, chosen, one)
    return {int(k): float(harm(s).sum()) for k, s in zip(largest.tolist(), swept, strict=True)}
