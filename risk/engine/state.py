"""What the engine remembers of a block of scenarios between two moments.

S scenarios, N accounts, A reserves, E e-mode rows.  Balances are written only for accounts
that are liquidated; the others are read from the book, so memory grows with what
happens, not with S times the book.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from risk.engine.arrays import FloatArray, Records
from risk.engine.model import Model

ByteArray = NDArray[np.uint8]

# flags, kept along the path
ELIGIBLE, CALLED = 1, 2
# status, of one moment
BELOW, NEAR_ONE, NOT_SURE, DECIDED = 1, 2, 4, 8

# The harm ledger; fields named as in `risk.outcome.Outcome` mean what they mean there.
PER_SCENARIO = np.dtype(
    [
        ("eligible_accounts", np.int64),
        ("liquidated_accounts", np.int64),
        ("calls", np.int64),  # liquidation calls made
        ("unsure", np.int64),  # decisions taken inside the error band
        ("cut_off", np.int64),  # accounts left after the most calls of a moment
        ("loss_dislocation_usd", np.float64),
        ("loss_excess_usd", np.float64),
        ("loss_bonus_usd", np.float64),
        ("over_liquidated_usd", np.float64),
        ("under_liquidation_usd_hours", np.float64),
        ("unprofitable_debt_usd", np.float64),
        ("liquidator_profit_usd", np.float64),
        ("largest_account_loss_usd", np.float64),
        ("first_liquidation_s", np.float64),
        ("kept_usd", np.float64),
        ("capital_usd", np.float64),  # liquidators' own, not spent
        ("at_s", np.float64),  # time up to which interest accrued and depth refilled
    ]
)
PER_ASSET = np.dtype(
    [
        (name, np.float64)
        for name in (
            "eligible_debt_usd",
            "eligible_collateral_usd",
            "repaid_usd",
            "seized_usd",
            "bad_debt_usd",
            "deficit_usd",
            "avoidable_loss_usd",
            "toxic_usd",
            "sold_tokens",
            "withdrawable",  # smallest units
            "pressure_tokens",  # where on its curve the reserve is sold now
            "pressed_tokens",  # where it would be, had nothing refilled
        )
    ]
)

# The same per e-mode row: what accounts of the category owe, hold and lose.
PER_EMODE = np.dtype(
    [
        (name, np.float64)
        for name in (
            "eligible_debt_usd",
            "eligible_collateral_usd",
            "repaid_usd",
            "seized_usd",
            "bad_debt_usd",
            "deficit_usd",
            "avoidable_loss_usd",
            "toxic_usd",
        )
    ]
)

BUDGET_BYTES = 256 * 2**20
PRICE_COPIES = 13  # of a block's prices beside the venues': median, fair, oracle, rows, extremes, in between


class State(NamedTuple):
    """Balances and flags of every account in every scenario, and the ledger so far.

    ``c_amount`` (S, nnz) and ``d_amount`` (S, nnz) are set for accounts flagged `CALLED`;
    ``flags`` and ``status`` (S, N); ``scenario`` (S,) `PER_SCENARIO`, ``asset`` (S, A)
    `PER_ASSET`, ``emode`` (S, E) `PER_EMODE`; ``account_loss_usd`` (S, N) each account's avoidable
    loss so far; ``waiting_since_s`` (S, N), inf while not liquidatable, (S, 0) where liquidators do
    not wait.
    """

    c_amount: FloatArray
    d_amount: FloatArray
    flags: ByteArray
    status: ByteArray
    scenario: Records
    asset: Records
    emode: Records
    account_loss_usd: FloatArray
    waiting_since_s: FloatArray


def start(model: Model, scenarios: int, emode_rows: int) -> State:
    """Return the state before the first moment."""
    shape = (scenarios, len(model.account))
    scenario = np.zeros(scenarios, dtype=PER_SCENARIO)
    scenario["first_liquidation_s"] = np.inf
    scenario["capital_usd"] = model.costs.capital_usd
    asset = np.zeros((scenarios, len(model.reserve)), dtype=PER_ASSET)
    asset["withdrawable"] = model.reserve["withdrawable"]
    waits = len(model.account) if model.costs.latency_s > 0 else 0
    return State(
        # Not initialised on purpose: untouched pages cost nothing.
        c_amount=np.empty((scenarios, len(model.collateral))),
        d_amount=np.empty((scenarios, len(model.debt))),
        flags=np.zeros(shape, dtype=np.uint8),
        status=np.zeros(shape, dtype=np.uint8),
        scenario=scenario,
        asset=asset,
        emode=np.zeros((scenarios, emode_rows), dtype=PER_EMODE),
        account_loss_usd=np.zeros(shape),
        waiting_since_s=np.full((scenarios, waits), np.inf),
    )


def copy(state: State) -> State:
    """Return an independent copy."""
    return State(**{name: part.copy() for name, part in state._asdict().items()})


def block_size(
    model: Model, most: int, times: int = 1, venues: int = 1, budget_bytes: int = BUDGET_BYTES
) -> int:
    """Return how many scenarios, up to ``most``, fit the budget even if every account is liquidated.

    ``times`` and ``venues`` are those of the price paths, which are held for a whole block.
    """
    each = 8 * (len(model.collateral) + len(model.debt)) + 14 * len(model.account) + 4 * times
    each += 8 * len(model.account) if model.costs.latency_s > 0 else 0
    each += 8 * times * len(model.reserve) * (venues + PRICE_COPIES)
    each += PER_SCENARIO.itemsize + PER_ASSET.itemsize * len(model.reserve)
    return int(min(max(budget_bytes // each, 1), most))
