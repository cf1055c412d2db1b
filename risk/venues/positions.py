"""Open interest: cohorts of equal isolated positions by venue, asset, side, entry price and leverage.

Each row stands for ``count`` positions that were opened alike.  The other side of open interest that is not
listed, hedged or without leverage, is never liquidated; `state` keeps it as the counterparty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from abis.errors import InputError, MalformedFile, UnknownAsset
from risk.venues.margin import LONG, SHORT, Tiers, bankruptcy_price, liquidation_price

FloatArray = NDArray[np.float64]
SIDES = {"long": LONG, "short": SHORT}
COLUMNS = ("venue", "asset", "side", "entry_usd", "leverage", "notional_usd")


@dataclass(frozen=True, eq=False)
class Positions:
    """Cohorts, one a row.

    Parameters
    ----------
    venue, asset : tuple of str, length P
    side : (P,) int64
        1 long, -1 short.
    entry_usd : (P,) float64
        Price per coin they were opened at.
    leverage : (P,) float64
        Notional over margin at entry.
    coins : (P,) float64
        Of all positions of the cohort together.
    count : (P,) float64
        How many positions; sizes decide tiers, partial closes and the largest order.

    Raises
    ------
    InputError
        If a length differs or a number is impossible: open interest is never negative.
    """

    venue: tuple[str, ...]
    asset: tuple[str, ...]
    side: NDArray[np.int64]
    entry_usd: FloatArray
    leverage: FloatArray
    coins: FloatArray
    count: FloatArray

    def __post_init__(self) -> None:
        n = len(self.venue)
        if any(
            len(x) != n
            for x in (self.asset, self.side, self.entry_usd, self.leverage, self.coins, self.count)
        ):
            raise InputError("columns of positions differ in length.", remedy="Give one value a cohort.")
        self._all(np.isin(self.side, (LONG, SHORT)), self.side, "a side", "1 or -1")
        self._all(
            np.isfinite(self.coins) & (self.coins >= 0), self.coins, "open interest, coins,", "at least 0"
        )
        self._all(
            np.isfinite(self.entry_usd) & (self.entry_usd > 0), self.entry_usd, "an entry price", "above 0"
        )
        self._all(np.isfinite(self.leverage) & (self.leverage >= 1), self.leverage, "leverage", "at least 1")
        self._all(np.isfinite(self.count) & (self.count > 0), self.count, "a count", "above 0")

    def __len__(self) -> int:
        return len(self.venue)

    def _all(self, good: NDArray[np.bool_], values: NDArray[np.generic], what: str, wanted: str) -> None:
        if not good.all():
            row = int(np.argmin(good))
            raise InputError(
                f"row {row} ({self.venue[row]}, {self.asset[row]}) has {what} of {values[row]}.",
                remedy=f"Give {wanted}.",
            )

    @property
    def bankruptcy_usd(self) -> FloatArray:
        """Price at which each is worth nothing, (P,)."""
        return self.entry_usd * (1.0 - self.side / self.leverage)

    def with_leverage_at_most(self, leverage: float) -> Positions:
        """Return the same positions with more margin where leverage was higher.

        Raises
        ------
        InputError
            If ``leverage`` is below 1.
        """
        if not leverage >= 1.0:
            raise InputError(f"leverage capped at {leverage}.", remedy="Give a number from 1.")
        return replace(self, leverage=np.minimum(self.leverage, leverage))

    def scaled(self, factor: ArrayLike) -> Positions:
        """Return the positions with ``factor`` (one, or one a cohort) times the coins; counts stay."""
        return replace(self, coins=self.coins * np.asarray(factor, dtype=np.float64))


def joined(parts: Sequence[Positions]) -> Positions:
    """Return several tables as one, in order."""
    return Positions(
        tuple(v for p in parts for v in p.venue),
        tuple(a for p in parts for a in p.asset),
        np.concatenate([p.side for p in parts]) if parts else np.zeros(0, dtype=np.int64),
        *(
            np.concatenate([getattr(p, name) for p in parts]) if parts else np.zeros(0)
            for name in ("entry_usd", "leverage", "coins", "count")
        ),
    )


def from_table(rows: pd.DataFrame) -> Positions:
    """Return positions of a table with the columns of `COLUMNS`, and ``count`` if given.

    Raises
    ------
    MalformedFile
        If a column is missing or unknown, or a side is neither ``long`` nor ``short``.
    InputError
        As `Positions`.
    """
    lacking = next((c for c in COLUMNS if c not in rows.columns), None)
    extra = next((c for c in rows.columns if c not in (*COLUMNS, "count")), None)
    if lacking is not None or extra is not None:
        what = f"have no column '{lacking}'" if lacking is not None else f"have an unknown column '{extra}'"
        raise MalformedFile(f"positions {what}.", remedy=f"Columns: {', '.join(COLUMNS)}, count.")
    sides = [str(s) for s in rows["side"]]
    odd = next((s for s in sides if s not in SIDES), None)
    if odd is not None:
        raise MalformedFile(f"a position has side '{odd}'.", remedy="Give long or short.")
    entry, notional = _column(rows, "entry_usd", above=0.0), _column(rows, "notional_usd", least=0.0)
    leverage = _column(rows, "leverage", least=1.0)
    count = _column(rows, "count", above=0.0) if "count" in rows else np.ones(len(rows))
    return Positions(
        tuple(str(v) for v in rows["venue"]),
        tuple(str(a) for a in rows["asset"]),
        np.array([SIDES[s] for s in sides], dtype=np.int64),
        entry,
        leverage,
        notional / entry,
        count,
    )


def _column(rows: pd.DataFrame, name: str, *, above: float = -np.inf, least: float = -np.inf) -> FloatArray:
    """Return a column's finite numbers; the first that is none, or too small, is named as it was given."""
    values = pd.to_numeric(rows[name], errors="coerce").to_numpy(dtype=np.float64)
    good = np.isfinite(values) & (values > above) & (values >= least)
    if not good.all():
        row = int(np.argmin(good))
        place = f"row {row} ({rows['venue'].iloc[row]}, {rows['asset'].iloc[row]})"
        wanted = f"above {above:g}" if np.isfinite(above) else f"of at least {least:g}"
        raise InputError(f"{place} has {name} '{rows[name].iloc[row]}'.", remedy=f"Give a number {wanted}.")
    return values


