"""The step of a cascade, compiled: the twin of `reference`, in the same order of operations.

One moment: impact decays and arbitrage levels venues; the outside price moves; flows from elsewhere are swept;
marks are made; every engine acts on the marks of that moment, so engines at the same levels fire together;
vaults unwind; makers step back; funding is paid.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from risk.engine.jit import drop_stale, jit, kernel
from risk.venues.book import CALM, PERCENT
from risk.venues.market import Arrays
from risk.venues.positions import FloatArray
from risk.venues.state import State

drop_stale(Path(__file__).resolve().parent)

EIGHT_HOURS_S = 28_800.0
FULL, TO_VAULT, DELEVERAGED = 2, 3, 4  # what becomes of a cohort, beside 0 and a partial close, 1


class Record(NamedTuple):
    """What happened, by scenario and bin of time."""

    price_usd: FloatArray  # (S, B, V, K) at the end of the bin
    mark_usd: FloatArray  # (S, B, V, K)
    index_usd: FloatArray  # (S, B, K)
    book_usd: FloatArray  # (S, B, V, K, 2) swept through books; longs, shorts
    vault_usd: FloatArray  # (S, B, V, K, 2) taken over by the backstop
    adl_usd: FloatArray  # (S, B, V, K, 2) closed against opposing positions
    funding: FloatArray  # (S, B, V, K) rates paid by longs in the bin, together
    share: FloatArray  # (S, B, V, K) of depth that is there, at the end


@jit
def relax(s: int, dt: float, m: Arrays, st: State) -> None:
    """Let impact pass, books refill and arbitrage level the venues; arbitrage keeps the mean by depth."""
    venues, assets = m.depth.shape
    for k in range(assets):
        weight = kept = passing = 0.0
        for v in range(venues):
            fade = np.exp(-m.decay[v, k] * dt)
            st.passing[s, v, k] *= fade
            st.bid[s, v, k] *= fade
            st.ask[s, v, k] *= fade
            w = m.depth[v, k] * (1.0 - np.exp(-m.arbitrage[v] * dt))
            weight += w
            kept += w * st.kept[s, v, k]
            passing += w * st.passing[s, v, k]
        if weight > 0.0:
            for v in range(venues):
                pull = 1.0 - np.exp(-m.arbitrage[v] * dt)
                st.kept[s, v, k] += pull * (kept / weight - st.kept[s, v, k])
                st.passing[s, v, k] += pull * (passing / weight - st.passing[s, v, k])


@jit
def factor_impact(s: int, m: Arrays, st: State) -> float:
    """Return the permanent impact on the first asset, the mean of its venues by depth."""
    weight = total = 0.0
    for v in range(m.depth.shape[0]):
        weight += m.depth[v, 0]
        total += m.depth[v, 0] * st.kept[s, v, 0]
    return total / weight


@jit
def price(s: int, v: int, k: int, pull: float, m: Arrays, st: State) -> float:
    """Return a venue's price."""
    moved = st.path[s, k] + m.carry[k] * pull + st.kept[s, v, k] + st.passing[s, v, k]
    return float(m.price_usd[k] * np.exp(moved))


@jit
def executed(s: int, v: int, k: int, coins: float, side: int, at: float, m: Arrays, st: State) -> float:
    """Return the average price of closing ``coins`` of one side (selling longs, buying back shorts)."""
    volume, depth = coins * m.price_usd[k], m.depth[v, k] * st.share[s, v, k]
    if volume <= 0.0:
        return at
    used = st.bid[s, v, k] if side > 0 else st.ask[s, v, k]
    power = 1.0 / m.exponent[v, k]
    end, begin = (used + volume) / depth, used / depth
    area = (end ** (power + 1.0) - begin ** (power + 1.0)) / (power + 1.0)
    return float(at * np.exp(-side * PERCENT * (area * depth / volume - begin**power)))


