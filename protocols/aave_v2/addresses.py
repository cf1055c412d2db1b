"""Which contracts make up a v2 market, and which release its pool runs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from abis.calls import Call
from abis.chain import Header, Reading
from abis.errors import NotAMarket, UnsupportedVersion
from abis.findings import Finding, FindingKind, Severity
from protocols.registry import MarketSpec

ZERO = "0x" + "0" * 40
RELEASE = "2.0"
# LendingPool.sol LENDINGPOOL_REVISION: 2 in protocol-v2; 3 to 5 are Aave's own upgrades (rescue
# of tokens, end of stable rates), which left interest, valuation and liquidation alone.
_KNOWN_REVISIONS = (2, 3, 4, 5)
# LendingPoolAddressesProvider.sol getAddress: where Aave registers its data provider.
_DATA_PROVIDER_ID = bytes([1]) + bytes(31)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The market's contracts, checksummed; what it does not name is empty."""

    provider: str
    pool: str
    oracle: str
    configurator: str = ""
    collateral_manager: str = ""
    data_provider: str = ""

    def to_mapping(self) -> dict[str, str]:
        """Return name -> address of what exists."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: address for name, address in named.items() if address}


def read_addresses(spec: MarketSpec, block: Header) -> Reading[Addresses]:
    """Return the contracts of a market given by its LendingPool or by its addresses provider.

    Raises
    ------
    NotAMarket
        If the address is neither, or the two do not name each other.
    """
    given = spec.address
    provider, pool = yield [
        Call(given, "getAddressesProvider()(address)", optional=True),
        Call(given, "getLendingPool()(address)", optional=True),
    ]
    if provider in (None, ZERO):
        provider = given if pool not in (None, ZERO) else None
    if provider is None:
        raise _no_market(given, block, "it is neither a LendingPool nor an addresses provider")
    pool, oracle, *others = yield [
        Call(provider, "getLendingPool()(address)", optional=True),
        Call(provider, "getPriceOracle()(address)", optional=True),
        Call(provider, "getLendingPoolConfigurator()(address)", optional=True),
        Call(provider, "getLendingPoolCollateralManager()(address)", optional=True),
        Call(provider, "getAddress(bytes32)(address)", (_DATA_PROVIDER_ID,), optional=True),
    ]
    if pool in (None, ZERO) or oracle in (None, ZERO):
        raise _no_market(given, block, f"its provider {provider} names no pool and price oracle")
    if given not in (provider, pool):
        raise _no_market(given, block, f"its provider {provider} names another pool, {pool}")
    (known,) = yield [Call(pool, "getAddressesProvider()(address)", optional=True)]
    if known != provider:
        raise _no_market(given, block, f"its pool {pool} belongs to {known or 'no provider'}")
    return Addresses(provider, pool, oracle, *("" if a in (None, ZERO) else a for a in others))


def read_release(pool: str, spec: MarketSpec, block: Header, findings: list[Finding]) -> Reading[str]:
    """Return the release the pool runs, from its revision and the getters it answers.

    Raises
    ------
    NotAMarket
        If the pool is one of Aave v3, or has no revision at all.
    UnsupportedVersion
        If its rules are not known and ``spec`` does not name a release to assume.
    """
    revision, v3_revision, paused = yield [
        Call(pool, "LENDINGPOOL_REVISION()(uint256)", optional=True),
        Call(pool, "POOL_REVISION()(uint256)", optional=True),
        Call(pool, "paused()(bool)", optional=True),
    ]
    if revision is None and v3_revision is not None:
        raise _no_market(pool, block, f"its pool is one of Aave v3, revision {v3_revision}")
    if revision is None and not spec.release:
        raise _no_market(pool, block, "it has no LENDINGPOOL_REVISION")
    if revision in _KNOWN_REVISIONS and paused is not None and v3_revision is None:
        return RELEASE
    lacks = "" if paused is not None else " and no paused()"
    if not spec.release:
        known = f"{_KNOWN_REVISIONS[0]} to {_KNOWN_REVISIONS[-1]}"
        raise UnsupportedVersion(
            f"pool {pool} has LENDINGPOOL_REVISION {revision}{lacks}, whose rules are not known.",
            remedy=f"Known: {known}. If it is a plain fork of v2, say so: --release {RELEASE}, or "
            f'release = "{RELEASE}" in your markets file (docs/markets.md).',
        )
    findings.append(
        Finding(
            FindingKind.UNVERIFIED,
            Severity.HIGH,
            pool,
            f"Pool revision {revision}{lacks} has no known rules; those of release {spec.release} are "
            "applied because the user says so.",
        )
    )
    return spec.release


def _no_market(address: str, block: Header, why: str) -> NotAMarket:
    return NotAMarket(
        f"{address} is no Aave v2 market at block {block.number}: {why}.",
        remedy="Give the LendingPool, and a block after its deployment.",
    )
