"""What an earlier snapshot knows about the holders of its market."""

from __future__ import annotations

from abis.errors import InputError
from protocols.journal import Journal, Scan
from protocols.registry import MarketSpec
from protocols.snapshot import Market, Snapshot


def assume_snapshot(journal: Journal, earlier: Snapshot, spec: MarketSpec, chain_id: int) -> None:
    """Let a scan of ``spec`` go on after the block of an earlier snapshot.

    Whoever holds something now held it then, or was named by an event since.  This is only
    as complete as the earlier snapshot; the totals tell.

    Parameters
    ----------
    journal : Journal
        Extended in memory, not in its file.
    earlier : Snapshot
        Of the same market; its block is checked against the chain when the scan begins.
    spec : MarketSpec
        The market to be read.
    chain_id : int
        Its chain.

    Raises
    ------
    InputError
        If the snapshot is of another market.
    """
    market = earlier.market
    if market.chain_id != chain_id or spec.address not in _entry_points(market):
        raise InputError(
            f"the earlier snapshot is of {market.name} on chain {market.chain_id}, not of {spec.name} on "
            f"chain {chain_id}.",
            remedy="Give a snapshot of the same market to --extend.",
        )
    accounts = [a.lower() for a in earlier.book.accounts]
    found = {market.addresses["pool"].lower(): set(accounts)}
    held = earlier.book.collateral
    for account, reserve in zip(held.account, held.reserve, strict=True):
        token = earlier.reserves[int(reserve)].a_token.lower()
        found.setdefault(token, set()).add(accounts[int(account)])
    journal.assume(Scan(range(earlier.block.number + 1), None, earlier.block.hash), found)


def _entry_points(market: Market) -> tuple[str | None, str | None]:
    """Return what names a market: its provider, and on Aave v2 its pool."""
    return market.addresses.get("provider"), market.addresses.get("pool")