@jit
def sweep(s: int, v: int, k: int, coins: float, side: int, m: Arrays, st: State) -> None:
    """Move the price by closing ``coins`` of one side through the book."""
    volume, depth = coins * m.price_usd[k], m.depth[v, k] * st.share[s, v, k]
    if volume <= 0.0:
        return
    used = st.bid[s, v, k] if side > 0 else st.ask[s, v, k]
    power = 1.0 / m.exponent[v, k]
    moved = side * PERCENT * (((used + volume) / depth) ** power - (used / depth) ** power)
    st.kept[s, v, k] -= m.permanent[v, k] * moved
    st.passing[s, v, k] -= (1.0 - m.permanent[v, k]) * moved
    if side > 0:
        st.bid[s, v, k] += volume
    else:
        st.ask[s, v, k] += volume


@jit
def make_marks(s: int, dt: float, b: int, pull: float, m: Arrays, st: State, out: Record) -> None:
    """Write index and marks; keep the averages of the premium."""
    venues, assets = m.depth.shape
    for k in range(assets):
        weight = total = 0.0
        for v in range(venues):
            if m.depth[v, k] > 0.0:
                weight += m.index_weight[v]
                total += m.index_weight[v] * price(s, v, k, pull, m, st)
        index = total / weight
        out.index_usd[s, b, k] = index
        for v in range(venues):
            if m.depth[v, k] <= 0.0:
                continue
            own = price(s, v, k, pull, m, st)
            premium = own / index - 1.0
            st.premium[s, v, k] += (1.0 - np.exp(-m.mark_rate[v] * dt)) * (premium - st.premium[s, v, k])
            st.owed[s, v, k] += premium * dt
            if m.mark_median[v]:
                usual = index * (1.0 + st.premium[s, v, k])
                out.mark_usd[s, b, v, k] = max(min(usual, own), min(max(usual, own), index))
            else:
                near = min(max(own, index * (1.0 - m.mark_band[v])), index * (1.0 + m.mark_band[v]))
                out.mark_usd[s, b, v, k] = m.mark_index[v] * index + (1.0 - m.mark_index[v]) * near


@jit
def choose(s: int, t: float, v: int, k: int, side: int, mark: float, m: Arrays, st: State) -> None:
    """Write into ``take`` what becomes of each cohort of one side."""
    j = 0 if side > 0 else 1
    held = 0.0
    for a in range(m.depth.shape[1]):
        held += st.vault[s, v, a] * m.price_usd[a] * np.exp(st.path[s, a])
    for c in range(m.first[v, k, j], m.last[v, k, j]):
        st.take[s, c] = 0.0
        if st.coins[s, c] <= 0.0 or t < st.ready_s[s, c]:
            continue
        each = st.coins[s, c] / m.count[c]
        level = (st.bankrupt[s, c] - side * m.deduction[c] / each) / (1.0 - side * m.rate[c])
        if side * (mark - level * (1.0 - side * m.lag[v])) >= 0.0:
            continue
        equity = side * (mark - st.bankrupt[s, c])
        needed = m.rate[c] * mark - m.deduction[c] / each
        if m.backstop[v] > 0.0 and equity < m.backstop[v] * needed:
            if st.fund_usd[s, v] + held + equity * st.coins[s, c] >= 0.0:
                st.take[s, c] = TO_VAULT
                continue
        large = each * mark > m.partial_above[v]
        st.take[s, c] = 1.0 if large and st.stage[s, c] == 0 and m.partial[v] < 1.0 else FULL


@jit
def volume_of(s: int, v: int, k: int, j: int, m: Arrays, st: State) -> float:
    """Return the coins that go through the book."""
    total = 0.0
    for c in range(m.first[v, k, j], m.last[v, k, j]):
        if st.take[s, c] == 1.0:
            total += m.partial[v] * st.coins[s, c]
        elif st.take[s, c] == FULL:
            total += st.coins[s, c]
    return total


@jit
def flag_shortfall(s: int, v: int, k: int, side: int, at: float, m: Arrays, st: State) -> bool:
    """Mark for auto-deleveraging what the fund cannot pay for; return whether there is any."""
    j, loss = 0 if side > 0 else 1, 0.0
    for c in range(m.first[v, k, j], m.last[v, k, j]):
        if st.take[s, c] == FULL:
            loss += max(0.0, -side * (at - st.bankrupt[s, c])) * st.coins[s, c]
    if loss <= max(0.0, st.fund_usd[s, v]):
        return False
    for c in range(m.first[v, k, j], m.last[v, k, j]):
        if st.take[s, c] == FULL and side * (at - st.bankrupt[s, c]) < 0.0:
            st.take[s, c] = DELEVERAGED
    return True


