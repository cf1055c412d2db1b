"""Losses of every option, gathered in blocks and in two halves, against following every account."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from risk.engine.book_sweep import BookSwept, book_sweep
from risk.scenarios.build import grid
from risk.scenarios.scenarios import BLOCK, ScenarioBlock, Scenarios
from risk.solver.evaluate import SWEEPS_KEPT, Setting, sweep_of
from risk.solver.limits import read_limits
from risk.solver.losses import MEASURES, calls_of, losses_of, multiples
from risk.solver.menu import accounts_of, menu_of
from risk.solver.parts import accounts_of_part
from risk.solver.relaxation import all_losses, single_row_losses, under_one_row
from tests.risk.report import made

LIMITS = """
[tail]
level = 0.8
[bad_debt.per_reserve.USDC]
cvar_usd = 1e6
[box]
threshold_bps = 200
threshold_step_bps = 100
ltv_bps = 100
[solver]
relever = [0, 1]
"""


@pytest.fixture(scope="module")
def setting() -> Setting:
    market = made.market()
    limits = read_limits(LIMITS)
    return Setting(market, menu_of(market, limits), grid(f"market=0:-60%:{BLOCK + 9}", market), limits)


def assert_alike(got: BookSwept, want: BookSwept, debt_usd: float) -> None:
    for name in MEASURES:
        for part in ("now", "change"):
            ours, theirs = (getattr(getattr(x, part), name) for x in (got, want))
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11 * debt_usd)


def test_two_halves_of_a_book_are_the_book(setting: Setting) -> None:
    """Accounts under one row are swept once, for the bound and for all; parts and behaviours too."""
    assert 0 < len(under_one_row(setting.accounts)) < len(setting.accounts)
    single = single_row_losses(setting)
    before = single[0].swept.change.eligible_usd.copy()
    whole = all_losses(setting, single)
    assert (single[0].swept.change.eligible_usd == before).all()
    want = losses_of(setting.snapshot, setting.menu, setting.scenarios, setting.limits)
    assert [w.relever for w in whole] == [0.0, 1.0]
    for got, own in zip(whole, want, strict=True):
        assert_alike(got.swept, own.swept, setting.total_debt_usd)
        assert own.parts
        for part in own.parts:
            assert_alike(got.parts[part], own.parts[part], setting.total_debt_usd)


def test_blocks_stand_in_their_places(setting: Setting) -> None:
    """More scenarios than a block: every one is what following every account says of it."""
    s: Scenarios = setting.scenarios
    assert len(s) > BLOCK
    oracle, fair = multiples(setting.snapshot, s, s.produce(0, len(s)), None)
    accounts = accounts_of(setting.snapshot, setting.menu)
    for got in losses_of(setting.snapshot, setting.menu, s, setting.limits):
        options = setting.menu.row_options(got.relever)
        for part, swept in ((None, got.swept), *got.parts.items()):
            book = accounts
            if part is not None:
                book = accounts_of_part(setting.snapshot, setting.menu, accounts, part)
            want = book_sweep(book, oracle, fair, options, calls_of(setting.limits, s))
            assert want.change.eligible_usd.any()
            assert_alike(swept, want, setting.total_debt_usd)


def test_no_choice_is_swept_twice(setting: Setting) -> None:
    """The same choice and accounts are swept once; other debts are other accounts."""
    made_blocks = 0

    def produce(start: int, stop: int) -> ScenarioBlock:
        nonlocal made_blocks
        made_blocks += 1
        return setting.scenarios.produce(start, stop)

    own = replace(setting, scenarios=replace(setting.scenarios, produce=produce))
    chosen = own.menu.current
    first = sweep_of(own, chosen, [own.accounts])
    once = made_blocks
    assert sweep_of(own, chosen, [own.accounts])[0] is first[0]
    assert made_blocks == once == 2
    more = replace(own.accounts, d_usd=1.1 * own.accounts.d_usd)
    both = sweep_of(own, chosen, [more, own.accounts])
    assert both[1] is first[0]
    assert made_blocks == 2 * once
    assert both[0].eligible_usd.sum() > first[0].eligible_usd.sum()
    for k in range(2 * SWEEPS_KEPT):
        sweep_of(own, chosen, [replace(own.accounts, d_usd=(2 + k) * own.accounts.d_usd)])
    assert len(own.swept) == SWEEPS_KEPT
