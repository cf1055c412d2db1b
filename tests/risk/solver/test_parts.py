"""Parts of the book: they add up to the whole, loss by loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from risk.engine.book_sweep import UNGOVERNED, Accounts, RowOptions, book_sweep
from risk.engine.pair_sweep import Calls
from risk.scenarios.build import grid
from risk.solver.evaluate import Setting, grown, sweep_of
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.parts import Part, PartKind, accounts_of_part, scaled
from tests.risk.report import made

MEASURES = ("eligible_usd", "bad_debt_usd", "avoidable_usd")


@given(data=st.data())
def test_losses_are_homogeneous(data: st.DataObject) -> None:
    """SOL-12: an account with a share of all collateral and debt has that share of every loss."""
    draw = data.draw
    usd = st.floats(1.0, 1e6)
    rows = np.array(draw(st.lists(st.sampled_from([0, 1, UNGOVERNED]), min_size=6, max_size=6)))
    amounts = np.array(draw(st.lists(usd, min_size=9, max_size=9)))
    assets = np.array(draw(st.lists(st.integers(0, 2), min_size=9, max_size=9)))
    factor = np.array(draw(st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3)))
    account = [
        Accounts(np.array([0, 2]), assets[k : k + 2], amounts[k : k + 2], rows[k : k + 2], np.array([0, 1]),
                 assets[6 + k // 2 : 7 + k // 2], 0.4 * amounts[6 + k // 2 : 7 + k // 2])
        for k in (0, 2, 4)
    ]  # fmt: skip
    size = draw(st.integers(1, 4))
    ratio = st.lists(st.floats(0.05, 2.0), min_size=3 * size, max_size=3 * size)
    oracle, fair = (np.array(draw(ratio)).reshape(1, size, 3) for _ in range(2))
    options = RowOptions(np.arange(3), np.array([0.8, 0.7]), np.array([0.05, 0.06]), np.arange(2), np.ones(2))
    for one, share in zip(account, factor, strict=True):
        whole = book_sweep(one, oracle, fair, options, Calls(1, 0.5, 0.01)).now
        part = book_sweep(scaled(one, np.array([share])), oracle, fair, options, Calls(1, 0.5, 0.01)).now
        for name in MEASURES:
            want = share * getattr(whole, name)
            assert getattr(part, name) == pytest.approx(want, rel=1e-9, abs=1e-6)


def test_parts_add_up() -> None:
    """Over all debts, and over all collaterals, the parts are the whole; a category has its own accounts."""
    market = made.market()
    limits = read_limits("[tail]\nlevel = 0.8\n")
    setting = Setting(market, menu_of(market, limits), grid("market=0:-60%:7", market), limits)
    chosen = setting.menu.current
    accounts = grown(setting, chosen, 0.0)
    (whole,) = sweep_of(setting, chosen, [accounts])
    assert whole.bad_debt_usd.max() > 0
    for kind in (PartKind.RESERVE, PartKind.COLLATERAL):
        books = [
            accounts_of_part(market, setting.menu, accounts, Part(kind, name)) for name in market.asset_names
        ]
        parts = sweep_of(setting, chosen, books)
        for name in MEASURES:
            total = sum(getattr(p, name) for p in parts)
            assert total == pytest.approx(getattr(whole, name), rel=1e-9)
    inside = accounts_of_part(market, setting.menu, accounts, Part(PartKind.EMODE, "1"))
    assert len(inside) == 4  # the loopers


@pytest.mark.parametrize(
    ("part", "named"),
    [(Part(PartKind.RESERVE, "WETHH"), "WETHH"), (Part(PartKind.EMODE, "9"), "e-mode '9'")],
)
def test_unknown_parts(part: Part, named: str) -> None:
    market = made.market()
    limits = read_limits("")
    setting = Setting(market, menu_of(market, limits), grid("market=0:-60%:7", market), limits)
    with pytest.raises(InputError, match=named):
        accounts_of_part(market, setting.menu, setting.accounts, part)
