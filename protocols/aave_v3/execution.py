"""Who may send a payload of an Aave v3 market, and what the market says after it was sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from abis.calls import Call, encode
from abis.chain import Chain, Header, Progress
from abis.errors import InputError, NotAMarket
from abis.fork import Step
from protocols.aave_v3.addresses import ZERO
from protocols.aave_v3.payloads import decode
from protocols.payload_calls import RawCall, Route
from protocols.snapshot import Snapshot

# Delegates what follows the first word of its calldata to the address in that word, as governance's
# executor does with a payload: CALLDATACOPY, DELEGATECALL, RETURNDATACOPY, then REVERT or RETURN.
DELEGATE_CODE = "0x602036036020600037600060006020360360006000355af43d600060003e6025573d6000fd5b3d6000f3"
DELEGATE = to_checksum_address(keccak(text="breakwater delegate")[-20:])
_ADD_POOL_ADMIN = "addPoolAdmin(address)"
_ACCOUNT_DATA = "getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)"


def steps_of(
    chain: Chain, payload: Sequence[RawCall], taken: Snapshot, block: Header, engine: str | None
) -> tuple[Step, ...]:
    """Return who sends what: administrators to the configurator, a council to its steward.

    Parameters
    ----------
    chain : Chain
        The node.
    payload : sequence of RawCall
    taken : Snapshot
        Of the market.
    block : Header
        The node's block.
    engine : str or None
        Config engine, for calls that name no target.

    Raises
    ------
    NotAMarket
        If the provider names no keeper of roles.
    InputError
        If a call names no target and has no natural one.
    """
    provider = taken.market.addresses.get("provider", ZERO)
    admin, roles, configurator, oracle = chain.read(
        [
            Call(provider, "getACLAdmin()(address)", optional=True),
            Call(provider, "getACLManager()(address)", optional=True),
            Call(provider, "getPoolConfigurator()(address)", optional=True),
            Call(provider, "getPriceOracle()(address)", optional=True),
        ],
        block,
    )
    if None in (admin, roles, configurator) or ZERO in (admin, roles, configurator):
        raise NotAMarket(f"{provider} names no administrator.", remedy="Fork the market's own chain.")
    own = {Route.CONFIGURATOR: configurator, Route.ORACLE: oracle, Route.ENGINE: engine}
    made = [_step(chain, call, taken, block, own, admin) for call in payload]
    senders = {step.sender for step in made}
    (is_admin,) = chain.read([Call(roles, "isPoolAdmin(address)(bool)", (admin,))], block)
    grants = [a for a in (admin, DELEGATE) if a in senders and not (a == admin and is_admin)]
    return (*(_grant(admin, roles, a) for a in grants), *made)


def _grant(admin: str, roles: str, account: str) -> Step:
    data = "0x" + encode(Call(roles, _ADD_POOL_ADMIN, (account,))).hex()
    return Step(admin, roles, data, f"the role of pool administrator for {account}")


def _step(
    chain: Chain, call: RawCall, taken: Snapshot, block: Header, own: dict[Route, str | None], admin: str
) -> Step:
    data = "0x" + call.data.strip().removeprefix("0x")
    to = call.to or _natural_target(call, taken, own)
    council, pool = chain.read(
        [
            Call(to, "RISK_COUNCIL()(address)", optional=True),
            Call(to, "POOL_CONFIGURATOR()(address)", optional=True),
        ],
        block,
    )
    if council not in (None, ZERO):
        return Step(council, to, data, call.place)
    if pool is not None or call.delegated:
        return Step(DELEGATE, DELEGATE, "0x" + bytes(12).hex() + to[2:].lower() + data[2:], call.place)
    return Step(admin, to, data, call.place)


def _natural_target(call: RawCall, taken: Snapshot, own: dict[Route, str | None]) -> str:
    try:
        found = decode(bytes.fromhex(call.data.strip().removeprefix("0x")), taken.market.version)
    except ValueError:
        found = None
    for route in found.routes if found is not None else ():
        target = own.get(route)
        if target is not None:
            return target
    raise InputError(
        f"{call.place} names no contract it goes to.",
        remedy="Give Safe's JSON or a list with 'to', or name the engine with --config-engine.",
    )


def health_factors(
    chain: Chain, taken: Snapshot, accounts: Sequence[str], block: Header, progress: Progress
) -> Iterator[tuple[str, int | None]]:
    """Yield each account's health factor as the pool itself computes it; None where it reverts."""
    pool = taken.market.addresses["pool"]
    calls = [Call(pool, _ACCOUNT_DATA, (a,), optional=True) for a in accounts]
    for account, data in zip(accounts, chain.read(calls, block, progress, "accounts"), strict=True):
        yield account, data[5] if data is not None else None


def pending_ltvs(
    chain: Chain, taken: Snapshot, assets: Sequence[str], block: Header
) -> dict[str, int | None]:
    """Return the LTV that waits for each asset to be unfrozen; None before v3.1."""
    configurator = taken.market.addresses.get("configurator")
    if configurator is None:
        return dict.fromkeys(assets)
    calls = [Call(configurator, "getPendingLtv(address)(uint256)", (a,), optional=True) for a in assets]
    return dict(zip(assets, chain.read(calls, block), strict=True))
