"""Which accounts are liquidatable in which scenario: the contract's integers, at the speed of floats.

Beside GenericLogic.sol and ``validateLiquidationCall``.  Three tiers; each hands on only what it
cannot prove.

1. *Interval.*  With ``W = sum(c LT)`` and ``D = 10000 sum(d)`` over unrounded values, the contract's
   integers lie within one base unit a leg of them, and floats within a relative
   ``GAMMA_OF(n) = 4 (n + 8) 2**-53`` (amount, unit, threshold, price, product, and n sums of terms
   of one sign).  Under the truncated average ``C L`` lies in ``(W - C, W]``, and is W itself
   where all thresholds are one.  Far from health 1 that settles it.
2. *Integers modulo 2**64.*  ``amount = q unit + r``, so a value is ``q price + floor(r price / unit)``.
   The interval knows the compared difference to be small, so arithmetic that wraps has
   it exactly, however large amounts are.  Needs prices below 2**50, units up to 1e18, and
   collateral and debt of the account below 1e18 base units.
3. *Python integers*, through `protocols.exact`, for whatever is out of that range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from abis.units import BPS, WAD
from protocols.emode_prices import emode_prices_raw, priced_emodes
from protocols.exact import exact_rules
from protocols.liquidation_rules import HealthFormula, LiquidationRules
from protocols.snapshot import Snapshot
from risk.engine.arrays import (
    DOWN,
    UP,
    FloatArray,
    IntArray,
    Records,
    collateral_records,
    debt_records,
    quote_records,
    rule_numbers,
)
from risk.engine.health import U
from risk.engine.jit import jit, kernel, over_scenarios

BoolArray = NDArray[np.bool_]
WordArray = NDArray[np.uint64]

LARGEST_PRICE = 2**50  # so that a float quotient by the unit is at most one off
LARGEST_UNIT = 10**18
LARGEST_BASE = 1e18  # of an account's collateral or debt: below, wad rounding cannot reach health 1
FAR = 4e18
LANES = 128  # scenarios at a time: their sums stay in the first cache
NO, YES, OPEN = 0, 1, 2

ENTRY = np.dtype(
    [
        ("whole", np.uint64),  # amount = whole unit + rest; whole modulo 2**64
        ("rest", np.uint64),
        ("unit", np.uint64),
        ("threshold_bps", np.int64),
    ]
)
ACCOUNT = np.dtype(
    [
        ("account", np.int64),
        ("c_first", np.int64),  # c_first .. d_first - 1 its counted collateral, to last - 1 its debts
        ("d_first", np.int64),
        ("last", np.int64),
        ("healthy_above", np.float64),  # healthy if x = healthy_above W - slack is at least D
        ("below_under", np.float64),  # liquidatable if below_under x + gap is below D
        ("slack", np.float64),
        ("gap", np.float64),
        ("integers", np.int64),  # whether the second tier may decide it
    ]
)


class Borrowers(NamedTuple):
    """Accounts with debt, (B,) `ACCOUNT`, and their entries.

    ``factor`` times a raw price is 10000 (threshold, for collateral) times the entry's value,
    ``quote`` the row of that price, ``entry`` the rest, `ENTRY`.
    """

    account: Records
    entry: Records
    factor: FloatArray
    quote: IntArray
    truncated: bool
    debt_value_rounding: int


class Quotes(NamedTuple):
    """Raw prices (Q, S), as floats and as integers; integers are 0 where a price is out of range."""

    price: FloatArray
    word: WordArray
    fits: BoolArray


@dataclass(frozen=True, slots=True)
class Liquidatable:
    """Accounts liquidatable per scenario.

    Parameters
    ----------
    accounts : (S,) int64
        How many.
    debt_base : (S,) float64
        What they owe, base-currency units.
    below : (N, S) bool or None
        Which, if asked for.
    by_integers, by_python : int
        Decisions the second and the third tier took.
    """

    accounts: IntArray
    debt_base: FloatArray
    below: BoolArray | None
    by_integers: int
    by_python: int


def borrowers_of(snapshot: Snapshot) -> Borrowers:
    """Return the accounts with debt as the kernel reads them."""
    quotes = quote_records(snapshot)
    c, d = collateral_records(snapshot, quotes), debt_records(snapshot, quotes)
    book, rules = snapshot.book, rule_numbers(snapshot.rules)
    units = [10**r.decimals for r in snapshot.reserves]
    on = c["on"] != 0
    owner = np.concatenate([book.collateral.account[on], book.debt.account])
    order = np.argsort(owner, kind="stable")  # collateral before debt within an account
    amounts = np.concatenate([book.collateral.amount_raw[on], book.debt.amount_raw])
    asset = np.concatenate([c["asset"][on], d["asset"]])
    entry = np.zeros(len(owner), dtype=ENTRY)
    quote = np.concatenate([c["quote"][on], d["quote"]])
    entry["threshold_bps"] = np.concatenate([c["threshold_bps"][on], np.full(len(d), BPS)])
    unit = np.array(units, dtype=object)[asset]
    factor = amounts.astype(np.float64) / unit.astype(np.float64) * entry["threshold_bps"]
    fits = unit <= LARGEST_UNIT
    safe = np.where(fits, unit, 1)
    if rules.truncated:  # the collateral's size is judged by ``whole``, which must not have wrapped
        fits = fits & (amounts // safe < 2**64)
    entry["unit"] = safe.astype(np.uint64)
    entry["whole"] = (amounts // safe % 2**64).astype(np.uint64)
    entry["rest"] = (amounts % safe).astype(np.uint64)
    n = len(book)
    accounts = _accounts(
        np.bincount(book.collateral.account[on], minlength=n),
        np.bincount(book.debt.account, minlength=n),
        entry[order],
        fits[order],
        snapshot.rules,
    )
    return Borrowers(
        accounts, entry[order], factor[order], quote[order], rules.truncated, rules.debt_value_rounding
    )


def _accounts(c: IntArray, d: IntArray, entry: Records, fits: Any, rules: LiquidationRules) -> Records:
    """Return the records of the accounts with debt, from their numbers of collateral and debt entries."""
    first = np.concatenate([[0], np.cumsum(c + d)])
    out = np.zeros(len(c), dtype=ACCOUNT)
    out["account"], out["c_first"] = np.arange(len(c)), first[:-1]
    out["d_first"], out["last"] = first[:-1] + c, first[1:]
    owner = np.repeat(out["account"], c + d)
    is_debt = np.arange(len(entry)) >= out["d_first"][owner]
    threshold = entry["threshold_bps"].astype(np.float64)
    gamma = 4.0 * (c + d + 8) * U
    lowest, highest = np.full(len(c), np.inf), np.zeros(len(c))
    np.minimum.at(lowest, owner[~is_debt], threshold[~is_debt])
    np.maximum.at(highest, owner[~is_debt], threshold[~is_debt])
    keep = 1.0 - gamma
    if rules.health_formula is HealthFormula.TRUNCATED_AVERAGE:
        # floor(y) > y - 1 for the average y, and floor(y) > y / 2 where y is at least 1.
        keep = np.where(lowest < highest, np.maximum(1.0 - 1.0 / lowest, 0.5) * keep, keep)
    limit = rules.liquidatable_below_wad / WAD
    # One base unit a leg, the half added before an average is divided, and rounding of this sum.
    slack = (np.bincount(owner, np.where(is_debt, limit, 1.0) * threshold, len(c)) + 5_000.0) * (1.0 + 1e-9)
    out["healthy_above"] = keep * (1.0 - gamma) / limit
    out["below_under"] = (1.0 + gamma) ** 2 / (keep * (1.0 - gamma))
    out["slack"] = slack / limit
    out["gap"] = (1.0 + out["below_under"] * (1.0 + 1e-9)) * out["slack"]
    in_range = np.ones(len(c), dtype=bool)
    np.logical_and.at(in_range, owner, np.asarray(fits, dtype=bool))
    out["integers"] = in_range & (rules.liquidatable_below_wad == WAD) & (rules.family == "aave")
    return out[d > 0]


def quotes_of(snapshot: Snapshot, oracle_raw: NDArray[Any]) -> Quotes:
    """Return the prices of all quotes, from those of the reserves (S, A)."""
    asset, emode = (quote_records(snapshot)[k] for k in ("asset", "emode"))
    raw = np.asarray(oracle_raw)[:, asset]
    if emode.any():
        raw, moved = raw.astype(object), emode_prices_raw(snapshot, oracle_raw)
        for p, category in enumerate(priced_emodes(snapshot)):
            raw[:, emode == category.id] = moved[:, p : p + 1]
    raw = np.ascontiguousarray(raw.T)
    fits = (raw < LARGEST_PRICE).astype(bool)
    return Quotes(raw.astype(np.float64), np.where(fits, raw, 0).astype(np.uint64), fits)


def liquidatable(
    snapshot: Snapshot,
    oracle_raw: NDArray[Any],
    *,
    which: bool = False,
    borrowers: Borrowers | None = None,
) -> Liquidatable:
    """Return which accounts, as in the snapshot, the contract would let be liquidated.

    Parameters
    ----------
    snapshot : Snapshot
    oracle_raw : (S, A) integers
        Raw oracle prices; of any size.
    which : bool
        Also return the accounts, not only how many.
    borrowers : Borrowers, optional
        `borrowers_of` of the snapshot, where it is asked about more than once.

    Returns
    -------
    Liquidatable

    Raises
    ------
    ScenarioError
        If the prices are not (S, A) integers of at least 0.
    """
    raw = _checked(snapshot, oracle_raw)
    book = borrowers_of(snapshot) if borrowers is None else borrowers
    quotes, n = quotes_of(snapshot, raw), len(raw)
    below = np.zeros((len(snapshot.book), n) if which else (0, n), dtype=bool)
    count, debt, tiers = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n, dtype=np.int64)
    places = over_scenarios(scan, n, book, quotes, count, debt, below, tiers, ranges_a_thread=1)
    left = np.concatenate([np.zeros((0, 2), dtype=np.int64), *places])
    for b, s in left:
        account = int(book.account[b]["account"])
        position = snapshot.position(account, [int(p) for p in raw[s]])
        data = exact_rules(snapshot.rules).account_data(position, snapshot.rules)
        if data.health_factor < snapshot.rules.liquidatable_below_wad:
            count[s] += 1
            debt[s] += data.total_debt_base
            if which:
                below[account, s] = True
    return Liquidatable(count, debt, below if which else None, int(tiers.sum()), len(left))


def _checked(snapshot: Snapshot, oracle_raw: NDArray[Any]) -> NDArray[Any]:
    raw = np.asarray(oracle_raw)
    shape_is_right = raw.ndim == 2 and raw.shape[1] == len(snapshot.reserves)
    if not shape_is_right or raw.dtype.kind not in "iuO":
        raise ScenarioError(
            f"oracle prices are {raw.dtype} of shape {raw.shape}.",
            remedy=f"Give integers, one row a scenario, {len(snapshot.reserves)} columns.",
        )
    if raw.size and raw.min() < 0:
        raise ScenarioError(f"oracle price {raw.min()} is negative.", remedy="Give prices of at least 0.")
    return raw


@jit
def value(entry: Any, price: np.uint64, rounding: int) -> np.uint64:
    """Return the rounded value of an entry modulo 2**64, base-currency units; price below 2**50."""
    part = np.uint64(np.floor(np.float64(entry.rest) * np.float64(price) / np.float64(entry.unit)))
    left = np.int64(entry.rest * price - part * entry.unit)  # wraps; the true one is within a unit
    unit = np.int64(entry.unit)
    if left < 0:
        part, left = part - np.uint64(1), left + unit
    elif left >= unit:
        part, left = part + np.uint64(1), left - unit
    if (rounding == UP and left > 0) or (rounding > UP and left >= unit - unit // 2):
        part += np.uint64(1)
    return np.uint64(entry.whole * price + part)


@jit
def decided_by_integers(account: Any, s: int, w: float, d: float, book: Borrowers, quotes: Quotes) -> int:
    """Return whether an account near health 1 is below it; `OPEN` if out of range.

    ``w`` and ``d`` are the float sums, 10000 times values.
    """
    if account.integers == 0 or d >= 1e4 * LARGEST_BASE:
        return OPEN
    collateral, weighted, debt = np.uint64(0), np.uint64(0), np.uint64(0)
    collateral_about = 0.0
    for k in range(account.c_first, account.last):
        entry = book.entry[k]
        q = book.quote[k]
        if not quotes.fits[q, s]:
            return OPEN
        if k < account.d_first:
            x = value(entry, quotes.word[q, s], DOWN)
            collateral, weighted = collateral + x, weighted + x * np.uint64(entry.threshold_bps)
            about = np.float64(entry.whole) + np.float64(entry.rest) / np.float64(entry.unit)
            collateral_about += about * quotes.price[q, s]
        else:
            debt += value(entry, quotes.word[q, s], book.debt_value_rounding)
    if debt == np.uint64(0):
        return NO
    if not book.truncated:
        return YES if np.int64(weighted - debt * np.uint64(BPS)) < 0 else NO
    if collateral_about >= LARGEST_BASE or w >= 1e4 * LARGEST_BASE:
        return OPEN
    if abs(w - d) >= FAR:  # farther than the average can move the sum: its difference would not fit
        return NO if w > d else YES
    return YES if np.int64(averaged(collateral, weighted, w) - debt * np.uint64(BPS)) < 0 else NO


@jit
def averaged(collateral: np.uint64, weighted: np.uint64, about: float) -> np.uint64:
    """Return ``C floor(W / C) + 5000`` modulo 2**64; C below 2**60, W known modulo 2**64 and about."""
    if collateral == np.uint64(0):
        return np.uint64(5_000)
    bps = np.uint64(np.floor(about / np.float64(collateral)))
    while np.int64(weighted - bps * collateral) < 0:
        bps -= np.uint64(1)
    while np.int64(weighted - bps * collateral) >= np.int64(collateral):
        bps += np.uint64(1)
    return collateral * bps + np.uint64(5_000)


@jit
def more_room(places: IntArray, used: int) -> IntArray:
    """Return ``places`` with room for another row."""
    if used < len(places):
        return places
    out = np.empty((2 * len(places), 2), dtype=np.int64)
    out[:used] = places[:used]
    return out


@jit
def scan_lanes(
    a: int,
    n: int,
    book: Borrowers,
    quotes: Quotes,
    count: IntArray,
    debt: FloatArray,
    below: BoolArray,
    tiers: IntArray,
    places: IntArray,
    used: int,
) -> tuple[IntArray, int]:
    """Judge every borrower in scenarios ``a`` .. ``a + n - 1``; add what is left to ``places``."""
    # Written for the vectoriser: one body (slices handed to helpers cost more than the arithmetic)
    # and own copies that start at 0 (an offset that might be negative is checked at every access).
    price = quotes.price[:, a : a + n].copy()
    x, d = np.empty(n), np.empty(n)
    some, owed = np.zeros(n, dtype=np.int64), np.zeros(n)
    for b in range(len(book.account)):
        account = book.account[b]
        above, under, slack, gap = account.healthy_above, account.below_under, account.slack, account.gap
        c, first_debt = account.c_first, account.d_first
        if c == first_debt:
            for j in range(n):
                x[j] = -slack
        else:
            f, p = above * book.factor[c], book.quote[c]
            for j in range(n):
                x[j] = f * price[p, j] - slack
        for k in range(c + 1, first_debt - 1, 2):  # two at a time: the sums are loaded half as often
            f, p = above * book.factor[k], book.quote[k]
            g, q = above * book.factor[k + 1], book.quote[k + 1]
            for j in range(n):
                x[j] += f * price[p, j] + g * price[q, j]
        if first_debt - c > 1 and (first_debt - c) % 2 == 0:
            f, p = above * book.factor[first_debt - 1], book.quote[first_debt - 1]
            for j in range(n):
                x[j] += f * price[p, j]
        f, p = book.factor[first_debt], book.quote[first_debt]  # a borrower owes something
        for j in range(n):
            d[j] = f * price[p, j]
        for k in range(first_debt + 1, account.last):
            f, p = book.factor[k], book.quote[k]
            for j in range(n):
                d[j] += f * price[p, j]
        left = np.int64(0)
        for j in range(n):
            surely = np.int64(under * x[j] + gap < d[j])
            some[j] += surely
            owed[j] += d[j] if under * x[j] + gap < d[j] else 0.0
            left += np.int64(x[j] < d[j]) - surely  # surely below is never surely healthy
        if len(below) > 0:
            for j in range(n):
                below[account.account, a + j] = under * x[j] + gap < d[j]
        for j in range(n if left > 0 else 0):
            if x[j] >= d[j] or under * x[j] + gap < d[j]:
                continue
            w = (x[j] + slack) / above
            verdict = decided_by_integers(account, a + j, w, d[j], book, quotes)
            if verdict == OPEN:
                places = more_room(places, used)
                places[used, 0], places[used, 1] = b, a + j
                used += 1
                continue
            tiers[a + j] += 1
            if verdict == YES:
                some[j] += 1
                owed[j] += d[j]
                if len(below) > 0:
                    below[account.account, a + j] = True
    count[a : a + n] = some
    debt[a : a + n] = owed / 1e4
    return places, used


@kernel
def scan(
    first: int,
    last: int,
    book: Borrowers,
    quotes: Quotes,
    count: IntArray,
    debt: FloatArray,
    below: BoolArray,
    tiers: IntArray,
) -> IntArray:
    """Judge every borrower in scenarios ``first`` .. ``last - 1``; return the (borrower, scenario) left."""
    places, used = np.empty((16, 2), dtype=np.int64), 0
    for a in range(first, last, LANES):
        n = min(LANES, last - a)
        places, used = scan_lanes(a, n, book, quotes, count, debt, below, tiers, places, used)
    return places[:used]
