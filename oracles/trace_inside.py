"""Hold every traced tree against what its price really touches.

A source whose answer reads a contract its tree does not account for is not what it was taken
for: it becomes an opaque step with a finding, and so does one whose rule names a leg that a
call trace shows it never asks.
"""

from __future__ import annotations

from dataclasses import replace

from abis.calls import Call
from abis.findings import Finding, FindingKind, Severity
from oracles.touched import Touched, Toucher
from oracles.traced import Kind, RatioSettings, TracedFeed

ANSWER = "latestAnswer()(int256)"
_RATIO = "getRatio()(int256)"
_SHOWN = 4


def hold_against_calls(feed: TracedFeed, toucher: Toucher, findings: list[Finding]) -> TracedFeed:
    """Return the tree with the contracts behind its leaves, and opaque where it hides something.

    Parameters
    ----------
    feed : TracedFeed
        A tree of which nothing is known but its getters.
    toucher : Toucher
        Answers None where the node tells nothing; then the tree is returned as it is.
    findings : list
        Receives what does not fit.
    """
    feed = _with_insides(feed, toucher)
    touched = toucher.of(Call(feed.address, ANSWER))
    if touched is None or _fits(feed, touched):
        return feed
    return _descend(feed, toucher, findings)


def _fits(feed: TracedFeed, touched: Touched) -> bool:
    return touched.contracts <= feed.explained() and not _unread(feed, touched)


def _with_insides(feed: TracedFeed, toucher: Toucher) -> TracedFeed:
    """Return the tree with all that its ratios and unrecognised sources touch."""
    legs = tuple((role, _with_insides(leg, toucher)) for role, leg in feed.legs)
    feed = replace(feed, legs=legs)
    if feed.kind is Kind.RATIO_CAP:
        return _with_unknown_provider(feed, toucher)
    if feed.kind not in (Kind.RATIO, Kind.OPAQUE):
        return feed
    touched = toucher.of(own_call(feed))
    return feed if touched is None else replace(feed, inside=_others(touched, {feed.address}))


def own_call(feed: TracedFeed) -> Call:
    """Return the call that gives a source's answer."""
    if not isinstance(feed.settings, RatioSettings):
        return Call(feed.address, ANSWER)
    name, _, argument = feed.settings.getter.rstrip(")").partition("(")
    if not argument:
        return Call(feed.address, f"{name}()(uint256)")
    return Call(feed.address, f"{name}(uint256)(uint256)", (int(argument),))


def _with_unknown_provider(cap: TracedFeed, toucher: Toucher) -> TracedFeed:
    """Return a ratio cap whose unrecognised provider owns all that the ratio touches."""
    touched = toucher.of(Call(cap.address, _RATIO))
    if touched is None:
        return cap
    legs = tuple(
        (role, replace(leg, inside=_others(touched, {cap.address, leg.address})))
        if leg.kind is Kind.OPAQUE and leg.answer_raw is not None and leg.address in touched.contracts
        else (role, leg)
        for role, leg in cap.legs
    )
    return replace(cap, legs=legs)


def _descend(feed: TracedFeed, toucher: Toucher, findings: list[Finding]) -> TracedFeed:
    """Return the tree with the sources that do not fit made opaque, the lowest of them first."""
    feed = replace(feed, legs=tuple((role, _descend(leg, toucher, findings)) for role, leg in feed.legs))
    if feed.kind in (Kind.RATIO, Kind.OPAQUE):
        return feed
    touched = toucher.of(Call(feed.address, ANSWER))
    if touched is None or _fits(feed, touched):
        return feed
    findings.append(_misfit(feed, touched))
    return opaque(feed, touched)


def _unread(feed: TracedFeed, touched: Touched) -> list[str]:
    """Return legs that a call trace shows are never asked."""
    if not touched.is_traced:
        return []
    return [leg.address for _, leg in feed.legs if leg.address not in touched.contracts]


def _misfit(feed: TracedFeed, touched: Touched) -> Finding:
    hidden = _others(touched, feed.explained())
    if hidden:
        more = len(hidden) - _SHOWN
        named = ", ".join(hidden[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        what = f"its answer also reads {named}"
    else:
        what = f"its answer never asks {', '.join(_unread(feed, touched))}"
    return Finding(
        FindingKind.ORACLE,
        Severity.HIGH,
        feed.address,
        f"It has the getters of a {feed.kind.value}, but {what}; it is treated as not recognised.",
        remedy="Read its source code; what it does to a price is not modelled.",
    )


def opaque(feed: TracedFeed, touched: Touched | None) -> TracedFeed:
    """Return a source as an unrecognised one that owns everything it touches."""
    inside = () if touched is None else _others(touched, {feed.address})
    return replace(feed, kind=Kind.OPAQUE, settings=None, legs=(), inside=inside)


def _others(touched: Touched, known: set[str]) -> tuple[str, ...]:
    return tuple(sorted(touched.contracts - known))
