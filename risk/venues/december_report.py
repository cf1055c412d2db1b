"""December 2025 put together: fit, prediction, what-ifs, and what the figures do not tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from abis.findings import Finding, FindingKind, Severity
from risk.contagion import spectral_radius
from risk.scenarios.scenarios import Scenarios
from risk.venues.after import market_after
from risk.venues.branching import branching
from risk.venues.december import (
    DAY_S,
    Fit,
    Free,
    Wave,
    diverges,
    fitted,
    free_ranges,
    market,
    prices,
    results,
    what_ifs,
)
from risk.venues.december_candles import CandlePath, candle_path
from risk.venues.december_table import Beside, table, targets
from risk.venues.december_w2 import predicted_w2
from risk.venues.next_shock import NextShock, even_share, next_shock
from risk.venues.positions import FloatArray
from risk.venues.profile import shipped
from risk.venues.scenario import of_coins
from risk.venues.state import start

Progress = Callable[[str, int, int], None]
BASE, W2_RUN = "december 2025", "16 december 2025 (predicted)"


@dataclass(frozen=True, eq=False)
class December:
    """The wave.

    Parameters
    ----------
    fit, free
        What was fitted, and what was taken from a range.
    wave, w2 : Wave
        The fitted day, and the predicted one.
    w2_runs_away : bool
        See `risk.venues.december_w2.Predicted`.
    beside : tuple of Beside
        Target beside result.
    others : mapping of str to Wave
        The fitted day with one thing changed.
    error_bps : mapping of asset to float
        Distance of the run from the candles, empty without.
    findings : tuple of Finding
    """

    fit: Fit
    free: Free
    wave: Wave
    w2: Wave
    w2_runs_away: bool
    beside: tuple[Beside, ...]
    others: Mapping[str, Wave]
    error_bps: Mapping[str, float]
    findings: tuple[Finding, ...]

    @property
    def radius(self) -> float:
        """Spectral radius of the market before the wave."""
        return radius_before(self.wave)

    @property
    def ran_away(self) -> tuple[str, ...]:
        """Names of the what-ifs that leave published depth: where their prices end says nothing."""
        return tuple(name for name, wave in self.others.items() if diverges(wave))

    def scenarios(self) -> Scenarios:
        """Return the fitted day, its what-ifs, then the predicted day, as scenarios of coins.

        What ran away is left out, with a finding.
        """
        away = self.ran_away
        others = {name: wave for name, wave in self.others.items() if name not in away}
        runs = {BASE: self.wave, **others, W2_RUN: self.w2}
        market = self.wave.market
        time_s = np.append(0.0, self.wave.time_s)
        tables = {name: _with_start(w) for name, w in runs.items()}
        return of_coins(tables, time_s, market.names(), market.assets, (*self.findings, *_left_out(away)))


def _left_out(away: tuple[str, ...]) -> tuple[Finding, ...]:
    message = "runs away beyond published depth: no scenario is made of it."
    return tuple(Finding(FindingKind.OUT_OF_RANGE, Severity.LOW, name, message) for name in away)


def _with_start(wave: Wave) -> FloatArray:
    first = np.broadcast_to(wave.market.price_usd, wave.record.price_usd.shape[2:])
    return np.concatenate([first[None], wave.record.price_usd[0]])


def radius_before(wave: Wave) -> float:
    """Return the spectral radius of a wave's market before it."""
    return spectral_radius(branching(wave.market, start(wave.market, 1)))


def december(candles: Path | None = None, progress: Progress | None = None) -> December:
    """Return the wave, fitted to the shipped figures, and to candles where a folder of them is given.

    Parameters
    ----------
    candles : Path, optional
        Folder or file with five-minute spot candles of BTCUSDT and ETHUSDT.
    progress : callable (phase, done, total), optional

    Raises
    ------
    ScenarioError
        If candles do not cover the days.
    """
    free, say = Free.used(), progress or (lambda phase, done, total: None)
    tell = lambda done, total: say("fit", done, total)  # noqa: E731
    paths: dict[str, CandlePath] = {}
    if candles is None:
        fit, wave = fitted(free, progress=tell)
        w2 = predicted_w2(fit, free)
    else:
        paths = {name: candle_path(candles, name, prices()) for name in ("W1", "W2")}
        one, two = paths["W1"], paths["W2"]
        fit, wave = fitted(
            free, price_usd=one.price_usd, outside=one, learn=one.learn, fixed_path=True, progress=tell
        )
        w2 = predicted_w2(fit, free, price_usd=two.price_usd, outside=two, learn=two.learn)
    say("what-ifs", 0, 1)
    others = what_ifs(fit, wave, free)
    say("what-ifs", 1, 1)
    got, seen = {**results(wave), **w2.figures}, set(results(wave))
    beside = tuple(Beside(t, got[n], n in seen) for n, t in targets().items())
    errors = {a: paths["W1"].error_bps(wave, a) for a in paths["W1"].log_price} if paths else {}
    findings = (*_findings(w2.runs_away), *(paths["W1"].findings if paths else ()))
    return December(fit, free, wave, w2.wave, w2.runs_away, beside, others, errors, findings)


