"""Cross-venue stress of one moment in numbers: what a monitor shows of exchanges.

Everything is read from a state and the record of the last stretch; nothing is simulated.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from abis.errors import InputError
from risk.contagion import spectral_radius
from risk.venues.branching import branching
from risk.venues.kernel import EIGHT_HOURS_S, Record
from risk.venues.market import Market
from risk.venues.positions import FloatArray
from risk.venues.state import State, open_interest_usd

YEAR_S, HOUR_S = 365.0 * 86_400.0, 3_600.0


@dataclass(frozen=True, slots=True)
class Stress:
    """One asset at one moment.

    Parameters
    ----------
    asset : str
    dispersion : float
        Highest over lowest venue price, log difference.
    depth_share : float
        Depth that is there over depth in calm, all venues.
    open_interest_usd, leverage : float
        Of leveraged positions; notional over what they are worth, all together; NaN without any.
    funding_year : float
        The rate longs would pay over a year at the present premium, mean of venues by open interest.
    liquidated_usd_hour : float
        Over the record, per hour.
    oracle_gap : float
        Log distance of the fair price from what an oracle last reported; NaN where none was given.
    """

    asset: str
    dispersion: float
    depth_share: float
    open_interest_usd: float
    leverage: float
    funding_year: float
    liquidated_usd_hour: float
    oracle_gap: float


@dataclass(frozen=True, slots=True)
class Moment:
    """All assets, and the number that warns."""

    assets: tuple[Stress, ...]
    spectral_radius: float

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values; NaN becomes None."""
        rows = [{k: None if v != v else v for k, v in asdict(a).items()} for a in self.assets]
        return {"assets": rows, "spectral_radius": self.spectral_radius}


def moment(
    market: Market,
    state: State,
    record: Record,
    seconds: float,
    *,
    s: int = 0,
    oracle_usd: dict[str, float] | None = None,
) -> Moment:
    """Return the numbers at the end of a record.

    Parameters
    ----------
    market, state
    record : Record
        Of the last stretch, ending at the state.
    seconds : float
        Its length.
    s : int
        Scenario.
    oracle_usd : dict of asset to float, optional
        What each asset's oracle last reported.

    Raises
    ------
    InputError
        If the stretch has no length.
    """
    if not seconds > 0.0:
        raise InputError(f"a record of {seconds} s.", remedy="Give its length in seconds.")
    rows = tuple(
        _stress(market, state, record, seconds, s, k, (oracle_usd or {}).get(asset, np.nan))
        for k, asset in enumerate(market.assets)
    )
    return Moment(rows, spectral_radius(branching(market, state, s)))


def _stress(
    market: Market, state: State, record: Record, seconds: float, s: int, k: int, oracle: float
) -> Stress:
    price = record.price_usd[s, -1, :, k]
    depth = market.arrays.book["depth"][:, k]
    held = open_interest_usd(market, state, np.nan_to_num(record.price_usd[:, -1]))[s, :, k]
    total = float(held.sum())
    rates = funding_year(market, state)[s, :, k]
    weight = held.sum(axis=1)
    return Stress(
        asset=market.assets[k],
        dispersion=float(np.log(np.nanmax(price) / np.nanmin(price))),
        depth_share=float((depth * state.book["share"][s, :, k]).sum() / depth.sum()),
        open_interest_usd=total,
        leverage=leverage(market, state, s, k, price),
        funding_year=float((rates * weight).sum() / weight.sum()) if total > 0.0 else 0.0,
        liquidated_usd_hour=float(record.liquidated_usd[s, :, :, k].sum() * HOUR_S / seconds),
        oracle_gap=float(np.log(record.index_usd[s, -1, k] / oracle)) if oracle > 0.0 else np.nan,
    )


def leverage(market: Market, state: State, s: int, k: int, price: FloatArray) -> float:
    """Return notional over what leveraged positions of asset ``k`` are worth, at a price a venue (V,).

    NaN where there are none, or all together are worth nothing.
    """
    notional = equity = 0.0
    for v in range(len(market.venues)):
        rows = slice(market.arrays.reach[v, k, 0], market.arrays.reach[v, k, 2])
        cohort, side = state.cohort[s, rows], market.positions.side[rows]
        notional += float((cohort["coins"] * price[v]).sum()) if len(cohort) else 0.0
        equity += (
            float((side * cohort["coins"] * (price[v] - cohort["bankrupt"])).sum()) if len(cohort) else 0.0
        )
    return notional / equity if equity > 0.0 else np.nan


def funding_year(market: Market, state: State) -> FloatArray:
    """Return the yearly rate longs pay at the average premium since the last funding, (S, V, K).

    It is what a basis trade earns, short the perpetual and long the coin; stablecoins made of that trade
    yield it, and loops on them unwind when it falls below what they pay for their debt.
    """
    rule = market.arrays.rule
    passed = np.maximum(state.scenario["time_s"][:, None] - state.venue["funded_s"], 1.0)
    average = state.book["owed"] / passed[:, :, None]
    clamp, interest = rule["clamp"][:, None], rule["interest"][:, None]
    eight = average + np.clip(interest - average, -clamp, clamp)
    return np.asarray(eight * YEAR_S / EIGHT_HOURS_S)
