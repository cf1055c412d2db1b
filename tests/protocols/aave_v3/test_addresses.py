"""Which release is told from what a pool answers; the answers are scripted, the wire is real."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode

from abis.calls import function
from abis.chain import Chain, Header
from abis.errors import NotAMarket, UnsupportedVersion
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.addresses import Addresses, check_provider, read_addresses, read_version
from protocols.registry import resolve
from tests.abis.scripted_node import NodeError, ScriptedNode, serving

PROVIDER = resolve("aave-v3-ethereum").address
POOL, ORACLE = "0x" + "11" * 20, "0x" + "22" * 20
BLOCK = Header(100, "0x" + "ab" * 32, 1_700_000_000)
GETTERS = {
    "3.1": "getLiquidationGracePeriod(address)",
    "3.2": "getEModeCategoryCollateralBitmap(uint8)",
    "3.3": "getReserveDeficit(address)",
    "3.6": "getEModeCategoryLtvzeroBitmap(uint8)",
    "3.7": "getIsEModeCategoryIsolated(uint8)",
}


def word(value: int | str) -> bytes:
    return abi_encode(["address" if isinstance(value, str) else "uint256"], [value])


def contract(answers: dict[str, bytes]) -> ScriptedNode:
    by_selector = {"0x" + function(s).selector.hex(): data for s, data in answers.items()}

    def answer(method: str, params: list[Any]) -> Any:
        if method == "eth_getCode":
            return "0x"
        data = by_selector.get(params[0]["data"][:10])
        return NodeError(3, "execution reverted") if data is None else "0x" + data.hex()

    return ScriptedNode(answer)


def version_of(revision: int | None, newest: str) -> tuple[str, list[Finding]]:
    answers = {s: word(0) for first, s in GETTERS.items() if first <= newest}
    if revision is not None:
        answers["POOL_REVISION()"] = word(revision)
    findings: list[Finding] = []
    with serving(contract(answers)) as node:
        return Chain(node.url).run(BLOCK, read_version(POOL, BLOCK, findings)), findings


def addresses_at(node: ScriptedNode) -> Addresses:
    chain = Chain(node.url)
    found = chain.run(BLOCK, read_addresses(resolve("aave-v3-ethereum"), BLOCK))
    chain.run(BLOCK, check_provider(found, BLOCK))
    return found


@pytest.mark.parametrize(
    ("revision", "release"),
    [
        (1, "3.0"),
        (2, "3.0"),
        (3, "3.0"),
        (4, "3.1"),
        (5, "3.2"),
        (6, "3.2"),
        (7, "3.3"),
        (8, "3.4"),
        (9, "3.5"),
        (10, "3.6"),
        (11, "3.7"),
    ],
)
def test_the_revision_tells_the_release_its_getters_confirm(revision: int, release: str) -> None:
    assert version_of(revision, release) == (release, [])


@pytest.mark.parametrize(
    ("revision", "newest"), [(99, "3.0"), (99, "3.1"), (4, "3.0"), (1, "3.2"), (2, "3.6")]
)
def test_getters_that_single_out_a_release_win_over_a_foreign_revision(revision: int, newest: str) -> None:
    release, findings = version_of(revision, newest)
    assert release == newest
    assert [f.kind for f in findings] == [FindingKind.UNVERIFIED]
    assert str(revision) in findings[0].message


@pytest.mark.parametrize(("revision", "newest"), [(99, "3.4"), (12, "3.7"), (1, "3.5")])
def test_an_unknown_release_is_refused(revision: int, newest: str) -> None:
    with pytest.raises(UnsupportedVersion, match=rf"revision {revision}.*3\.0, 3\.1"):
        version_of(revision, newest)


def test_an_unknown_release_is_read_as_the_one_to_assume() -> None:
    findings: list[Finding] = []
    unknown = contract({"POOL_REVISION()": word(12), **{s: word(0) for s in GETTERS.values()}})
    with serving(unknown) as node:
        chain = Chain(node.url)
        assert chain.run(BLOCK, read_version(POOL, BLOCK, findings, "3.6")) == "3.6"
    assert [(f.kind, f.severity) for f in findings] == [(FindingKind.UNVERIFIED, Severity.HIGH)]
    with serving(contract({"POOL_REVISION()": word(1)})) as node:
        assert Chain(node.url).run(BLOCK, read_version(POOL, BLOCK, [], "3.6")) == "3.0"


def test_a_getter_without_its_predecessors_is_no_known_release() -> None:
    odd = {"POOL_REVISION()": word(1), GETTERS["3.6"]: word(0)}
    with serving(contract(odd)) as node, pytest.raises(UnsupportedVersion, match="no single release"):
        Chain(node.url).run(BLOCK, read_version(POOL, BLOCK, []))


def test_a_pool_without_revision_is_no_market() -> None:
    with pytest.raises(NotAMarket, match="POOL_REVISION"):
        version_of(None, "3.0")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "names no pool"),
        ({"getPool()": word("0x" + "00" * 20), "getPriceOracle()": word(ORACLE)}, "names no pool"),
        ({"getPool()": word(POOL)}, "names no pool"),
        ({"getPool()": b"", "getPriceOracle()": word(ORACLE)}, "names no pool"),
        ({"getPool()": word(POOL), "getPriceOracle()": word(ORACLE)}, "belongs to no provider"),
        (
            {
                "getPool()": word(POOL),
                "getPriceOracle()": word(ORACLE),
                "ADDRESSES_PROVIDER()": word(ORACLE),
            },
            "belongs to 0x22",
        ),
    ],
)
def test_an_address_that_is_no_provider_is_no_market(answers: dict[str, bytes], why: str) -> None:
    with serving(contract(answers)) as node, pytest.raises(NotAMarket, match=why) as caught:
        addresses_at(node)
    assert PROVIDER in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("sentinel", [None, "0x" + "00" * 20, ORACLE])
def test_the_provider_names_pool_oracle_and_sentinel(sentinel: str | None) -> None:
    answers = {
        "getPool()": word(POOL),
        "getPriceOracle()": word(ORACLE),
        "ADDRESSES_PROVIDER()": word(PROVIDER),
    }
    if sentinel:
        answers["getPriceOracleSentinel()"] = word(sentinel)
    with serving(contract(answers)) as node:
        found = addresses_at(node)
    assert (found.provider, found.pool, found.oracle) == (PROVIDER, POOL, ORACLE)
    assert found.to_mapping().get("sentinel") == (ORACLE if sentinel == ORACLE else None)
