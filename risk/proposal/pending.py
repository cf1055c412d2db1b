"""An LTV that waits: the configurator stores that of a frozen reserve and leaves 0 in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abis.findings import Finding, FindingKind, Severity
from protocols.payloads import codec_of, has_payloads
from protocols.snapshot import Snapshot
from risk.proposal.changes import COLLATERAL_FIELDS, Change


def pending_ltv(before: Snapshot, change: Change) -> bool:
    """Return whether a change is an LTV that comes into force only when its reserve is unfrozen."""
    if change.is_emode or change.field.attribute != "ltv_bps":
        return False
    return _waits(before, change)


def pending_findings(before: Snapshot, changes: Sequence[Change]) -> Iterator[Finding]:
    """Yield what a reader must know of frozen reserves whose collateral parameters change.

    The configurator sets LTV, threshold and bonus together: where the LTV is not given, the 0 in force is
    sent, and replaces the value that waits.
    """
    for place in dict.fromkeys(c.place for c in changes if not c.is_emode):
        own = [
            c for c in changes if not c.is_emode and c.place == place and c.field.name in COLLATERAL_FIELDS
        ]
        if not own or not _waits(before, own[0]):
            continue
        given = next((c for c in own if pending_ltv(before, c)), None)
        if given is not None:
            message = f"It is frozen: its LTV stays 0, and {given.shown[1]} waits until it is unfrozen."
            yield Finding(FindingKind.UNVERIFIED, Severity.INFO, own[0].subject, message)
            continue
        yield Finding(
            FindingKind.UNVERIFIED,
            Severity.MEDIUM,
            own[0].subject,
            "It is frozen, and its LTV is not given: the calls send 0, which replaces the LTV that waits "
            "until it is unfrozen. The snapshot does not hold that value.",
            remedy="Read getPendingLtv of the configurator and give it as ltv.",
        )


def _waits(before: Snapshot, change: Change) -> bool:
    if not has_payloads(before.market):
        return False
    return codec_of(before.market).keeps_ltv_for_later(before, before.reserves[change.place])
