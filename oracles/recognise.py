"""What kind of price source a contract is, told from the getters it answers.

A closed list of shapes is tried.  A contract is taken for one only if it answers every
getter of that shape, with values that make sense and agree with each other, and none that
a known relative has on top.  Whether the shape's arithmetic also gives the contract's own
answer is checked afterwards (`oracles.trace_check`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from abis.calls import Call, decode_text
from abis.chain import Header, Reading
from abis.errors import BadReturn
from abis.findings import Finding, FindingKind, Severity
from oracles.traced import Kind, Role, Settings

ZERO = "0x" + "0" * 40
LONGEST_TEXT = 64
MOST_DECIMALS = 18
# What every source is asked, whatever it is.
_BASIC = {
    "latestAnswer": "latestAnswer()(int256)",
    "decimals": "decimals()(uint8)",
    "description": "description()",
}
Answers = Mapping[str, Any]


class Misfit(Exception):
    """Raised by a shape when a contract has its getters but not its sense."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one contract was taken for, its legs still by address.

    Parameters
    ----------
    address, kind, description, decimals, answer_raw, updated_at_s, settings, inside
        As in `oracles.traced.TracedFeed`.
    legs : tuple of (Role, address)
    ratio_raw : int or None
        What a capping adapter says its ratio is, before the cap.
    findings : tuple of Finding
    """

    address: str
    kind: Kind
    description: str
    decimals: int | None
    answer_raw: int | None
    updated_at_s: int | None = None
    settings: Settings | None = None
    legs: tuple[tuple[Role, str], ...] = ()
    inside: tuple[str, ...] = ()
    ratio_raw: int | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """What a shape makes of the answers."""

    kind: Kind
    settings: Settings | None = None
    legs: tuple[tuple[Role, str], ...] = ()
    inside: tuple[str, ...] = ()
    updated_at_s: int | None = None
    ratio_raw: int | None = None
    findings: tuple[Finding, ...] = ()


Fitting = Reading[Fit]


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of contract.

    Parameters
    ----------
    name : str
        For messages.
    marks : tuple of str
        Signatures that together single it out.
    getters : tuple of str
        Further signatures it must answer.
    extras : tuple of str
        Signatures it may answer.
    foreign : tuple of str
        Signatures it must not answer, because a relative with other arithmetic does.
    fit : callable
        Generator that is given the address, the block and the answers by name, may ask for
        more, and returns a `Fit` or raises `Misfit`.
    """

    name: str
    marks: tuple[str, ...]
    getters: tuple[str, ...]
    extras: tuple[str, ...]
    foreign: tuple[str, ...]
    fit: Callable[[str, Header, Answers], Fitting]


def recognise(address: str, block: Header, shapes: tuple[Shape, ...]) -> Reading[Found]:
    """Return what the contract at ``address`` is; anything unknown is `Kind.OPAQUE` with a finding."""
    marks = list(dict.fromkeys(mark for shape in shapes for mark in shape.marks))
    answers = yield [_ask(address, s) for s in (*_BASIC.values(), *marks)]
    basic = dict(zip(_BASIC, answers, strict=False))
    marked = dict(zip(marks, answers[len(_BASIC) :], strict=True))
    found = Found(
        address,
        Kind.OPAQUE,
        text_of(basic["description"]),
        basic["decimals"],
        basic["latestAnswer"],
    )
    candidates = [s for s in shapes if all(marked[m] is not None for m in s.marks)]
    if len(candidates) != 1:
        names = " and ".join(s.name for s in candidates)
        why = f"it looks like {names} at once" if candidates else "it has the getters of no known source"
        return _opaque(found, why)
    [shape] = candidates
    try:
        return (yield from _fitted(found, block, shape, basic | _by_name(marked)))
    except Misfit as misfit:
        return _opaque(found, f"it looks like a {shape.name}, but {misfit}")


def _fitted(found: Found, block: Header, shape: Shape, known: Answers) -> Reading[Found]:
    asked = (*shape.getters, *shape.extras, *shape.foreign)
    answers = _by_name(dict(zip(asked, (yield [_ask(found.address, s) for s in asked]), strict=True)))
    for signature in shape.getters:
        if answers[name_of(signature)] is None:
            raise Misfit(f"{name_of(signature)}() does not answer")
    for signature in shape.foreign:
        if answers[name_of(signature)] is not None:
            raise Misfit(f"it also has {name_of(signature)}(), which a {shape.name} has not")
    if found.answer_raw is None:
        raise Misfit("latestAnswer() reverts")
    if found.decimals is None or found.decimals > MOST_DECIMALS:
        raise Misfit(f"decimals() says {found.decimals}")
    fit = yield from shape.fit(found.address, block, {**known, **answers})
    return Found(
        found.address,
        fit.kind,
        found.description,
        found.decimals,
        found.answer_raw,
        fit.updated_at_s,
        fit.settings,
        fit.legs,
        fit.inside,
        fit.ratio_raw,
        fit.findings,
    )


def _opaque(found: Found, why: str) -> Found:
    finding = Finding(
        FindingKind.UNSUPPORTED,
        Severity.MEDIUM,
        found.address,
        f"How this source makes its price is not known: {why}.",
        remedy="Read its source code; what it does to a price is not modelled.",
    )
    return Found(
        found.address, Kind.OPAQUE, found.description, found.decimals, found.answer_raw, findings=(finding,)
    )


def require(holds: bool, otherwise: str) -> None:
    """Raise `Misfit` with a reason unless something holds."""
    if not holds:
        raise Misfit(otherwise)


def name_of(signature: str) -> str:
    """Return ``getPriceCap`` of ``getPriceCap()(int256)``."""
    return signature.partition("(")[0]


def text_of(data: bytes | None) -> str:
    """Return untrusted text of a contract, cut to `LONGEST_TEXT`; empty where it is none."""
    try:
        return decode_text(data or b"")[:LONGEST_TEXT]
    except BadReturn:
        return ""


def _by_name(by_signature: Mapping[str, Any]) -> dict[str, Any]:
    return {name_of(signature): value for signature, value in by_signature.items()}


def _ask(address: str, signature: str) -> Call:
    return Call(address, signature, optional=True)
