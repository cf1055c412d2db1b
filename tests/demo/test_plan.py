"""The plan of the demo's accounts keeps what its documentation says."""

from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abis.errors import InputError
from examples.demo.archetypes import (
    ARCHETYPES,
    DEBT_USD_PER_ACCOUNT,
    LENDER,
    LENDER_LEAST_USD,
    TARGET_UTILISATION,
)
from examples.demo.parameters import read_as_of, read_parameters
from examples.demo.plan import (
    FEWEST_ACCOUNTS,
    AccountPlan,
    Leg,
    opening_price_raw,
    plan_accounts,
    totals,
)

SPEC = read_parameters()
FINAL = {reserve.symbol: reserve.feed.price_raw for reserve in SPEC.reserves}
OPENING = {reserve.symbol: opening_price_raw(reserve) for reserve in SPEC.reserves}
# Below this debt an account's amounts have too few units to hit a ratio closely.
SIZEABLE_USD = 1_000.0
LTV_MARGIN = 0.998


def value_usd(leg: Leg, prices: dict[str, int]) -> float:
    return leg.amount_raw * prices[leg.symbol] / 10 ** (8 + SPEC.reserve(leg.symbol).decimals)


def weighted(plan: AccountPlan, prices: dict[str, int], index: int) -> float:
    """Collateral times LTV (index 0) or threshold (index 1), in USD, as v3.0 counts it."""
    total = 0.0
    for leg in plan.collateral:
        reserve = SPEC.reserve(leg.symbol)
        if leg.symbol in plan.switched_off:
            continue
        member = plan.emode != 0 and reserve.emode == plan.emode
        source = SPEC.emodes[plan.emode - 1] if member else reserve
        bps = (source.ltv_bps, source.liquidation_threshold_bps)[index]
        total += value_usd(leg, prices) * bps / 10_000
    return total


def debt_usd(plan: AccountPlan, prices: dict[str, int]) -> float:
    return sum(value_usd(leg, prices) for leg in plan.debt)


GOLDEN_ADDRESS = "0xFEf838987ca153799AcE2a22818800606fE73D70"
GOLDEN_LEGS = [("wstETH", 624194300000000000000), ("USDT", 518650500000)]

SIZES = st.integers(FEWEST_ACCOUNTS, 330)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), accounts=SIZES)
def test_every_account_could_open_and_has_its_health(seed: int, accounts: int) -> None:
    """DMO-4: any seed and size give one account of every kind, each allowed by its LTV at the
    opening prices and at its target health factor at the final ones."""
    plans = plan_accounts(SPEC, seed=seed, accounts=accounts)
    assert len(plans) == len({plan.address for plan in plans}) == accounts
    assert {plan.archetype for plan in plans} == {LENDER, *(each.name for each in ARCHETYPES)}
    for plan in plans:
        assert all(leg.amount_raw > 0 for leg in (*plan.collateral, *plan.debt))
        assert (plan.target_health is None) == (not plan.debt)
        if plan.target_health is not None:
            owed = debt_usd(plan, FINAL)
            tolerance = 1e-5 if owed > SIZEABLE_USD else 0.05
            assert weighted(plan, FINAL, 1) / owed == pytest.approx(plan.target_health, rel=tolerance)
            assert plan.target_health > 1.0
            assert debt_usd(plan, OPENING) < weighted(plan, OPENING, 0)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_utilisation_and_caps_hold(seed: int) -> None:
    """DMO-5: no reserve is used above its target and none above its caps."""
    plans = plan_accounts(SPEC, seed=seed, accounts=320)
    supplied = totals(leg for plan in plans for leg in plan.collateral)
    owed = totals(leg for plan in plans for leg in plan.debt)
    assert set(owed) <= set(TARGET_UTILISATION)
    for reserve in SPEC.reserves:
        unit, symbol = 10**reserve.decimals, reserve.symbol
        assert supplied[symbol] <= (reserve.supply_cap_tokens or math.inf) * unit
        assert owed[symbol] <= (reserve.borrow_cap_tokens or math.inf) * unit
        if symbol in TARGET_UTILISATION:
            assert owed[symbol] / supplied[symbol] <= TARGET_UTILISATION[symbol] + 1e-9


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    first = plan_accounts(SPEC, seed=7, accounts=320)
    assert plan_accounts(SPEC, seed=7, accounts=320) == first
    other = plan_accounts(SPEC, seed=8, accounts=320)
    assert not {plan.address for plan in first} & {plan.address for plan in other}


