"""The vectorised twin against the exact integer rules, release by release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.units import BPS, MAX_UINT256, RAY
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.exact import exact_rules
from protocols.liquidation_rules import LiquidationRules
from protocols.position import CollateralLeg, DebtLeg, Position, Refusal
from protocols.releases import rules_of
from protocols.snapshot import Reserve, Snapshot
from risk.engine.advance import Engine, Inputs, advance, engine_of, start
from risk.engine.events import COLUMNS
from risk.engine.state import BELOW, State
from risk.testing.positions import liquidatable_positions
from risk.testing.snapshots import snapshots
from tests.risk.engine.markets import FREE, market

RELEASES = ("2.0", "3.0", "3.3", "3.5", "3.6", "3.7")
COLUMN = {name: k for k, name in enumerate(COLUMNS)}
RELATIVE = 1e-12
UNITS = 3  # smallest units: one rounding on each side of a call and one in between


@dataclass(frozen=True)
class Run:
    """One moment of one scenario: the market, its raw prices, the state after, the calls."""

    snapshot: Snapshot
    prices_raw: tuple[int, ...]
    engine: Engine
    state: State
    calls: np.ndarray  # type: ignore[type-arg]


@st.composite
def runs(draw: st.DrawFn, release: str) -> Run:
    snapshot = draw(snapshots(rules=st.just(rules_of("aave", release))))
    thousandths = [draw(st.integers(1, 3_000) | st.just(1_000)) for _ in snapshot.reserves]
    prices = tuple(r.price_raw * k // 1_000 for r, k in zip(snapshot.reserves, thousandths, strict=True))
    return run(snapshot, prices)


@st.composite
def liquidatable_runs(draw: st.DrawFn, release: str) -> Run:
    """One account below health factor 1: from dust to the largest, or next to a threshold."""
    position = draw(liquidatable_positions(max_legs=3) | edge_positions())
    snapshot = snapshot_of(position, release)
    return run(snapshot, [r.price_raw for r in snapshot.reserves])


@st.composite
def edge_positions(draw: st.DrawFn) -> Position:
    """Sizes a few smallest units from where the rules change: HF 1 and .95, 2,000 and 1,000 USD."""
    asset = st.tuples(st.sampled_from([6, 8, 18]), st.sampled_from([10**8, 25 * 10**7, 1234_56789012]))
    few = st.integers(-2, 2)
    values_usd = st.sampled_from([1_000, 2_000, 2_500, 3_000, 4_000, 10_000]) | st.integers(500, 20_000)
    collateral = []
    for i in range(draw(st.integers(1, 2))):
        decimals, price = draw(asset)
        balance = max(draw(values_usd) * 10 ** (8 + decimals) // price + draw(few), 1)
        threshold = draw(st.sampled_from([5_000, 7_550, 8_000]))
        fee = draw(st.sampled_from([0, 1_000]))
        collateral.append(CollateralLeg(i, balance, price, 10**decimals, threshold, 0, 10_500, fee, True))
    weighted = sum(leg.balance_raw * leg.price_raw * leg.threshold_bps // leg.unit_raw for leg in collateral)
    health_permille = draw(st.sampled_from([1_000, 999, 960, 950, 949, 800]))
    total, debt = weighted * 1_000 // (10_000 * health_permille), []
    share_percent = draw(st.sampled_from([100, 50, 60, 90]))
    for j, part in enumerate((share_percent, 100 - share_percent)):
        decimals, price = draw(asset)
        if part:
            balance = max(total * part // 100 * 10**decimals // price + draw(few), 1)
            debt.append(DebtLeg(2 + j, balance, price, 10**decimals))
    return Position(tuple(collateral), tuple(debt))


def snapshot_of(position: Position, release: str) -> Snapshot:
    """A market of the position's assets with the position as its only account."""
    legs = {leg.reserve: leg for leg in (*position.debt, *position.collateral)}
    listed = [
        Reserve(
            asset=f"asset{i}",
            symbol=f"A{i}",
            decimals=len(str(legs[i].unit_raw)) - 1 if i in legs else 18,
            price_raw=legs[i].price_raw if i in legs else 1,
            ltv_bps=0,
            liquidation_threshold_bps=0,
            liquidation_bonus_bps=0,
            liquidation_protocol_fee_bps=getattr(legs.get(i), "protocol_fee_bps", 0),
        )
        for i in range(max(legs) + 1)
    ]
    collateral = [
        CollateralEntry(
            "a",
            leg.reserve,
            leg.balance_raw,
            leg.balance_raw,
            leg.threshold_bps,
            leg.ltv_bps,
            leg.bonus_bps,
            leg.counted,
        )
        for leg in position.collateral
    ]
    debt = [DebtEntry("a", leg.reserve, leg.balance_raw, leg.balance_raw) for leg in position.debt]
    return replace(
        market(listed, [], release), reserves=tuple(listed), book=book_of({"a": 0}, collateral, debt)
    )


