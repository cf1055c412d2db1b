"""Interest along a path: balances grow with the indices of their reserves.

The indices are the contract's integers (`protocols.exact.exact_interest`), the same for every
scenario: what liquidations of one scenario do to the rates is not modelled.  A balance at time t
is the snapshot's plus what its scaled amount has grown by, rounded as the release's token rounds;
debt at a stable rate stands still.  Balances of accounts already liquidated grow in floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abis.errors import InputError
from abis.findings import Finding, FindingKind, Severity
from abis.units import RAY, ray_mul_down, ray_mul_half_up, ray_mul_up
from protocols.exact import exact_interest
from protocols.liquidation_rules import Rounding
from protocols.position import Position
from protocols.snapshot import CollateralBlock, DebtBlock, RawArray, Snapshot
from risk.engine.arrays import FloatArray, account_records
from risk.engine.jit import kernel
from risk.engine.model import Model
from risk.engine.state import CALLED, State

_RAY_MUL: dict[Rounding, Callable[[int, int], int]] = {
    Rounding.DOWN: ray_mul_down,
    Rounding.UP: ray_mul_up,
    Rounding.HALF_UP: ray_mul_half_up,
}
_SHIFT = {Rounding.DOWN: 0.0, Rounding.UP: 1.0, Rounding.HALF_UP: 0.5}  # floor(x + shift), x no integer
EXACT_BELOW = 2.0**53
WIDE = np.finfo(np.longdouble)


@dataclass(frozen=True, slots=True)
class Accrual:
    """How interest runs along a path.

    Parameters
    ----------
    from_model : bool
        Rates follow utilisation by each reserve's rate model, touched at every time of the path;
        False: the snapshot's rates stand still.
    fully_used : bool
        Nothing can be withdrawn: utilisation is 100 % from the start.
    """

    from_model: bool = True
    fully_used: bool = False


@dataclass(frozen=True, eq=False)
class Growth:
    """The indices of all reserves at the times of a path.

    Parameters
    ----------
    snapshot : Snapshot
    time_s : tuple of float
        0 and the path's times, increasing.
    supply_ray, debt_ray : tuple of tuple of int
        Per time and reserve.
    findings : tuple of Finding
    """

    snapshot: Snapshot
    time_s: tuple[float, ...]
    supply_ray: tuple[tuple[int, ...], ...]
    debt_ray: tuple[tuple[int, ...], ...]
    findings: tuple[Finding, ...]

    def place(self, time_s: float) -> int:
        """Return the row of a time.

        Raises
        ------
        InputError
            If the path has no such time.
        """
        try:
            return self.time_s.index(time_s)
        except ValueError:
            raise InputError(
                f"interest was not accrued to {time_s} s.", remedy="Accrue over the times of the path."
            ) from None

    def collateral_raw(self, place: int, entries: slice = slice(None)) -> RawArray:
        """Return the collateral entries' exact balances at a time."""
        rounding = self.snapshot.rules.supply_balance_rounding
        return _balances(self.snapshot.book.collateral, self.supply_ray, place, rounding, entries)

    def debt_raw(self, place: int, entries: slice = slice(None)) -> RawArray:
        """Return the debt entries' exact balances at a time."""
        rounding = self.snapshot.rules.debt_balance_rounding
        return _balances(self.snapshot.book.debt, self.debt_ray, place, rounding, entries)

    def model(self, model: Model, place: int) -> Model:
        """Return ``model`` with the balances of a time; itself where no index has moved."""
        if self.supply_ray[place] == self.supply_ray[0] and self.debt_ray[place] == self.debt_ray[0]:
            return model
        book, rules = self.snapshot.book, self.snapshot.rules
        c = _floats(book.collateral, self.supply_ray, place, rules.supply_balance_rounding)
        d = _floats(book.debt, self.debt_ray, place, rules.debt_balance_rounding)
        accounts = account_records(self.snapshot, model.collateral, model.debt, model.quote, c, d)
        return model._replace(account=accounts, c_amount=c, d_amount=d)

    def position(self, account: int, prices_raw: Sequence[int], place: int) -> Position:
        """Return one account in exact integers at a time, at raw prices."""
        own = self.snapshot.position(account, prices_raw)
        c, d = (
            slice(int(b.indptr[account]), int(b.indptr[account + 1]))
            for b in (self.snapshot.book.collateral, self.snapshot.book.debt)
        )
        return Position(
            tuple(
                replace(leg, balance_raw=int(amount), index_ray=self.supply_ray[place][leg.reserve])
                for leg, amount in zip(own.collateral, self.collateral_raw(place, c), strict=True)
            ),
            tuple(
                replace(leg, balance_raw=int(amount), index_ray=self.debt_ray[place][leg.reserve])
                for leg, amount in zip(own.debt, self.debt_raw(place, d), strict=True)
            ),
        )

    def factors(self, since: int, place: int) -> tuple[FloatArray, FloatArray]:
        """Return how much supply and debt balances grew between two times, (A,) each."""
        supply, debt = (
            np.array([b / a if a else 1.0 for a, b in zip(rows[since], rows[place], strict=True)])
            for rows in (self.supply_ray, self.debt_ray)
        )
        return supply, debt