@jit
def deleverage(s: int, c: int, v: int, k: int, side: int, mark: float, m: Arrays, st: State) -> None:
    """Close a cohort against opposing positions at its bankruptcy price, most profit times leverage first."""
    left, at, j = st.coins[s, c], st.bankrupt[s, c], 1 if side > 0 else 0
    while left > 0.0:
        best, best_score = -1, 0.0
        for o in range(m.first[v, k, j], m.last[v, k, j]):
            equity = -side * (mark - st.bankrupt[s, o])
            if st.coins[s, o] <= 0.0 or equity <= 0.0 or -side * (at - st.bankrupt[s, o]) <= 0.0:
                continue
            score = -side * (mark - m.entry[o]) / m.entry[o] * mark / equity
            if score > best_score:
                best, best_score = o, score
        if best < 0:
            st.counter[s, v, k] += side * left
            st.cash_usd[s, v] -= side * left * at
            break
        closed = min(left, st.coins[s, best])
        st.wallet_usd[s, v] += -side * closed * (at - st.bankrupt[s, best])
        st.coins[s, best] = st.coins[s, best] - closed if closed < st.coins[s, best] else 0.0
        left = left - closed if closed < left else 0.0
    st.coins[s, c] = 0.0


@jit
def close(
    s: int, t: float, b: int, v: int, k: int, side: int, at: float, m: Arrays, st: State, out: Record
) -> None:
    """Carry out what was chosen, the book's part at the average price ``at``."""
    j, mark = 0 if side > 0 else 1, out.mark_usd[s, b, v, k]
    for c in range(m.first[v, k, j], m.last[v, k, j]):
        what = st.take[s, c]
        if what == 0.0:
            continue
        coins = st.coins[s, c] * (m.partial[v] if what == 1.0 else 1.0)
        usd = coins * mark
        st.largest_usd[s, v] = max(st.largest_usd[s, v], usd / m.count[c])
        if what == TO_VAULT:
            out.vault_usd[s, b, v, k, j] += usd
            st.vault[s, v, k] += side * coins
            st.fund_usd[s, v] -= side * coins * st.bankrupt[s, c]
            st.coins[s, c] = 0.0
        elif what == DELEVERAGED:
            out.adl_usd[s, b, v, k, j] += usd
            deleverage(s, c, v, k, side, mark, m, st)
        else:
            out.book_usd[s, b, v, k, j] += usd
            st.counter[s, v, k] += side * coins
            st.cash_usd[s, v] -= side * coins * at
            if what == 1.0:
                part = m.partial[v]
                st.bankrupt[s, c] -= part / (1.0 - part) * (at - st.bankrupt[s, c])
                st.coins[s, c] -= coins
                st.stage[s, c], st.ready_s[s, c] = 1, t + m.cooldown[v]
                continue
            rest = side * coins * (at - st.bankrupt[s, c])
            fee = rest if rest < 0.0 else min(rest, m.fee[v] * coins * at)
            st.fund_usd[s, v] += fee
            st.wallet_usd[s, v] += rest - fee
            st.coins[s, c] = 0.0


@jit
def engine(
    s: int, t: float, b: int, v: int, k: int, side: int, pull: float, m: Arrays, st: State, out: Record
) -> None:
    """Liquidate one side of one asset on one venue."""
    j = 0 if side > 0 else 1
    if m.first[v, k, j] == m.last[v, k, j]:
        return
    choose(s, t, v, k, side, out.mark_usd[s, b, v, k], m, st)
    now, coins = price(s, v, k, pull, m, st), volume_of(s, v, k, j, m, st)
    at = executed(s, v, k, coins, side, now, m, st)
    if m.adl[v] and flag_shortfall(s, v, k, side, at, m, st):
        coins = volume_of(s, v, k, j, m, st)
        at = executed(s, v, k, coins, side, now, m, st)
    close(s, t, b, v, k, side, at, m, st, out)
    sweep(s, v, k, coins, side, m, st)


