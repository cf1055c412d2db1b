"""Where prices end when liquidations of several assets deepen each other's fall, and how close to a run.

A static map beside the engine's path.  At prices ``p`` an account with ``W = sum(threshold c p)``
below ``D = sum(d p)`` sells of each collateral the share ``min(1, f D (1 + bonus) / C)``, ``f`` the close
factor or 1 where ``W / D`` is at or below the limit of a full close.  With ``S(p)`` what all sell and
``g`` the marginal price of a depth curve::

    Phi(p) = p_exo (1 - w (1 - g(S(p))))

Sales fall with prices of collateral and rise with prices of debt.  Iterating a lower bound with low
collateral and dear debt, and an upper bound the other way round, encloses every fixed point.  Where no
debt is owed in an asset whose price sales move, Phi is increasing and the two ends *are* the worst
and the best fixed point (Tarski); else they are an interval, and a path decides (`risk.stress`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abis.errors import InputError
from protocols.liquidation_rules import SizingRule
from protocols.snapshot import Snapshot
from risk.depth import Depth, FloatArray
from risk.engine.advance import engine_of
from risk.engine.feedback import marginal_share

ROUNDS = 10_000
SETTLED = 1e-12  # relative change of prices that ends the iteration


@dataclass(frozen=True, eq=False, slots=True)
class FixedPoints:
    """Both ends.

    Parameters
    ----------
    low_usd, high_usd : (A,) float64
        Prices: worst and best fixed point where ``monotone``, else bounds of all of them.
    monotone : bool
    rounds : int
    settled : bool
        Whether prices stopped moving; if not the bounds still hold, but are wide.
    """

    low_usd: FloatArray
    high_usd: FloatArray
    monotone: bool
    rounds: int
    settled: bool

    @property
    def self_fulfilling(self) -> FloatArray:
        """Return how much lower prices end if everybody expects it, (A,) as a share of the best."""
        return 1.0 - self.low_usd / np.where(self.high_usd > 0, self.high_usd, 1.0)


class Market:
    """A book and its depth as the map reads them.

    Parameters
    ----------
    snapshot : Snapshot
    depth : Depth
    share : float
        ``w``, of the impact that reaches the oracle, 0 to 1.
    """

    def __init__(self, snapshot: Snapshot, depth: Depth, share: float = 1.0) -> None:
        if not 0.0 <= share <= 1.0:
            raise InputError(f"an impact share of {share}.", remedy="Give one from 0 to 1.")
        c, d = snapshot.book.collateral, snapshot.book.debt
        self.snapshot, self.share, self.n = snapshot, share, len(snapshot.book)
        self.model = engine_of(snapshot, depth=depth).model
        self.c_tokens = np.where(
            c.counted & (c.bonus_bps > 0), c.amount_raw.astype(np.float64) / snapshot.unit[c.reserve], 0.0
        )
        self.d_tokens = d.amount_raw.astype(np.float64) / snapshot.unit[d.reserve]
        owed = np.bincount(d.reserve, self.d_tokens, len(snapshot.reserves))
        self.monotone = bool(not ((owed > 0) & ~depth.infinite).any())

    def sold(self, collateral_usd: FloatArray, debt_usd: FloatArray) -> FloatArray:
        """Return what is sold, (A,) whole tokens, at prices of collateral and of debt."""
        c, d, rules = self.snapshot.book.collateral, self.snapshot.book.debt, self.snapshot.rules
        value = self.c_tokens * collateral_usd[c.reserve]
        held = np.bincount(c.account, value, self.n)
        weighted = np.bincount(c.account, value * c.threshold_bps / 1e4, self.n)
        owed = np.bincount(d.account, self.d_tokens * debt_usd[d.reserve], self.n)
        full = weighted <= rules.full_close_below_wad / 1e18 * owed
        if rules.sizing is SizingRule.HALF_OF_RESERVE:
            full[:] = False
        repaid = np.where(weighted < owed, np.where(full, 1.0, rules.close_factor_bps / 1e4) * owed, 0.0)
        ratio = np.divide(repaid, held, out=np.zeros(self.n), where=held > 0)
        part = np.minimum(1.0, ratio[c.account] * c.bonus_bps / 1e4)
        return np.bincount(c.reserve, self.c_tokens * part, len(self.snapshot.reserves)).astype(np.float64)

    def price(self, outside_usd: FloatArray, sold: FloatArray) -> FloatArray:
        """Return the prices (A,) that sales lead to."""
        at = [float(marginal_share(self.model, a, sold[a])) for a in range(len(sold))]
        return np.asarray(outside_usd * (1.0 - self.share * (1.0 - np.array(at))))

    def everything(self) -> FloatArray:
        """Return all collateral of accounts that owe, (A,) whole tokens."""
        c, owes = self.snapshot.book.collateral, np.zeros(self.n, dtype=bool)
        owes[self.snapshot.book.debt.account] = True
        tokens = np.where(owes[c.account], self.c_tokens, 0.0)
        return np.bincount(c.reserve, tokens, len(self.snapshot.reserves)).astype(np.float64)


def fixed_points(market: Market, outside_usd: ArrayLike) -> FixedPoints:
    """Return where prices end.

    Parameters
    ----------
    market : Market
    outside_usd : (A,) array_like of float
        Prices without the sales.

    Raises
    ------
    InputError
        If a price is negative or not finite.
    """
    outside = _prices(outside_usd)
    low, high = market.price(outside, market.everything()), outside
    for k in range(1, ROUNDS + 1):
        lower = market.price(outside, market.sold(low, high))
        upper = market.price(outside, market.sold(high, low))
        moved = max(np.abs(lower - low).max(initial=0.0), np.abs(upper - high).max(initial=0.0))
        low, high = np.maximum(lower, low), np.minimum(upper, high)
        if moved <= SETTLED * outside.max(initial=0.0):
            return FixedPoints(low, high, market.monotone, k, True)
    return FixedPoints(low, high, market.monotone, ROUNDS, False)


def branching(market: Market, outside_usd: ArrayLike, step: float = 0.01) -> FloatArray:
    """Return by how much a fall of b makes a fall, (A, A): ``-d ln Phi_a / d ln p_b`` over ``step``.

    With one asset it is the branching ratio: liquidations per percent over depth per percent.
    """
    outside = _prices(outside_usd)
    if not 0.0 < step < 1.0:
        raise InputError(f"a step of {step}.", remedy="Give a fraction, such as 0.01.")
    at = market.price(outside, market.sold(outside, outside))
    out = np.zeros((len(outside), len(outside)))
    for b in range(len(outside)):
        fallen = outside.copy()
        fallen[b] *= 1.0 - step
        after = market.price(outside, market.sold(fallen, fallen))
        safe = np.where((at > 0) & (after > 0), at, 1.0)
        out[:, b] = np.log(safe / np.where((at > 0) & (after > 0), after, 1.0)) / step
    return out


def spectral_radius(
    chain: ArrayLike,
    exchange: ArrayLike | None = None,
    chain_to_exchange: ArrayLike | None = None,
    exchange_to_chain: ArrayLike | None = None,
) -> float:
    """Return the joint spectral radius of exchange and chain: a run feeds itself at 1 and above.

    Parameters
    ----------
    chain : (A, A) array_like of float
        `branching` of the market.
    exchange : (B, B) array_like of float, optional
        The same of the venues' liquidation engines.
    chain_to_exchange, exchange_to_chain : (B, A) and (A, B) array_like of float, optional
        Fall of the first's assets a fall of the second's leads to; none by default.
    """
    own: NDArray[np.float64] = np.atleast_2d(np.asarray(chain, dtype=np.float64))
    if exchange is not None:
        other = np.atleast_2d(np.asarray(exchange, dtype=np.float64))
        down = (
            np.zeros((len(other), len(own))) if chain_to_exchange is None else np.asarray(chain_to_exchange)
        )
        up = np.zeros((len(own), len(other))) if exchange_to_chain is None else np.asarray(exchange_to_chain)
        own = np.block([[other, down], [up, own]])
    if own.shape[0] != own.shape[1] or not np.isfinite(own).all():
        raise InputError(f"a branching matrix of shape {own.shape}.", remedy="Give finite square blocks.")
    return float(np.abs(np.linalg.eigvals(own)).max(initial=0.0))


def _prices(outside_usd: ArrayLike) -> FloatArray:
    outside = np.asarray(outside_usd, dtype=np.float64)
    if not (np.isfinite(outside) & (outside >= 0)).all():
        raise InputError(f"prices {outside} are impossible.", remedy="Give finite prices of at least 0.")
    return outside