def run(snapshot: Snapshot, prices_raw: Sequence[int]) -> Run:
    raw = np.empty((1, len(prices_raw)), dtype=object)
    raw[0] = list(prices_raw)
    usd = raw.astype(np.float64) * snapshot.base.usd_per_raw
    engine = engine_of(snapshot, FREE)
    state, step = advance(engine, start(engine, 1), Inputs(raw, usd, usd, 0.0, 1.0), events=True)
    return Run(snapshot, tuple(prices_raw), engine, state, step.log.rows)


def exact_below(run: Run, position: Position) -> bool:
    data = exact_rules(run.snapshot.rules).account_data(position, run.snapshot.rules)
    return data.health_factor < run.snapshot.rules.liquidatable_below_wad


def excess_base(position: Position, rules: LiquidationRules) -> float:
    """By how much the collateral, counted at its thresholds, exceeds the debt."""
    data = exact_rules(rules).account_data(position, rules)
    counted = data.total_collateral_base * data.current_liquidation_threshold / BPS
    # The average threshold and each value are cut to whole units.
    cut = data.total_collateral_base / BPS + len(position.collateral) + len(position.debt)
    return counted - data.total_debt_base - cut


def close(ours: float, exact: int, unit_base: float, slack_base: float) -> bool:
    """Equal up to ``slack_base``, an amount whose smallest unit is worth ``unit_base`` base units."""
    slack_raw = slack_base / unit_base if unit_base else np.inf  # any amount of what is worth nothing
    return bool(abs(ours - exact) <= UNITS + slack_raw + RELATIVE * exact)


@pytest.mark.parametrize("release", RELEASES)
@given(data=st.data())
def test_twin_eligibility(release: str, data: st.DataObject) -> None:
    """LIQ-1: exactly the accounts the integer rules call liquidatable are, whatever the rounding."""
    got = data.draw(runs(release))
    rules = got.snapshot.rules
    eligible = 0
    for u in range(len(got.snapshot.book)):
        position = got.snapshot.position(u, got.prices_raw)
        values = exact_rules(rules).account_data(position, rules)
        below = values.health_factor < rules.liquidatable_below_wad
        called = bool((got.calls[:, COLUMN["account"]] == u).any())
        eligible += below and values.total_collateral_base > 0
        if not called:
            assert bool(got.state.status[0, u] & BELOW) == below
        else:
            assert below
    assert got.state.scenario["eligible_accounts"][0] == eligible


@pytest.mark.parametrize("release", RELEASES)
@given(data=st.data())
def test_twin_calls(release: str, data: st.DataObject) -> None:
    """LIQ-2: following the same choices the integer rules repay, seize, charge and burn the same."""
    got = data.draw(runs(release))
    for u in range(len(got.snapshot.book)):
        follow(got, u)


