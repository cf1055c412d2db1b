"""The front door to the protocols' release tables, for callers that know a market only by name.

Like `protocols.exact`, it keeps the question "which protocol" inside this room.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from abis.errors import UnsupportedVersion
from protocols.change_rules import ChangeRules
from protocols.liquidation_rules import LiquidationRules

_FAMILIES = {"aave": "protocols.aave_v3"}


def releases_of(family: str) -> tuple[str, ...]:
    """Return the releases with known rules, oldest first; raises as `rules_of`."""
    return tuple(_module(family, "versions").RELEASES)


def rules_of(family: str, version: str) -> LiquidationRules:
    """Return the liquidation rules of a release.

    Raises
    ------
    UnsupportedVersion
        If the family or the release is not known; names those that are.
    """
    rules: LiquidationRules = _module(family, "versions").rules_for(version)
    return rules


def default_change_rules_of(family: str, version: str) -> ChangeRules:
    """Return the documented default bounds on changes; only the validation before risk stewards.

    Stewards came with Aave v3; on v2 nothing but the configurator's own checks binds.
    Raises as `rules_of`.
    """
    if not _module(family, "versions").since(version, "3.0"):
        return ChangeRules()
    rules: ChangeRules = _module(family, "governance").default_change_rules()
    return rules


def _module(family: str, name: str) -> ModuleType:
    if family not in _FAMILIES:
        raise UnsupportedVersion(
            f"protocol family '{family}' has no known releases.",
            remedy=f"Known: {', '.join(sorted(_FAMILIES))}.",
        )
    return import_module(f"{_FAMILIES[family]}.{name}")
