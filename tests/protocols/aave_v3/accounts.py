"""Accounts the tests of the rules share."""

from __future__ import annotations

from dataclasses import replace

from protocols.position import CollateralLeg, DebtLeg, Position

# A worked account whose expected figures were computed from the formulas of GenericLogic.sol and
# LiquidationLogic.sol with an independent integer script.
WETH = CollateralLeg(
    reserve=0,
    balance_raw=10123456789012345678,
    price_raw=234567891234,
    unit_raw=10**18,
    threshold_bps=8300,
    ltv_bps=8050,
    bonus_bps=10500,
    protocol_fee_bps=1000,
    counted=True,
)
WSTETH = replace(
    WETH,
    reserve=1,
    balance_raw=33 * 10**17,
    price_raw=288812345678,
    threshold_bps=7950,
    ltv_bps=7850,
    bonus_bps=10600,
)
USDC = DebtLeg(reserve=2, balance_raw=27005984624, price_raw=99987654, unit_raw=10**6)
DAI = DebtLeg(reserve=3, balance_raw=10005 * 10**17, price_raw=100010000, unit_raw=10**18)
WORKED = Position((WETH, WSTETH), (USDC, DAI))

USD = 10**8  # base-currency units of a dollar


def simple(collateral_usd_raw: int, debt_usd_raw: int, threshold_bps: int = 10_000) -> Position:
    """Return an account of one collateral and one debt in tokens worth one base unit each."""
    leg = CollateralLeg(
        reserve=0,
        balance_raw=collateral_usd_raw,
        price_raw=1,
        unit_raw=1,
        threshold_bps=threshold_bps,
        ltv_bps=threshold_bps,
        bonus_bps=10_500,
        protocol_fee_bps=1_000,
        counted=True,
    )
    return Position((leg,), (DebtLeg(reserve=1, balance_raw=debt_usd_raw, price_raw=1, unit_raw=1),))
