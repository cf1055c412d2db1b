"""A debt token that grants discounts, as GHO's did: told with its figures, account data still exact.

The token is the market's own behind a shim that answers ``getDiscountPercent`` and takes 1 % off
``balanceOf``; no package publishes GHO's compiled contracts.
"""

from __future__ import annotations

import pytest

from abis.calls import function
from abis.findings import FindingKind, Severity
from examples.demo.world import DemoWorld
from tests.differential.snapshots import compare, take

pytestmark = pytest.mark.chain

# keccak256("eip1967.proxy.implementation") - 1
IMPLEMENTATION_SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"


def shim(implementation: str) -> str:
    """Return code that forwards every call to ``implementation``, but for the two getters."""
    discount, balance = (
        function(f"{name}(address)").selector.hex() for name in ("getDiscountPercent", "balanceOf")
    )
    code = (
        "60003560e01c"  # selector
        f"8063{discount}14606157"
        "36600060003760006000366000"  # forward the call data ...
        f"73{implementation.removeprefix('0x')}5af4"
        "3d600060003e"  # ... and what comes back
        "604157"
        "3d6000fd"
        f"5b63{balance}14604f57"  # 0x41
        "3d6000f3"
        "5b60646000516063020460005260206000f3"  # 0x4f: 99 / 100 of it
        "5b6107d060005260206000f3"  # 0x61: a discount of 20 %
    )
    return "0x" + code


def grant_discounts(world: DemoWorld, symbol: str) -> None:
    rpc, token = world.chain.node.rpc, world.market.reserves[symbol].variable_debt_token.address
    stored = rpc("eth_getStorageAt", token, IMPLEMENTATION_SLOT, "latest")
    rpc("anvil_setCode", token, shim(stored[-40:]))


def test_a_debt_at_discounted_interest_is_told_and_account_data_stays_exact(demo_chain: DemoWorld) -> None:
    plain = take(demo_chain)
    assert plain.findings == ()
    grant_discounts(demo_chain, "USDC")
    taken = take(demo_chain)
    usdc = taken.asset_index("USDC")
    mine = taken.book.debt.reserve == usdc
    owed = [int(amount) for amount in taken.book.debt.amount_raw[mine]]
    less = sum(amount - amount * 99 // 100 for amount in owed)
    (finding,) = taken.findings
    assert (finding.kind, finding.severity, finding.subject) == (
        *(FindingKind.UNSUPPORTED, Severity.MEDIUM),
        "USDC",
    )
    assert f"{len(owed)} accounts owe {sum(owed)} raw units" in finding.message
    assert f"count {less} less" in finding.message
    assert finding.value_usd == pytest.approx(less / 10**6 * taken.price_usd[usdc])
    assert taken.book.debt.amount_raw.tolist() == plain.book.debt.amount_raw.tolist()
    assert compare(demo_chain, taken) == 6 * len(demo_chain.plans)
