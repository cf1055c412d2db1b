"""Finds the exact integer rules a `LiquidationRules` record asks for.

The rest of the house calls these two functions and never the protocol's own module, so
that nothing outside `protocols` asks which protocol it is looking at.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from abis.errors import UnsupportedVersion
from protocols.liquidation_rules import LiquidationRules
from protocols.position import AccountData, LiquidationResult, Position

_FAMILIES = {"aave": "protocols.aave_v3.rules"}


class ExactRules(Protocol):
    """What a protocol's ``rules.py`` offers."""

    def account_data(self, position: Position, rules: LiquidationRules) -> AccountData:
        """Return the account's six values."""

    def liquidate(
        self,
        position: Position,
        collateral: int,
        debt: int,
        amount_raw: int,
        rules: LiquidationRules,
    ) -> LiquidationResult:
        """Return what repaying ``amount_raw`` of leg ``debt`` against leg ``collateral`` does."""


def exact_rules(rules: LiquidationRules) -> ExactRules:
    """Return the exact implementation of ``rules``.

    Raises
    ------
    UnsupportedVersion
        If no implementation is registered under ``rules.family``.
    """
    try:
        module = _FAMILIES[rules.family]
    except KeyError:
        raise UnsupportedVersion(
            f"no exact rules for family '{rules.family}'.", remedy=f"Known: {', '.join(sorted(_FAMILIES))}."
        ) from None
    return cast(ExactRules, import_module(module))
