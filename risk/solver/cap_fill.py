"""Cap-fill test: what a flood of worthless collateral can borrow.

A DIAGNOSTIC.  An attacker, or an exploit of a token, fills the rest of the supply cap with
tokens worth nothing, valued at the oracle's price, and borrows to the maximum in the
e-mode that pays best::

    loss = min(headroom x LTV x price, what can be borrowed there)

The book of today plays no part: no test that looks only at existing positions sees this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Reserve, Snapshot
from risk.scenarios.families import link_of, tree_of
from risk.solver.parameters import LABEL, parameters_of


@dataclass(frozen=True, slots=True)
class CapFill:
    """One asset, or the tokens that follow one coin filled together.

    Parameters
    ----------
    subject : str
        Asset name, or the coin.
    members : tuple of str
        The assets in it.
    headroom_usd : float
        What may still be supplied, at oracle prices; inf without a cap.
    power_usd : float
        Headroom times LTV, at most an isolation debt ceiling.
    lendable_usd : float
        What may be borrowed: liquidity within borrow caps of everything but the members.
    loss_usd : float
        The smaller of the two in the best e-mode.
    label : str
        Always ``diagnostic``.
    """

    subject: str
    members: tuple[str, ...]
    headroom_usd: float
    power_usd: float
    lendable_usd: float
    loss_usd: float
    label: str = LABEL


def cap_fill(snapshot: Snapshot) -> tuple[CapFill, ...]:
    """Return the test of every asset that can be supplied as collateral, largest loss first."""
    fills = [
        _filled(snapshot, i, {i}) for i in range(len(snapshot.reserves)) if is_open(snapshot.reserves[i])
    ]
    return _ranked(fill for fill in fills if fill.power_usd > 0)


def cap_fill_families(snapshot: Snapshot) -> tuple[CapFill, ...]:
    """Return the test of all tokens that follow one coin together, largest loss first.

    A coin's native wrapper (WETH) is no member: it cannot fail apart from the coin, and is
    what the flood borrows.
    """
    return _ranked(_together(snapshot, top, members) for top, members in families(snapshot).items())


def frame(fills: tuple[CapFill, ...]) -> pd.DataFrame:
    """Return one row a subject."""
    columns = ["subject", "members", "headroom_usd", "power_usd", "lendable_usd", "loss_usd"]
    return pd.DataFrame([{c: getattr(f, c) for c in columns} for f in fills], columns=columns)


def cap_findings(fills: tuple[CapFill, ...], budget_usd: float) -> tuple[Finding, ...]:
    """Return a finding for each subject whose loss is above ``budget_usd``."""
    return tuple(
        Finding(
            FindingKind.CAP,
            Severity.HIGH,
            fill.subject,
            f"diagnostic: filling the supply cap with worthless {fill.subject} could take "
            f"{fill.loss_usd:,.0f} USD, more than {budget_usd:,.0f}.",
            fill.loss_usd,
            "Lower the supply cap towards what is supplied.",
        )
        for fill in fills
        if fill.loss_usd > budget_usd
    )


def headroom_usd(snapshot: Snapshot, i: int, cap_tokens: int) -> float:
    """Return what may still be supplied under a supply cap, USD at the oracle's price; inf without a cap."""
    reserve = snapshot.reserves[i]
    if cap_tokens == 0:
        return float("inf") if reserve.price_raw > 0 else 0.0
    left_raw = cap_tokens * 10**reserve.decimals - reserve.total_supply_raw
    return float(max(left_raw, 0) / 10**reserve.decimals * snapshot.price_usd[i])


def power_usd(snapshot: Snapshot, i: int, ltv_bps: int, headroom: float) -> float:
    """Return what a headroom in USD lets borrow at an LTV, at most an isolation debt ceiling."""
    power = headroom * ltv_bps / 10_000 if ltv_bps else 0.0
    ceiling_cents = snapshot.reserves[i].debt_ceiling_usd_cents
    return min(power, ceiling_cents / 100) if ceiling_cents else power


def lendable_usd(snapshot: Snapshot, j: int, cap_tokens: int) -> float:
    """Return what of a reserve may be borrowed under a borrow cap, USD; 0 is no cap."""
    reserve = snapshot.reserves[j]
    raw = reserve.available_liquidity_raw
    if cap_tokens:
        raw = min(raw, max(cap_tokens * 10**reserve.decimals - reserve.total_debt_raw, 0))
    return float(raw / 10**reserve.decimals * snapshot.price_usd[j])