def stacked(
    venue: str,
    asset: str,
    side: int,
    tiers: Tiers,
    *,
    price_usd: float,
    nearest: float,
    farthest: float,
    usd_per_percent: float,
    leverage: Mapping[float, float],
    levels: int = 40,
    position_usd: float = 50_000.0,
) -> Positions:
    """Return open interest whose liquidation prices lie evenly in the log price beyond the price now.

    Parameters
    ----------
    venue, asset : str
    side : {1, -1}
    tiers : Tiers
        Of the venue and asset.
    price_usd : float
        Now.
    nearest, farthest : float
        Distances of the first and last liquidation price, log difference, ``0 <= nearest < farthest``.
    usd_per_percent : float
        Open interest, at ``price_usd``, that is liquidated per percent the price moves.
    leverage : mapping of float to float
        Shares by leverage at entry, summing to anything positive.
    levels : int
        Liquidation prices in a row.
    position_usd : float
        Size of one position.

    Raises
    ------
    InputError
        If a distance or share is impossible.
    """
    if not 0.0 <= nearest < farthest or levels < 1 or not usd_per_percent >= 0.0:
        raise InputError(
            f"open interest of {usd_per_percent} USD per percent from {nearest} to {farthest}.",
            remedy="Give amounts of at least 0 and distances that rise.",
        )
    if not leverage or min(leverage.values()) < 0.0 or not sum(leverage.values()) > 0.0:
        raise InputError(f"shares by leverage {dict(leverage)}.", remedy="Give shares of at least 0.")
    rate, deduction = tiers.at(position_usd)
    each_usd = usd_per_percent * (farthest - nearest) * 100.0 / levels
    total, parts = sum(leverage.values()), []
    for turn, (times, share) in enumerate(leverage.items()):
        place = (np.arange(levels) + (turn + 0.5) / len(leverage)) / levels  # leverages in turn: finer steps
        trigger = price_usd * np.exp(-side * (nearest + (farthest - nearest) * place))
        coins = np.full(levels, each_usd / price_usd * share / total)
        entry = _entry_of(trigger, times, side, rate, deduction, position_usd / price_usd)
        n = np.maximum(1.0, coins * price_usd / position_usd)
        parts.append(
            Positions((venue,) * levels, (asset,) * levels, np.full(levels, side), entry,
                      np.full(levels, times), coins, n)
        )  # fmt: skip
    return joined(parts)


