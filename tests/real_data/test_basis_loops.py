"""Real loops on USDe: accounts of 2 December 2025, curves and rates of October, funding that Binance paid."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protocols.snapshot import Snapshot
from protocols.store import load
from risk.venues.basis import earned
from risk.venues.basis_exit import leave
from risk.venues.basis_file import usde
from risk.venues.basis_loops import loops_of
from risk.venues.basis_secondary import published
from risk.venues.basis_unwind import unwind

pytestmark = pytest.mark.real_data

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "basis_loops.py"


@pytest.fixture(scope="module")
def example() -> Mapping[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def market(data_dir: Path, example: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    out = tmp_path_factory.mktemp("loops") / "snap"
    assert example["main"]([str(data_dir), str(out)]) == 0
    return load(out)


def test_accounts_that_can_only_be_loops_are_found(
    market: Snapshot, data_dir: Path, example: Mapping[str, Any]
) -> None:
    found = loops_of(market, usde().issuer)
    accounts, _ = example["loops"](data_dir)
    assert set(found.account) == set(accounts.index)
    assert len(found.account) > 50
    total = float(accounts.debt_usd.sum())
    assert found.debt_usd.sum() == pytest.approx(
        total, rel=0.002
    )  # legs that are not among the largest 1,000
    assert found.collateral_usd.sum() == pytest.approx(float(accounts.collateral_usd.sum()), rel=1e-6)
    assert 4.0 < np.median(found.leverage) < 12.5  # 12.5 is all that a threshold of 92 % allows
    assert not found.findings


def test_curves_give_the_rates_of_their_day(
    market: Snapshot, data_dir: Path, example: Mapping[str, Any]
) -> None:
    models = example["rate_models"](data_dir)
    # Two reserves with one kink, each with its own rate and utilisation, ask for the same first slope.
    slopes = [models[s][0].slope1_ray / 1e27 for s in ("USDC", "USDT")]
    assert slopes == pytest.approx([0.065, 0.065], abs=2e-4)
    rates = {c.name: c.rate() for c in loops_of(market, usde().issuer).curves}
    assert rates["USDC"] == pytest.approx(0.054746, abs=1e-5)
    assert rates["USDT"] == pytest.approx(0.060087, abs=1e-5)


def test_lower_funding_moves_real_loops_from_staying_to_leaving(
    market: Snapshot, data_dir: Path, example: Mapping[str, Any]
) -> None:
    issuer = usde().issuer
    book = loops_of(market, issuer)
    week = example["funding"](data_dir, "2025-10-16", "2025-10-23")
    assert week["BTC"] < 0.0 < week["ETH"]
    repaid, rates = [], []
    for less in (0.0, 0.05, 0.1, 0.2):
        found = unwind(book, issuer, earned(issuer, {c: r - less for c, r in week.items()}).staked)
        out = leave(book, found, issuer, published(issuer))
        assert abs(sum(out.cash_usd.values())) < 1e-3
        repaid.append(float(found.repaid_usd.sum()))
        rates.append(found.rate)
    assert repaid == sorted(repaid)
    assert repaid[0] < 0.1 * repaid[-1]
    assert (rates[-1] < rates[0]).all()
