"""What an error answer of a JSON-RPC node means for the request that caused it.

Nodes and providers agree on no error codes, so the message decides; the phrases are those
of geth, erigon, nethermind, reth, besu and anvil, and of the large hosted providers.
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What to do about an error."""

    REVERT = "revert"  # the contract refused; the answer is final
    OUT_OF_GAS = "out_of_gas"  # final for one call, too large for many
    TOO_LARGE = "too_large"  # ask for less at a time
    TRANSIENT = "transient"  # ask again later
    UNKNOWN_BLOCK = "unknown_block"  # the node lags, or the block never existed
    NO_STATE = "no_state"  # the node does not have this block's state
    REORG = "reorg"  # the block is no longer part of the chain
    OTHER = "other"


# In this order: "execution timeout" must be found before "timeout", and "exceeds ... limit"
# of a range before the rate limit that shares its code.
_PHRASES: tuple[tuple[Fault, tuple[str, ...]], ...] = (
    (Fault.REORG, ("not currently canonical", "not canonical")),
    (
        Fault.UNKNOWN_BLOCK,
        (
            "header not found",
            "header for hash not found",
            "resource not found",
            "block not found",
            "unknown block",
            "could not find block",
            "blockoutofrange",
            "block out of range",
            "beyond current head",
        ),
    ),
    (
        Fault.NO_STATE,
        (
            "missing trie node",
            "out of range",
            "historical state",
            "state is not available",
            "state not available",
            "state already discarded",
            "no state available",
            "pruned",
            "archive",
            "world state unavailable",
            "maximum proof window",
        ),
    ),
    (Fault.OUT_OF_GAS, ("out of gas", "outofgas", "gas limit", "gas required exceeds", "intrinsic gas")),
    (
        Fault.TOO_LARGE,
        (
            "query returned more than",
            "too many results",
            "too many logs",
            "too many blocks",
            "more than 10000",
            "max results",
            "logs matched by query",
            "block range",
            "range is too",
            "range too large",
            "range exceeds",
            "exceeds the range",
            "exceed maximum block",
            "query exceeds",
            "query timeout",
            "limited to",
            "response size",
            "response is too",
            "response too large",
            "too large",
            "too big",
            "batch",
            "execution timeout",
            "execution aborted",
        ),
    ),
    (
        Fault.TRANSIENT,
        (
            "rate limit",
            "ratelimit",
            "too many requests",
            "limit exceeded",
            "compute units",
            "capacity",
            "throttl",
            "timeout",
            "timed out",
            "try again",
            "temporar",
            "overloaded",
            "unavailable",
            "internal error",
            "internal server error",
            "bad gateway",
        ),
    ),
    (
        Fault.REVERT,
        (
            "revert",
            "invalid opcode",
            "invalid jump",
            "stack underflow",
            "stack overflow",
            "vm execution error",
            "vm error",
            "evm error",
            "bad instruction",
        ),
    ),
)
_REVERT_CODE = 3
_RATE_LIMIT_CODES = (429, -32005)
_INTERNAL_CODE = -32603


def fault_of(code: int, message: str) -> Fault:
    """Return what an error with this code and message is.

    A revert carries a text the contract chose, so its code and prefix are looked at first.
    """
    text = message.lower()
    if code == _REVERT_CODE or text.startswith(("execution reverted", "vm exception while processing")):
        return Fault.REVERT
    for fault, phrases in _PHRASES:
        if any(phrase in text for phrase in phrases):
            return fault
    if code in _RATE_LIMIT_CODES or code == _INTERNAL_CODE:
        return Fault.TRANSIENT
    return Fault.OTHER


def fault_of_status(status: int) -> Fault:
    """Return what an HTTP status without a JSON-RPC error in its body means."""
    if status == 413:
        return Fault.TOO_LARGE
    if status in (408, 425, 429) or status >= 500:
        return Fault.TRANSIENT
    return Fault.OTHER
