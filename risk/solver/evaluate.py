"""Every limited amount of a choice, all rows changed together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from abis.findings import Finding
from oracles.graph import OracleGraph
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.book_sweep import Accounts, RowOptions
from risk.engine.liquidatable import liquidatable
from risk.engine.liquidity import Liquidity
from risk.engine.pair_sweep import Swept
from risk.engine.stress import stress
from risk.measures import account_totals
from risk.proposal.apply import applied
from risk.proposal.effects import prices_now_raw
from risk.scenarios.scenarios import Scenarios
from risk.solver.amount import Amount as Amount
from risk.solver.cap_fill import cap_fill, cap_fill_families
from risk.solver.limits import Limits
from risk.solver.losses import MEASURES, calls_of, multiples
from risk.solver.menu import BPS, Menu, Rule, accounts_of, supplied_usd
from risk.solver.migration import migrated
from risk.solver.participation import asked, collaterals, participation, sold
from risk.solver.parts import accounts_of_part
from risk.solver.realised import realised as realised_amounts
from risk.solver.related import related_excess_bps
from risk.solver.scenario_limits import scenario_limits
from risk.solver.sweep.book import sweep, sweepable

MIGRATED = " (after migration)"
SWEEPS_KEPT = 16  # of a setting
# Limit -> the sweep's measure that it bounds, of the whole book.
SWEPT = {
    "bad_debt.cvar_usd": "bad_debt_usd",
    "avoidable_loss.cvar_usd": "avoidable_usd",
    "liquidations.cvar_usd": "eligible_usd",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The amounts of a choice, and what the engine has to say about computing them."""

    amounts: tuple[Amount, ...]
    findings: tuple[Finding, ...] = ()


class Known(Protocol):
    """Remembers judgements, so that none is made twice; see `risk.solver.resume`."""

    def judgement(self, setting: Setting, key: str, make: Callable[[], Judgement]) -> Judgement:
        """Return what is known under the key, made and kept if nothing is."""
        ...


@dataclass(frozen=True, eq=False)
class Setting:
    """A market, its menu, what it is judged by, and what is known already."""

    snapshot: Snapshot
    menu: Menu
    scenarios: Scenarios
    limits: Limits
    oracles: OracleGraph | None = None
    depth: Depth | None = None
    known: Known | None = None
    liquidity: Liquidity = Liquidity.UNLIMITED

    @cached_property
    def accounts(self) -> Accounts:
        """Return the accounts with debt."""
        return accounts_of(self.snapshot, self.menu)

    @cached_property
    def supplied_usd(self) -> FloatArray:
        """Return collateral by row, (R,)."""
        return supplied_usd(self.snapshot, self.menu)

    @cached_property
    def total_debt_usd(self) -> float:
        """Return all debt of the market."""
        return float(self.snapshot.debt_usd.sum())

    @cached_property
    def swept(self) -> dict[bytes, Swept]:
        """Return the sweeps of whole choices made last: who judges one certifies it next."""
        return {}

    @cached_property
    def below_now(self) -> IntArray:
        """Return the accounts that can be liquidated today."""
        return _below(self.snapshot)


def amounts(setting: Setting, chosen: IntArray, *, realised: bool = True) -> tuple[Amount, ...]:
    """Return every amount of a choice beside its limit.

    Potential amounts come from the sweep with all rows changed at once, for every behaviour of
    borrowers; realised ones from the engine, calls, sales and all, with debts as they are.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
        Option of each row, as places among all.
    realised : bool
        Whether to run the engine, by far the longest part.
    """
    return judged(setting, chosen, realised=realised).amounts


def judged(setting: Setting, chosen: IntArray, *, realised: bool = True) -> Judgement:
    """Return what `amounts` does, with the findings of the engine."""
    if setting.known is None:
        return _judge(setting, chosen, realised)
    return setting.known.judgement(
        setting, _key(setting, chosen, realised), lambda: _judge(setting, chosen, realised)
    )