def not_identified(found: December, progress: Progress | None = None) -> list[dict[str, Any]]:
    """Return, for each free parameter at both ends of its range, what is met, the cascade's share and W2.

    Where every end can be fitted about as well and these differ, the figures do not identify it.  Ends that
    are the value used are left out.  Uses the shipped path.
    """
    ends = [(name, end) for name, row in free_ranges().items() for end in row[1:] if end != row[0]]
    rows = []
    for n, (name, end) in enumerate(ends):
        if progress is not None:
            progress("ranges", n, len(ends))
        free = replace(found.free, **{name: end})
        fit, wave = fitted(free, first=found.fit)
        got = results(wave)
        met = sum(targets()[k].met(v) for k, v in got.items())
        rows.append(
            {
                "parameter": name,
                "value": end,
                "targets_met": met,
                "targets": len(got),
                "cascade_share": wave.cascade_share(),
                "spectral_radius": radius_before(wave),
                "btc_usd_per_percent": fit.btc,
                "w2_hyperliquid_usd": predicted_w2(fit, free).figures["w2_hyperliquid"],
            }
        )
    if progress is not None:
        progress("ranges", len(ends), len(ends))
    return rows


def cleaner(
    found: December, factor: float, progress: Progress | None = None
) -> tuple[tuple[NextShock, ...], float | None]:
    """Return the same next shock before the wave, after it, and with leverage built up again.

    New leverage stands from the price after the wave as the fitted stack stood from the price before it; no
    single large position is opened again.

    Parameters
    ----------
    found : December
    factor : float
        Of the price of BTC from outside, over an hour; the others follow by beta.
    progress : callable (phase, done, total), optional

    Returns
    -------
    rows : tuple of NextShock
    even : float or None
        The share rebuilt at which the shock liquidates as much as before the wave (`even_share`).
    """
    wave, move = found.wave, float(np.log(factor))
    say = progress or (lambda phase, done, total: None)
    after = market_after(wave.market, wave.state)
    price = dict(zip(after.assets, map(float, after.price_usd), strict=True))
    fresh = market(found.fit._replace(whale=1.0), found.free, price).positions
    say("next shock", 0, 2)
    rows = next_shock(wave.market, wave.state, move, fresh)
    say("next shock", 1, 2)
    even = even_share(wave.market, wave.state, move, fresh)
    say("next shock", 2, 2)
    return rows, even


def _findings(w2_runs_away: bool) -> tuple[Finding, ...]:
    note = table()["note"]
    profiles = {p for name, p in table()["profiles"].items() if name != "source"} | {"spot"}
    assumed = tuple(f for p in sorted(profiles) for f in shipped(p).findings)
    free = ", ".join(free_ranges())
    away = Finding(
        FindingKind.UNVERIFIED,
        Severity.MEDIUM,
        "16 December",
        "with the open interest fitted to 7 December the market runs away on these candles, which it did "
        "not: that day's stack was less dense. The figures of W2 are those at the candles' own prices.",
    )
    return (
        Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, "published figures", note["inconsistency"]),
        Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, "Hyperliquid's 374 M", note["figure_of_w2"]),
        *((away,) if w2_runs_away else ()),
        Finding(FindingKind.UNVERIFIED, Severity.LOW, "published figures", note["press"]),
        Finding(
            FindingKind.UNVERIFIED,
            Severity.MEDIUM,
            "free parameters",
            f"not identified by totals, shares and prices of a day: {free}. How much of the fall was "
            "cascade is a consequence of their values, not a finding.",
            remedy="Fit the refill speed to order books of the day; repeat the fit with --ranges.",
        ),
        *assumed,
    )


def liquidations(wave: Wave) -> list[dict[str, Any]]:
    """Return liquidations by venue: US dollars, share of longs, by way."""
    record, names = wave.record, wave.market.names()
    rows = []
    for v, name in enumerate(names):
        by_way = {w: float(getattr(record, f"{w}_usd")[0, :, v].sum()) for w in ("book", "vault", "adl")}
        total, longs = sum(by_way.values()), float(record.liquidated_usd[0, :, v, :, 0].sum())
        rows.append(
            {
                "venue": name,
                "liquidated_usd": total,
                "long_share": longs / total if total > 0 else None,
                **{f"{w}_usd": usd for w, usd in by_way.items()},
                "largest_order_usd": float(wave.state.venue["largest_usd"][0, v]),
            }
        )
    return rows


def summary(name: str, wave: Wave) -> dict[str, Any]:
    """Return a run in one row: liquidations, lows, cascade share, dispersion.

    ``diverges`` says that an index moved farther by the venues' own selling than published depth covers: its
    figures then say that it ran away, not where to.
    """
    logs = np.log(wave.record.price_usd[0, :, :, 0])
    return {
        "run": name,
        "liquidated_usd": float(wave.closed_usd().sum()),
        "adl_usd": float(wave.record.adl_usd.sum()),
        "btc_low_usd": wave.low_usd("BTC"),
        "eth_low_usd": wave.low_usd("ETH"),
        "cascade_share": wave.cascade_share(),
        "diverges": diverges(wave),
        "widest_dispersion": float(np.ptp(logs, axis=1).max()),
        "hours": DAY_S / 3600.0,
    }
