"""Configuration events by hand-encoded logs: what is stated, and what is not taken for it."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from abis.calls import topic
from abis.logs import Log
from protocols.aave_v3.config_decoding import statements
from protocols.aave_v3.config_events import EVENTS

ASSET = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"

# Published topics (aave-address-book and explorers), typed in and not computed.
TOPICS = {
    "CollateralConfigurationChanged": "0x637febbda9275aea2e85c0ff690444c8d87eb2e8339bbede9715abcc89cb0995",
    "EModeCategoryAdded": "0x0acf8b4a3cace10779798a89a206a0ae73a71b63acdd3be2801d39c2ef7ab3cb",
    "AssetCollateralInEModeChanged": "0x79409190108b26fcb0e4570f8e240f627bf18fd01a55f751010224d5bd486098",
    "AssetBorrowableInEModeChanged": "0x60087ca045be9d8d1301445e67d6248eddba97629c80284fa4910c0e52f103ab",
    "AssetLtvzeroInEModeChanged": "0xc0a450fbad635333e47f3322ec028a8e0b3909f79c721312a356a0fab5fa8b94",
    "EModeCategoryIsolationChanged": "0xea07f8a4f488dcc1dc8c27b9c526ac8ba2d04b8024e206616f306c51d9b16826",
    "SupplyCapChanged": "0x0263602682188540a2d633561c0b4453b7d8566285e99f9f6018b8ef2facef49",
    "BorrowCapChanged": "0xc51aca575985d521c5072ad11549bad77013bb786d57f30f94b40ed8f8dc9bc4",
    "LiquidationGracePeriodChanged": "0xdf4f96448786bcd6fecc9f1fa25f1fbbbee6a5c9e76d635a615ac57bb5983d10",
    "AssetSourceUpdated": "0x22c5b7b2d8561d39f7f210b6b326a1aa69f15311163082308ac4877db6339dc1",
}


def word(kind: str, value: Any) -> str:
    return "0x" + encode([kind], [value]).hex()


def log(event: str, indexed: list[str], data: bytes) -> Log:
    return Log(ASSET.lower(), (topic(event), *indexed), "0x" + data.hex(), 7)


def supply_cap(old: int, new: int) -> Log:
    data = encode(["uint256", "uint256"], [old, new])
    return log("SupplyCapChanged(address,uint256,uint256)", [word("address", ASSET)], data)


def category(label: bytes) -> Log:
    data = encode(["uint256"] * 3 + ["address", "bytes"], [9_300, 9_500, 10_100, "0x" + "0" * 40, label])
    event = "EModeCategoryAdded(uint8,uint256,uint256,uint256,address,string)"
    return log(event, [word("uint8", 3)], data)


def test_topics_are_the_published_ones() -> None:
    by_name = {event.name: name for name, event in EVENTS.items()}
    assert {name: by_name[name] for name in TOPICS} == TOPICS


@given(old=st.integers(0, 2**36 - 1), new=st.integers(0, 2**36 - 1))
def test_a_cap_event_states_its_own_old_value(old: int, new: int) -> None:
    (stated,) = statements(supply_cap(old, new)) or []
    assert (stated.kind, stated.subject, stated.parameter) == ("reserve", ASSET, "supply_cap_tokens")
    assert (stated.old, stated.new) == (str(old), str(new))


def test_a_label_is_kept_short_and_need_not_be_text() -> None:
    for label, shown in ((b"ETH", "ETH"), (b"\xff" * 3, "\ufffd" * 3), (b"x" * 500, "x" * 64)):
        stated = {s.parameter: s.new for s in statements(category(label)) or []}
        assert stated["label"] == shown
        assert stated["liquidation_bonus_bps"] == "10100"


def test_rates_are_taken_out_of_their_bytes() -> None:
    rates = encode(["uint16", "uint32", "uint32", "uint32"], [9_000, 0, 450, 6_000])
    event = "ReserveInterestRateDataChanged(address,address,bytes)"
    asset = word("address", ASSET)
    stated = statements(log(event, [asset, asset], encode(["bytes"], [rates]))) or []
    assert [(s.parameter, s.new) for s in stated] == [
        ("rate_optimal_bps", "9000"),
        ("rate_base_bps", "0"),
        ("rate_slope1_bps", "450"),
        ("rate_slope2_bps", "6000"),
    ]
    assert {s.hint for s in stated} == {ASSET}
    assert statements(log(event, [asset, asset], encode(["bytes"], [rates + b"\0" * 32]))) is None


def test_roles_and_identifiers_go_by_their_names() -> None:
    event = "RoleGranted(bytes32,address,address)"
    who = word("address", ASSET)
    for role, shown in (
        (keccak(text="RISK_ADMIN"), "RISK_ADMIN"),
        (bytes(32), "DEFAULT_ADMIN"),
        (b"\xfe" * 32, "0x" + "fe" * 32),
    ):
        (stated,) = statements(log(event, ["0x" + role.hex(), who, who], b"")) or []
        assert (stated.subject, stated.old, stated.new) == (f"{shown}:{ASSET}", "false", "true")


@pytest.mark.parametrize(
    "made",
    [
        Log(ASSET, (), "0x", 1),
        Log(ASSET, ("0x" + "ab" * 32,), "0x", 1),
        log("SupplyCapChanged(address,uint256,uint256)", [], encode(["uint256"] * 3, [1, 2, 3])),
        log("SupplyCapChanged(address,uint256,uint256)", [word("address", ASSET)], b"\0" * 63),
        log("SupplyCapChanged(address,uint256,uint256)", ["0x" + "ff" * 32], b"\0" * 64),
        log("SupplyCapChanged(address,uint256,uint256)", ["0x12"], b"\0" * 64),
        log("ReserveFrozen(address,bool)", [word("address", ASSET)], encode(["uint256"], [2])),
        log("ReserveDropped(address)", [word("address", ASSET)], b"\0"),
    ],
)
def test_what_is_not_exactly_the_event_is_not_decoded(made: Log) -> None:
    assert statements(made) is None
