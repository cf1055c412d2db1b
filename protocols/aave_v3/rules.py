"""The exact rules of Aave, v2 to v3.7: the implementation `protocols.exact.exact_rules` finds.

``account_data`` values an account (beside GenericLogic.sol), ``liquidate`` liquidates it
(beside LiquidationLogic.sol).  `accrual` turns scaled amounts into the balances they take,
`versions` names the rules of each release.
"""

from __future__ import annotations

from protocols.aave_v3.health import account_data
from protocols.aave_v3.liquidation import liquidate

__all__ = ["account_data", "liquidate"]
