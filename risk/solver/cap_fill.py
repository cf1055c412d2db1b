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
        _filled(snapshot, i, {i}) for i in range(len(snapshot.reserves)) if _is_open(snapshot.reserves[i])
    ]
    return _ranked(fill for fill in fills if fill.power_usd > 0)


def cap_fill_families(snapshot: Snapshot) -> tuple[CapFill, ...]:
    """Return the test of all tokens that follow one coin together, largest loss first.

    A coin's native wrapper (WETH) is no member: it cannot fail apart from the coin, and is
    what the flood borrows.
    """
    families: dict[str, list[int]] = {}
    for i, names in enumerate(tree_of(snapshot).chains):
        link = link_of(snapshot.reserves[i].symbol)
        if _is_open(snapshot.reserves[i]) and link is not None and link.kind != "native":
            families.setdefault(names[-1], []).append(i)
    return _ranked(_together(snapshot, top, members) for top, members in families.items() if len(members) > 1)


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


def _ranked(fills: Iterable[CapFill]) -> tuple[CapFill, ...]:
    return tuple(sorted(fills, key=lambda f: (-f.loss_usd, f.subject)))


def _is_open(reserve: Reserve) -> bool:
    return reserve.active and not (reserve.frozen or reserve.paused)


def _filled(snapshot: Snapshot, i: int, worthless: set[int]) -> CapFill:
    """Return the fill of one asset in the e-mode row that pays best; ``worthless`` is not borrowed."""
    headroom = _headroom_usd(snapshot, i)
    name = snapshot.asset_names[i]
    best = CapFill(name, (name,), headroom, 0.0, 0.0, 0.0)
    for m in [0, *(k + 1 for k, mode in enumerate(snapshot.emodes) if i in mode.collateral)]:
        power = _power_usd(snapshot, i, m, headroom)
        lendable = sum(_lendable_usd(snapshot, j) for j in _debts(snapshot, m) - worthless)
        if (min(power, lendable), power) > (best.loss_usd, best.power_usd):
            best = CapFill(name, (name,), headroom, power, lendable, min(power, lendable))
    return best


def _together(snapshot: Snapshot, subject: str, members: list[int]) -> CapFill:
    """Return the fill of several assets from one account each: their sum, at most all there is."""
    fills = [_filled(snapshot, i, set(members)) for i in members]
    modes = [0, *(k + 1 for k in range(len(snapshot.emodes)))]
    debts = set().union(*(_debts(snapshot, m) for m in modes)) - set(members)
    lendable = sum(_lendable_usd(snapshot, j) for j in debts)
    return CapFill(
        subject=subject,
        members=tuple(snapshot.asset_names[i] for i in members),
        headroom_usd=sum(f.headroom_usd for f in fills),
        power_usd=sum(f.power_usd for f in fills),
        lendable_usd=lendable,
        loss_usd=min(sum(f.loss_usd for f in fills), lendable),
    )


def _headroom_usd(snapshot: Snapshot, i: int) -> float:
    reserve = snapshot.reserves[i]
    if reserve.supply_cap_tokens == 0:
        return float("inf") if reserve.price_raw > 0 else 0.0
    left_raw = reserve.supply_cap_tokens * 10**reserve.decimals - reserve.total_supply_raw
    return float(max(left_raw, 0) / 10**reserve.decimals * snapshot.price_usd[i])


def _power_usd(snapshot: Snapshot, i: int, m: int, headroom_usd: float) -> float:
    ltv_bps = parameters_of(snapshot, i, m).ltv_bps
    power = headroom_usd * ltv_bps / 10_000 if ltv_bps else 0.0
    ceiling_cents = snapshot.reserves[i].debt_ceiling_usd_cents
    return min(power, ceiling_cents / 100) if ceiling_cents else power


def _debts(snapshot: Snapshot, m: int) -> set[int]:
    """Return the reserves that may be borrowed in an e-mode row."""
    open_now = {j for j, r in enumerate(snapshot.reserves) if r.borrowing_enabled and _is_open(r)}
    return open_now & set(snapshot.emodes[m - 1].borrowable) if m else open_now


def _lendable_usd(snapshot: Snapshot, j: int) -> float:
    reserve = snapshot.reserves[j]
    raw = reserve.available_liquidity_raw
    if reserve.borrow_cap_tokens:
        raw = min(raw, max(reserve.borrow_cap_tokens * 10**reserve.decimals - reserve.total_debt_raw, 0))
    return float(raw / 10**reserve.decimals * snapshot.price_usd[j])
