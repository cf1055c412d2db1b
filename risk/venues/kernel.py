"""The step of a cascade, compiled: the twin of `reference`, in the same order of operations.

One moment: impact decays and arbitrage levels venues; the outside price moves; flows from elsewhere are
swept; marks are made; every engine acts on the marks of that moment, so engines at the same levels fire
together; vaults unwind; makers step back; funding is paid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from risk.engine.jit import drop_stale, jit, kernel
from risk.venues.book import CALM, PERCENT
from risk.venues.market import Arrays
from risk.venues.positions import FloatArray
from risk.venues.state import State

drop_stale(Path(__file__).resolve().parent)

EIGHT_HOURS_S = 28_800.0
PART, FULL, TO_VAULT, DELEVERAGED = 1.0, 2.0, 3.0, 4.0  # what becomes of a cohort; 0 nothing


class Record(NamedTuple):
    """What happened, by scenario and bin of time: kernels write ``at``, ``closed`` and ``index_usd``."""

    at: NDArray[Any]  # (S, B, V, K) at the end of the bin
    closed: NDArray[Any]  # (S, B, V, K, 2) longs and shorts that were closed in the bin
    index_usd: FloatArray  # (S, B, K) at the end of the bin

    @property
    def price_usd(self) -> FloatArray:
        """Price on each venue, (S, B, V, K); NaN where an asset is not traded."""
        return np.asarray(self.at["price_usd"])

    @property
    def mark_usd(self) -> FloatArray:
        """Price margin is measured at, before the moment's liquidations, (S, B, V, K)."""
        return np.asarray(self.at["mark_usd"])

    @property
    def share(self) -> FloatArray:
        """Of depth that is there, (S, B, V, K)."""
        return np.asarray(self.at["share"])

    @property
    def funding(self) -> FloatArray:
        """Rates paid by longs in the bin, together, (S, B, V, K)."""
        return np.asarray(self.at["funding"])

    @property
    def book_usd(self) -> FloatArray:
        """Liquidations swept through books, (S, B, V, K, 2)."""
        return np.asarray(self.closed["book_usd"])

    @property
    def vault_usd(self) -> FloatArray:
        """Liquidations taken over by the backstop, (S, B, V, K, 2)."""
        return np.asarray(self.closed["vault_usd"])

    @property
    def adl_usd(self) -> FloatArray:
        """Positions below bankruptcy closed against opposing ones, (S, B, V, K, 2)."""
        return np.asarray(self.closed["adl_usd"])

    @property
    def liquidated_usd(self) -> FloatArray:
        """All liquidations at mark prices, (S, B, V, K, 2)."""
        return self.book_usd + self.vault_usd + self.adl_usd


AT = np.dtype([(n, np.float64) for n in ("price_usd", "mark_usd", "funding", "share")], align=True)
CLOSED = np.dtype([(n, np.float64) for n in ("book_usd", "vault_usd", "adl_usd")], align=True)


def record(scenarios: int, bins: int, venues: int, assets: int) -> Record:
    """Return an empty record."""
    at = np.zeros((scenarios, bins, venues, assets), dtype=AT)
    at["price_usd"] = at["mark_usd"] = at["share"] = np.nan
    closed = np.zeros((scenarios, bins, venues, assets, 2), dtype=CLOSED)
    return Record(at, closed, np.zeros((scenarios, bins, assets)))


@jit
def relax(s: int, dt: float, m: Arrays, st: State) -> None:
    """Let impact pass, books refill and arbitrage level the venues; arbitrage keeps what was sold."""
    venues, assets = m.book.shape
    for k in range(assets):
        depth = bid = ask = 0.0
        for v in range(venues):
            fade = np.exp(-m.book[v, k].decay * dt)
            st.book[s, v, k].passing *= fade
            st.book[s, v, k].bid *= fade
            st.book[s, v, k].ask *= fade
            pull = 1.0 - np.exp(-m.rule[v].arbitrage * dt)
            st.book[s, v, k].gap *= 1.0 - pull
            depth += pull * m.book[v, k].depth
            bid += pull * st.book[s, v, k].bid
            ask += pull * st.book[s, v, k].ask
        if depth > 0.0:
            for v in range(venues):
                pull = 1.0 - np.exp(-m.rule[v].arbitrage * dt)
                st.book[s, v, k].bid += pull * (bid / depth * m.book[v, k].depth - st.book[s, v, k].bid)
                st.book[s, v, k].ask += pull * (ask / depth * m.book[v, k].depth - st.book[s, v, k].ask)


