"""Which contracts a v2 market has, and which pools are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils.address import to_checksum_address

from abis.errors import NotAMarket, UnsupportedVersion
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v2.addresses import ZERO, Addresses, read_addresses, read_release
from protocols.registry import resolve
from tests.protocols.aave_v2.contracts import BLOCK, Answers, run, word

SPEC = resolve("aave-v2-ethereum")
POOL = SPEC.address
PROVIDER, ORACLE, CONFIGURATOR, MANAGER, DATA, OTHER = (
    str(to_checksum_address(f"0x{k:040x}")) for k in range(0x11, 0x17)
)
MARKET: Answers = {
    (POOL, "getAddressesProvider()"): word(PROVIDER),
    (PROVIDER, "getLendingPool()"): word(POOL),
    (PROVIDER, "getPriceOracle()"): word(ORACLE),
    (PROVIDER, "getLendingPoolConfigurator()"): word(CONFIGURATOR),
    (PROVIDER, "getLendingPoolCollateralManager()"): word(MANAGER),
    (PROVIDER, "getAddress(bytes32)"): word(DATA),
}


def release_of(answers: dict[str, int], assumed: str | None = None) -> tuple[str, list[Finding]]:
    findings: list[Finding] = []
    spec = replace(SPEC, release=assumed)
    pool: Answers = {(POOL, getter): word(value) for getter, value in answers.items()}
    return run(read_release(POOL, spec, BLOCK, findings), pool), findings


@pytest.mark.parametrize("given", [POOL, PROVIDER])
def test_pool_and_provider_lead_to_the_same_contracts(given: str) -> None:
    found = run(read_addresses(replace(SPEC, address=given), BLOCK), MARKET)
    assert found == Addresses(PROVIDER, POOL, ORACLE, CONFIGURATOR, MANAGER, DATA)
    assert list(found.to_mapping()) == [
        *("provider", "pool", "oracle", "configurator", "collateral_manager", "data_provider")
    ]


def test_what_a_provider_does_not_name_is_left_out() -> None:
    answers = {k: v for k, v in MARKET.items() if "Manager" not in k[1]}
    answers[PROVIDER, "getAddress(bytes32)"] = word(ZERO)
    found = run(read_addresses(SPEC, BLOCK), answers)
    assert set(found.to_mapping()) == {"provider", "pool", "oracle", "configurator"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({(POOL, "getAddressesProvider()"): None}, "neither a LendingPool nor an addresses provider"),
        ({(POOL, "getAddressesProvider()"): word(ZERO)}, "neither a LendingPool"),
        ({(PROVIDER, "getLendingPool()"): word(OTHER)}, f"names another pool, {OTHER}"),
        ({(PROVIDER, "getLendingPool()"): None}, "names no pool and price oracle"),
        ({(PROVIDER, "getPriceOracle()"): word(ZERO)}, "names no pool and price oracle"),
    ],
)
def test_what_is_no_market_is_told_with_its_reason(
    changes: dict[tuple[str, str], bytes | None], says: str
) -> None:
    answers = {k: v for k, v in (MARKET | changes).items() if v is not None}
    with pytest.raises(NotAMarket, match=says) as caught:
        run(read_addresses(SPEC, BLOCK), answers)
    assert "LendingPool" in caught.value.remedy


def test_a_provider_whose_pool_belongs_to_another_is_refused() -> None:
    answers = MARKET | {(POOL, "getAddressesProvider()"): word(OTHER)}
    with pytest.raises(NotAMarket, match=f"its pool {POOL} belongs to {OTHER}"):
        run(read_addresses(replace(SPEC, address=PROVIDER), BLOCK), answers)


@pytest.mark.parametrize("revision", [2, 3, 4, 5])
def test_aaves_own_revisions_have_the_rules_of_v2(revision: int) -> None:
    assert release_of({"LENDINGPOOL_REVISION()": revision, "paused()": 0}) == ("2.0", [])


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"LENDINGPOOL_REVISION()": 1, "paused()": 0}, "LENDINGPOOL_REVISION 1, whose rules"),
        ({"LENDINGPOOL_REVISION()": 6, "paused()": 1}, "LENDINGPOOL_REVISION 6, whose rules"),
        ({"LENDINGPOOL_REVISION()": 2}, r"LENDINGPOOL_REVISION 2 and no paused\(\), whose rules"),
        ({"LENDINGPOOL_REVISION()": 2, "paused()": 0, "POOL_REVISION()": 2}, "whose rules"),
    ],
)
def test_other_pools_are_refused_until_a_release_is_assumed(answers: dict[str, int], says: str) -> None:
    with pytest.raises(UnsupportedVersion, match=says) as caught:
        release_of(answers)
    assert 'release = "2.0"' in caught.value.remedy
    release, (finding,) = release_of(answers, "2.0")
    assert release == "2.0"
    assert (finding.kind, finding.severity, finding.subject) == (
        *(FindingKind.UNVERIFIED, Severity.HIGH),
        POOL,
    )


def test_a_pool_of_v3_and_one_of_nothing_are_no_market_of_v2() -> None:
    with pytest.raises(NotAMarket, match="one of Aave v3, revision 7"):
        release_of({"POOL_REVISION()": 7}, "2.0")
    with pytest.raises(NotAMarket, match="no LENDINGPOOL_REVISION"):
        release_of({"paused()": 0})
    assert release_of({"paused()": 0}, "2.0")[0] == "2.0"