@jit
def unwind(s: int, dt: float, v: int, k: int, pull: float, m: Arrays, st: State) -> None:
    """Let the backstop sell its part of what it took."""
    coins = st.vault[s, v, k] * (1.0 - np.exp(-m.unwind[v] * dt))
    if coins == 0.0:
        return
    side = 1 if coins > 0.0 else -1
    at = executed(s, v, k, abs(coins), side, price(s, v, k, pull, m, st), m, st)
    st.vault[s, v, k] -= coins
    st.fund_usd[s, v] += coins * at
    st.counter[s, v, k] += coins
    st.cash_usd[s, v] -= coins * at
    sweep(s, v, k, abs(coins), side, m, st)


@jit
def fund(s: int, t: float, b: int, v: int, m: Arrays, st: State, out: Record) -> None:
    """Let longs pay shorts, or shorts longs, if the interval is over."""
    passed = t - st.funded_s[s, v]
    if passed < m.interval[v]:
        return
    st.funded_s[s, v] = t
    for k in range(m.depth.shape[1]):
        average = st.owed[s, v, k] / passed
        st.owed[s, v, k] = 0.0
        eight = average + min(max(m.interest[v] - average, -m.clamp[v]), m.clamp[v])
        rate = min(max(eight * passed / EIGHT_HOURS_S, -m.cap[v]), m.cap[v])
        paid = rate * out.index_usd[s, b, k]
        if m.first[v, k, 0] == m.last[v, k, 1]:
            continue
        out.funding[s, b, v, k] += rate
        for c in range(m.first[v, k, 0], m.last[v, k, 1]):
            st.bankrupt[s, c] += paid
        st.fund_usd[s, v] -= paid * st.vault[s, v, k]
        st.cash_usd[s, v] -= paid * st.counter[s, v, k]


@jit
def step(
    s: int, t: float, b: int, path: FloatArray, flow: FloatArray, m: Arrays, st: State, out: Record
) -> None:
    """Take scenario ``s`` to time ``t``; sums are added to bin ``b``."""
    venues, assets = m.depth.shape
    dt = t - st.time_s[s]
    relax(s, dt, m, st)
    st.time_s[s] = t
    for k in range(assets):
        st.path[s, k] = path[k]
    pull = factor_impact(s, m, st)
    for v in range(len(flow)):
        for k in range(assets):
            if m.depth[v, k] > 0.0 and flow[v, k] != 0.0:
                coins = abs(flow[v, k]) / price(s, v, k, pull, m, st)
                sweep(s, v, k, coins, 1 if flow[v, k] > 0.0 else -1, m, st)
    make_marks(s, dt, b, pull, m, st, out)
    for v in range(venues):
        for k in range(assets):
            if m.depth[v, k] > 0.0:
                engine(s, t, b, v, k, 1, pull, m, st, out)
                engine(s, t, b, v, k, -1, pull, m, st, out)
                unwind(s, dt, v, k, pull, m, st)
        fund(s, t, b, v, m, st, out)
    pull = factor_impact(s, m, st)
    for v in range(venues):
        for k in range(assets):
            out.price_usd[s, b, v, k] = np.nan
            if m.depth[v, k] <= 0.0:
                continue
            out.price_usd[s, b, v, k] = price(s, v, k, pull, m, st)
            moved = np.log(out.price_usd[s, b, v, k] / m.price_usd[k])
            st.level[s, v, k] += (1.0 - np.exp(-m.memory[v, k] * dt)) * (moved - st.level[s, v, k])
            beyond = max(0.0, abs(moved - st.level[s, v, k]) / m.usual[v, k] - CALM)
            least = m.least[v, k]
            st.share[s, v, k] = least + (1.0 - least) * np.exp(-m.withdrawal[v, k] * beyond)
            out.share[s, b, v, k] = st.share[s, v, k]


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
    """Take scenarios ``first`` .. ``last - 1`` through all moments; ``path`` (S, T, K), ``flow`` (S, T, V, K)."""
    for s in range(first, last):
        for n in range(len(time_s)):
            step(s, time_s[n], bins[n], path[s, n], flow[s, n], m, st, out)
