"""Leverage, and the number that warns, of positions the user knows: exchanges do not publish them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from abis.errors import InputError
from abis.findings import Finding, FindingKind, Severity
from risk.contagion import spectral_radius
from risk.venues.branching import branching
from risk.venues.market import Market, market_of
from risk.venues.now import leverage
from risk.venues.positions import Positions, alive, from_table, taken
from risk.venues.state import start
from risk.venues.venue import Venue


@dataclass(frozen=True, slots=True)
class Held:
    """Notional over what positions are worth, by asset, and the spectral radius of falls that bring falls."""

    leverage: Mapping[str, float]
    spectral_radius: float


def held_of(
    rows: pd.DataFrame,
    venues: Mapping[str, Venue],
    fair_usd: Mapping[str, float],
    depth_usd: Mapping[tuple[str, str], float],
) -> tuple[Held, list[Finding]]:
    """Return leverage and spectral radius at the fair prices.

    Parameters
    ----------
    rows : DataFrame
        As `from_table`.
    venues : mapping of name to Venue
        Rules and books of every venue of the rows.
    fair_usd : mapping of asset to float
        The first asset is the factor.
    depth_usd : mapping of (venue, asset) to float
        Measured, in place of the venues' own.

    Raises
    ------
    InputError
        If a venue of the rows has no profile, an asset no fair price, or as `from_table` and `market_of`.
    """
    positions = from_table(rows)
    _check_known(positions, venues, fair_usd)
    used = [_measured(v, venues[v], fair_usd, depth_usd) for v in dict.fromkeys(positions.venue)]
    tiers = {(v.name, a): t for v in used for a, t in v.margin.items()}
    living = alive(positions, tiers, fair_usd)
    findings = []
    if not living.all():
        usd = float((positions.coins * [fair_usd[a] for a in positions.asset])[~living].sum())
        text = f"{int((~living).sum())} rows are liquidated at the fair price already: left out."
        findings.append(Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, "positions", text, value_usd=usd))
    market = market_of(used, fair_usd, taken(positions, living))
    state = start(market, 1)
    price = np.tile(market.price_usd, (len(used), 1))
    by_asset = {a: leverage(market, state, 0, k, price[:, k]) for k, a in enumerate(market.assets)}
    return Held(by_asset, _radius(market)), findings


def _radius(market: Market) -> float:
    return spectral_radius(branching(market, start(market, 1)))


def _check_known(positions: Positions, venues: Mapping[str, Venue], fair_usd: Mapping[str, float]) -> None:
    strange = next((v for v in positions.venue if v not in venues), None)
    if strange is not None:
        raise InputError(
            f"positions on '{strange}', a venue without rules.", remedy=f"Give --profile {strange}=large."
        )
    unpriced = next((a for a in positions.asset if a not in fair_usd), None)
    if unpriced is not None:
        raise InputError(
            f"positions of '{unpriced}', which has no fair price here.", remedy="Fetch its candles."
        )


def _measured(
    name: str, venue: Venue, fair_usd: Mapping[str, float], depth_usd: Mapping[tuple[str, str], float]
) -> Venue:
    books = {
        a: replace(b, depth_usd=depth_usd.get((name, a), b.depth_usd))
        for a, b in venue.books.items()
        if a in fair_usd
    }
    margin = {a: t for a, t in venue.margin.items() if a in books}
    return replace(venue, name=name, books=books, margin=margin)
