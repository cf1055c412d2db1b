"""Which contracts make up the market, and which release its pool runs."""

from __future__ import annotations

from dataclasses import dataclass

from abis.calls import Call
from abis.chain import Header, Reading
from abis.errors import NotAMarket, UnsupportedVersion
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.versions import RELEASE_BY_REVISION, RELEASES, since
from protocols.registry import MarketSpec

ZERO = "0x" + "0" * 40
# The getter that first answered in each release (aave-v3-origin IPool.sol per tag).  The
# argument does not matter: an unknown asset or category reads as 0.
_FIRST_ANSWERS = (
    ("3.1", "getLiquidationGracePeriod(address)(uint40)", (ZERO,)),
    ("3.2", "getEModeCategoryCollateralBitmap(uint8)(uint128)", (1,)),
    ("3.3", "getReserveDeficit(address)(uint256)", (ZERO,)),
    ("3.6", "getEModeCategoryLtvzeroBitmap(uint8)(uint128)", (1,)),
    ("3.7", "getIsEModeCategoryIsolated(uint8)(bool)", (1,)),
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The market's contracts, checksummed; of the last two, what it does not name is empty."""

    provider: str
    pool: str
    oracle: str
    sentinel: str
    configurator: str = ""

    def to_mapping(self) -> dict[str, str]:
        """Return name -> address of what exists."""
        named = {"provider": self.provider, "pool": self.pool, "oracle": self.oracle}
        rest = {"sentinel": self.sentinel, "configurator": self.configurator}
        return named | {name: address for name, address in rest.items() if address}


def read_addresses(spec: MarketSpec, block: Header) -> Reading[Addresses]:
    """Return the contracts a PoolAddressesProvider names; `check_provider` has the other half.

    Raises
    ------
    NotAMarket
        If the address is no such provider.
    """
    provider = spec.address
    pool, oracle, *others = yield [
        Call(provider, "getPool()(address)", optional=True),
        Call(provider, "getPriceOracle()(address)", optional=True),
        Call(provider, "getPriceOracleSentinel()(address)", optional=True),
        Call(provider, "getPoolConfigurator()(address)", optional=True),
    ]
    if pool in (None, ZERO) or oracle in (None, ZERO):
        raise _no_market(provider, block, "it names no pool and price oracle")
    return Addresses(provider, pool, oracle, *("" if a in (None, ZERO) else a for a in others))


def check_provider(addresses: Addresses, block: Header) -> Reading[None]:
    """Check that the pool knows the provider that names it.

    Raises
    ------
    NotAMarket
        If it does not.
    """
    provider, pool = addresses.provider, addresses.pool
    (known,) = yield [Call(pool, "ADDRESSES_PROVIDER()(address)", optional=True)]
    if known != provider:
        raise _no_market(provider, block, f"its pool {pool} belongs to {known or 'no provider'}")


def read_version(
    pool: str, block: Header, findings: list[Finding], assumed: str | None = None
) -> Reading[str]:
    """Return the release the pool runs, from its revision and the getters it answers.

    Forks number their pools as they like, so the getters decide where the two disagree;
    that is noted in ``findings``.  ``assumed`` is a release to apply where neither decides.

    Raises
    ------
    NotAMarket
        If the pool has no revision.
    UnsupportedVersion
        If neither the revision nor the getters single out a known release, and none is assumed.
    """
    calls = [Call(pool, signature, args, optional=True) for _, signature, args in _FIRST_ANSWERS]
    revision, *answers = yield [Call(pool, "POOL_REVISION()(uint256)", optional=True), *calls]
    if revision is None:
        raise _no_market(pool, block, "it has no POOL_REVISION")
    answered = tuple(a is not None for a in answers)
    fitting = [r for r in RELEASES if since(r, "3.0") and _getters_of(r) == answered]
    claimed = RELEASE_BY_REVISION.get(revision)
    if claimed in fitting:
        return claimed
    # The newest getters also fit every release to come, so they single out nothing.
    if len(fitting) != 1 or fitting[0] == RELEASES[-1]:
        if assumed:
            findings.append(_assumed(pool, revision, assumed))
            return assumed
        raise UnsupportedVersion(
            f"pool {pool} has revision {revision} and the getters of {_named(fitting)}, "
            "which is no release with known rules.",
            remedy=f"Known releases: {', '.join(r for r in RELEASES if since(r, '3.0'))}. If it follows one "
            "of them, say so: --release, or release in your markets file (docs/markets.md).",
        )
    findings.append(
        Finding(
            FindingKind.UNVERIFIED,
            Severity.MEDIUM,
            pool,
            f"Pool revision {revision} is not one of Aave {fitting[0]}, whose getters it answers; "
            "the rules of that release are applied.",
        )
    )
    return fitting[0]


def _assumed(pool: str, revision: int, release: str) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.HIGH,
        pool,
        f"Pool revision {revision} is no release with known rules; those of {release} are applied because "
        "the user says so.",
    )


def _getters_of(release: str) -> tuple[bool, ...]:
    return tuple(since(release, first) for first, _, _ in _FIRST_ANSWERS)


def _named(releases: list[str]) -> str:
    return " or ".join(releases) or "no single release"


def _no_market(address: str, block: Header, why: str) -> NotAMarket:
    return NotAMarket(
        f"{address} is no Aave v3 market at block {block.number}: {why}.",
        remedy="Give the PoolAddressesProvider, and a block after its deployment.",
    )
