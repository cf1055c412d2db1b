"""A snapshot as the plain records the kernels read.

N accounts, A reserves, Q quotes, nnz entries.  Amounts are kept apart because they change: smallest
units as float64, exact below 2**53, else within a relative 2**-53; `risk.engine.health`
carries that error in its bounds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.emode_prices import priced_emodes
from protocols.liquidation_rules import (
    HealthFormula,
    LiquidationRules,
    Rounding,
    SeizureRounding,
    SizingRule,
)
from protocols.snapshot import Reserve, Snapshot
from risk.depth import Depth

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Records = NDArray[Any]  # a structured array, one record a row

DOWN, UP, HALF_UP = 0, 1, 2
HALF_OF_RESERVE, HALF_OR_FULL_OF_RESERVE, POSITION_WIDE = 0, 1, 2
TO_TARGET_HEALTH, WHOLE_ACCOUNT, ANY_AMOUNT = 3, 4, 5
BONUS_BEFORE_DIVISION, SEIZE_HALF_UP, DEBT_NEEDED_UP, DIRECTED = 0, 1, 2, 3

_ROUNDING = {Rounding.DOWN: DOWN, Rounding.UP: UP, Rounding.HALF_UP: HALF_UP}
_SIZING = {
    SizingRule.HALF_OF_RESERVE: HALF_OF_RESERVE,
    SizingRule.HALF_OR_FULL_OF_RESERVE: HALF_OR_FULL_OF_RESERVE,
    SizingRule.POSITION_WIDE: POSITION_WIDE,
    SizingRule.TO_TARGET_HEALTH: TO_TARGET_HEALTH,
    SizingRule.WHOLE_ACCOUNT: WHOLE_ACCOUNT,
    SizingRule.ANY_AMOUNT: ANY_AMOUNT,
}
_SEIZURE = {
    SeizureRounding.BONUS_BEFORE_DIVISION: BONUS_BEFORE_DIVISION,
    SeizureRounding.HALF_UP: SEIZE_HALF_UP,
    SeizureRounding.DEBT_NEEDED_UP: DEBT_NEEDED_UP,
    SeizureRounding.DIRECTED: DIRECTED,
}


# One record a row: few arrays to hand from kernel to kernel, and a row's fields side by side.
# Integer fields hold indices and flags, ``*_bps`` basis points, ``*_base`` base-currency units.
ACCOUNT = np.dtype(
    [
        ("c_first", np.int64),  # its collateral entries are c_first .. c_last - 1
        ("c_last", np.int64),
        ("d_first", np.int64),
        ("d_last", np.int64),
        ("emode_row", np.int64),  # 0 = no category
        ("lowest_threshold_bps", np.float64),  # over its counted collateral
        ("weighted_base", np.float64),  # unrounded, at the snapshot's prices
        ("collateral_base", np.float64),
        ("debt_base", np.float64),
    ]
)
QUOTE = np.dtype(
    [
        ("asset", np.int64),
        ("emode", np.int64),  # at whose price, 0 = the asset's own
        ("price_base", np.float64),  # the snapshot's, of a whole token
    ]
)
COLLATERAL = np.dtype(
    [
        ("asset", np.int64),
        ("quote", np.int64),  # at which it is valued and seized
        ("on", np.int64),  # counts and may be seized
        ("threshold_bps", np.float64),
        ("bonus_bps", np.float64),  # including 10000
    ]
)
DEBT = np.dtype(
    [
        ("asset", np.int64),
        ("quote", np.int64),  # at which it is valued
        ("call_quote", np.int64),  # at which a call counts its repayment
    ]
)
RESERVE = np.dtype(
    [
        ("unit", np.float64),  # 10**decimals
        ("fee_bps", np.float64),  # treasury's share of the bonus
        ("open_after_s", np.float64),  # calls may touch it later than this; inf = never
        ("active", np.int64),  # whether its debt can be burned as deficit
        ("flash_loans", np.int64),  # whether it lends for the length of a call
        ("withdrawable", np.float64),  # when a path begins, smallest units
        ("curve_points", np.int64),  # of its depth curve; 0 = infinitely deep
        ("curve_price_usd", np.float64),  # of the untouched book the curve was taken in
        ("sink", np.int64),  # reserves with the same number are sold into the same buyers
        ("half_life_s", np.float64),  # in which half of what sales used up is there again
        ("lasting_share", np.float64),  # of what they used up that never comes back
    ]
)


class RuleNumbers(NamedTuple):
    """`LiquidationRules` as numbers; the codes are this module's constants."""

    truncated: bool
    debt_value_rounding: int
    sizing: int
    seizure: int
    close_factor_bps: float
    liquidatable_below: float
    full_close_below: float
    min_full_close_base: float
    min_leftover_base: float
    has_protocol_fee: bool
    creates_deficit: bool
    target_health: float
    full_bonus_below_wad: int
    bonus_at_one_bps: int


