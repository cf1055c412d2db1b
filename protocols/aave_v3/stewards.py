"""Reads what a market's risk steward may change: bounds, delays, last updates, restrictions.

References: aave-v3-risk-stewards IRiskSteward.sol and RiskSteward.sol.  The configuration
has had several shapes; all are lists of (uint40 minDelay, uint256 maxPercentChange), so the
length of the answer tells which parameter stands where.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from abis.calls import Call
from abis.chain import Chain, Header
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.addresses import Addresses
from protocols.aave_v3.governance import default_change_rules
from protocols.change_rules import ChangeRule, ChangeRules, StepKind
from protocols.snapshot import EMode, Reserve

_LTV = "ltv_bps"
_THRESHOLD = "liquidation_threshold_bps"
_BONUS = "liquidation_bonus_bps"
_CEILING = "debt_ceiling_usd"
_RATES = ("rate_base_bps", "rate_slope1_bps", "rate_slope2_bps", "rate_optimal_bps")
_SUPPLY_CAP = "supply_cap_tokens"
_BORROW_CAP = "borrow_cap_tokens"
_EMODE = ("emode_ltv_bps", "emode_liquidation_threshold_bps", "emode_liquidation_bonus_bps")
_FEED = ""  # bounds on price caps and discount rates, which concern feeds and not reserves

_GROUPED = (_LTV, _THRESHOLD, _BONUS, _CEILING, *_EMODE, *_RATES, _SUPPLY_CAP, _BORROW_CAP, _FEED, _FEED)
# Config: one list until 2025, then grouped with e-modes, then with Pendle's discount rate.
_CONFIGS = (
    (_LTV, _THRESHOLD, _BONUS, _SUPPLY_CAP, _BORROW_CAP, _CEILING, *_RATES, _FEED, _FEED),
    _GROUPED,
    (*_GROUPED, _FEED),
)
# Debounce and EModeDebounce have an order of their own.
_ASSET_TIMES = (_SUPPLY_CAP, _BORROW_CAP, _LTV, _BONUS, _THRESHOLD, _CEILING, *_RATES, _FEED)
_EMODE_TIMES = (_EMODE[0], _EMODE[2], _EMODE[1])
# RiskSteward.sol passes isChangeRelative for these; all others are absolute.
_RELATIVE = frozenset({_SUPPLY_CAP, _BORROW_CAP, _CEILING})

_WORD = 32
_LONGEST_DELAY_S = 2**40 - 1  # uint40
_LARGEST_STEP = 10**9  # far beyond any bound that binds; more is another contract's answer


@dataclass(frozen=True, slots=True)
class _Bound:
    min_delay_s: int
    max_step: int


def read_change_rules(
    chain: Chain,
    steward: str | None,
    addresses: Addresses,
    reserves: Sequence[Reserve],
    emodes: Sequence[EMode],
    block: Header,
    findings: list[Finding],
) -> ChangeRules:
    """Return the bounds on changes at ``block``: the steward's own, or the documented defaults.

    Parameters
    ----------
    chain : Chain
        Where to read.
    steward : str or None
        The steward's address; without one the documented defaults apply and nothing is noted.
    addresses : Addresses
        The market, which the steward must belong to.
    reserves, emodes : sequence
        What the market lists: each gets a rule of its own, with its last update.
    block : Header
        The block to read at.
    findings : list
        Told of a steward that cannot be used or does not cover every parameter.

    Notes
    -----
    `ChangeRule.last_change_s` is 0 where the steward never changed the parameter: the delay
    is counted from there.  What the steward must not touch has a ``max_step`` of 0.
    """
    defaults = default_change_rules()
    if steward is None:
        return defaults
    wrong = _misfit(chain, steward, addresses, block)
    bounds = {} if wrong else _read_bounds(chain, steward, block)
    if not bounds:
        findings.append(_unusable(steward, wrong or "getRiskConfig() has no known shape"))
        return defaults
    own = [
        *_general(bounds, steward),
        *_of_assets(chain, steward, bounds, reserves, block, findings),
        *_of_emodes(chain, steward, bounds, emodes, block, findings),
    ]
    uncovered = [r for r in defaults.rules if r.parameter not in bounds]
    if uncovered:
        findings.append(_uncovered(steward, [r.parameter for r in uncovered]))
    return ChangeRules(
        (*own, *uncovered), defaults.ltv_at_most_threshold, defaults.max_threshold_times_bonus_bps
    )


def _misfit(chain: Chain, steward: str, addresses: Addresses, block: Header) -> str:
    """Return why this is no steward of the market; empty if it is one."""
    pool, data_provider = chain.read(
        [
            Call(steward, "POOL()(address)", optional=True),
            Call(steward, "POOL_DATA_PROVIDER()(address)", optional=True),
        ],
        block,
    )
    if pool is not None:
        return "" if pool == addresses.pool else f"it changes pool {pool}"
    if data_provider is None:
        return "it names no pool"
    (provider,) = chain.read([Call(data_provider, "ADDRESSES_PROVIDER()(address)", optional=True)], block)
    return "" if provider == addresses.provider else f"it changes the market of {provider}"


def _read_bounds(chain: Chain, steward: str, block: Header) -> Mapping[str, _Bound]:
    """Return parameter -> bound; empty if the answer has no known shape."""
    (data,) = chain.read([Call(steward, "getRiskConfig()", optional=True)], block)
    words = [int.from_bytes(data[k : k + _WORD], "big") for k in range(0, len(data or b""), _WORD)]
    names = next((c for c in _CONFIGS if 2 * len(c) * _WORD == len(data or b"")), ())
    bounds = {
        name: _Bound(delay, step)
        for name, delay, step in zip(names, words[0::2], words[1::2], strict=bool(names))
        if name != _FEED
    }
    sane = all(b.min_delay_s <= _LONGEST_DELAY_S and b.max_step <= _LARGEST_STEP for b in bounds.values())
    return bounds if sane else {}


def _general(bounds: Mapping[str, _Bound], steward: str) -> Iterator[ChangeRule]:
    """Yield the rules of what is not listed yet; nobody has changed it."""
    for parameter, bound in bounds.items():
        yield _rule(parameter, "*", bound, None, steward)


def _of_assets(
    chain: Chain,
    steward: str,
    bounds: Mapping[str, _Bound],
    reserves: Sequence[Reserve],
    block: Header,
    findings: list[Finding],
) -> Iterator[ChangeRule]:
    signatures = (
        f"getTimelock(address)(({_tuple(_ASSET_TIMES)}))",
        "isAddressRestricted(address)(bool)",
        "isAssetRestricted(address)(bool)",  # its name until 2024
    )
    calls = [Call(steward, s, (r.asset,), optional=True) for r in reserves for s in signatures]
    answers = iter(chain.read(calls, block))
    names = [n for n in bounds if n not in _EMODE]
    for reserve in reserves:
        times, restricted, restricted_before = next(answers), next(answers), next(answers)
        stamps = _stamps(_ASSET_TIMES, times, steward, f"asset {reserve.asset}", findings)
        barred = bool(restricted or restricted_before)
        yield from _rules(names, reserve.asset, bounds, stamps, barred, steward)


def _of_emodes(
    chain: Chain,
    steward: str,
    bounds: Mapping[str, _Bound],
    emodes: Sequence[EMode],
    block: Header,
    findings: list[Finding],
) -> Iterator[ChangeRule]:
    names = [n for n in bounds if n in _EMODE]
    if not names:
        return
    signatures = (
        f"getEModeTimelock(uint8)(({_tuple(_EMODE_TIMES)}))",
        "isEModeCategoryRestricted(uint8)(bool)",
    )
    calls = [Call(steward, s, (e.id,), optional=True) for e in emodes for s in signatures]
    answers = iter(chain.read(calls, block))
    for emode in emodes:
        times, restricted = next(answers), next(answers)
        stamps = _stamps(_EMODE_TIMES, times, steward, f"e-mode {emode.id}", findings)
        yield from _rules(names, str(emode.id), bounds, stamps, bool(restricted), steward)


def _tuple(names: Sequence[str]) -> str:
    return ",".join(["uint40"] * len(names))


def _stamps(
    names: Sequence[str], times: Sequence[int] | None, steward: str, subject: str, findings: list[Finding]
) -> Mapping[str, int]:
    """Return parameter -> time of its last update; empty, with a finding, if not answered."""
    if times is None:
        findings.append(_untimed(steward, subject))
        return {}
    return dict(zip(names, times, strict=True))


def _rules(
    names: Iterable[str],
    subject: str,
    bounds: Mapping[str, _Bound],
    stamps: Mapping[str, int],
    barred: bool,
    steward: str,
) -> Iterator[ChangeRule]:
    for name in names:
        bound = _Bound(bounds[name].min_delay_s, 0) if barred else bounds[name]
        yield _rule(name, subject, bound, stamps.get(name), steward)


def _rule(parameter: str, subject: str, bound: _Bound, last_s: int | None, steward: str) -> ChangeRule:
    return ChangeRule(
        parameter=parameter,
        subject=subject,
        grid=1,
        step_kind=StepKind.RELATIVE if parameter in _RELATIVE else StepKind.ABSOLUTE,
        max_step=bound.max_step,
        min_delay_s=bound.min_delay_s,
        last_change_s=last_s,
        source=steward,
    )


def _unusable(steward: str, why: str) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.MEDIUM,
        steward,
        f"The risk steward cannot be used: {why}; the documented default bounds are assumed.",
        remedy="Name the market's steward in a file of markets.",
    )


def _uncovered(steward: str, parameters: Sequence[str]) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.LOW,
        steward,
        f"The risk steward does not change {', '.join(parameters)}; their bounds are documented defaults.",
    )


def _untimed(steward: str, subject: str) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.LOW,
        steward,
        f"The steward does not say when it last changed {subject}.",
    )