def debts(snapshot: Snapshot, mode: int) -> set[int]:
    """Return the reserves that may be borrowed in an e-mode row."""
    open_now = {j for j, r in enumerate(snapshot.reserves) if r.borrowing_enabled and is_open(r)}
    return open_now & set(snapshot.emodes[mode - 1].borrowable) if mode else open_now


def modes_of(snapshot: Snapshot, i: int) -> list[int]:
    """Return the e-mode rows in which a reserve is collateral; 0 is outside."""
    return [0, *(k + 1 for k, mode in enumerate(snapshot.emodes) if i in mode.collateral)]


def families(snapshot: Snapshot) -> dict[str, list[int]]:
    """Return the open reserves that follow one coin and may fail apart from it, by coin."""
    found: dict[str, list[int]] = {}
    for i, names in enumerate(tree_of(snapshot).chains):
        link = link_of(snapshot.reserves[i].symbol)
        if is_open(snapshot.reserves[i]) and link is not None and link.kind != "native":
            found.setdefault(names[-1], []).append(i)
    return {top: members for top, members in found.items() if len(members) > 1}


def family_debts(snapshot: Snapshot, members: list[int]) -> set[int]:
    """Return what a family filled together can borrow, its members apart."""
    modes = [0, *(k + 1 for k in range(len(snapshot.emodes)))]
    return set().union(*(debts(snapshot, m) for m in modes)) - set(members)


def is_open(reserve: Reserve) -> bool:
    """Tell whether a reserve takes what is new."""
    return reserve.active and not (reserve.frozen or reserve.paused)


def _ranked(fills: Iterable[CapFill]) -> tuple[CapFill, ...]:
    return tuple(sorted(fills, key=lambda f: (-f.loss_usd, f.subject)))


def _filled(snapshot: Snapshot, i: int, worthless: set[int]) -> CapFill:
    """Return the fill of one asset in the e-mode row that pays best; ``worthless`` is not borrowed."""
    headroom = headroom_usd(snapshot, i, snapshot.reserves[i].supply_cap_tokens)
    name = snapshot.asset_names[i]
    power, lendable = _best_mode(snapshot, i, headroom, worthless)
    all_usd = sum(lendable.values())
    return CapFill(name, (name,), headroom, power, all_usd, min(power, all_usd))


def _best_mode(
    snapshot: Snapshot, i: int, headroom: float, worthless: set[int]
) -> tuple[float, dict[int, float]]:
    """Return what a flood may borrow in the e-mode row that pays best, and what of each debt is there."""
    best: tuple[float, dict[int, float]] = (0.0, {})
    for m in modes_of(snapshot, i):
        power = power_usd(snapshot, i, parameters_of(snapshot, i, m).ltv_bps, headroom)
        lendable = {j: _lendable_usd(snapshot, j) for j in sorted(debts(snapshot, m) - worthless)}
        loss, before = (min(usd, sum(own.values())) for usd, own in ((power, lendable), best))
        if (loss, power) > (before, best[0]):
            best = power, lendable
    return best


def taken_usd(snapshot: Snapshot) -> dict[tuple[int, int], float]:
    """Return what filling each asset takes of each debt, USD, by their places.

    The loss of `cap_fill`, spread over the debts in proportion to what can be borrowed of each: which of
    them a flood would take first nobody knows.
    """
    out: dict[tuple[int, int], float] = {}
    for i, reserve in enumerate(snapshot.reserves):
        if is_open(reserve):
            headroom = headroom_usd(snapshot, i, reserve.supply_cap_tokens)
            power, lendable = _best_mode(snapshot, i, headroom, {i})
            whole = sum(lendable.values())
            share = min(power, whole) / whole if whole else 0.0
            out |= {(i, j): share * usd for j, usd in lendable.items()}
    return out


def _together(snapshot: Snapshot, subject: str, members: list[int]) -> CapFill:
    """Return the fill of several assets from one account each: their sum, at most all there is."""
    fills = [_filled(snapshot, i, set(members)) for i in members]
    lendable = sum(_lendable_usd(snapshot, j) for j in family_debts(snapshot, members))
    return CapFill(
        subject=subject,
        members=tuple(snapshot.asset_names[i] for i in members),
        headroom_usd=sum(f.headroom_usd for f in fills),
        power_usd=sum(f.power_usd for f in fills),
        lendable_usd=lendable,
        loss_usd=min(sum(f.loss_usd for f in fills), lendable),
    )


def _lendable_usd(snapshot: Snapshot, j: int) -> float:
    return lendable_usd(snapshot, j, snapshot.reserves[j].borrow_cap_tokens)