@jit
def factor_impact(s: int, m: Arrays, st: State) -> float:
    """Return the permanent impact on the first asset, the mean of its venues by depth."""
    weight = total = 0.0
    for v in range(m.book.shape[0]):
        weight += m.book[v, 0].depth
        total += m.book[v, 0].depth * st.book[s, v, 0].kept
    return total / weight


@jit
def impact_of(s: int, v: int, k: int, st: State) -> float:
    """Return a venue's own impact on the log price."""
    return float(st.book[s, v, k].kept + st.book[s, v, k].passing + st.book[s, v, k].gap)


@jit
def price(s: int, v: int, k: int, pull: float, m: Arrays, st: State) -> float:
    """Return a venue's price."""
    moved = st.path[s, k] + m.asset[k].carry * pull + impact_of(s, v, k, st)
    return float(m.asset[k].price_usd * np.exp(moved))


@jit
def executed(s: int, v: int, k: int, coins: float, side: int, at: float, m: Arrays, st: State) -> float:
    """Return the average price of closing ``coins`` of one side (selling longs, buying back shorts)."""
    volume, depth = coins * m.asset[k].price_usd, m.book[v, k].depth * st.book[s, v, k].share
    if volume <= 0.0:
        return at
    used = st.book[s, v, k].bid if side > 0 else st.book[s, v, k].ask
    power = 1.0 / m.book[v, k].exponent
    end, begin = (used + volume) / depth, used / depth
    area = (end ** (power + 1.0) - begin ** (power + 1.0)) / (power + 1.0)
    return float(at * np.exp(-side * PERCENT * (area * depth / volume - begin**power)))


@jit
def move_of(used: float, volume: float, depth: float, exponent: float) -> float:
    """Return by how much a sweep moves the log price."""
    power = 1.0 / exponent
    return float(PERCENT * (((used + volume) / depth) ** power - (used / depth) ** power))


@jit
def sweep(s: int, v: int, k: int, coins: float, side: int, m: Arrays, st: State) -> None:
    """Move prices by closing ``coins`` of one side through a book.

    At once the venue's own price moves as its book says; where arbitrage carries it to the other venues it
    ends where the same sale leaves their books together.  Without arbitrage the own impact is all.
    """
    volume, depth = coins * m.asset[k].price_usd, m.book[v, k].depth * st.book[s, v, k].share
    if volume <= 0.0:
        return
    own = side * move_of(
        st.book[s, v, k].bid if side > 0 else st.book[s, v, k].ask, volume, depth, m.book[v, k].exponent
    )
    alone, lasting = m.rule[v].arbitrage <= 0.0, m.book[v, k].permanent
    used = depth = 0.0
    for o in range(m.book.shape[0]):
        if o == v or not (alone or m.rule[o].arbitrage <= 0.0):
            depth += m.book[o, k].depth * st.book[s, o, k].share
            used += st.book[s, o, k].bid if side > 0 else st.book[s, o, k].ask
    common = side * move_of(used, volume, depth, m.book[v, k].exponent)
    for o in range(m.book.shape[0]):
        if o == v or not (alone or m.rule[o].arbitrage <= 0.0):
            st.book[s, o, k].kept -= lasting * common
            st.book[s, o, k].passing -= (1.0 - lasting) * common
            st.book[s, o, k].gap += common
    st.book[s, v, k].gap -= own
    if side > 0:
        st.book[s, v, k].bid += volume
    else:
        st.book[s, v, k].ask += volume


@jit
def index_of(s: int, k: int, pull: float, m: Arrays, st: State) -> float:
    """Return the weighted median of an asset's prices: the lowest with half of the weight at or below it."""
    venues, best, whole = m.book.shape[0], np.inf, 0.0
    for v in range(venues):
        whole += m.rule[v].index_weight if m.book[v, k].depth > 0.0 else 0.0
    for v in range(venues):
        if m.book[v, k].depth <= 0.0 or m.rule[v].index_weight <= 0.0:
            continue
        own, below = price(s, v, k, pull, m, st), 0.0
        for o in range(venues):
            if m.book[o, k].depth > 0.0 and price(s, o, k, pull, m, st) <= own:
                below += m.rule[o].index_weight
        if 2.0 * below >= whole and own < best:
            best = own
    return float(best)