def _entry_of(
    trigger: FloatArray, leverage: float, side: int, rate: float, deduction: float, coins: float
) -> FloatArray:
    """Return the entry price whose liquidation price is ``trigger``: the inverse of the closed form."""
    unit = bankruptcy_price(1.0, leverage, side)
    if unit <= 0.0:
        raise InputError(f"longs with leverage {leverage} are never liquidated.", remedy="Give more than 1.")
    return (trigger * (1.0 - side * rate) + side * deduction / coins) / unit


def taken(positions: Positions, rows: NDArray[np.bool_]) -> Positions:
    """Return the cohorts where ``rows`` (P,) is true."""
    kept = np.flatnonzero(rows)
    return Positions(
        tuple(positions.venue[i] for i in kept),
        tuple(positions.asset[i] for i in kept),
        *(getattr(positions, n)[kept] for n in ("side", "entry_usd", "leverage", "coins", "count")),
    )


def alive(
    positions: Positions, tiers: Mapping[tuple[str, str], Tiers], price_usd: Mapping[str, float]
) -> NDArray[np.bool_]:
    """Return which positions are not beyond their liquidation price, (P,).

    Parameters
    ----------
    positions : Positions
    tiers : mapping of (venue, asset) to Tiers
    price_usd : mapping of asset to float

    Raises
    ------
    UnknownAsset
        If a venue or asset is unknown.
    """
    level = _liquidation_usd(positions, tiers)
    now = np.array([price_usd[asset] for asset in positions.asset], dtype=np.float64)
    return np.asarray(np.isnan(level) | (positions.side * (now - level) >= 0.0))


def _liquidation_usd(positions: Positions, tiers: Mapping[tuple[str, str], Tiers]) -> FloatArray:
    """Return liquidation prices, (P,); NaN where nothing is held."""
    out = np.full(len(positions), np.nan)
    for row in range(len(positions)):
        key = (positions.venue[row], positions.asset[row])
        if key not in tiers:
            raise UnknownAsset(
                f"positions of '{key[1]}' on '{key[0]}', which is not traded there.",
                remedy=f"Traded: {', '.join(f'{a} on {v}' for v, a in tiers)}.",
            )
        if positions.coins[row] > 0.0:
            each = float(positions.coins[row]) / float(positions.count[row])
            rate, deduction = tiers[key].at(each * float(positions.entry_usd[row]))
            out[row] = liquidation_price(
                float(positions.bankruptcy_usd[row]), rate, int(positions.side[row]), deduction, each
            )
    return out


def check_alive(
    positions: Positions, tiers: Mapping[tuple[str, str], Tiers], price_usd: Mapping[str, float]
) -> None:
    """Refuse a position that should be liquidated before the first step; parameters as `alive`.

    Raises
    ------
    UnknownAsset
        If a venue or asset is unknown.
    InputError
        Naming the first position beyond its liquidation price.
    """
    living = alive(positions, tiers, price_usd)
    if not living.all():
        row = int(np.argmin(living))
        level = _liquidation_usd(positions, tiers)[row]
        venue, asset = positions.venue[row], positions.asset[row]
        now = price_usd[asset]
        raise InputError(
            f"row {row} ({venue}, {asset}) is liquidated at {level:.6g}, the price is {now:.6g}.",
            remedy="Leave out what is liquidated already.",
        )