@pytest.mark.parametrize("release", RELEASES)
@given(data=st.data())
def test_twin_calls_on_one_account(release: str, data: st.DataObject) -> None:
    """LIQ-3: the same account, liquidated until it is healthy or nothing pays, ends in the same state."""
    got = data.draw(liquidatable_runs(release))
    after = follow(got, 0)
    if len(got.calls) and not got.state.scenario["unsure"][0]:
        assert bool(got.state.status[0, 0] & BELOW) == exact_below(got, after)


def follow(got: Run, u: int) -> Position:
    """Make the twin's calls on account ``u`` with the exact rules and compare each."""
    rules, snapshot = got.snapshot.rules, got.snapshot
    position, slack_base = snapshot.position(u, got.prices_raw), 0.0
    for row in got.calls[got.calls[:, COLUMN["account"]] == u]:
        value = {name: row[k] for name, k in COLUMN.items()}
        c = next(k for k, leg in enumerate(position.collateral) if leg.reserve == value["collateral"])
        d = next(k for k, leg in enumerate(position.debt) if leg.reserve == value["debt"])
        offer = MAX_UINT256 if np.isinf(value["offer_raw"]) else int(value["offer_raw"])
        result = exact_rules(rules).liquidate(position, c, d, offer, rules)
        if result.refusal is Refusal.ZERO_AMOUNT:
            # The contract refuses what rounds to no scaled unit; the twin counts in balances.
            assert value["repaid_raw"] <= UNITS * max(1.0, position.debt[d].index_ray / RAY)
            break
        if result.refusal is Refusal.HEALTHY and slack_base:
            # The calls before have rounded more than what separates the account from the threshold.
            assert excess_base(position, rules) <= slack_base
            break
        assert result.refusal is None
        c_unit = position.collateral[c].price_raw / position.collateral[c].unit_raw
        d_unit = position.debt[d].price_raw / position.debt[d].unit_raw
        slack_base += UNITS * (c_unit + d_unit + 1.0)  # a call may round either side and its value
        assert close(value["repaid_raw"], result.debt_repaid_raw, d_unit, slack_base)
        assert close(value["seized_raw"], result.collateral_seized_raw, c_unit, slack_base)
        assert close(value["fee_raw"], result.protocol_fee_raw, c_unit, slack_base)
        burned_base = sum(
            raw / leg.unit_raw * got.prices_raw[leg.reserve]  # at market, not at a category's price
            for raw, leg in zip(result.deficit_raw, position.debt, strict=True)
            if snapshot.reserves[leg.reserve].active
        )
        burned = value["deficit_usd"] / snapshot.base.usd_per_raw
        assert abs(burned - burned_base) <= slack_base + 1e-9 * burned_base
        position = result.after
    return position


@pytest.mark.parametrize("release", RELEASES)
@given(data=st.data())
def test_twin_choice(release: str, data: st.DataObject) -> None:
    """LIQ-4: no pair, asked for as much as the integer rules allow, earns more than the twin's first call."""
    got = data.draw(liquidatable_runs(release))
    position, rules = got.snapshot.position(0, got.prices_raw), got.snapshot.rules
    profits = [0.0]
    slack = 1.0
    for c, taken in enumerate(position.collateral):
        for d, owed in enumerate(position.debt):
            result = exact_rules(rules).liquidate(position, c, d, MAX_UINT256, rules)
            c_unit, d_unit = taken.price_raw / taken.unit_raw, owed.price_raw / owed.unit_raw
            slack = max(slack, UNITS * (c_unit + d_unit + 1.0))
            if result.debt_repaid_raw:  # the twin leaves gifts of less than one unit of debt alone
                sold_raw = result.collateral_seized_raw - result.protocol_fee_raw
                profits.append(sold_raw * c_unit - result.debt_repaid_raw * d_unit)
    first = got.calls[0, COLUMN["profit_usd"]] / got.snapshot.base.usd_per_raw if len(got.calls) else 0.0
    scale = max((leg.balance_raw * leg.price_raw / leg.unit_raw for leg in position.collateral), default=0.0)
    assert first >= max(profits) - slack - RELATIVE * scale
