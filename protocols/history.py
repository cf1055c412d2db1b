"""`History`: which parameters of a market changed over a range of blocks, by whom and when."""

from __future__ import annotations

from dataclasses import dataclass

from abis.findings import Finding

UNDECODED = "undecoded"


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter an event changed.

    Parameters
    ----------
    block, timestamp_s : int
        Where and when.
    transaction : str
        Its hash.
    sender : str
        Who signed the transaction; empty where the node does not say.
    called : str
        The contract the transaction called: a steward, a governance executor.
    contract, event : str
        Who emitted which event; the topic where the event is not known.
    kind : str
        ``reserve``, ``emode``, ``emode_asset``, ``role``, ``market`` or ``undecoded``.
    subject : str
        Asset address, category id, ``category:asset``, role, or empty.
    symbol : str
        Symbol of the asset, untrusted; empty where there is none.
    parameter : str
        Named as in `protocols.snapshot`, with its unit.
    old, new : str or None
        Raw values; None where not known.
    """

    block: int
    timestamp_s: int
    transaction: str
    sender: str
    called: str
    contract: str
    event: str
    kind: str
    subject: str
    symbol: str
    parameter: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class History:
    """The changes of blocks ``first`` to ``last`` (inclusive), in the chain's order."""

    market: str
    chain_id: int
    first: int
    last: int
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
