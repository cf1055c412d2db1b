"""Every exception Breakwater raises on purpose.

One root, and two questions answered by the class: whose fault is it, and which
exit code does the command line give::

    BreakwaterError                     the root
      InputError          exit 2        the caller can mend it (also a ValueError)
        UnknownAsset                    an asset name no reserve of the market has
        BadShock                        a shock that is no price move
        MalformedFile                   a file whose content cannot be read
        OutputExists                    the output is there and --force is not
        NotAMarket                      the address or name is no lending market
        WrongChain                      the endpoint serves another chain
        BlockUnavailable                the node does not have that block's state
        UnsupportedVersion              a contract revision without known rules
        SnapshotError                   a snapshot that cannot be trusted
          SnapshotChanged               its bytes differ from its manifest
          UnknownSchema                 written under a schema this version lacks
          InconsistentSnapshot          its tables contradict each other
        FeedError                       a feed's parameters or path are impossible
        ScenarioError                   scenarios that do not fit the market
      ChainError          exit 3        the chain could not be read
        ChainUnreachable                no answer from the endpoint
        RpcFailed                       an error answer; ``retryable`` says which kind
        Reorganised                     the block left the chain while it was read
        BadReturn                       an answer that does not decode
        EndpointsDisagree               two endpoints answer differently
        ExchangeUnreachable             an exchange gives no usable answer
      LimitBroken         exit 1        a stated limit or check does not hold

Each message names the offending value and ends with the remedy.
"""

from __future__ import annotations


class BreakwaterError(Exception):
    """Root of every deliberate error; ``exit_code`` is what the command line returns.

    Parameters
    ----------
    message : str
        What is wrong, naming the offending value.
    remedy : str, optional
        What the caller can do about it; printed last.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} {remedy}".strip())


class InputError(BreakwaterError, ValueError):
    """Raised when the caller's input is wrong and the caller can mend it."""

    exit_code = 2


class UnknownAsset(InputError):
    """Raised when a name matches no reserve of the market."""


class BadShock(InputError):
    """Raised when a shock is no possible price move."""


class MalformedFile(InputError):
    """Raised when a file's content cannot be read as what it should be."""


class OutputExists(InputError):
    """Raised when an output path exists and overwriting was not asked for."""


class NotAMarket(InputError):
    """Raised when a name or address is no lending market Breakwater can read."""


class WrongChain(InputError):
    """Raised when an endpoint serves another chain than the market lives on."""


class BlockUnavailable(InputError):
    """Raised when the node cannot serve the state of the requested block."""


class UnsupportedVersion(InputError):
    """Raised when a contract revision is met whose rules are not known."""


class SnapshotError(InputError):
    """Raised when a snapshot cannot be trusted or read."""


class SnapshotChanged(SnapshotError):
    """Raised when a snapshot's bytes differ from the hashes in its manifest."""


class UnknownSchema(SnapshotError):
    """Raised when a snapshot was written under a schema this version lacks."""


class InconsistentSnapshot(SnapshotError):
    """Raised when tables of a snapshot disagree in length, order, range or sign."""


class FeedError(InputError):
    """Raised when a feed's parameters or its input path are impossible."""


class ScenarioError(InputError):
    """Raised when scenarios do not fit the market or contradict themselves."""


class ChainError(BreakwaterError):
    """Raised when the chain could not be read."""

    exit_code = 3


class ChainUnreachable(ChainError):
    """Raised when an endpoint gives no answer at all."""


class RpcFailed(ChainError):
    """Raised when an endpoint answers with an error.

    Parameters
    ----------
    message, remedy : str
        As in `BreakwaterError`.
    retryable : bool
        Whether the same request may succeed later.
    """

    def __init__(self, message: str, *, remedy: str = "", retryable: bool = False) -> None:
        self.retryable = retryable
        super().__init__(message, remedy=remedy)


class Reorganised(ChainError):
    """Raised when the block being read is no longer part of the chain; worth starting over."""


class BadReturn(ChainError):
    """Raised when an answer does not decode as the type it should have."""


class EndpointsDisagree(ChainError):
    """Raised when two endpoints that should say the same do not."""


class ExchangeUnreachable(ChainError):
    """Raised when an exchange's interface gives no usable answer; like a chain, it lives elsewhere."""


class LimitBroken(BreakwaterError):
    """Raised when a stated limit or check does not hold."""

    exit_code = 1
