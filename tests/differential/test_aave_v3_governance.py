"""The configurator's checks against the configurator of a real v3.0 market."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from examples.demo.world import DemoWorld
from examples.localchain.feeds import ZERO_ADDRESS
from examples.localchain.rpc import RpcAnswer
from protocols.aave_v3.governance import validate_collateral, validate_emode

pytestmark = pytest.mark.chain

# Thresholds with the bonuses around the largest allowed one, where half-up rounding decides.
THRESHOLDS = (1, 2, 4_999, 5_000, 6_666, 7_777, 8_300, 9_091, 9_500, 9_524, 9_525, 9_999, 10_000)

# INVALID_RESERVE_PARAMS is '20', INVALID_EMODE_CATEGORY_PARAMS '21' (aave-v3-core Errors.sol).


def _candidates() -> list[tuple[int, int, int]]:
    rows = []
    for threshold in THRESHOLDS:
        largest = min((10_001 * 10_000 - 5_001) // threshold, 65_530)
        for bonus in (0, 9_999, 10_000, 10_001, largest - 1, largest, largest + 1, largest + 2):
            rows += [(ltv, threshold, bonus) for ltv in (0, threshold - 1, threshold, threshold + 1)]
    return rows


def test_reserve_parameters_are_taken_and_refused_as_the_chain_does(demo_chain: DemoWorld) -> None:
    asset = demo_chain.market.reserves["LINK"].underlying.address
    answers = set()
    for row in _candidates():
        code = _refusal(demo_chain, "configureReserveAsCollateral", (asset, *row))
        assert code == ("20" if validate_collateral(*row) else ""), row
        answers.add(code)
    assert answers == {"", "20"}


def test_category_parameters_are_taken_and_refused_as_the_chain_does(demo_chain: DemoWorld) -> None:
    answers = set()
    for row in [*_candidates(), (0, 0, 10_001)]:
        code = _refusal(demo_chain, "setEModeCategory", (9, *row, ZERO_ADDRESS, "new"))
        assert code == ("21" if validate_emode(*row) else ""), row
        answers.add(code)
    assert answers == {"", "21"}


def test_a_category_has_to_exceed_its_members(demo_chain: DemoWorld) -> None:
    spec = demo_chain.market.spec
    members = [(r.ltv_bps, r.liquidation_threshold_bps) for r in spec.reserves if r.emode == 1]
    top_ltv, top_threshold = (max(values) for values in zip(*members, strict=True))
    for ltv, threshold in (
        (top_ltv, top_threshold + 1),
        (top_ltv + 1, top_threshold),
        (top_ltv + 1, top_threshold + 1),
    ):
        row = (ltv, threshold, 10_100)
        code = _refusal(demo_chain, "setEModeCategory", (1, *row, ZERO_ADDRESS, "ETH"))
        assert code == ("21" if validate_emode(*row, members=members) else ""), row


def _refusal(world: DemoWorld, function: str, arguments: Sequence[Any]) -> str:
    """Return the code of Errors.sol the configurator refuses a call with, or an empty string."""
    configurator = world.market.configurator
    call = {
        "from": world.market.admin,
        "to": configurator.address,
        "data": configurator.encode(function, *arguments),
    }
    try:
        world.chain.node.rpc("eth_call", call, "latest")
    except RpcAnswer as error:
        return bytes.fromhex(str(error.error["data"])[2:])[68:].rstrip(b"\0").decode()
    return ""
