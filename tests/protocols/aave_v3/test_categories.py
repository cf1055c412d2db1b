"""E-mode categories of v3.2 on: bitmaps of reserve ids become places in the snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode

from abis.calls import function
from abis.chain import Chain, Header
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.categories import Category, emodes_of, price_sources, read_categories
from protocols.aave_v3.prices import Quote
from protocols.snapshot import EMode, Feed, Reserve
from tests.abis.scripted_node import ScriptedNode, serving

POOL = "0x" + "11" * 20
BLOCK = Header(100, "0x" + "ab" * 32, 1_700_000_000)
# Reserve 1 was dropped: ids are 0, 2, 5 at places 0, 1, 2.
RESERVES = [
    Reserve("0x" + f"{i}" * 40, f"T{i}", 18, 10**8, 0, 0, 0, emode_category=c, id=i)
    for i, c in ((0, 0), (2, 7), (5, 7))
]
LABELS = {3: b"Ether correlated", 7: b"\xff" * 70}


def category(kind: str, arguments: bytes) -> bytes:
    i = int.from_bytes(arguments, "big")
    known = i in LABELS
    return {
        "getEModeCategoryCollateralConfig(uint8)": lambda: abi_encode(
            ["(uint16,uint16,uint16)"], [(9000 + i, 9300 + i, 10100) if known else (0, 0, 0)]
        ),
        "getEModeCategoryData(uint8)": lambda: abi_encode(
            ["(uint16,uint16,uint16,address,bytes)"],
            [(9000 + i, 9300 + i, 10100, POOL if i == 3 else "0x" + "00" * 20, LABELS[i])]
            if known
            else [(0, 0, 0, "0x" + "00" * 20, b"")],
        ),
        "getEModeCategoryLabel(uint8)": lambda: abi_encode(["bytes"], [LABELS[i]]),
        "getEModeCategoryCollateralBitmap(uint8)": lambda: abi_encode(
            ["uint128"], [0b100101 if i == 3 else 0b10]
        ),
        "getEModeCategoryBorrowableBitmap(uint8)": lambda: abi_encode(["uint128"], [0b100]),
        "getEModeCategoryLtvzeroBitmap(uint8)": lambda: abi_encode(["uint128"], [0b100000 if i == 3 else 0]),
        "getIsEModeCategoryIsolated(uint8)": lambda: abi_encode(["bool"], [i == 7]),
    }[kind]()


def read(version: str) -> tuple[dict[int, EMode], list[Finding]]:
    kinds = {
        "0x" + function(s).selector.hex(): s
        for s in (
            "getEModeCategoryCollateralConfig(uint8)",
            "getEModeCategoryData(uint8)",
            "getEModeCategoryLabel(uint8)",
            "getEModeCategoryCollateralBitmap(uint8)",
            "getEModeCategoryBorrowableBitmap(uint8)",
            "getEModeCategoryLtvzeroBitmap(uint8)",
            "getIsEModeCategoryIsolated(uint8)",
        )
    }

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_getCode":
            return "0x"
        data = params[0]["data"]
        return "0x" + category(kinds[data[:10]], bytes.fromhex(data[10:])).hex()

    findings: list[Finding] = []
    with serving(ScriptedNode(answer)) as node:
        categories = Chain(node.url).run(BLOCK, read_categories(POOL, version))
    emodes = emodes_of(categories, RESERVES, findings)
    return {e.id: e for e in emodes}, findings


@pytest.mark.parametrize("version", ["3.2", "3.5", "3.6", "3.7"])
def test_bitmaps_hold_ids_and_become_places(version: str) -> None:
    emodes, findings = read(version)
    assert sorted(emodes) == [3, 7]
    ether = emodes[3]
    assert (ether.ltv_bps, ether.liquidation_threshold_bps, ether.liquidation_bonus_bps) == (
        9003,
        9303,
        10100,
    )
    assert ether.label == "Ether correlated"
    assert ether.collateral == (0, 1, 2)
    assert ether.borrowable == (1,)
    assert ether.ltvzero == ((2,) if version >= "3.6" else ())
    assert (emodes[7].isolated, ether.isolated) == (version == "3.7", False)
    assert emodes[7].collateral == ()  # only the dropped reserve
    assert len(emodes[7].label) == 64
    assert ["label" in f.message for f in findings] == [True]


def test_until_3_1_reserves_name_their_category() -> None:
    emodes, findings = read("3.0")
    assert emodes[7].collateral == emodes[7].borrowable == (1, 2)
    assert emodes[3].collateral == ()
    assert (emodes[3].price_source, emodes[7].price_source) == (POOL, "")
    # Nothing was quoted under the source.
    assert (emodes[3].price_raw, emodes[3].price_reserve) == (0, -1)
    assert ["label" in f.message for f in findings] == [True]


def priced(source: str, quote: Quote, reserves: list[Reserve]) -> tuple[EMode, list[Finding]]:
    category = Category(7, 9_000, 9_300, 10_100, b"seven", price_source=source.lower())
    assert price_sources([category]) == [source]
    findings: list[Finding] = []
    (emode,) = emodes_of([category], reserves, findings, {source: quote})
    return emode, findings


def test_a_price_of_its_own_is_reported_with_how_scenarios_move_it() -> None:
    emode, findings = priced(POOL, Quote(123, None), RESERVES)
    assert (emode.price_source, emode.price_raw, emode.price_reserve) == (POOL, 123, -1)
    (finding,) = findings
    assert (finding.kind, finding.severity) == (FindingKind.UNVERIFIED, Severity.LOW)
    assert finding.subject == "e-mode 7"
    assert POOL in finding.message
    assert "median move of its members" in finding.message


def test_the_price_of_a_listed_asset_or_of_its_feed_follows_that_asset() -> None:
    asset = RESERVES[1].asset
    assert priced(asset, Quote(10**8, None), RESERVES)[0].price_reserve == 1
    feed = Feed("0x" + "aa" * 20, "ETH / USD", 8, 10**8, 1)
    fed = [RESERVES[0], RESERVES[1], replace(RESERVES[2], feed=feed)]
    emode, findings = priced(POOL, Quote(10**8, feed), fed)
    assert (emode.price_reserve, findings) == (2, [])
    # Another price under the same feed is no such thing, whatever explains it.
    assert priced(POOL, Quote(10**8 + 1, feed), fed)[0].price_reserve == -1
    assert priced(POOL, Quote(10**8, replace(feed, source=POOL)), fed)[0].price_reserve == -1
