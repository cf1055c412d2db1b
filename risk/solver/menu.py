"""The menu: what each row of parameters may be set to, and which stated rule each option breaks.

A row is a collateral outside categories, a category, or a cap of a reserve.  Options of the first two
combine thresholds and bonuses around today's with LTVs.  Unless ``box.ltv_step_bps`` asks for more, the
LTV of an option follows: as high as the box and the new-position test let it be.  What is in force is
always on the menu, whatever it breaks.

LTVs that are proven no better are left out (`risk.solver.ltv_options`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from abis.errors import InputError
from abis.units import percent_mul_half_up
from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray, IntArray
from risk.engine.book_sweep import UNGOVERNED, Accounts, RowOptions
from risk.proposal.changes import FIELDS, Change
from risk.scenarios.families import tree_of
from risk.solver.cap_options import Kind, cap_places
from risk.solver.limits import Limits
from risk.solver.ltv_options import ltv_options
from risk.solver.pairs import Known, find_returns
from risk.solver.parameters import Parameters, emode_row, parameters_of
from risk.solver.pins import Pins, check_chosen, pins_of
from risk.solver.returns import DAY_S, Returns, shipped_returns

BPS = 10_000


class Rule(StrEnum):
    """What an option can break without any scenario."""

    VALIDATION = "what the configurator accepts"
    TOXICITY = "toxicity.max_threshold_times_bonus"
    PARTICIPATION = "participation"
    NEW_POSITION = "new_position.probability"
    PIN = "pin"


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a row, as the chain stores it (a bonus includes 10000).

    The parameters of a cap are those of no collateral; ``cap_tokens`` is 0 elsewhere.
    """

    parameters: Parameters
    broken: frozenset[Rule]
    cap_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One set of parameters that is changed as one.

    Parameters
    ----------
    subject : str
        Asset name, or ``emode:`` and id.  Untrusted text.
    place : int
        Index into the snapshot's reserves or e-modes.
    is_emode : bool
    members : tuple of int
        Reserves that are collateral under it, or whose cap it is.
    options : tuple of Option
    current : int
        Place of what is in force among them.
    kind : Kind
    """

    subject: str
    place: int
    is_emode: bool
    members: tuple[int, ...]
    options: tuple[Option, ...]
    current: int
    kind: Kind = Kind.COLLATERAL

    @property
    def name(self) -> str:
        """Return what tells it from all other rows: ``WETH``, ``emode:1``, ``WETH.supply_cap``."""
        return self.subject if self.kind is Kind.COLLATERAL else f"{self.subject}.{self.kind}"

    def changes(self, option: int) -> tuple[Change, ...]:
        """Return what choosing an option changes."""
        then, now = self.values(self.current), self.values(option)
        return tuple(
            Change(self.subject, self.place, self.is_emode, FIELDS[name], then[name], value)
            for name, value in now.items()
            if value != then[name]
        )

    def values(self, option: int) -> dict[str, int]:
        """Return what an option sets, by the name of the field."""
        chosen = self.options[option]
        if self.kind is not Kind.COLLATERAL:
            return {self.kind.value: chosen.cap_tokens}
        p = chosen.parameters
        return {"ltv": p.ltv_bps, "liquidation_threshold": p.threshold_bps, "liquidation_bonus": p.bonus_bps}


@dataclass(frozen=True, eq=False)
class Menu:
    """All rows of a market."""

    rows: tuple[Row, ...]

    @cached_property
    def row(self) -> IntArray:
        """Row of every option, (M,)."""
        return np.repeat(np.arange(len(self.rows)), [len(r.options) for r in self.rows])

    @cached_property
    def first(self) -> IntArray:
        """First option of every row and M, (R + 1,)."""
        return np.concatenate([[0], np.cumsum([len(r.options) for r in self.rows])]).astype(np.int64)

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """All options, row by row, (M,)."""
        return tuple(option for row in self.rows for option in row.options)

    @cached_property
    def current(self) -> IntArray:
        """Place of what is in force, (R,)."""
        return self.first[:-1] + np.array([row.current for row in self.rows], dtype=np.int64)

    def changes(self, chosen: IntArray) -> tuple[Change, ...]:
        """Return the changes of a choice: one option a row, as places among all."""
        places = chosen - self.first[:-1]
        return tuple(c for row, k in zip(self.rows, places, strict=True) for c in row.changes(int(k)))

    def row_options(self, relever: float = 0.0) -> RowOptions:
        """Return the numbers the sweep needs, debts following a share ``relever`` of every rise of LTV."""
        threshold = np.array([o.parameters.threshold_bps for o in self.options]) / BPS
        bonus = np.array([o.parameters.bonus for o in self.options])
        ltv = np.array([float(o.parameters.ltv_bps) for o in self.options])
        now = np.repeat(ltv[self.current], np.diff(self.first))
        rise = np.divide(ltv, now, out=np.ones_like(ltv), where=now > 0) - 1
        return RowOptions(self.first, threshold, bonus, self.current, 1 + relever * np.maximum(rise, 0))


def menu_of(snapshot: Snapshot, limits: Limits, *, table: Returns | None = None) -> Menu:
    """Return the menu of a market.

    Parameters
    ----------
    snapshot : Snapshot
    limits : Limits
    table : mapping, optional
        Returns of pairs for the new-position test; the shipped ones by default.

    Raises
    ------
    InputError
        If ``keep`` names what is no row, or nothing in the market is collateral.
    """
    known = table if table is not None else shipped_returns()
    pins = pins_of(snapshot, limits)
    rows = [_row(snapshot, limits, known, pins, *where) for where in _places(snapshot)]
    if not rows:
        raise InputError("nothing in this market is collateral.")
    names = [row.subject for row in rows]
    caps = list(_cap_rows(snapshot, limits, pins))
    names += [row.subject for row in caps if row.subject not in names]
    for name in limits.keep:
        if name not in names:
            raise InputError(f"solver.keep names {name!r}.", remedy=f"Rows are {', '.join(names)}.")
    menu = Menu((*rows, *(row for row in caps if row.subject not in limits.keep)))
    check_chosen(
        pins, {(r.is_emode, r.place, name) for r in menu.rows for name in r.values(r.current)}, snapshot
    )
    return menu


def accounts_of(snapshot: Snapshot, menu: Menu) -> Accounts:
    """Return every account with debt, entries governed by the menu's rows, in USD of the snapshot."""
    book = snapshot.book
    c, d = book.collateral, book.debt
    row_of: Mapping[tuple[bool, int], int] = {
        (r.is_emode, r.place): k for k, r in enumerate(menu.rows) if r.kind is Kind.COLLATERAL
    }
    mode = emode_row(snapshot)
    governed = np.array(
        [
            row_of.get((m > 0, m - 1 if m else i), UNGOVERNED)
            for m, i in zip(mode.tolist(), c.reserve.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    owing = np.diff(d.indptr) > 0
    usable = c.counted & owing[c.account] & (snapshot.collateral_usd > 0)
    counts = np.bincount(c.account[usable], minlength=len(book))[owing]
    return Accounts(
        c_indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        c_asset=c.reserve[usable].astype(np.int64),
        c_usd=snapshot.collateral_usd[usable],
        c_row=governed[usable],
        d_indptr=np.concatenate([[0], np.cumsum(np.diff(d.indptr)[owing])]).astype(np.int64),
        d_asset=d.reserve.astype(np.int64),
        d_usd=snapshot.debt_usd,
    )


def supplied_usd(snapshot: Snapshot, menu: Menu) -> FloatArray:
    """Return what borrowers and others have supplied as collateral under each row, (R,) USD."""
    c = snapshot.book.collateral
    mode = emode_row(snapshot)
    out = np.zeros(len(menu.rows))
    for k, row in enumerate(menu.rows):
        if row.kind is not Kind.COLLATERAL:
            continue
        under = (mode == row.place + 1) if row.is_emode else (mode == 0) & (c.reserve == row.place)
        out[k] = snapshot.collateral_usd[under & c.counted].sum()
    return out


def _places(snapshot: Snapshot) -> Iterator[tuple[str, int, bool, tuple[int, ...]]]:
    for i, reserve in enumerate(snapshot.reserves):
        if reserve.liquidation_threshold_bps and reserve.active:
            yield snapshot.asset_names[i], i, False, (i,)
    for k, mode in enumerate(snapshot.emodes):
        if mode.liquidation_threshold_bps and mode.collateral:
            yield f"emode:{mode.id}", k, True, tuple(sorted(mode.collateral))


def _row(
    snapshot: Snapshot,
    limits: Limits,
    table: Returns,
    pins: Pins,
    subject: str,
    place: int,
    is_emode: bool,
    members: tuple[int, ...],
) -> Row:
    now = _in_force(snapshot, place, is_emode)
    pinned = pins.of(is_emode, place)

    def fixed(name: str, values: list[int]) -> list[int]:
        return [pinned[name]] if name in pinned else values

    level = _safe_level(snapshot, limits, table, place + 1 if is_emode else 0, members)
    found = [now]
    if subject not in limits.keep:
        found += [
            Parameters(ltv, threshold, bonus)
            for threshold in fixed("liquidation_threshold", _around(now.threshold_bps, limits, "threshold"))
            for ltv in fixed("ltv", ltv_options(now, threshold, level, limits))
            for bonus in fixed("liquidation_bonus", _around(now.bonus_bps, limits, "bonus"))
        ]
    options = []
    for p in dict.fromkeys(found):
        broken = frozenset(_broken(snapshot, limits, members, p, level))
        if not _as_pinned(p, pinned):
            broken |= {Rule.PIN}
        # Invalid settings are left out; what is in force stays on the menu, whatever it breaks.
        if p == now or Rule.VALIDATION not in broken:
            options.append(Option(p, broken))
    if all(Rule.PIN in o.broken for o in options):
        raise InputError(
            f"the pins of {subject} leave no setting the configurator would accept.",
            remedy="An LTV lies at or below its threshold, and threshold times bonus at or below 100 %.",
        )
    return Row(subject, place, is_emode, members, tuple(options), 0)


def _as_pinned(p: Parameters, pinned: Mapping[str, int]) -> bool:
    own = {"ltv": p.ltv_bps, "liquidation_threshold": p.threshold_bps, "liquidation_bonus": p.bonus_bps}
    return all(own[name] == value for name, value in pinned.items() if name in own)


def _cap_rows(snapshot: Snapshot, limits: Limits, pins: Pins) -> Iterator[Row]:
    """Yield the caps that may move, each a row of its own."""
    none = Parameters(0, 0, BPS)  # of no collateral
    for kind, place, tokens in cap_places(snapshot, limits):
        pin = pins.of(False, place).get(kind.value)
        tokens = tokens if pin is None else tuple(dict.fromkeys([tokens[0], pin]))
        options = tuple(
            Option(none, frozenset() if pin in (None, cap) else frozenset({Rule.PIN}), cap) for cap in tokens
        )
        yield Row(snapshot.asset_names[place], place, False, (place,), options, 0, kind)


def _in_force(snapshot: Snapshot, place: int, is_emode: bool) -> Parameters:
    if not is_emode:
        return parameters_of(snapshot, place, 0)
    mode = snapshot.emodes[place]
    return Parameters(mode.ltv_bps, mode.liquidation_threshold_bps, mode.liquidation_bonus_bps)


def _around(value: int, limits: Limits, name: str) -> list[int]:
    reach, step = int(limits[f"box.{name}_bps"]), int(limits[f"box.{name}_step_bps"])
    return [value + k * step for k in range(-(reach // step), reach // step + 1)]


def _safe_level(
    snapshot: Snapshot, limits: Limits, table: Returns, mode: int, members: tuple[int, ...]
) -> float:
    """Return the highest LTV / LT at which a new account passes against every debt it can have.

    1 where nothing is limited, or no returns of a pair are known.
    """
    probability = limits["new_position.probability"]
    if probability >= 1:
        return 1.0
    found = _pairs(snapshot, limits, table, mode, members)
    return min([1.0, *(known.returns.quantile(probability) for _, _, known in found if known is not None)])


def safe_ltv_bps(
    snapshot: Snapshot, limits: Limits, row: Row, threshold_bps: int, *, table: Returns | None = None
) -> int:
    """Return the highest LTV of a row that passes the new-position test at a threshold.

    Parameters
    ----------
    snapshot : Snapshot
    limits : Limits
    row : Row
        A collateral or a category.
    threshold_bps : int
    table : mapping, optional
        Returns of pairs; the shipped ones by default.
    """
    mode, known = (row.place + 1 if row.is_emode else 0), table if table is not None else shipped_returns()
    return math.floor(threshold_bps * _safe_level(snapshot, limits, known, mode, row.members))


def _pairs(
    snapshot: Snapshot, limits: Limits, table: Returns, mode: int, members: tuple[int, ...]
) -> Iterator[tuple[int, int, Known | None]]:
    """Yield each collateral of a row with each debt it can have, and what is known of the pair."""
    horizon_s = int(limits["new_position.horizon_days"]) * DAY_S
    debts = set(range(len(snapshot.reserves))) if not mode else set(snapshot.emodes[mode - 1].borrowable)
    tree = tree_of(snapshot)
    for i in members:
        for j in sorted(debts - {i}):
            if snapshot.reserves[j].borrowing_enabled and snapshot.reserves[j].active:
                yield i, j, find_returns(tree, table, i, j, horizon_s, "minimum")


def untested(snapshot: Snapshot, limits: Limits, *, table: Returns | None = None) -> tuple[str, ...]:
    """Return the pairs, ``collateral/debt``, the new-position test says nothing of: no returns are known."""
    if limits["new_position.probability"] >= 1:
        return ()
    known, names = table if table is not None else shipped_returns(), snapshot.asset_names
    missing = [
        f"{names[i]}/{names[j]}"
        for _, place, is_emode, members in _places(snapshot)
        for i, j, pair in _pairs(snapshot, limits, known, place + 1 if is_emode else 0, members)
        if pair is None
    ]
    return tuple(dict.fromkeys(missing))


def rules_broken(snapshot: Snapshot, limits: Limits, row: Row, p: Parameters) -> frozenset[Rule]:
    """Return the rules without scenarios that any setting of a row breaks, on the menu or not."""
    mode = row.place + 1 if row.is_emode else 0
    level = _safe_level(snapshot, limits, shipped_returns(), mode, row.members)
    return frozenset(_broken(snapshot, limits, row.members, p, level))


def _broken(
    snapshot: Snapshot, limits: Limits, members: tuple[int, ...], p: Parameters, level: float
) -> Iterator[Rule]:
    product = percent_mul_half_up(p.threshold_bps, p.bonus_bps) if p.threshold_bps > 0 else 0
    valid = 0 < p.threshold_bps <= BPS and p.bonus_bps > BPS and p.ltv_bps <= p.threshold_bps
    if not valid or product > snapshot.change_rules.max_threshold_times_bonus_bps:
        yield Rule.VALIDATION
    if p.threshold_bps * p.bonus_bps > limits["toxicity.max_threshold_times_bonus"] * BPS**2:
        yield Rule.TOXICITY
    fee = max(snapshot.reserves[i].liquidation_protocol_fee_bps for i in members) / BPS
    needed = (
        limits["participation.cost_bps"] / BPS
        + limits["participation.gas_usd"] / limits["participation.call_usd"]
    )
    if p.bonus * (1 - fee) < needed:
        yield Rule.PARTICIPATION
    if p.ltv_bps > p.threshold_bps * level:
        yield Rule.NEW_POSITION
