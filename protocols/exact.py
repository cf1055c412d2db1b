"""Finds the exact integer rules a `LiquidationRules` record asks for.

The rest of the house calls these functions and never the protocol's own module, so
that nothing outside `protocols` asks which protocol it is looking at.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Protocol, cast

from abis.errors import UnsupportedVersion
from protocols.liquidation_rules import LiquidationRules
from protocols.position import AccountData, LiquidationResult, Position
from protocols.snapshot import Reserve

_FAMILIES = {"aave": "protocols.aave_v3.rules"}
_INTEREST = {"aave": "protocols.aave_v3.interest"}


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


class Indices(Protocol):
    """Indices of one reserve at one time, ray."""

    @property
    def supply_ray(self) -> int:
        """Balance per scaled unit supplied."""

    @property
    def debt_ray(self) -> int:
        """Balance per scaled unit owed."""


class ExactInterest(Protocol):
    """What a protocol's ``interest.py`` offers."""

    def indices_along(
        self,
        reserve: Reserve,
        rules: LiquidationRules,
        elapsed_s: Sequence[int],
        *,
        from_model: bool = True,
        liquidity_raw: int | None = None,
    ) -> Sequence[Indices]:
        """Return the reserve's indices so many seconds after the snapshot."""


def exact_rules(rules: LiquidationRules) -> ExactRules:
    """Return the exact implementation of ``rules``.

    Raises
    ------
    UnsupportedVersion
        If no implementation is registered under ``rules.family``.
    """
    return cast(ExactRules, _module(_FAMILIES, rules))


def exact_interest(rules: LiquidationRules) -> ExactInterest:
    """Return how reserves under ``rules`` accrue interest; raises as `exact_rules`."""
    return cast(ExactInterest, _module(_INTEREST, rules))


def _module(families: dict[str, str], rules: LiquidationRules) -> ModuleType:
    try:
        return import_module(families[rules.family])
    except KeyError:
        raise UnsupportedVersion(
            f"no exact rules for family '{rules.family}'.", remedy=f"Known: {', '.join(sorted(families))}."
        ) from None
