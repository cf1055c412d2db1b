"""What a market could lose whatever the scenario: figures of its book, caps and parameters.

They stand beside a stress test because no scenario shows them: who is large, what a failure of
the two largest costs, what an empty cap lends an attacker, and how soon a new account is called.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.prices import market_price_usd
from risk.measures import CoverTwo, account_totals, cover_two, herfindahl, top_share
from risk.proposal.capacity import borrow_power_usd
from risk.scenarios.scenarios import Scenarios
from risk.solver.cap_fill import CapFill, cap_fill, cap_fill_families
from risk.solver.new_position import NewPosition, new_positions


@dataclass(frozen=True, slots=True)
class Exposure:
    """A market as it stands.

    Parameters
    ----------
    debt_usd : float
        Of all accounts, at oracle prices.
    borrow_power_usd : float
        Counted collateral times LTV.
    borrowers : int
        Accounts with debt.
    top_1_share, top_10_share, herfindahl : float
        Concentration of debt by account.
    cover_two : CoverTwo
        The two largest borrowers fail together, at the snapshot's prices.
    worst : str
        Name of a scenario; empty without one.
    cover_two_worst : CoverTwo or None
        The same at its last market prices.
    caps, families : tuple of CapFill
        Of single assets and of the tokens that follow one coin, largest loss first.
    new_positions : tuple of NewPosition
        Accounts opened at maximal LTV, most likely liquidated first.
    """

    debt_usd: float
    borrow_power_usd: float
    borrowers: int
    top_1_share: float
    top_10_share: float
    herfindahl: float
    cover_two: CoverTwo
    worst: str
    cover_two_worst: CoverTwo | None
    caps: tuple[CapFill, ...]
    families: tuple[CapFill, ...]
    new_positions: tuple[NewPosition, ...]


def exposure(
    snapshot: Snapshot, depth: Depth | None = None, worst: tuple[Scenarios, int] | None = None
) -> Exposure:
    """Return the exposure of a market.

    Parameters
    ----------
    snapshot : Snapshot
    depth : Depth, optional
        What selling fetches; infinite by default.
    worst : (Scenarios, int), optional
        A scenario at whose end the two largest borrowers fail once more.
    """
    debt, _, _ = account_totals(snapshot)
    return Exposure(
        debt_usd=float(debt.sum()),
        borrow_power_usd=borrow_power_usd(snapshot),
        borrowers=int((debt > 0).sum()),
        top_1_share=top_share(debt, 1),
        top_10_share=top_share(debt, 10),
        herfindahl=herfindahl(debt),
        cover_two=cover_two(snapshot, depth),
        worst="" if worst is None else worst[0].names[worst[1]],
        cover_two_worst=None if worst is None else _at_the_end(snapshot, depth, *worst),
        caps=cap_fill(snapshot),
        families=cap_fill_families(snapshot),
        new_positions=new_positions(snapshot),
    )


def _at_the_end(snapshot: Snapshot, depth: Depth | None, scenarios: Scenarios, place: int) -> CoverTwo:
    last = market_price_usd(scenarios.produce(place, place + 1))[0, -1]
    now = snapshot.price_usd
    factor = np.divide(last, now, out=np.ones_like(now), where=now > 0)
    return cover_two(snapshot, depth, factor)
