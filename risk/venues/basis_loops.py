"""Loops on a basis-trade stablecoin: the token held against borrowed dollars, and what that carries.

At leverage ``L`` the carry on equity is ``yield L - rate (L - 1)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abis.errors import InputError
from abis.findings import Finding, FindingKind, Severity
from abis.units import RAY
from protocols.snapshot import Snapshot
from risk.scenarios.families import chain, is_stable
from risk.venues.basis import Issuer
from risk.venues.positions import FloatArray

LEAST_SHARE = 0.9  # of collateral in the token, for an account to count as a loop on it


class Curve(NamedTuple):
    """One debt reserve: its two-slope rate, a year, and its totals, US dollars."""

    name: str
    base: float
    slope1: float
    slope2: float
    optimal: float
    debt_usd: float
    liquidity_usd: float

    def utilisation(self, repaid_usd: float) -> float:
        """Return ``debt / (debt + liquidity)`` after a repayment, which turns debt into liquidity."""
        total = self.debt_usd + self.liquidity_usd
        return max(0.0, self.debt_usd - repaid_usd) / total if total > 0.0 else 0.0

    def rate(self, repaid_usd: float = 0.0) -> float:
        """Return the yearly rate on debt after a repayment; the twin of the contract's integers."""
        u = self.utilisation(repaid_usd)
        if u <= self.optimal:
            return self.base + (self.slope1 * u / self.optimal if self.optimal > 0.0 else 0.0)
        return self.base + self.slope1 + self.slope2 * (u - self.optimal) / (1.0 - self.optimal)


@dataclass(frozen=True, eq=False)
class Loops:
    """N accounts that hold the token against debt in J reserves, US dollars at the market's prices.

    Parameters
    ----------
    account : tuple of str
    emode : (N,) int64
    plain_usd, staked_usd : (N,) float64
        Collateral.
    debt_usd : (N, J) float64
    curves : tuple of Curve, length J
    own : (J,) bool
        Reserves that lend the token itself: repaid with it, without a sale.
    findings : tuple of Finding
    """

    account: tuple[str, ...]
    emode: NDArray[np.int64]
    plain_usd: FloatArray
    staked_usd: FloatArray
    debt_usd: FloatArray
    curves: tuple[Curve, ...]
    own: NDArray[np.bool_]
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if (self.equity_usd <= 0.0).any():
            worst = int(np.argmin(self.equity_usd))
            raise InputError(
                f"loop {self.account[worst]} has no equity.", remedy="Leave accounts under water out."
            )

    @property
    def collateral_usd(self) -> FloatArray:
        """Of each loop, (N,)."""
        return self.plain_usd + self.staked_usd

    @property
    def equity_usd(self) -> FloatArray:
        """Of each loop, (N,)."""
        return np.asarray(self.collateral_usd - self.debt_usd.sum(axis=1))

    @property
    def leverage(self) -> FloatArray:
        """Collateral over equity, (N,)."""
        return self.collateral_usd / self.equity_usd

    def carry(self, issuer: Issuer, staked_yield: float, rates: FloatArray) -> FloatArray:
        """Return what each loop earns a year on its equity, (N,).

        Parameters
        ----------
        issuer : Issuer
        staked_yield : float
            Paid on staked tokens, a year.
        rates : (J,) float64
            On debt, a year.
        """
        earns = staked_yield * (self.staked_usd + issuer.plain_earns * self.plain_usd)
        return np.asarray((earns - self.debt_usd @ rates) / self.equity_usd)


def loops_of(snapshot: Snapshot, issuer: Issuer) -> Loops:
    """Return a market's loops on the token.

    An account counts if at least 90 % of its collateral is the token and all of its debt is dollars (coins
    pegged to the dollar, the token itself included).  Others who hold it and owe are findings, and so are
    accounts under water.

    Parameters
    ----------
    snapshot : Snapshot
    issuer : Issuer

    Raises
    ------
    InputError
        If no account loops the token.
    """
    names, book = snapshot.asset_names, snapshot.book
    symbols = [r.symbol for r in snapshot.reserves]
    dollar = np.array([is_stable(chain(n, s)[-1]) for n, s in zip(names, symbols, strict=True)])
    plain, staked = (np.array([s in group for s in symbols]) for group in (issuer.plain, issuer.staked))
    accounts = len(book.accounts)
    held = np.zeros((accounts, 3))
    kind = np.where(plain, 0, np.where(staked, 1, 2))
    np.add.at(held, (_owner(book.collateral.indptr), kind[book.collateral.reserve]), snapshot.collateral_usd)
    owed = np.zeros((accounts, len(names)))
    np.add.at(owed, (_owner(book.debt.indptr), book.debt.reserve), snapshot.debt_usd)
    total, debt = held.sum(axis=1), owed.sum(axis=1)
    token = held[:, 0] + held[:, 1]
    borrows = (token > 0.0) & (debt > 0.0)
    mixed = borrows & ((token < LEAST_SHARE * total) | (owed[:, ~dollar].sum(axis=1) > 0.0))
    under = borrows & ~mixed & (token <= debt)
    chosen = np.flatnonzero(borrows & ~mixed & ~under)
    if not len(chosen):
        raise InputError(
            f"no account of this market loops {', '.join(issuer.tokens)}.",
            remedy="Give a market that lists them, or another issuer.",
        )
    reserves = np.flatnonzero(owed[chosen].sum(axis=0) > 0.0)
    findings = [*_left_out(mixed, "with other collateral or debt", debt, issuer),
                *_left_out(under, "under water", debt, issuer),
                *_fixed_rates(snapshot, reserves)]  # fmt: skip
    return Loops(
        tuple(book.accounts[i] for i in chosen),
        np.asarray(book.emode[chosen], dtype=np.int64),
        held[chosen, 0],
        held[chosen, 1],
        owed[np.ix_(chosen, reserves)],
        tuple(_curve(snapshot, int(j)) for j in reserves),
        plain[reserves] | staked[reserves],
        tuple(findings),
    )


def _owner(indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def _left_out(rows: NDArray[np.bool_], why: str, debt: FloatArray, issuer: Issuer) -> list[Finding]:
    if not rows.any():
        return []
    usd = float(debt[rows].sum())
    message = f"{int(rows.sum())} accounts {why} hold it and owe {usd:,.0f} USD: left out."
    return [Finding(FindingKind.UNSUPPORTED, Severity.LOW, issuer.name, message, usd)]


def _fixed_rates(snapshot: Snapshot, reserves: NDArray[np.int64]) -> list[Finding]:
    return [
        Finding(
            FindingKind.MISSING, Severity.LOW, snapshot.asset_names[j], "no interest curve: its rate stays."
        )
        for j in reserves
        if snapshot.reserves[j].rate_model is None
    ]


def _curve(snapshot: Snapshot, j: int) -> Curve:
    r, name = snapshot.reserves[j], snapshot.asset_names[j]
    unit = float(snapshot.price_usd[j]) / float(snapshot.unit[j])
    debt, liquidity = r.total_debt_raw * unit, r.available_liquidity_raw * unit
    if r.rate_model is None:
        return Curve(name, r.variable_borrow_rate_ray / RAY, 0.0, 0.0, 1.0, debt, liquidity)
    m = r.rate_model
    slopes = (m.base_ray / RAY, m.slope1_ray / RAY, m.slope2_ray / RAY, m.optimal_ray / RAY)
    return Curve(name, *slopes, debt, liquidity)