@jit
def make_marks(s: int, dt: float, b: int, pull: float, m: Arrays, st: State, out: Record) -> None:
    """Write index and marks; keep the averages of the premium."""
    venues, assets = m.book.shape
    for k in range(assets):
        index = index_of(s, k, pull, m, st)
        out.index_usd[s, b, k] = index
        for v in range(venues):
            if m.book[v, k].depth <= 0.0:
                continue
            own = price(s, v, k, pull, m, st)
            premium = own / index - 1.0
            st.book[s, v, k].premium += (1.0 - np.exp(-m.rule[v].mark_rate * dt)) * (
                premium - st.book[s, v, k].premium
            )
            st.book[s, v, k].owed += premium * dt
            if m.rule[v].mark_median:
                usual = index * (1.0 + st.book[s, v, k].premium)
                out.at[s, b, v, k].mark_usd = max(min(usual, own), min(max(usual, own), index))
            else:
                near = min(max(own, index * (1.0 - m.rule[v].mark_band)), index * (1.0 + m.rule[v].mark_band))
                out.at[s, b, v, k].mark_usd = (
                    m.rule[v].mark_index * index + (1.0 - m.rule[v].mark_index) * near
                )


@jit
def choose(s: int, t: float, v: int, k: int, side: int, mark: float, m: Arrays, st: State) -> bool:
    """Write into ``take`` what becomes of each cohort of one side; return whether anything does."""
    j, found = 0 if side > 0 else 1, False
    for c in range(m.reach[v, k, j], m.reach[v, k, j + 1]):
        st.cohort[s, c].take = 0.0
        if side * (mark - st.cohort[s, c].trigger) < 0.0 and t >= st.cohort[s, c].ready_s:
            st.cohort[s, c].take = fate(s, c, v, side, mark, m, st)
            found = True
    return found


@jit
def fate(s: int, c: int, v: int, side: int, mark: float, m: Arrays, st: State) -> float:
    """Return what becomes of a cohort below maintenance margin."""
    each, equity = st.cohort[s, c].coins / m.cohort[c].count, side * (mark - st.cohort[s, c].bankrupt)
    if m.rule[v].backstop > 0.0 and equity < m.rule[v].backstop * (
        m.cohort[c].rate * mark - m.cohort[c].deduction / each
    ):
        worth = st.venue[s, v].fund_usd
        for a in range(m.book.shape[1]):
            worth += st.book[s, v, a].vault * m.asset[a].price_usd * np.exp(st.path[s, a])
        if worth + equity * st.cohort[s, c].coins >= 0.0:
            return TO_VAULT
    large = each * mark > m.rule[v].partial_above
    return PART if large and st.cohort[s, c].stage == 0 and m.rule[v].partial < 1.0 else FULL


@jit
def retrigger(s: int, c: int, v: int, side: int, m: Arrays, st: State) -> None:
    """Write the price a cohort is liquidated at, after its margin or size changed."""
    if st.cohort[s, c].coins > 0.0:
        each = st.cohort[s, c].coins / m.cohort[c].count
        level = (st.cohort[s, c].bankrupt - side * m.cohort[c].deduction / each) / (
            1.0 - side * m.cohort[c].rate
        )
        st.cohort[s, c].trigger = level * (1.0 - side * m.rule[v].lag)
    else:
        st.cohort[s, c].trigger = -side * np.inf


@jit
def volume_of(s: int, v: int, k: int, j: int, m: Arrays, st: State) -> float:
    """Return the coins that go through the book."""
    total = 0.0
    for c in range(m.reach[v, k, j], m.reach[v, k, j + 1]):
        if st.cohort[s, c].take == PART:
            total += m.rule[v].partial * st.cohort[s, c].coins
        elif st.cohort[s, c].take == FULL:
            total += st.cohort[s, c].coins
    return total


@jit
def flag_shortfall(s: int, v: int, k: int, side: int, at: float, m: Arrays, st: State) -> bool:
    """Mark for auto-deleveraging what the fund cannot pay for; return whether there is any."""
    j, loss = 0 if side > 0 else 1, 0.0
    for c in range(m.reach[v, k, j], m.reach[v, k, j + 1]):
        if st.cohort[s, c].take == FULL:
            loss += max(0.0, -side * (at - st.cohort[s, c].bankrupt)) * st.cohort[s, c].coins
    if loss <= max(0.0, st.venue[s, v].fund_usd):
        return False
    for c in range(m.reach[v, k, j], m.reach[v, k, j + 1]):
        if st.cohort[s, c].take == FULL and side * (at - st.cohort[s, c].bankrupt) < 0.0:
            st.cohort[s, c].take = DELEVERAGED
    return True