def rule_numbers(rules: LiquidationRules) -> RuleNumbers:
    """Return the rules as numbers; health factors as plain ratios, values in base units."""
    return RuleNumbers(
        truncated=rules.health_formula is HealthFormula.TRUNCATED_AVERAGE,
        debt_value_rounding=_ROUNDING[rules.debt_value_rounding],
        sizing=_SIZING[rules.sizing],
        seizure=_SEIZURE[rules.seizure_rounding],
        close_factor_bps=float(rules.close_factor_bps),
        liquidatable_below=rules.liquidatable_below_wad / 1e18,
        full_close_below=rules.full_close_below_wad / 1e18,
        min_full_close_base=float(rules.min_full_close_base_raw),
        min_leftover_base=float(rules.min_leftover_base_raw),
        has_protocol_fee=rules.has_protocol_fee,
        creates_deficit=rules.creates_deficit,
        target_health=rules.target_health_wad / 1e18,
        full_bonus_below_wad=rules.full_bonus_below_wad,
        bonus_at_one_bps=rules.bonus_at_one_bps,
    )


def quote_records(snapshot: Snapshot) -> Records:
    """Return at what the market values its assets, (Q,) `QUOTE`.

    The first A are the assets at their own prices, in order; then come the assets that some
    account's category values at a price of its own.
    """
    own = {e.id: float(e.price_raw) for e in priced_emodes(snapshot)}
    rows = [(i, 0, float(r.price_raw)) for i, r in enumerate(snapshot.reserves)]
    rows += [(i, emode, own[emode]) for i, emode in sorted(_quoted(snapshot))]
    return np.array(rows, dtype=QUOTE)


def _quoted(snapshot: Snapshot) -> set[tuple[int, int]]:
    """Return the (asset, category) pairs some entry is valued or repaid at."""
    c, d = snapshot.book.collateral, snapshot.book.debt
    columns = ((c, c.price_emode), (d, d.price_emode), (d, d.call_price_emode))
    return {
        (int(i), int(emode))
        for block, column in columns
        for i, emode in zip(block.reserve[column != 0], column[column != 0], strict=True)
    }


def _quote_of(asset: IntArray, emode: IntArray, quotes: Records) -> IntArray:
    """Return the place of each (asset, category) in the quotes, (nnz,)."""
    place = asset.astype(np.int64).copy()
    for q, row in enumerate(quotes):
        if row["emode"]:
            place[(asset == row["asset"]) & (emode == row["emode"])] = q
    return place


