"""Six governance proposals, with the pool's published state on both sides of each."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from protocols.change_rules import ChangeRules
from protocols.entries import book_of
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, EMode, Feed, Market, RateModel, Reserve, Snapshot
from risk.report.diff import diff
from risk.report.diff_page import to_markdown

pytestmark = pytest.mark.real_data

# Percent before and after of what each proposal states it changes.
MAI_CURVE = {"rate_model_optimal_ray": (80, 45), "rate_model_slope2_ray": (75, 300)}
MAI = {"liquidation_threshold_bps": (80, 1), "reserve_factor_bps": (20, 95), **MAI_CURVE}
FACTORS = {"WMATIC": 61, "WBTC": 75, "USDC": 43, "WETH": 65, "DAI": 41, "BAL": 52, "USDT": 42}
PROPOSALS: dict[str, dict[str, dict[str, tuple[float, float]]]] = {
    "aave_v2_polygon_2023_11_03_reserve_factor_updates": {
        symbol: {"reserve_factor_bps": (old, old + 5)} for symbol, old in FACTORS.items()
    },
    "aave_v3_arbitrum_2023_10_31_mai_deprecation": {"MAI": MAI},
    "aave_v3_avalanche_2023_10_31_mai_deprecation": {"MAI": {**MAI, "ltv_bps": (75, 0)}},
    "aave_v3_ethereum_2023_10_31_weth_parameters": {
        "WETH": {"rate_model_optimal_ray": (90, 80), "rate_model_slope1_ray": (3.8, 2.8)}
    },
    "aave_v3_optimism_2023_10_31_mai_deprecation": {"MAI": {**MAI, "liquidation_threshold_bps": (80, 65)}},
    "aave_v3_polygon_2023_10_31_mai_deprecation": {"miMATIC": MAI},
}
FROZEN = {"aave_v3_avalanche_2023_10_31_mai_deprecation": "MAI"}


@pytest.mark.parametrize("report", PROPOSALS)
def test_a_diff_holds_exactly_what_the_proposal_states(report: str, data_dir: Path) -> None:
    before, after = (snapshot_of(data_dir, report, side) for side in ("before", "after"))
    found = diff(before, after, top=20)
    expected = {
        (symbol, parameter): tuple(raw(parameter, percent) for percent in values)
        for symbol, changes in PROPOSALS[report].items()
        for parameter, values in changes.items()
    }
    if report in FROZEN:
        expected[FROZEN[report], "frozen"] = ("false", "true")
    assert {(p.name, p.parameter): (p.old, p.new) for p in found.parameters} == expected
    assert found.reserves == ()
    text = to_markdown(found)
    assert all(f"| {symbol} |" in text for symbol in PROPOSALS[report])


def raw(parameter: str, percent: float) -> str:
    return str(round(Decimal(str(percent)) * (10**25 if parameter.endswith("_ray") else 100)))


def snapshot_of(data_dir: Path, report: str, side: str) -> Snapshot:
    path = data_dir / "params" / "pool_reports" / f"{report}_{side}.json.gz"
    pool: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    curves = pool["strategies"]
    return Snapshot(
        market=Market(report, "aave", "2.0" if "_v2_" in report else "3.0", pool["chainId"]),
        block=Block(1 if side == "before" else 2, side, 1_698_800_000),
        base=BaseCurrency("USD", 10**8, Decimal(1)),
        rules=rules_of("aave", "2.0" if "_v2_" in report else "3.0"),
        change_rules=ChangeRules(),
        reserves=tuple(
            reserve_of(i, r, curves[r["interestRateStrategy"]])
            for i, r in enumerate(pool["reserves"].values())
        ),
        emodes=tuple(
            EMode(e["eModeCategory"], e["label"], e["ltv"], e["liquidationThreshold"], e["liquidationBonus"])
            for e in pool.get("eModes", {}).values()
        ),
        book=book_of({}, [], []),
    )


def reserve_of(i: int, r: dict[str, Any], curve: dict[str, Any]) -> Reserve:
    return Reserve(
        asset=r["underlying"],
        symbol=r["symbol"],
        decimals=r["decimals"],
        price_raw=r.get("oracleLatestAnswer", 0),
        ltv_bps=r["ltv"],
        liquidation_threshold_bps=r["liquidationThreshold"],
        liquidation_bonus_bps=r["liquidationBonus"],
        liquidation_protocol_fee_bps=r.get("liquidationProtocolFee", 0),
        reserve_factor_bps=r["reserveFactor"],
        supply_cap_tokens=r.get("supplyCap", 0),
        borrow_cap_tokens=r.get("borrowCap", 0),
        debt_ceiling_usd_cents=r.get("debtCeiling", 0),
        emode_category=r.get("eModeCategory", 0),
        active=r["isActive"],
        frozen=r["isFrozen"],
        paused=r.get("isPaused", False),
        borrowing_enabled=r["borrowingEnabled"],
        siloed_borrowing=r.get("isSiloed", False),
        borrowable_in_isolation=r.get("isBorrowableInIsolation", False),
        flash_loan_enabled=r.get("isFlashloanable", True),
        a_token=r["aToken"],
        debt_token=r["variableDebtToken"],
        id=i,
        rate_model=RateModel(
            curve["optimalUsageRatio"],
            curve["baseVariableBorrowRate"],
            curve["variableRateSlope1"],
            curve["variableRateSlope2"],
        ),
        feed=Feed(r["oracle"], r.get("oracleDescription", ""), r.get("oracleDecimals", -1), 0, 0),
    )
