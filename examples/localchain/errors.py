"""What can go wrong with the local chain."""

from __future__ import annotations

from abis.errors import BreakwaterError, ChainError


class LocalChainMissing(BreakwaterError):
    """Raised when node packages are absent; the remedy is the install command."""

    exit_code = 2


class NodeFailed(ChainError):
    """Raised when the local node does not start or stops answering."""


class TransactionReverted(ChainError):
    """Raised when a queued transaction reverts; the message names it and its reason."""
