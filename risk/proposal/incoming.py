"""Somebody else's proposal: what a sequence of calls changes, and what of it is not understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from abis.errors import InputError
from abis.findings import Finding, FindingKind, Severity
from protocols.payload_calls import DecodedCall, RawCall, Route, Setting, SettingKind
from protocols.payloads import codec_of
from protocols.snapshot import Snapshot
from risk.proposal.changes import FIELDS, Change, Unit
from risk.proposal.current import holder_of, value_before
from risk.proposal.pending import pending_findings

_FIELD_OF = {f.attribute: f for f in FIELDS.values()}
_LARGEST = {Unit.BPS: 2**16 - 1, Unit.TOKENS: 2**36 - 1}  # as wide as the reserve's configuration word
# Settings that decide who can be liquidated and are not part of the comparison.
_DECISIVE = frozenset(
    {"collateral", "emode_category", "price_source", "feed_source", "active", "paused", "isolated", "listed"}
)
_NOT_DECODED = "NOT DECODED"


@dataclass(frozen=True, slots=True)
class Other:
    """A setting that the comparison of accounts does not follow.

    Parameters
    ----------
    subject : str
        Name of what it is about.  Untrusted text.
    setting : Setting
    before : int, bool, str or None
        The market's value; None where the snapshot does not hold it.
    decisive : bool
        Whether it can change who is liquidatable.
    """

    subject: str
    setting: Setting
    before: int | bool | str | None
    decisive: bool


@dataclass(frozen=True, slots=True)
class Incoming:
    """A payload, understood as far as it is.

    Parameters
    ----------
    changes : tuple of Change
        What differs from the market in the end, among what is compared.
    others : tuple of Other
        Further settings that differ.
    calls : tuple of (RawCall, DecodedCall or None)
        Every call in order; None where it was not decoded.
    findings : tuple of Finding
        What was not, and what a reader must know about the rest.
    """

    changes: tuple[Change, ...]
    others: tuple[Other, ...]
    calls: tuple[tuple[RawCall, DecodedCall | None], ...]
    findings: tuple[Finding, ...]


def read(payload: Sequence[RawCall], snapshot: Snapshot) -> Incoming:
    """Return what a payload does to a market; a later call wins over an earlier.

    Parameters
    ----------
    payload : sequence of RawCall
    snapshot : Snapshot

    Raises
    ------
    UnknownAsset, InputError
        If a call is for another pool, nothing could be read, or nothing changes.
    """
    decoded: list[tuple[RawCall, DecodedCall | None]] = []
    findings: list[Finding] = []
    for call in payload:
        found = _decoded(call, snapshot, findings)
        if found is not None:
            findings += _about(call, found, snapshot)
        decoded.append((call, found))
    last: dict[tuple[SettingKind, str, str], Setting] = {}
    for call, each in decoded:
        for setting in each.settings if each is not None else ():
            if _possible(setting, call, findings):
                key = setting.kind, setting.subject, setting.parameter
                findings += _overruled(last.get(key), setting, call)
                last[key] = setting
    changes = [c for s in last.values() if (c := as_change(s, snapshot)) is not None]
    others = [as_other(s, snapshot) for s in last.values() if as_change(s, snapshot) is None]
    kept = tuple(c for c in changes if c.before != c.after)
    different = tuple(o for o in others if o.before != o.setting.value)
    if not kept and not different:
        raise _nothing(findings)
    findings += [_unfollowed(o) for o in different]
    findings += pending_findings(snapshot, kept)
    return Incoming(kept, different, tuple(decoded), tuple(findings))


def changes_of(payload: Sequence[RawCall], snapshot: Snapshot) -> tuple[Change, ...]:
    """Return what of a payload is compared; errors as in `read`."""
    return read(payload, snapshot).changes


def read_calls(calldata: str, snapshot: Snapshot, *, keep_same: bool = False) -> tuple[Change, ...]:
    """Return what one call sets among what is compared.

    Raises
    ------
    InputError
        If it is no hex, no call known here, or about a reserve or category the market does not have.
    """
    findings: list[Finding] = []
    found = _decoded(RawCall(calldata), snapshot, findings)
    if found is None:
        raise InputError(findings[0].message, remedy=findings[0].remedy)
    changes = [c for s in found.settings if (c := as_change(s, snapshot)) is not None]
    return tuple(c for c in changes if keep_same or c.before != c.after)


def _decoded(call: RawCall, snapshot: Snapshot, findings: list[Finding]) -> DecodedCall | None:
    """Return what a call sets, or None with a finding that says why it cannot be told."""
    codec = codec_of(snapshot.market)
    try:
        raw = bytes.fromhex(call.data.strip().removeprefix("0x"))
    except ValueError:
        raise InputError(
            f"{call.data[:20]!r} is no hex.", remedy="Give calldata such as 0x7c4e560b…."
        ) from None
    try:
        found = codec.decode(raw, snapshot.market.version)
        name = codec.name_of(raw[:4])
        why = f"{name} is not followed" if name else f"no call known here begins with 0x{raw[:4].hex()}"
    except ValueError as error:
        found, why = None, f"the arguments of 0x{raw[:4].hex()} cannot be read: {error}"
    if found is None:
        target = f" to {call.to}" if call.to else ""
        findings.append(
            Finding(
                FindingKind.UNSUPPORTED,
                Severity.HIGH,
                call.place,
                f"{_NOT_DECODED}: {why} ({len(raw)} bytes{target}).",
                remedy="Review this call by hand: its effect is not part of the comparison.",
            )
        )
    return found


def _about(call: RawCall, found: DecodedCall, snapshot: Snapshot) -> Iterator[Finding]:
    """Yield what a reader must know of a decoded call; refuse one for another pool."""
    name = found.call.signature.partition("(")[0]
    for note in found.notes:
        yield Finding(FindingKind.INCONSISTENT, Severity.HIGH, call.place, f"{name}: {note}.")
    if call.value_wei:
        message = f"{name} is sent {call.value_wei} wei; no such function takes any, so it reverts."
        yield Finding(FindingKind.INCONSISTENT, Severity.HIGH, call.place, message)
    if not call.to:
        return
    own = {Route.CONFIGURATOR: "configurator", Route.ORACLE: "oracle"}
    known: Mapping[str, str] = snapshot.market.addresses
    for route in found.routes:
        expected = known.get(own.get(route, ""))
        if expected is not None and call.to.lower() != expected.lower():
            raise InputError(
                f"{call.place} is for another pool: {name} goes to {call.to}, "
                f"the {route} of {snapshot.market.name} is {expected}.",
                remedy="Use a snapshot of the market the payload is for.",
            )
        if expected is None:
            yield Finding(
                FindingKind.UNVERIFIED,
                Severity.LOW,
                call.place,
                f"{name} goes to {call.to}, which is taken to be the market's {route}; it was not checked.",
            )
            return


def _possible(setting: Setting, call: RawCall, findings: list[Finding]) -> bool:
    field = _FIELD_OF.get(setting.parameter)
    if field is None or isinstance(setting.value, str) or setting.value <= _LARGEST[field.unit]:
        return True
    findings.append(
        Finding(
            FindingKind.OUT_OF_RANGE,
            Severity.CRITICAL,
            call.place,
            f"{setting.parameter} of {setting.subject} is set to {setting.value}, which the market cannot "
            "store: the call reverts.",
        )
    )
    return False


def _overruled(earlier: Setting | None, later: Setting, call: RawCall) -> Iterator[Finding]:
    if earlier is not None and earlier.value != later.value:
        message = (
            f"{later.parameter} of {later.subject} is set to {earlier.value} before and to {later.value} "
            "here: the later call counts."
        )
        yield Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, call.place, message)


def as_change(setting: Setting, snapshot: Snapshot) -> Change | None:
    """Return a setting as a change that is compared, or None if it is not of that kind.

    Raises
    ------
    UnknownAsset
        If it is about an asset the market does not list.
    """
    field = _FIELD_OF.get(setting.parameter)
    place, subject = holder_of(setting, snapshot)
    is_emode = setting.kind is SettingKind.EMODE
    if field is None or place is None or setting.kind not in (SettingKind.RESERVE, SettingKind.EMODE):
        return None
    before = value_before(setting, snapshot)
    return Change(subject, place, is_emode, field, int(before or 0), int(setting.value))


def as_other(setting: Setting, snapshot: Snapshot) -> Other:
    """Return a setting that is only shown, beside the market's value; errors as in `as_change`."""
    place, subject = holder_of(setting, snapshot)
    new_category = place is None and setting.kind is SettingKind.EMODE
    decisive = setting.parameter in _DECISIVE or setting.kind is SettingKind.FEED or new_category
    return Other(subject, setting, value_before(setting, snapshot), decisive)


def _unfollowed(other: Other) -> Finding:
    parameter = other.setting.parameter
    message = (
        f"{parameter} is also set, to {other.setting.value}; it can change who is liquidatable, and the "
        "comparison does not follow it."
        if other.decisive
        else f"{parameter} is also set, to {other.setting.value}; it does not change who is liquidatable."
    )
    severity = Severity.HIGH if other.decisive else Severity.INFO
    return Finding(FindingKind.UNSUPPORTED, severity, other.subject, message)


def _nothing(findings: Sequence[Finding]) -> InputError:
    unread = [f for f in findings if f.message.startswith(_NOT_DECODED) or f.severity is Severity.CRITICAL]
    if unread:
        said = " ".join(f"{f.subject}: {f.message}" for f in unread[:5])
        return InputError(f"nothing in the payload can be compared. {said}", remedy="Review it by hand.")
    return InputError("the payload changes nothing.", remedy="Check that the snapshot is older than it.")
