"""Whether a chain does what was predicted of a payload: parameters and accounts, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from protocols.payload_calls import Setting
from protocols.snapshot import Snapshot
from risk.engine.liquidatable import liquidatable
from risk.proposal.apply import applied
from risk.proposal.changes import Change
from risk.proposal.config_diff import COMPARED, PENDING, Row, differences, proposed
from risk.proposal.incoming import Other, as_change, as_other
from risk.proposal.pending import pending_ltv


@dataclass(frozen=True, slots=True)
class Simulation:
    """A payload executed, held against what was predicted.

    Parameters
    ----------
    parameters : tuple of Row
        Where the chain differs: ``before`` is the prediction, ``after`` what the chain has.
    predicted, found : tuple of str
        Accounts that become liquidatable: as predicted, and as the pool says.
    unknown : tuple of str
        Accounts of whom the pool says nothing, with and without the payload.
    compared : int
        How many accounts with debt were asked for.
    """

    parameters: tuple[Row, ...]
    predicted: tuple[str, ...]
    found: tuple[str, ...]
    unknown: tuple[str, ...]
    compared: int

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the accounts predicted and not found."""
        return tuple(sorted(set(self.predicted) - set(self.found)))

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Return the accounts found and not predicted."""
        return tuple(sorted(set(self.found) - set(self.predicted)))

    @property
    def agrees(self) -> bool:
        """Return whether everything is as predicted."""
        return not (self.parameters or self.missing or self.unexpected or self.unknown)


def compared(
    without: Snapshot,
    executed: Snapshot,
    health_without_wad: dict[str, int | None],
    health_executed_wad: dict[str, int | None],
    pending_ltv_bps: dict[str, int | None],
    settings: Sequence[Setting],
) -> Simulation:
    """Hold a chain after a payload against the prediction made from the same chain without it.

    Parameters
    ----------
    without, executed : Snapshot
        At one time.
    health_without_wad, health_executed_wad : dict of str to int or None
        Health factors of all accounts with debt as the pool computes them, 1e18 = 1.
    pending_ltv_bps : dict of str to int or None
        After the payload, of frozen reserves.
    settings : sequence of Setting
        What the payload sets.

    Raises
    ------
    UnknownAsset
        If a setting is about an asset the market does not list.
    """
    read = [(s, as_change(s, without)) for s in settings]
    now = tuple(c for _, c in read if c is not None and c.before != c.after)
    others = tuple(as_other(s, without) for s, c in read if c is None)
    predicted = applied(without, now)
    limit = without.rules.liquidatable_below_wad
    unknown = {a for h in (health_without_wad, health_executed_wad) for a, wad in h.items() if wad is None}
    was, found = (
        {a for a, wad in h.items() if wad is not None and wad < limit}
        for h in (health_without_wad, health_executed_wad)
    )
    expected = liquidatable_accounts(predicted) - liquidatable_accounts(without)
    rows = (*_parameters(predicted, executed, others), *_pending(without, now, pending_ltv_bps))
    accounts = len(set(health_without_wad) | set(health_executed_wad))
    return Simulation(
        rows, tuple(sorted(expected)), tuple(sorted(found - was)), tuple(sorted(unknown)), accounts
    )


def liquidatable_accounts(snapshot: Snapshot) -> set[str]:
    """Return the accounts that can be liquidated at the snapshot's own prices."""
    prices = np.array([[r.price_raw for r in snapshot.reserves]], dtype=object)
    fits = max(int(p) for p in prices.ravel()) < 2**63
    below = liquidatable(snapshot, prices.astype(np.int64) if fits else prices, which=True).below
    assert below is not None
    return {snapshot.book.accounts[int(k)] for k in np.flatnonzero(below.T[0])}


def _parameters(predicted: Snapshot, executed: Snapshot, others: Sequence[Other]) -> Iterator[Row]:
    wanted = {_key(r): r for r in proposed(predicted, (), others)}
    for row in differences(predicted, executed):
        asked = wanted.pop(_key(row), None)
        if asked is None or asked.after != row.after:
            yield row if asked is None else Row(*_head(row), asked.after, row.after)
    for asked in wanted.values():
        if asked.parameter in COMPARED.get(asked.section, ()) and asked.before != asked.after:
            yield Row(*_head(asked), asked.after, asked.before)


def _pending(without: Snapshot, changes: Sequence[Change], found: dict[str, int | None]) -> Iterator[Row]:
    for change in changes:
        if pending_ltv(without, change):
            asset = without.reserves[change.place].asset
            value = found.get(asset)
            if value != change.after:
                yield Row("reserve", change.subject, asset, PENDING, change.after, value)


def _key(row: Row) -> tuple[str, str, str]:
    return row.section, row.identity, row.parameter


def _head(row: Row) -> tuple[str, str, str, str]:
    return row.section, row.subject, row.identity, row.parameter