def test_the_plan_of_the_default_demo_never_changes() -> None:
    # A changed plan changes every published figure of the demo: do it on purpose.
    plan = plan_accounts(SPEC, seed=7, accounts=320)[9]
    assert plan.archetype == "single"
    assert plan.address == GOLDEN_ADDRESS
    assert [(leg.symbol, leg.amount_raw) for leg in (*plan.collateral, *plan.debt)] == GOLDEN_LEGS


def test_archetypes_have_their_share_of_accounts_and_debt() -> None:
    plans = plan_accounts(SPEC, seed=7, accounts=320)
    counts = Counter(plan.archetype for plan in plans)
    assert counts[LENDER] == len(TARGET_UTILISATION)
    budget_usd = DEBT_USD_PER_ACCOUNT * 320
    for archetype in ARCHETYPES:
        assert counts[archetype.name] == pytest.approx(311 * archetype.account_share, abs=2)
        owed = sum(debt_usd(plan, FINAL) for plan in plans if plan.archetype == archetype.name)
        expected = archetype.value_share * budget_usd if archetype.debt else 0.0
        assert owed == pytest.approx(expected, rel=1e-5, abs=2_000)


@pytest.mark.parametrize("name", ["single", "multi_collateral", "multi_debt", "eth_loop", "stable_only"])
def test_health_factors_follow_the_documented_lognormal(name: str) -> None:
    archetype = next(each for each in ARCHETYPES if each.name == name)
    law = NormalDist(math.log(archetype.hf_excess_median), archetype.hf_excess_sigma)
    ranks = []
    for plan in (p for seed in (1, 2, 3, 4) for p in plan_accounts(SPEC, seed=seed, accounts=320)):
        if plan.archetype == name and plan.target_health is not None:
            # The health factor with which the account would just have been allowed to open.
            used = debt_usd(plan, OPENING) / (weighted(plan, OPENING, 0) * LTV_MARGIN)
            floor = max(plan.target_health * used - 1.0, 1e-9)
            below = law.cdf(math.log(floor))
            ranks.append((law.cdf(math.log(plan.target_health - 1.0)) - below) / (1.0 - below))
    # Through their own truncated law the values are uniform (Kolmogorov-Smirnov distance).
    distances = [abs((k + 0.5) / len(ranks) - rank) for k, rank in enumerate(sorted(ranks))]
    assert len(ranks) >= 4 * 18
    assert max(distances) < 0.04


def test_a_realistic_share_of_debt_is_near_liquidation() -> None:
    plans = [plan for plan in plan_accounts(SPEC, seed=7, accounts=320) if plan.target_health]
    total = sum(debt_usd(plan, FINAL) for plan in plans)

    def share_below(health: float) -> float:
        return sum(debt_usd(p, FINAL) for p in plans if (p.target_health or 0) < health) / total

    assert 0.05 < share_below(1.05) < 0.45
    assert 0.25 < share_below(1.10) < 0.60
    assert 0.65 < share_below(1.50) < 0.90


def test_few_accounts_hold_most_of_the_debt() -> None:
    debts = sorted((debt_usd(p, FINAL) for p in plan_accounts(SPEC, seed=7, accounts=320)), reverse=True)
    assert 0.30 < sum(debts[:10]) / sum(debts) < 0.65
    assert min(debt for debt in debts if debt) < 1.0


def test_special_states_are_planned() -> None:
    plans = plan_accounts(SPEC, seed=7, accounts=40)
    one = {plan.archetype: plan for plan in plans}
    assert one["emode_without_debt"].emode == 1
    assert one["emode_without_debt"].debt == ()
    outsider = one["emode_with_outsider"]
    assert {SPEC.reserve(leg.symbol).emode == outsider.emode for leg in outsider.collateral} == {True, False}
    assert one["collateral_off"].switched_off == (one["collateral_off"].collateral[0].symbol,)
    assert one["received"].by_transfer
    assert [leg.symbol for leg in one["gho_borrower"].debt] == ["GHO"]
    assert [leg.symbol for leg in one["link_collateral"].collateral] == ["LINK"]


def test_the_lender_supplies_at_least_a_little() -> None:
    for plan in plan_accounts(SPEC, seed=7, accounts=40):
        if plan.archetype == LENDER:
            assert value_usd(plan.collateral[0], FINAL) >= LENDER_LEAST_USD * 0.999


@pytest.mark.parametrize(("accounts", "message"), [(10, "10 accounts cannot hold"), (5_000, "cap is")])
def test_sizes_that_do_not_fit_are_refused(accounts: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_accounts(SPEC, seed=7, accounts=accounts)


def test_the_table_is_dated() -> None:
    assert read_as_of() == 1_751_564_700  # 2025-07-03 17:45 UTC
