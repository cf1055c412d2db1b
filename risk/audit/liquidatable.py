"""Who could be liquidated if the protocol read one asset's price differently, in exact integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.errors import InputError
from abis.units import mul_div_down
from protocols.exact import exact_rules
from protocols.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class LiquidatableRow:
    """One account that becomes liquidatable.

    Parameters
    ----------
    account : str
        Untrusted text.
    health_before_wad, health_after_wad : int
    debt_base_raw : int
        All its debt at the new prices, base-currency units.
    asset_raw : int
        What it supplies of the asset, smallest units, if that backs its debt.
    """

    account: str
    health_before_wad: int
    health_after_wad: int
    debt_base_raw: int
    asset_raw: int


@dataclass(frozen=True, slots=True)
class Repriced:
    """What another price of one asset does to a book.

    Parameters
    ----------
    asset : str
    price_before_raw, price_after_raw : int
        Base-currency units a whole token.
    already : int
        Accounts among the holders that can be liquidated at the price before.
    rows : tuple of LiquidatableRow
        Accounts that become liquidatable, largest debt first.
    usd_per_raw : float
        US dollars per base-currency unit.
    """

    asset: str
    price_before_raw: int
    price_after_raw: int
    already: int
    rows: tuple[LiquidatableRow, ...]
    usd_per_raw: float

    @property
    def debt_usd(self) -> float:
        """Return the debt of the accounts that become liquidatable."""
        return sum(r.debt_base_raw for r in self.rows) * self.usd_per_raw


def scaled_price(price_raw: int, ratio_before_raw: int, ratio_after_raw: int) -> int:
    """Return a price whose ratio part changes, rounded down.

    It differs by at most one unit from what the adapter computes from its base price, which a
    snapshot does not hold.
    """
    if ratio_before_raw <= 0:
        raise InputError(f"ratio {ratio_before_raw}.", remedy="Give the positive ratio in force before.")
    return mul_div_down(price_raw, ratio_after_raw, ratio_before_raw)


def repriced(snapshot: Snapshot, asset: str, price_after_raw: int, price_before_raw: int = 0) -> Repriced:
    """Return the accounts that become liquidatable when one asset's price is read differently.

    Parameters
    ----------
    snapshot : Snapshot
    asset : str
        Symbol or address.
    price_after_raw : int
        New price, base-currency units a whole token.
    price_before_raw : int
        Price before; the snapshot's by default.

    Raises
    ------
    UnknownAsset
        If no reserve has that name.
    InputError
        If the new price is negative.
    """
    place = snapshot.asset_index(asset)
    if price_after_raw < 0:
        raise InputError(f"price {price_after_raw}.", remedy="Give 0 or more base-currency units.")
    before = [r.price_raw for r in snapshot.reserves]
    before[place] = price_before_raw or before[place]
    after = list(before)
    after[place] = price_after_raw
    exact, rules, already, rows = exact_rules(snapshot.rules), snapshot.rules, 0, []
    for account in _holders(snapshot, place):
        then = exact.account_data(snapshot.position(account, before), rules)
        now = exact.account_data(snapshot.position(account, after), rules)
        if then.health_factor < rules.liquidatable_below_wad:
            already += 1
        elif now.health_factor < rules.liquidatable_below_wad:
            held = _held(snapshot, account, place)
            name = snapshot.book.accounts[account]
            debt = now.total_debt_base
            rows.append(LiquidatableRow(name, then.health_factor, now.health_factor, debt, held))
    rows.sort(key=lambda r: (-r.debt_base_raw, r.account))
    return Repriced(
        snapshot.asset_names[place],
        before[place],
        price_after_raw,
        already,
        tuple(rows),
        snapshot.base.usd_per_raw,
    )


def _holders(snapshot: Snapshot, place: int) -> list[int]:
    """Return the accounts with debt that supply or owe the asset; nobody else's health can change."""
    c, d = snapshot.book.collateral, snapshot.book.debt
    holds = np.union1d(c.account[c.reserve == place], d.account[d.reserve == place])
    return [int(k) for k in np.intersect1d(holds, d.account)]


def _held(snapshot: Snapshot, account: int, place: int) -> int:
    c = snapshot.book.collateral
    entries = range(int(c.indptr[account]), int(c.indptr[account + 1]))
    return sum(int(c.amount_raw[k]) for k in entries if c.reserve[k] == place and c.counted[k])
