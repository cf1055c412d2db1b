"""The step of a cascade as plain Python, to be read beside the rules: the spec `kernel` is the twin of.

One scenario, no arrays: venues, books and cohorts as objects.  Slow on purpose; tests hold the kernel to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, inf, log

from risk.venues.book import average_impact, impact, present_share
from risk.venues.margin import liquidation_price
from risk.venues.market import Market
from risk.venues.venue import MarkKind, Venue

EIGHT_HOURS_S = 28_800.0


@dataclass(eq=False)
class Cohort:
    """Equal positions; ``bankruptcy`` carries margin, profit and funding in one price."""

    row: int
    side: int
    entry: float
    count: float
    rate: float
    deduction: float
    coins: float
    bankruptcy: float
    partly_closed: bool = False
    ready_s: float = -inf

    def equity(self, price: float) -> float:
        """Return what it is worth."""
        return self.side * self.coins * (price - self.bankruptcy)

    def due(self, mark: float, lag: float, t: float) -> bool:
        """Return whether the engine acts on it."""
        if self.coins <= 0.0 or t < self.ready_s:
            return False
        each = self.coins / self.count
        level = liquidation_price(self.bankruptcy, self.rate, self.side, self.deduction, each)
        return self.side * (mark - level * (1.0 - self.side * lag)) < 0.0


@dataclass
class Place:
    """One asset on one venue."""

    kept: float = 0.0
    passing: float = 0.0
    gap: float = 0.0
    used: dict[int, float] = field(default_factory=lambda: {1: 0.0, -1: 0.0})
    share: float = 1.0
    level: float = 0.0
    premium: float = 0.0
    owed: float = 0.0
    vault: float = 0.0
    mark: float = 0.0
    cohorts: dict[int, list[Cohort]] = field(default_factory=lambda: {1: [], -1: []})


@dataclass
class Closed:
    """What was closed of one side, US dollars at marks."""

    book: float = 0.0
    vault: float = 0.0
    adl: float = 0.0


class Reference:
    """A market in one scenario.

    Parameters
    ----------
    market : Market
    time_s : float
        Of the moment before the first step.
    """

    def __init__(self, market: Market, time_s: float = 0.0) -> None:
        self.market, self.time_s = market, time_s
        self.venues = {v.name: v for v in market.venues}
        self.start = dict(zip(market.assets, (float(p) for p in market.price_usd), strict=True))
        self.path = dict.fromkeys(market.assets, 0.0)
        self.fund = {v.name: v.fund_usd for v in market.venues}
        self.wallet = dict.fromkeys(self.venues, 0.0)
        self.largest = dict.fromkeys(self.venues, 0.0)
        self.funded = dict.fromkeys(self.venues, time_s)
        self.closed: dict[tuple[str, str, int], Closed] = {}
        self.paid: dict[tuple[str, str], float] = {}
        self.places = {(v.name, a): Place() for v in market.venues for a in market.assets if a in v.books}
        self._place_cohorts()

    def _place_cohorts(self) -> None:
        p = self.market.positions
        for row in range(len(p)):
            venue, asset, side = p.venue[row], p.asset[row], int(p.side[row])
            coins, count = float(p.coins[row]), float(p.count[row])
            rate, deduction = self.venues[venue].tiers(asset).at(coins / count * float(p.entry_usd[row]))
            cohort = Cohort(
                row,
                side,
                float(p.entry_usd[row]),
                count,
                rate,
                deduction,
                coins,
                float(p.bankruptcy_usd[row]),
            )
            self.places[venue, asset].cohorts[side].append(cohort)

    def price(self, venue: str, asset: str, pull: float) -> float:
        """Return a price: outside, carried over from the factor, permanent and passing impact."""
        k, place = self.market.assets.index(asset), self.places[venue, asset]
        carry = self.market.cross_share * float(self.market.beta[k]) if k else 0.0
        return self.start[asset] * exp(
            self.path[asset] + carry * pull + place.kept + place.passing + place.gap
        )

    def factor_impact(self) -> float:
        """Return the factor's permanent impact, the mean of venues by depth."""
        factor = self.market.assets[0]
        books = [(v.books[factor].depth_usd, self.places[v.name, factor].kept) for v in self._with(factor)]
        return sum(d * x for d, x in books) / sum(d for d, _ in books)

    def _with(self, asset: str) -> list[Venue]:
        return [v for v in self.market.venues if asset in v.books]

    def step(
        self,
        t: float,
        move: Mapping[str, float],
        flow_usd: Mapping[tuple[str, str], float] | None = None,
    ) -> dict[tuple[str, str], float]:
        """Go to time ``t`` and return the prices then."""
        dt, self.time_s = t - self.time_s, t
        for asset in self.market.assets:
            self._relax(asset, dt)
        self.path = dict(move)
        pull = self.factor_impact()
        for (venue, asset), usd in (flow_usd or {}).items():
            coins = abs(usd) / self.price(venue, asset, pull)
            self._sweep(venue, asset, coins, 1 if usd > 0.0 else -1)
        index = {a: self._marks(a, dt, pull) for a in self.market.assets}
        for v in self.market.venues:
            for asset in self.market.assets:
                if asset in v.books:
                    self._engine(v, asset, 1, t, pull)
                    self._engine(v, asset, -1, t, pull)
                    self._unwind(v, asset, dt, pull)
            self._fund(v, t, index)
        return self._settle(dt)

    def _relax(self, asset: str, dt: float) -> None:
        pull = {v.name: 1.0 - exp(-v.arbitrage_per_s * dt) for v in self._with(asset)}
        depth = {v.name: v.books[asset].depth_usd for v in self._with(asset)}
        for v in self._with(asset):
            place, fade = self.places[v.name, asset], exp(-log(2.0) / v.books[asset].refill_half_life_s * dt)
            place.passing *= fade
            place.gap *= 1.0 - pull[v.name]
            place.used = {side: u * fade for side, u in place.used.items()}
        reached = sum(pull[n] * depth[n] for n in pull)
        if reached <= 0.0:
            return
        for side in (1, -1):
            level = sum(p * self.places[n, asset].used[side] for n, p in pull.items()) / reached
            for n, p in pull.items():
                place = self.places[n, asset]
                place.used[side] += p * (level * depth[n] - place.used[side])

    def _marks(self, asset: str, dt: float, pull: float) -> float:
        prices = {v.name: self.price(v.name, asset, pull) for v in self._with(asset)}
        index = self._index(prices)
        for name, own in prices.items():
            place, rule = self.places[name, asset], self.venues[name].mark
            premium = own / index - 1.0
            place.premium += (1.0 - exp(-dt / rule.average_s)) * (premium - place.premium)
            place.owed += premium * dt
            if rule.kind == MarkKind.MEDIAN:
                place.mark = sorted((index * (1.0 + place.premium), own, index))[1]
            else:
                near = min(max(own, index * (1.0 - rule.band)), index * (1.0 + rule.band))
                place.mark = rule.index_weight * index + (1.0 - rule.index_weight) * near
        return index

    def _index(self, prices: Mapping[str, float]) -> float:
        weight = {n: self.venues[n].index_weight for n in prices}
        whole, below = sum(weight.values()), 0.0
        for name, price in sorted(prices.items(), key=lambda row: row[1]):
            below += weight[name]
            if weight[name] > 0.0 and 2.0 * below >= whole:
                return price
        raise AssertionError("the market has no index")

    def _executed(self, venue: str, asset: str, coins: float, side: int, now: float) -> float:
        place, book = self.places[venue, asset], self.venues[venue].books[asset]
        volume, depth = coins * self.start[asset], book.depth_usd * place.share
        return now * exp(-side * average_impact(volume, depth, book.exponent, place.used[side]))

    def _sweep(self, venue: str, asset: str, coins: float, side: int) -> None:
        v, volume = self.venues[venue], coins * self.start[asset]
        if volume <= 0.0:
            return
        book, place = v.books[asset], self.places[venue, asset]
        own = side * impact(volume, book.depth_usd * place.share, book.exponent, place.used[side])
        linked = (
            [v] if v.arbitrage_per_s <= 0.0 else [o for o in self._with(asset) if o.arbitrage_per_s > 0.0]
        )
        depth = sum(o.books[asset].depth_usd * self.places[o.name, asset].share for o in linked)
        used = sum(self.places[o.name, asset].used[side] for o in linked)
        common = side * impact(volume, depth, book.exponent, used)
        for o in linked:
            there = self.places[o.name, asset]
            there.kept -= book.permanent_share * common
            there.passing -= (1.0 - book.permanent_share) * common
            there.gap += common
        place.gap -= own
        place.used[side] += volume

    def _engine(self, v: Venue, asset: str, side: int, t: float, pull: float) -> None:
        place, rule, name = self.places[v.name, asset], v.engine, v.name
        mark, now = place.mark, self.price(name, asset, pull)
        lag = (1.0 - self.market.synchrony) * rule.lag
        due = [c for c in place.cohorts[side] if c.due(mark, lag, t)]
        if not due:
            return
        to_vault = [c for c in due if self._vault_takes(v, c, mark)]
        rest = [c for c in due if c not in to_vault]
        part = [
            c
            for c in rest
            if c.coins / c.count * mark > rule.partial_above_usd
            and rule.partial_share < 1.0
            and not c.partly_closed
        ]
        whole = [c for c in rest if c not in part]
        first_coins = sum(c.coins * (rule.partial_share if c in part else 1.0) for c in rest)
        at, adl = self._executed(name, asset, first_coins, side, now), []
        loss = sum(max(0.0, -side * (at - c.bankruptcy)) * c.coins for c in whole)
        if rule.adl and loss > max(0.0, self.fund[name]):
            adl = [c for c in whole if side * (at - c.bankruptcy) < 0.0]
        swept = [c for c in rest if c not in adl]
        coins = sum(c.coins * (rule.partial_share if c in part else 1.0) for c in swept)
        at = self._executed(name, asset, coins, side, now)
        log_of = self.closed.setdefault((name, asset, side), Closed())
        for c in due:
            share = rule.partial_share if c in part else 1.0
            usd = c.coins * share * mark
            self.largest[name] = max(self.largest[name], usd / c.count)
            if c in to_vault:
                log_of.vault += usd
                place.vault += side * c.coins
                self.fund[name] -= side * c.coins * c.bankruptcy
                c.coins = 0.0
            elif c in adl:
                log_of.adl += usd
                self._deleverage(name, place, c, mark)
            elif c in part:
                log_of.book += usd
                c.bankruptcy -= share / (1.0 - share) * (at - c.bankruptcy)
                c.coins -= c.coins * share
                c.partly_closed, c.ready_s = True, t + rule.cooldown_s
            else:
                log_of.book += usd
                left = side * c.coins * (at - c.bankruptcy)
                fee = left if left < 0.0 else min(left, rule.fee * c.coins * at)
                self.fund[name] += fee
                self.wallet[name] += left - fee
                c.coins = 0.0
        self._sweep(name, asset, coins, side)

    def _vault_takes(self, v: Venue, c: Cohort, mark: float) -> bool:
        needed = c.rate * mark - c.deduction / (c.coins / c.count)
        if v.engine.backstop_share <= 0.0 or c.equity(mark) / c.coins >= v.engine.backstop_share * needed:
            return False
        held = sum(self.places[v.name, a].vault * self.start[a] * exp(self.path[a]) for a in v.books)
        return self.fund[v.name] + held + c.equity(mark) >= 0.0

    def _deleverage(self, name: str, place: Place, c: Cohort, mark: float) -> None:
        left, at = c.coins, c.bankruptcy
        while left > 0.0:
            able = [
                o
                for o in place.cohorts[-c.side]
                if o.coins > 0.0 and o.equity(mark) > 0.0 and o.equity(at) > 0.0
            ]
            scores = [o.side * (mark - o.entry) / o.entry * mark * o.coins / o.equity(mark) for o in able]
            if not scores or max(scores) <= 0.0:
                break
            winner = able[scores.index(max(scores))]
            closed = min(left, winner.coins)
            self.wallet[name] += winner.side * closed * (at - winner.bankruptcy)
            winner.coins -= closed
            left -= closed
        c.coins = 0.0

    def _unwind(self, v: Venue, asset: str, dt: float, pull: float) -> None:
        place = self.places[v.name, asset]
        coins = place.vault * (1.0 - exp(-dt / v.engine.backstop_unwind_s))
        if coins == 0.0:
            return
        side = 1 if coins > 0.0 else -1
        at = self._executed(v.name, asset, abs(coins), side, self.price(v.name, asset, pull))
        place.vault -= coins
        self.fund[v.name] += coins * at
        self._sweep(v.name, asset, abs(coins), side)

    def _fund(self, v: Venue, t: float, index: Mapping[str, float]) -> None:
        rule, passed = v.funding, t - self.funded[v.name]
        if passed < rule.interval_s:
            return
        self.funded[v.name] = t
        for asset in v.books:
            place = self.places[v.name, asset]
            average, place.owed = place.owed / passed, 0.0
            eight = average + min(max(rule.interest - average, -rule.clamp), rule.clamp)
            rate = min(max(eight * passed / EIGHT_HOURS_S, -rule.cap), rule.cap)
            cohorts = [*place.cohorts[1], *place.cohorts[-1]]
            if cohorts:
                self.paid[v.name, asset] = self.paid.get((v.name, asset), 0.0) + rate
            for c in cohorts:
                c.bankruptcy += rate * index[asset]
            self.fund[v.name] -= rate * index[asset] * place.vault

    def _settle(self, dt: float) -> dict[tuple[str, str], float]:
        pull, prices = self.factor_impact(), {}
        for (venue, asset), place in self.places.items():
            book = self.venues[venue].books[asset]
            prices[venue, asset] = self.price(venue, asset, pull)
            moved = log(prices[venue, asset] / self.start[asset])
            place.level += (1.0 - exp(-log(2.0) / book.memory_s * dt)) * (moved - place.level)
            place.share = present_share(moved - place.level, book)
        return prices


def follow(
    market: Market, time_s: Sequence[float], moves: Sequence[Mapping[str, float]]
) -> tuple[Reference, list[dict[tuple[str, str], float]]]:
    """Return the market after a path and the prices at each moment."""
    reference = Reference(market)
    return reference, [reference.step(t, move) for t, move in zip(time_s, moves, strict=True)]
