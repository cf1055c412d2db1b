"""What a rule would have set for Maker's ETH-B vaults from 2021 to 2022, beside what governance set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from examples.practice.page import table
from risk.engine.arrays import FloatArray
from risk.engine.pair_sweep import Calls, PairBook, pair_book
from risk.scenarios.fhs import fit
from risk.scenarios.panel import Panel, read_panel
from risk.solver.regret import Harm, Tolerance, best_threshold, implied_tolerance, replay

HOUR_S, DAY_S, YEAR_S = 3_600, 86_400, 365 * 86_400
EVENTS = "vault_events_2020_10_to_2023_01"
TAKEN = "vault_liquidations_2020_10_to_2022_11"
CHANGES = "parameter_changes_2020_10_to_2023_01"
PENALTY = 0.13  # CAT.ilks.chop, never changed
RATIO = 1.30  # SPOTTER.ilks.mat, never changed
# Whole vaults are sold; the oracle security module shows prices an hour late.
CALLS, LAG = Calls(close_factor=1.0, reference_cost=0.005), 1
LEVEL, DRAWS, SEED = 0.99, 5_000, 31
# Collateralisation ratios of 115 % to 200 %, in steps of 1 %: what a spell would have set.
RATIOS = np.arange(115, 201) / 100
LEAST_DAYS, MOST_DAYS = 14, 31
DUST = 1.0  # vaults that owe less are empty up to rounding
HEAD = (
    "from",
    "days",
    "debt, M",
    "worst fall",
    "ratio: rule",
    "power: set, M",
    "power: rule, M",
    "liquidated: really, M",
    "set, M",
    "rule, M",
    "avoidable loss: set, M",
    "rule, M",
    "bad debt: set, M",
    "rule, M",
)


@dataclass(frozen=True, eq=False)
class Vaults:
    """Everything that happened, in order: ``time_s``, ``vault``, and what it added.

    ``art`` is debt over the rate accumulated so far, so that fees accrue; ``eth`` is collateral.
    """

    moves: pd.DataFrame
    rate: pd.DataFrame

    def rate_at(self, time_s: ArrayLike) -> FloatArray:
        """Return what a unit of ``art`` owes at times."""
        when = np.asarray(time_s)
        since, fee, rate = (self.rate[c].to_numpy() for c in ("time_s", "fee", "rate"))
        k = np.searchsorted(since, when, side="right") - 1
        return np.asarray(rate[k] * (1 + fee[k]) ** ((when - since[k]) / YEAR_S))

    def at(self, time_s: int) -> pd.DataFrame:
        """Return ``eth`` and ``debt`` of every vault with debt at a time."""
        held = self.moves[self.moves.time_s < time_s].groupby("vault")[["eth", "art"]].sum()
        held["debt"] = held.art * float(self.rate_at(time_s))
        return held[held.debt > DUST]


@dataclass(frozen=True, slots=True)
class Month:
    """One decision and what came of it."""

    start_s: int
    days: int
    debt_usd: float
    left_out_usd: float
    worst_fall: float
    ratio: float | None
    really_usd: float
    was_set: Harm
    rule: Harm


def read_vaults(folder: Path) -> Vaults:
    """Return the vaults of the data folder, fees accrued."""
    source = folder / "maker_eth_b"
    changes = pd.read_parquet(source / f"{CHANGES}.parquet").sort_values("time")
    rate = _rates(changes[changes.parameter == "JUG.ilks.duty"])
    events = pd.read_parquet(source / f"{EVENTS}.parquet")
    taken = pd.read_parquet(source / f"{TAKEN}.parquet")
    sign = events.event.map({"deposit": 1, "withdraw": -1, "borrow": 1, "repay": -1}) * events.amount_tokens
    own = pd.DataFrame(
        {
            "time_s": _seconds(events.time),
            "vault": events.vault_number,
            "eth": np.where(events.asset == "ETH", sign, 0.0),
            "dai": np.where(events.asset == "DAI", sign, 0.0),
            "source": "owner",
        }
    )
    auctions = pd.DataFrame(
        {
            "time_s": _seconds(taken.time),
            "vault": taken.vault_number,
            "eth": -taken.collateral_liquidated_eth_rounded.astype(float),
            "dai": -taken.dai_repaid_tokens / (1 + PENALTY),
            "source": "auction",
        }
    )
    moves = pd.concat([own, auctions], ignore_index=True).sort_values("time_s", kind="stable")
    vaults = Vaults(moves, rate)
    moves["art"] = moves.dai / vaults.rate_at(moves.time_s.to_numpy())
    return vaults


def _seconds(time: pd.Series) -> pd.Series:
    return time.dt.as_unit("s").astype("int64")


def _rates(duty: pd.DataFrame) -> pd.DataFrame:
    """Return when the yearly fee changed, to what, and the rate accumulated by then."""
    time_s, fee = _seconds(duty.time).to_numpy(), duty.to_value.to_numpy()
    grown = (1 + fee[:-1]) ** (np.diff(time_s) / YEAR_S)
    return pd.DataFrame({"time_s": time_s, "fee": fee, "rate": np.concatenate([[1.0], grown.cumprod()])})


def eth_panel(folder: Path) -> Panel:
    """Return the hours of ETH in the data folder."""
    files = sorted((folder / "prices").glob("binance_spot_5m*.parquet"))
    with_eth = [f for f in files if (pd.read_parquet(f, columns=["symbol"]).symbol == "ETHUSDT").any()]
    return read_panel(with_eth, step_s=HOUR_S, assets={"ETHUSDT": "ETH"})


def months(vaults: Vaults, panel: Panel) -> list[Month]:
    """Return every decision whose prices are known, the rule's tolerance taken from the first.

    The tolerance is what 130 % itself implied for the vaults and the volatility of the first date;
    later dates do not change it.
    """
    out: list[Month] = []
    tolerance: Tolerance | None = None
    for start_s, hours in decisions(panel):
        price = float(np.exp(panel.log_price[panel.end_s == start_s][0, 0]))
        book, left_out = _book(vaults, start_s, price)
        known = panel.between(-np.inf, start_s + 1)
        model = fit(known, source=f"ETH before {start_s}")
        ratio = np.exp(model.resampler(start="last").log_paths(0, DRAWS, 24, SEED))[:, :, 0]
        if tolerance is None:
            tolerance = implied_tolerance(book, ratio, 1 / RATIO, PENALTY, CALLS, level=LEVEL, lag=LAG)
        chosen = best_threshold(book, ratio, 1 / RATIOS, PENALTY, CALLS, tolerance, now=1 / RATIO, lag=LAG)
        path = _path(panel, start_s, hours)
        threshold = 1 / RATIO if chosen is None else chosen
        was_set, rule = (replay(book, path, t, PENALTY, CALLS, lag=LAG) for t in (1 / RATIO, threshold))
        out.append(
            Month(
                start_s=start_s,
                days=hours // 24,
                debt_usd=float(book.debt_usd.sum()),
                left_out_usd=left_out,
                worst_fall=1 - float(path.min()),
                ratio=None if chosen is None else 1 / chosen,
                really_usd=repaid_by_auctions(vaults, start_s, hours),
                was_set=was_set,
                rule=rule,
            )
        )
    return out


def decisions(panel: Panel) -> list[tuple[int, int]]:
    """Return first days of months from 2021 on, or of a stretch of prices, with the whole hours that follow.

    A window ends at the next month, after `MOST_DAYS`, or with the prices; `LEAST_DAYS` at least.
    """
    first, last = (pd.Timestamp(t, tz="UTC") for t in ("2021-01-01", "2022-11-01"))
    known = np.concatenate([panel.end_s[~panel.follows] - HOUR_S, panel.end_s])
    begun = [pd.Timestamp(int(t), unit="s", tz="UTC").ceil("D") for t in panel.end_s[~panel.follows]]
    dates = [*pd.date_range(first, last, freq="MS"), *(t for t in begun if first <= t <= last)]
    out = []
    for date in sorted(set(dates)):
        start = int(date.timestamp())
        stop = int((date + pd.offsets.MonthBegin(1)).timestamp())
        stop = min(stop, start + MOST_DAYS * DAY_S)
        wanted = np.arange(start, stop + 1, HOUR_S)
        there = np.isin(wanted, known)
        hours = int(np.argmin(there)) - 1 if not there.all() else len(wanted) - 1
        if hours >= LEAST_DAYS * 24 and (panel.end_s == start).any():
            out.append((start, hours // 24 * 24))
    return out


def _path(panel: Panel, start_s: int, hours: int) -> FloatArray:
    at = np.searchsorted(panel.end_s, start_s)
    moves = panel.log_return[at + 1 : at + 1 + hours, 0]
    return np.exp(np.concatenate([[0.0], np.cumsum(moves)]))


def _book(vaults: Vaults, time_s: int, price: float) -> tuple[PairBook, float]:
    """Return the vaults at a time, and the debt of those the data cannot explain: below 130 % already."""
    held = vaults.at(time_s)
    value = held.eth * price
    sound = value > RATIO * held.debt
    return pair_book(value[sound], held.debt[sound]), float(held.debt[~sound].sum())


def repaid_by_auctions(vaults: Vaults, start_s: int, hours: int) -> float:
    """Return the debt that real auctions repaid, penalty taken off."""
    moves = vaults.moves
    during = (moves.time_s >= start_s) & (moves.time_s < start_s + hours * HOUR_S)
    return float(0.0 - moves[during & (moves.source == "auction")].dai.sum())


def text(found: list[Month]) -> str:
    """Return the table, with a line of sums."""
    rows = [_row(m) for m in found]
    sums = [sum(v) for v in zip(*(_numbers(m) for m in found), strict=True)]
    total = ["all", str(sum(m.days for m in found)), "", "", "", *(_million(v) for v in sums)]
    return table(HEAD, [*rows, total])


def _row(m: Month) -> list[str]:
    day = pd.Timestamp(m.start_s, unit="s").date()
    ratio = "none: as set" if m.ratio is None else f"{m.ratio:.0%}".replace("%", " %")
    fall = f"{m.worst_fall:.0%}".replace("%", " %")
    return [str(day), str(m.days), _million(m.debt_usd), fall, ratio, *(_million(v) for v in _numbers(m))]


def _numbers(m: Month) -> tuple[float, ...]:
    pairs = ("power_usd", "liquidated_usd", "avoidable_usd", "bad_debt_usd")
    a, b, c, d = ((getattr(m.was_set, n), getattr(m.rule, n)) for n in pairs)
    return (*a, m.really_usd, *b, *c, *d)


def _million(usd: float) -> str:
    return f"{usd / 1e6:,.2f}"