def reserve_records(snapshot: Snapshot, depth: Depth, withdrawable: FloatArray) -> Records:
    """Return the reserves, (A,) `RESERVE`; ``withdrawable`` (A,) smallest units."""
    out = np.zeros(len(snapshot.reserves), dtype=RESERVE)
    out["unit"], out["withdrawable"] = snapshot.unit, withdrawable
    out["curve_points"], out["curve_price_usd"] = depth.count, depth.price_usd
    out["sink"], out["half_life_s"], out["lasting_share"] = depth.sinks, depth.half_lives_s, depth.lasting
    for row, reserve in zip(out, snapshot.reserves, strict=True):
        row["fee_bps"] = reserve.liquidation_protocol_fee_bps
        row["active"], row["flash_loans"] = reserve.active, reserve.flash_loan_enabled
        row["open_after_s"] = _open_after_s(reserve, snapshot.block.timestamp_s)
    return out


def _open_after_s(reserve: Reserve, now_s: int) -> float:
    if not reserve.active or reserve.paused:
        return np.inf
    until = reserve.liquidation_grace_until_s
    return float(until - now_s) if until else -np.inf


def collateral_records(snapshot: Snapshot, quotes: Records) -> Records:
    """Return the collateral entries, (nnz,) `COLLATERAL`."""
    c = snapshot.book.collateral
    out = np.zeros(len(c.reserve), dtype=COLLATERAL)
    out["asset"], out["quote"] = c.reserve, _quote_of(c.reserve, c.price_emode, quotes)
    out["on"] = c.counted & (snapshot.rules.counts_zero_threshold | (c.threshold_bps != 0))
    out["threshold_bps"], out["bonus_bps"] = c.threshold_bps, c.bonus_bps
    return out


def debt_records(snapshot: Snapshot, quotes: Records) -> Records:
    """Return the debt entries, (nnz,) `DEBT`."""
    d = snapshot.book.debt
    out = np.zeros(len(d.reserve), dtype=DEBT)
    out["asset"], out["quote"] = d.reserve, _quote_of(d.reserve, d.price_emode, quotes)
    out["call_quote"] = _quote_of(d.reserve, d.call_price_emode, quotes)
    return out


def account_records(
    snapshot: Snapshot, c: Records, d: Records, quotes: Records, c_amount: FloatArray, d_amount: FloatArray
) -> Records:
    """Return the accounts, (N,) `ACCOUNT`, from the records and amounts (nnz,) of their entries."""
    book, n = snapshot.book, len(snapshot.book)
    price = quotes["price_base"] / snapshot.unit[quotes["asset"]]
    on = c["on"] != 0
    c_base = np.where(on, c_amount * price[c["quote"]], 0.0)
    lowest = np.full(n, np.inf)
    np.minimum.at(lowest, book.collateral.account[on], c["threshold_bps"][on])
    out = np.zeros(n, dtype=ACCOUNT)
    out["c_first"], out["c_last"] = book.collateral.indptr[:-1], book.collateral.indptr[1:]
    out["d_first"], out["d_last"] = book.debt.indptr[:-1], book.debt.indptr[1:]
    out["emode_row"] = _emode_rows(snapshot)
    out["lowest_threshold_bps"] = np.where(np.isfinite(lowest), lowest, 0.0)
    out["weighted_base"] = np.bincount(book.collateral.account, c_base * c["threshold_bps"] / 1e4, n)
    out["collateral_base"] = np.bincount(book.collateral.account, c_base, n)
    out["debt_base"] = np.bincount(book.debt.account, d_amount * price[d["quote"]], n)
    return out


def most_legs(snapshot: Snapshot) -> int:
    """Return the largest number of entries any account has on one side, at least 1."""
    ends = (snapshot.book.collateral.indptr, snapshot.book.debt.indptr)
    return max(1, *(int(np.diff(ptr).max(initial=0)) for ptr in ends))


def _emode_rows(snapshot: Snapshot) -> IntArray:
    """Row of each account's category: 0 for none, then in the snapshot's order; unknown ones 0."""
    row_of = {e.id: i + 1 for i, e in enumerate(snapshot.emodes)}
    ids, places = np.unique(snapshot.book.emode, return_inverse=True)
    rows = np.array([row_of.get(int(i), 0) for i in ids], dtype=np.int64)
    return rows[places] if len(ids) else np.zeros(0, dtype=np.int64)