@jit
def deleverage(s: int, c: int, v: int, k: int, side: int, mark: float, m: Arrays, st: State) -> None:
    """Close a cohort against opposing positions at its bankruptcy price, most profit times leverage first."""
    left, at, j = st.cohort[s, c].coins, st.cohort[s, c].bankrupt, 1 if side > 0 else 0
    while left > 0.0:
        best, best_score = -1, 0.0
        for o in range(m.reach[v, k, j], m.reach[v, k, j + 1]):
            equity = -side * (mark - st.cohort[s, o].bankrupt)
            if (
                st.cohort[s, o].coins <= 0.0
                or equity <= 0.0
                or -side * (at - st.cohort[s, o].bankrupt) <= 0.0
            ):
                continue
            score = -side * (mark - m.cohort[o].entry) / m.cohort[o].entry * mark / equity
            if score > best_score:
                best, best_score = o, score
        if best < 0:
            st.book[s, v, k].counter += side * left
            st.venue[s, v].cash_usd -= side * left * at
            break
        closed = min(left, st.cohort[s, best].coins)
        st.venue[s, v].wallet_usd += -side * closed * (at - st.cohort[s, best].bankrupt)
        st.cohort[s, best].coins = (
            st.cohort[s, best].coins - closed if closed < st.cohort[s, best].coins else 0.0
        )
        retrigger(s, best, v, -side, m, st)
        left = left - closed if closed < left else 0.0
    st.cohort[s, c].coins = 0.0
    retrigger(s, c, v, side, m, st)


@jit
def close(
    s: int, t: float, b: int, v: int, k: int, side: int, at: float, m: Arrays, st: State, out: Record
) -> None:
    """Carry out what was chosen, the book's part at the average price ``at``."""
    j, mark = 0 if side > 0 else 1, out.at[s, b, v, k].mark_usd
    for c in range(m.reach[v, k, j], m.reach[v, k, j + 1]):
        what = st.cohort[s, c].take
        if what == 0.0:
            continue
        coins = st.cohort[s, c].coins * (m.rule[v].partial if what == PART else 1.0)
        usd = coins * mark
        st.venue[s, v].largest_usd = max(st.venue[s, v].largest_usd, usd / m.cohort[c].count)
        if what == TO_VAULT:
            out.closed[s, b, v, k, j].vault_usd += usd
            st.book[s, v, k].vault += side * coins
            st.venue[s, v].fund_usd -= side * coins * st.cohort[s, c].bankrupt
            st.cohort[s, c].coins = 0.0
            retrigger(s, c, v, side, m, st)
        elif what == DELEVERAGED:
            out.closed[s, b, v, k, j].adl_usd += usd
            deleverage(s, c, v, k, side, mark, m, st)
        else:
            out.closed[s, b, v, k, j].book_usd += usd
            st.book[s, v, k].counter += side * coins
            st.venue[s, v].cash_usd -= side * coins * at
            if what == PART:
                part = m.rule[v].partial
                st.cohort[s, c].bankrupt -= part / (1.0 - part) * (at - st.cohort[s, c].bankrupt)
                st.cohort[s, c].coins -= coins
                st.cohort[s, c].stage = 1
                st.cohort[s, c].ready_s = t + m.rule[v].cooldown
            else:
                rest = side * coins * (at - st.cohort[s, c].bankrupt)
                fee = rest if rest < 0.0 else min(rest, m.rule[v].fee * coins * at)
                st.venue[s, v].fund_usd += fee
                st.venue[s, v].wallet_usd += rest - fee
                st.cohort[s, c].coins = 0.0
            retrigger(s, c, v, side, m, st)


@jit
def engine(
    s: int, t: float, b: int, v: int, k: int, side: int, pull: float, m: Arrays, st: State, out: Record
) -> None:
    """Liquidate one side of one asset on one venue."""
    j = 0 if side > 0 else 1
    if m.reach[v, k, j] == m.reach[v, k, j + 1]:
        return
    if not choose(s, t, v, k, side, out.at[s, b, v, k].mark_usd, m, st):
        return
    now, coins = price(s, v, k, pull, m, st), volume_of(s, v, k, j, m, st)
    at = executed(s, v, k, coins, side, now, m, st)
    if m.rule[v].adl and flag_shortfall(s, v, k, side, at, m, st):
        coins = volume_of(s, v, k, j, m, st)
        at = executed(s, v, k, coins, side, now, m, st)
    close(s, t, b, v, k, side, at, m, st, out)
    sweep(s, v, k, coins, side, m, st)


