"""How much of a debt one call may repay: a constant of the collateral manager, which has no getter."""

from __future__ import annotations

from dataclasses import replace

from abis.findings import Finding, FindingKind, Severity
from protocols.liquidation_rules import LiquidationRules

# Deployed LendingPoolCollateralManager contracts of Aave's own markets.  The second group
# came with the deprecation of v2 (bgd-labs/v2-deprecation): the whole debt of a reserve.
_HALF = (
    "0x368e6441bB27159c6e8e6d3bbd9147BEcBA915E3",  # Ethereum, Ethereum AMM
    "0xAdDb96Fb6A795faf042DD25BD4710267C41D1F74",  # Polygon
    "0x69A45013F047A65422deFdD0C43f09530D7025c0",  # Avalanche
)
_WHOLE = (
    "0xcc9632725266473ab5d42320E8Ae00437A1df3bB",  # Ethereum
    "0xa5ea4371b3A8B18a7713193Cd3b2d7C1761901a4",  # Ethereum AMM
    "0x94d977c42C7880EC05aF5Ba6d913785462bf9346",  # Polygon
    "0xd01607c3C5eCABa394D8be377a08590149325722",  # Avalanche
)


def with_close_factor(
    rules: LiquidationRules, collateral_manager: str, findings: list[Finding]
) -> LiquidationRules:
    """Return the rules with the close factor of the manager in force.

    Parameters
    ----------
    rules : LiquidationRules
        Of the release, with the close factor of the published contract.
    collateral_manager : str
        The manager's address, checksummed; empty if the provider names none.
    findings : list
        Receives a note if the manager is not known; the published contract is then assumed.
    """
    if collateral_manager in _WHOLE:
        return replace(rules, close_factor_bps=10_000)
    if collateral_manager not in _HALF:
        findings.append(
            Finding(
                FindingKind.UNVERIFIED,
                Severity.LOW,
                collateral_manager or "collateral manager",
                f"The collateral manager is not one of Aave's own; the close factor of the published "
                f"contract, {rules.close_factor_bps / 100:g} %, is assumed. It has no getter.",
            )
        )
    return rules
