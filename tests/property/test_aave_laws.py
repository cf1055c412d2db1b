"""Laws of the Aave rules (AAV)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from abis.units import BPS, MAX_UINT256, RAY, WAD
from protocols.aave_v3.accrual import balance_raw, burned_scaled
from protocols.aave_v3.health import collateral_base_down, debt_base, is_counted
from protocols.aave_v3.rules import account_data, liquidate
from protocols.aave_v3.seizure import available_collateral, max_liquidatable_debt_raw
from protocols.aave_v3.versions import RELEASES, rules_for, since
from protocols.liquidation_rules import HealthFormula, LiquidationRules, Rounding
from protocols.position import CollateralLeg, DebtLeg, Position, Refusal
from risk.testing.positions import liquidatable_positions, offers_raw, positions

all_rules = st.sampled_from([rules_for(v) for v in RELEASES])
deficit_rules = st.sampled_from([rules_for(v) for v in RELEASES if since(v, "3.3")])
factors = st.fractions(1, 10, max_denominator=1_000)


def full_precision(rules: LiquidationRules) -> bool:
    return rules.health_formula is HealthFormula.FULL_PRECISION


def weighted(position: Position, rules: LiquidationRules) -> int:
    return sum(
        collateral_base_down(leg, leg.balance_raw) * leg.threshold_bps
        for leg in position.collateral
        if is_counted(leg, rules)
    )


def dearer_collateral(leg: CollateralLeg, factor: Fraction) -> CollateralLeg:
    return replace(leg, price_raw=int(leg.price_raw * factor))


def dearer_debt(leg: DebtLeg, factor: Fraction) -> DebtLeg:
    return replace(leg, price_raw=int(leg.price_raw * factor))


def borrower(draw: st.DrawFn) -> tuple[Position, int, int, int]:
    """Draw an account below health one, the two legs of a call and an offer."""
    position = draw(liquidatable_positions())
    leg = draw(st.integers(0, len(position.collateral) - 1))
    owed = draw(st.integers(0, len(position.debt) - 1))
    return position, leg, owed, draw(offers_raw())


calls = st.composite(borrower)


@given(positions(), all_rules)
def test_aav_1_health_lies_within_the_proven_distance_of_the_exact_quotient(
    position: Position, rules: LiquidationRules
) -> None:
    """AAV-1: every value is within the rounding bounds of a second computation in fractions."""
    legs = [leg for leg in position.collateral if is_counted(leg, rules)]
    worth = [Fraction(leg.balance_raw * leg.price_raw, leg.unit_raw) for leg in legs]
    exact = sum(worth, Fraction())
    exact_weighted = sum((w * leg.threshold_bps for w, leg in zip(worth, legs, strict=True)), Fraction())
    owed = sum((Fraction(d.balance_raw * d.price_raw, d.unit_raw) for d in position.debt), Fraction())
    thresholds = sum(leg.threshold_bps for leg in legs)
    data = account_data(position, rules)
    assert exact - len(legs) <= data.total_collateral_base <= exact
    up = rules.debt_value_rounding is Rounding.UP
    least = owed if up else owed - len(position.debt)
    most = owed + len(position.debt) if up else owed
    assert least <= data.total_debt_base <= most
    if data.total_debt_base == 0:
        assert data.health_factor == MAX_UINT256
        return
    truncation = 0 if full_precision(rules) else exact
    low = (exact_weighted - thresholds - truncation) / BPS - Fraction(1, 2)
    high = exact_weighted / BPS + Fraction(1, 2)
    assert low * WAD / most - 2 <= data.health_factor
    assert least <= 0 or data.health_factor <= high * WAD / least + 1


@given(positions(min_collateral=1, min_debt=1), all_rules, factors)
def test_aav_2_health_never_falls_when_a_collateral_gets_dearer(
    position: Position, rules: LiquidationRules, factor: Fraction
) -> None:
    """AAV-2: exact since v3.5; the truncated average of before may lose one bp of C / D."""
    first, *others = position.collateral
    after = replace(position, collateral=(dearer_collateral(first, factor), *others))
    old, new = account_data(position, rules), account_data(after, rules)
    if full_precision(rules):
        assert new.health_factor >= old.health_factor
    elif old.total_debt_base:
        lost = (new.total_collateral_base + BPS) * WAD // (BPS * old.total_debt_base) + 2
        assert new.health_factor >= old.health_factor - lost


@given(positions(min_collateral=1, min_debt=1), all_rules, factors)
def test_aav_3_health_never_rises_when_a_debt_gets_dearer(
    position: Position, rules: LiquidationRules, factor: Fraction
) -> None:
    """AAV-3: exact under every release."""
    first, *others = position.debt
    after = replace(position, debt=(dearer_debt(first, factor), *others))
    assert account_data(after, rules).health_factor <= account_data(position, rules).health_factor


@given(st.data(), positions(min_collateral=1, min_debt=1), all_rules, offers_raw())
def test_aav_4_a_healthy_account_cannot_be_liquidated(
    data: st.DataObject, position: Position, rules: LiquidationRules, offer_raw: int
) -> None:
    """AAV-4: a call is refused as healthy exactly if the health factor is one or more."""
    leg = data.draw(st.integers(0, len(position.collateral) - 1))
    owed = data.draw(st.integers(0, len(position.debt) - 1))
    result = liquidate(position, leg, owed, offer_raw, rules)
    healthy = account_data(position, rules).health_factor >= WAD
    assert (result.refusal is Refusal.HEALTHY) is healthy
    if result.refusal:
        assert result.after == position
        assert not any((result.debt_repaid_raw, result.collateral_seized_raw, result.protocol_fee_raw))


@given(calls(), all_rules)
def test_aav_5_nothing_is_made_or_lost(call: tuple[Position, int, int, int], rules: LiquidationRules) -> None:
    """AAV-5: before = seized + left, and before = repaid + deficit + left, per leg."""
    position, leg, owed, offer_raw = call
    result = liquidate(position, leg, owed, offer_raw, rules)
    for i, (old, new) in enumerate(zip(position.collateral, result.after.collateral, strict=True)):
        taken_raw = result.collateral_seized_raw if i == leg else 0
        assert old.balance_raw == new.balance_raw + taken_raw
        assert replace(old, balance_raw=0, counted=True) == replace(new, balance_raw=0, counted=True)
    for i, (owed_before, owed_after) in enumerate(zip(position.debt, result.after.debt, strict=True)):
        paid_raw = result.debt_repaid_raw if i == owed else 0
        assert owed_before.balance_raw == owed_after.balance_raw + paid_raw + result.deficit_raw[i]


@given(calls(), all_rules)
def test_aav_6_no_call_exceeds_offer_close_factor_or_collateral(
    call: tuple[Position, int, int, int], rules: LiquidationRules
) -> None:
    """AAV-6: repaid <= min(offer, close factor, owed), seized <= held."""
    position, leg, owed, offer_raw = call
    result = liquidate(position, leg, owed, offer_raw, rules)
    held, debt = position.collateral[leg], position.debt[owed]
    allowed_raw = max_liquidatable_debt_raw(account_data(position, rules), held, debt, rules)
    assert allowed_raw <= debt.balance_raw
    assert result.debt_repaid_raw <= min(offer_raw, allowed_raw)
    assert result.collateral_seized_raw <= held.balance_raw


@given(calls(), all_rules)
def test_aav_7_the_fee_is_part_of_the_bonus(
    call: tuple[Position, int, int, int], rules: LiquidationRules
) -> None:
    """AAV-7: fee <= bonus, and its share of the bonus is the protocol fee to within two units."""
    position, leg, owed, offer_raw = call
    result = liquidate(position, leg, owed, offer_raw, rules)
    held = position.collateral[leg]
    if result.refusal:
        return
    bonus = result.collateral_seized_raw * (1 - Fraction(BPS, held.bonus_bps))
    share = Fraction(held.protocol_fee_bps, BPS) if rules.has_protocol_fee else Fraction()
    assert result.protocol_fee_raw <= bonus + 1
    assert abs(result.protocol_fee_raw - bonus * share) < 2
    assert rules.has_protocol_fee or result.protocol_fee_raw == 0


@given(calls(), all_rules)
def test_aav_8_the_liquidator_gets_no_more_than_the_bonus(
    call: tuple[Position, int, int, int], rules: LiquidationRules
) -> None:
    """AAV-8: seized <= (repaid + 1.5 units) at oracle prices times the bonus, plus one unit."""
    position, leg, owed, offer_raw = call
    result = liquidate(position, leg, owed, offer_raw, rules)
    held, debt = position.collateral[leg], position.debt[owed]
    per_debt = Fraction(debt.price_raw * held.unit_raw, held.price_raw * debt.unit_raw)
    with_bonus = per_debt * Fraction(held.bonus_bps, BPS)
    assert result.collateral_seized_raw <= with_bonus * (result.debt_repaid_raw + Fraction(3, 2)) + 1


@given(calls(), all_rules, offers_raw())
def test_aav_9_a_larger_repayment_never_seizes_less(
    call: tuple[Position, int, int, int], rules: LiquidationRules, other_raw: int
) -> None:
    """AAV-9: seized collateral grows with the repayment."""
    position, leg, owed, offer_raw = call
    held, debt = position.collateral[leg], position.debt[owed]
    assume(held.bonus_bps)
    less, more = (
        available_collateral(held, debt, min(raw, debt.balance_raw), rules)
        for raw in sorted((offer_raw, other_raw))
    )
    assert less.collateral_raw <= more.collateral_raw


@given(calls(), deficit_rules)
def test_aav_10_an_accepted_call_leaves_no_dust(
    call: tuple[Position, int, int, int], rules: LiquidationRules
) -> None:
    """AAV-10: since v3.3 both sides keep 1000 dollars, or one side is empty."""
    position, leg, owed, offer_raw = call
    result = liquidate(position, leg, owed, offer_raw, rules)
    if result.refusal:
        return
    held, debt = result.after.collateral[leg], result.after.debt[owed]
    if held.balance_raw and debt.balance_raw:
        assert collateral_base_down(held, held.balance_raw) >= 1_000 * 10**8
        assert debt_base(debt, debt.balance_raw, rules) >= 1_000 * 10**8


@given(calls(), all_rules)
def test_aav_11_a_deficit_means_nothing_of_value_and_no_debt_is_left(
    call: tuple[Position, int, int, int], rules: LiquidationRules
) -> None:
    """AAV-11: debt is burned unpaid only when all collateral value went; never before v3.3."""
    position, leg, owed, offer_raw = call
    result = liquidate(position, leg, owed, offer_raw, rules)
    if any(result.deficit_raw):
        assert rules.creates_deficit
        left = account_data(result.after, rules)
        assert (left.total_collateral_base, left.total_debt_base) == (0, 0)
    if rules.creates_deficit and not result.refusal and not result.after.collateral[leg].balance_raw:
        others = [k for i, k in enumerate(position.collateral) if i != leg and is_counted(k, rules)]
        worth = sum(collateral_base_down(k, k.balance_raw) for k in others)
        assert worth or not any(k.balance_raw for k in result.after.debt)


@given(positions(min_collateral=1, min_debt=1))
def test_aav_12_the_two_health_formulas_differ_by_the_stated_bound(position: Position) -> None:
    """AAV-12: v3.4 against v3.5: one bp of C / D below, one base unit a debt times health above."""
    before, since_3_5 = rules_for("3.4"), rules_for("3.5")
    old, new = account_data(position, before), account_data(position, since_3_5)
    assume(old.total_debt_base)
    half = Fraction(1, 2)
    items = len(position.debt) * Fraction(weighted(position, since_3_5), BPS * new.total_debt_base)
    above = (half + items) * WAD / old.total_debt_base + 3
    below = (Fraction(old.total_collateral_base, BPS) + half) * WAD / old.total_debt_base + 3
    assert -below <= old.health_factor - new.health_factor <= above


@given(liquidatable_positions(), all_rules, st.integers(2, 10**6))
def test_aav_13_only_relative_prices_decide(position: Position, rules: LiquidationRules, k: int) -> None:
    """AAV-13: all prices times a whole number: same health (to half-up rounding), same seizure."""
    whole = Position(
        tuple(replace(leg, unit_raw=1) for leg in position.collateral),
        tuple(replace(leg, unit_raw=1) for leg in position.debt),
    )
    scaled = Position(
        tuple(replace(leg, price_raw=k * leg.price_raw) for leg in whole.collateral),
        tuple(replace(leg, price_raw=k * leg.price_raw) for leg in whole.debt),
    )
    old, new = account_data(whole, rules), account_data(scaled, rules)
    assert new.current_liquidation_threshold == old.current_liquidation_threshold
    assert new.total_debt_base == k * old.total_debt_base
    slack = 0 if full_precision(rules) else WAD // old.total_debt_base + 1
    assert abs(new.health_factor - old.health_factor) <= slack
    if since(rules.version, "3.0"):  # v2 rounds the bonus before it divides
        cover_raw = whole.debt[0].balance_raw // 2
        assert available_collateral(
            whole.collateral[0], whole.debt[0], cover_raw, rules
        ) == available_collateral(scaled.collateral[0], scaled.debt[0], cover_raw, rules)


@given(st.integers(2_200 * 10**6, 10**20), st.sampled_from([v for v in RELEASES if v != "2.0"]))
def test_aav_14_health_of_exactly_0_95_opens_the_whole_debt(n: int, version: str) -> None:
    """AAV-14: at 0.95 everything may be repaid, one base unit of collateral more halves it."""
    rules = rules_for(version)
    for collateral_raw, debt_share in ((95 * n, 1), (95 * n + 1, 2)):
        leg = CollateralLeg(0, collateral_raw, 1, 1, 10_000, 10_000, 10_500, 0, True)
        owed = DebtLeg(1, 100 * n, 1, 1)
        data = account_data(Position((leg,), (owed,)), rules)
        assert data.health_factor == collateral_raw * WAD // (100 * n) or debt_share == 2
        assume(debt_share == 1 or data.health_factor > rules.full_close_below_wad)
        assert max_liquidatable_debt_raw(data, leg, owed, rules) == 100 * n // debt_share


@given(calls(), all_rules, st.integers(RAY, 3 * RAY), st.integers(RAY, 3 * RAY))
def test_aav_15_stored_balances_stay_within_the_index_of_plain_differences(
    call: tuple[Position, int, int, int], rules: LiquidationRules, supply_ray: int, debt_ray: int
) -> None:
    """AAV-15: with indices, what is left differs from before - moved by at most three indices."""
    position, leg, owed, offer_raw = call
    indexed = Position(
        tuple(
            replace(k, balance_raw=representable(k.balance_raw, supply_ray, rules.supply_balance_rounding),
                    index_ray=supply_ray)
            for k in position.collateral
        ),
        tuple(
            replace(k, balance_raw=representable(k.balance_raw, debt_ray, rules.debt_balance_rounding),
                    index_ray=debt_ray)
            for k in position.debt
        ),
    )  # fmt: skip
    result = liquidate(indexed, leg, owed, offer_raw, rules)
    held, debt = indexed.collateral[leg].balance_raw, indexed.debt[owed].balance_raw
    held_left, debt_left = result.after.collateral[leg].balance_raw, result.after.debt[owed].balance_raw
    assert min(held_left, debt_left) >= 0
    assert abs(held - result.collateral_seized_raw - held_left) <= 3 * supply_ray // RAY
    paid_raw = result.debt_repaid_raw + result.deficit_raw[owed]
    assert abs(debt - paid_raw - debt_left) <= 3 * debt_ray // RAY


def representable(amount_raw: int, index_ray: int, rounding: Rounding) -> int:
    """Return a balance near ``amount_raw`` that some scaled amount has at this index."""
    return balance_raw(burned_scaled(amount_raw, index_ray, rounding), index_ray, rounding)