@jit
def unwind(s: int, dt: float, v: int, k: int, pull: float, m: Arrays, st: State) -> None:
    """Let the backstop sell its part of what it took."""
    coins = st.book[s, v, k].vault * (1.0 - np.exp(-m.rule[v].unwind * dt))
    if coins == 0.0:
        return
    side = 1 if coins > 0.0 else -1
    at = executed(s, v, k, abs(coins), side, price(s, v, k, pull, m, st), m, st)
    st.book[s, v, k].vault -= coins
    st.venue[s, v].fund_usd += coins * at
    st.book[s, v, k].counter += coins
    st.venue[s, v].cash_usd -= coins * at
    sweep(s, v, k, abs(coins), side, m, st)


@jit
def fund(s: int, t: float, b: int, v: int, m: Arrays, st: State, out: Record) -> None:
    """Let longs pay shorts, or shorts longs, if the interval is over."""
    passed = t - st.venue[s, v].funded_s
    if passed < m.rule[v].interval:
        return
    st.venue[s, v].funded_s = t
    for k in range(m.book.shape[1]):
        average = st.book[s, v, k].owed / passed
        st.book[s, v, k].owed = 0.0
        eight = average + min(max(m.rule[v].interest - average, -m.rule[v].clamp), m.rule[v].clamp)
        rate = min(max(eight * passed / EIGHT_HOURS_S, -m.rule[v].cap), m.rule[v].cap)
        paid = rate * out.index_usd[s, b, k]
        if m.reach[v, k, 0] == m.reach[v, k, 2]:
            continue
        out.at[s, b, v, k].funding += rate
        for j in range(2):
            for c in range(m.reach[v, k, j], m.reach[v, k, j + 1]):
                st.cohort[s, c].bankrupt += paid
                retrigger(s, c, v, 1 - 2 * j, m, st)
        st.venue[s, v].fund_usd -= paid * st.book[s, v, k].vault
        st.venue[s, v].cash_usd -= paid * st.book[s, v, k].counter


@jit
def step(
    s: int, t: float, b: int, path: FloatArray, flow: FloatArray, m: Arrays, st: State, out: Record
) -> None:
    """Take scenario ``s`` to time ``t``; sums are added to bin ``b``."""
    venues, assets = m.book.shape
    dt = t - st.scenario[s].time_s
    relax(s, dt, m, st)
    st.scenario[s].time_s = t
    for k in range(assets):
        st.path[s, k] = path[k]
    pull = factor_impact(s, m, st)
    for v in range(len(flow)):
        for k in range(assets):
            if m.book[v, k].depth > 0.0 and flow[v, k] != 0.0:
                coins = abs(flow[v, k]) / price(s, v, k, pull, m, st)
                sweep(s, v, k, coins, 1 if flow[v, k] > 0.0 else -1, m, st)
    make_marks(s, dt, b, pull, m, st, out)
    for v in range(venues):
        for k in range(assets):
            if m.book[v, k].depth > 0.0:
                engine(s, t, b, v, k, 1, pull, m, st, out)
                engine(s, t, b, v, k, -1, pull, m, st, out)
                unwind(s, dt, v, k, pull, m, st)
        fund(s, t, b, v, m, st, out)
    pull = factor_impact(s, m, st)
    for v in range(venues):
        for k in range(assets):
            out.at[s, b, v, k].price_usd = np.nan
            if m.book[v, k].depth <= 0.0:
                continue
            out.at[s, b, v, k].price_usd = price(s, v, k, pull, m, st)
            moved = np.log(out.at[s, b, v, k].price_usd / m.asset[k].price_usd)
            st.book[s, v, k].level += (1.0 - np.exp(-m.book[v, k].memory * dt)) * (
                moved - st.book[s, v, k].level
            )
            beyond = max(0.0, abs(moved - st.book[s, v, k].level) / m.book[v, k].usual - CALM)
            least = m.book[v, k].least
            st.book[s, v, k].share = least + (1.0 - least) * np.exp(-m.book[v, k].withdrawal * beyond)
            out.at[s, b, v, k].share = st.book[s, v, k].share


@kernel
def fold(
    first: int,
    last: int,
    time_s: FloatArray,
    bins: NDArray[np.int64],
    path: FloatArray,
    flow: FloatArray,
    m: Arrays,
    st: State,
    out: Record,
) -> None:
    """Take scenarios through all moments; ``path`` (S, T, K), ``flow`` (S, T, V, K)."""
    for s in range(first, last):
        for n in range(len(time_s)):
            step(s, time_s[n], bins[n], path[s, n], flow[s, n], m, st, out)