def growth_of(snapshot: Snapshot, time_s: FloatArray, accrual: Accrual) -> Growth:
    """Return the indices along a path.

    Parameters
    ----------
    snapshot : Snapshot
    time_s : (T,) float64
        Seconds from the snapshot, increasing; a fraction of a second earns nothing.
    accrual : Accrual
    """
    times = tuple(dict.fromkeys([0.0, *(float(t) for t in time_s)]))
    along = exact_interest(snapshot.rules).indices_along
    columns = [
        along(
            reserve,
            snapshot.rules,
            [int(t) for t in times],
            from_model=accrual.from_model,
            liquidity_raw=0 if accrual.fully_used else None,
        )
        for reserve in snapshot.reserves
    ]
    rows = list(zip(*columns, strict=True)) if columns else [() for _ in times]
    supply = tuple(tuple(one.supply_ray for one in row) for row in rows)
    debt = tuple(tuple(one.debt_ray for one in row) for row in rows)
    return Growth(snapshot, times, supply, debt, _findings(snapshot, accrual))


def _findings(snapshot: Snapshot, accrual: Accrual) -> tuple[Finding, ...]:
    found = []
    if accrual.from_model:
        found += [
            Finding(
                FindingKind.MISSING,
                Severity.LOW,
                name,
                "the snapshot has no rate model: interest runs at the snapshot's rates.",
            )
            for name, reserve in zip(snapshot.asset_names, snapshot.reserves, strict=True)
            if reserve.rate_model is None
        ]
    if snapshot.book.debt.stable_raw.any():
        found.append(
            Finding(
                FindingKind.UNSUPPORTED,
                Severity.LOW,
                "interest",
                "debt at stable rates does not accrue: their rates are not in the snapshot.",
            )
        )
    return tuple(found)


def _balances(
    block: CollateralBlock | DebtBlock,
    rows: tuple[tuple[int, ...], ...],
    place: int,
    rounding: Rounding,
    entries: slice,
) -> RawArray:
    mul, first, now = _RAY_MUL[rounding], rows[0], rows[place]
    columns = (block.amount_raw[entries], block.scaled_raw[entries], block.reserve[entries].tolist())
    grown = [
        int(amount) + mul(int(scaled), now[i]) - mul(int(scaled), first[i])
        for amount, scaled, i in zip(*columns, strict=True)
    ]
    out = np.empty(len(grown), dtype=object)
    out[:] = grown
    return out


def _floats(
    block: CollateralBlock | DebtBlock, rows: tuple[tuple[int, ...], ...], place: int, rounding: Rounding
) -> FloatArray:
    """Return `_balances` as float64: exact below 2**53, else within two roundings.

    Products are taken in extended precision; an entry whose product lies within its error of a
    point where rounding turns is taken in integers, all of them where the platform has none.
    """
    if WIDE.nmant < 60:
        return _balances(block, rows, place, rounding, slice(None)).astype(np.float64)
    scaled = block.scaled_raw.astype(np.longdouble)
    then, now = (
        scaled * np.array(row, dtype=object).astype(np.longdouble)[block.reserve] / np.longdouble(RAY)
        for row in (rows[0], rows[place])
    )
    shift, open_ = np.longdouble(_SHIFT[rounding]), np.zeros(len(scaled), dtype=bool)
    whole = []
    for x in (then, now):
        whole.append(np.floor(x + shift))
        open_ |= np.abs(x + shift - np.rint(x + shift)) <= 8 * WIDE.eps * (x + 1)
    base = block.amount_raw.astype(np.longdouble)
    out: FloatArray = (base + (whole[1] - whole[0])).astype(np.float64)
    # Beyond 2**53 floats do not hold units, so a unit too much is no more than their rounding.
    for k in np.flatnonzero(open_ & (now < EXACT_BELOW)):
        out[k] = float(_balances(block, rows, place, rounding, slice(int(k), int(k) + 1))[0])
    return out


@kernel
def grow(first: int, last: int, supply: FloatArray, debt: FloatArray, model: Model, state: State) -> None:
    """Let the balances of accounts already liquidated grow by factors (A,)."""
    for s in range(first, last):
        for u in range(len(model.account)):
            if state.flags[s, u] & CALLED == 0:
                continue
            account = model.account[u]
            for c in range(account.c_first, account.c_last):
                state.c_amount[s, c] = np.floor(state.c_amount[s, c] * supply[model.collateral[c].asset])
            for d in range(account.d_first, account.d_last):
                state.d_amount[s, d] = np.floor(state.d_amount[s, d] * debt[model.debt[d].asset])


def position_at(
    snapshot: Snapshot, growth: Growth | None, time_s: float
) -> Callable[[int, Sequence[int]], Position]:
    """Return how to get an account's exact position at a time, from its place and raw prices."""
    if growth is None:
        return snapshot.position
    place = growth.place(time_s)
    return lambda account, prices: growth.position(account, prices, place)