def _key(setting: Setting, chosen: IntArray, realised: bool) -> str:
    """Return what names a judgement: the rows as they are and as chosen, and the limits."""
    rows = []
    for row, k in zip(setting.menu.rows, (chosen - setting.menu.first[:-1]).tolist(), strict=True):
        rows.append([row.name, row.values(row.current), row.values(k), sorted(row.options[k].broken)])
    text = json.dumps([rows, setting.limits.to_json(), realised], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _judge(setting: Setting, chosen: IntArray, realised: bool) -> Judgement:
    limits = setting.limits
    after = applied(setting.snapshot, setting.menu.changes(chosen))
    out: list[Amount] = []
    findings: tuple[Finding, ...] = ()
    if realised:
        outcome = stress(
            after,
            setting.scenarios,
            oracles=setting.oracles,
            depth=setting.depth,
            liquidity=setting.liquidity,
        )
        out += realised_amounts(setting.snapshot, outcome, limits)
        findings = outcome.findings
    for relever in limits.relever:
        out += _swept(setting, chosen, relever)
    out += [*enactment(setting, after), *_static(setting, chosen, after), *_flows(setting, chosen, after)]
    return Judgement(tuple(out), findings)


def _flows(setting: Setting, chosen: IntArray, after: Snapshot) -> list[Amount]:
    """Return participation under concurrent flow, for the borrowers who follow most: they owe most."""
    menu, limits, weight = setting.menu, setting.limits, setting.scenarios.weight
    if setting.depth is None or not asked(limits):
        return []
    accounts = grown(setting, chosen, max(limits.relever))
    parts = collaterals(after, menu)
    books = [accounts_of_part(after, menu, accounts, part) for part in parts]
    swept = sweep_of(setting, chosen, books)
    eligible = {part: one.eligible_usd for part, one in zip(parts, swept, strict=True)}
    flows = sold(after, menu, chosen, eligible, weight, limits["calls.close_factor"])
    return list(participation(after, menu, chosen, limits, setting.depth, flows))


def refused(setting: Setting, chosen: IntArray) -> bool:
    """Tell whether a choice breaks a limit that needs no scenario: cheap to ask."""
    after = applied(setting.snapshot, setting.menu.changes(chosen))
    return bool(broken(_static(setting, chosen, after)))


def broken(found: Sequence[Amount]) -> tuple[Amount, ...]:
    """Return the amounts beyond their limits."""
    return tuple(a for a in found if not a.kept)


def together(setting: Setting, chosen: IntArray, relever: float) -> Swept:
    """Return the sweep's losses, (S,) each, with every row at its chosen option."""
    return sweep_of(setting, chosen, [grown(setting, chosen, relever)])[0]


def grown(setting: Setting, chosen: IntArray, relever: float) -> Accounts:
    """Return the accounts with debts grown as borrowers follow the choice's rises of LTV."""
    return _grown(setting.accounts, setting.menu.row_options(relever), chosen)


def sweep_of(setting: Setting, chosen: IntArray, books: Sequence[Accounts]) -> list[Swept]:
    """Return the sweep's losses of several sets of accounts, (S,) each, with every row at its option."""
    keys = [_swept_key(chosen, book) for book in books]
    missing = {key: book for key, book in zip(keys, books, strict=True) if key not in setting.swept}
    found = setting.swept | dict(zip(missing, _sweep(setting, chosen, list(missing.values())), strict=True))
    setting.swept.update({key: found[key] for key in missing})
    for key in list(setting.swept)[:-SWEEPS_KEPT]:
        del setting.swept[key]
    return [found[key] for key in keys]


def _swept_key(chosen: IntArray, book: Accounts) -> bytes:
    """Return what names a sweep within a setting: the choice and every number of the accounts."""
    digest = hashlib.sha256(chosen.tobytes())
    for part in fields(Accounts):
        digest.update(getattr(book, part.name).tobytes())
    return digest.digest()


def _sweep(setting: Setting, chosen: IntArray, books: Sequence[Accounts]) -> list[Swept]:
    if not books:
        return []
    options, rows = setting.menu.row_options(), len(chosen)
    one = RowOptions(
        np.arange(rows + 1), options.threshold[chosen], options.bonus[chosen], np.arange(rows), np.ones(rows)
    )
    calls = calls_of(setting.limits, setting.scenarios)
    ready = [sweepable(book, one) for book in books]
    blocks = []
    for block in setting.scenarios.blocks():
        oracle, fair = multiples(setting.snapshot, setting.scenarios, block, setting.oracles)
        blocks.append([sweep(book, oracle, fair, calls).now for book in ready])
    return [
        Swept(*(np.concatenate([getattr(b[k], m) for b in blocks]) for m in MEASURES))
        for k in range(len(books))
    ]


def _swept(setting: Setting, chosen: IntArray, relever: float) -> Iterator[Amount]:
    """Yield the sweep's amounts for one behaviour of borrowers, and after migration if that is asked for."""
    followed = f"borrowers follow {relever:.0%} of a rise of LTV"
    accounts = grown(setting, chosen, relever)
    yield from _limited(setting, chosen, accounts, "", f"sweep, {followed}", shown=True)
    if setting.limits.migration:
        moved = migrated(setting.snapshot, setting.menu, accounts, chosen, relever)
        yield from _limited(setting, chosen, moved, MIGRATED, f"migration, sweep, {followed}", shown=False)


def _limited(
    setting: Setting, chosen: IntArray, accounts: Accounts, suffix: str, model: str, *, shown: bool
) -> Iterator[Amount]:
    limits, weight = setting.limits, setting.scenarios.weight
    named = scenario_limits(limits, unlimited=shown)
    parts = tuple(dict.fromkeys(one.part for one in named))
    books = [
        accounts if part is None else accounts_of_part(setting.snapshot, setting.menu, accounts, part)
        for part in parts
    ]
    swept = dict(zip(parts, sweep_of(setting, chosen, books), strict=True))
    for one in named:
        value = one.value(getattr(swept[one.part], one.measure), limits["tail.level"], weight)
        yield Amount(one.name + suffix, value, one.limit, model)


def _grown(accounts: Accounts, options: RowOptions, chosen: IntArray) -> Accounts:
    """Return the accounts with debts grown as the choice's rises of LTV let them."""
    governed = accounts.c_row >= 0
    row = np.where(governed, accounts.c_row, 0)
    weighted = np.where(governed, options.threshold[options.current[row]] * accounts.c_usd, 0.0)
    owner = np.repeat(np.arange(len(accounts)), np.diff(accounts.c_indptr))
    total = np.bincount(owner, weighted, minlength=len(accounts))
    rise = np.bincount(owner, weighted * (options.owed[chosen[row]] - 1), minlength=len(accounts))
    growth = 1 + np.divide(rise, total, out=np.zeros(len(accounts)), where=total > 0)
    return replace(accounts, d_usd=accounts.d_usd * np.repeat(growth, np.diff(accounts.d_indptr)))


def enactment(setting: Setting, after: Snapshot) -> list[Amount]:
    """Return what a change itself makes liquidatable, decided by the contract's integers."""
    limits = setting.limits
    debt = account_totals(setting.snapshot)[0]
    new = np.setdiff1d(_below(after), setting.below_now)
    newly = float(debt[new][debt[new] >= limits["enactment.dust_usd"]].sum())
    share = BPS * newly / setting.total_debt_usd if setting.total_debt_usd else 0.0
    return [
        Amount("enactment.usd", newly, limits["enactment.usd"], "exact integers"),
        Amount("enactment.debt_bps", share, limits["enactment.debt_bps"], "exact integers"),
    ]


def _below(snapshot: Snapshot) -> IntArray:
    below = liquidatable(snapshot, prices_now_raw(snapshot), which=True).below
    return np.flatnonzero([] if below is None else below[:, 0])


def _static(setting: Setting, chosen: IntArray, after: Snapshot) -> list[Amount]:
    """Return how many rows break each rule that needs no scenario, the worst cap-fill, and related assets."""
    out = []
    for rule in Rule:
        count = sum(rule in setting.menu.options[k].broken for k in chosen.tolist())
        out.append(Amount(f"rows against {rule.value}", float(count), 0.0, "rule"))
    worst = (
        ("cap_fill.usd", max((fill.loss_usd for fill in cap_fill(after)), default=0.0)),
        ("cap_fill.per_issuer_usd", max((fill.loss_usd for fill in cap_fill_families(after)), default=0.0)),
        ("sanity.related_excess_bps", float(related_excess_bps(after))),
    )
    return [*out, *(Amount(name, value, setting.limits[name], "closed form") for name, value in worst)]
