"""Which parameters differ between two snapshots: what somebody decided, not what moved by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from protocols.snapshot import EMode, RateModel, Reserve, Snapshot

PARAMETERS = (
    "symbol",
    "decimals",
    "ltv_bps",
    "liquidation_threshold_bps",
    "liquidation_bonus_bps",
    "liquidation_protocol_fee_bps",
    "reserve_factor_bps",
    "supply_cap_tokens",
    "borrow_cap_tokens",
    "debt_ceiling_usd_cents",
    "emode_category",
    "active",
    "frozen",
    "paused",
    "borrowing_enabled",
    "siloed_borrowing",
    "borrowable_in_isolation",
    "flash_loan_enabled",
    "liquidation_grace_until_s",
    "a_token",
    "debt_token",
    "id",
)
_CATEGORY = (
    "label",
    "ltv_bps",
    "liquidation_threshold_bps",
    "liquidation_bonus_bps",
    "price_source",
    "isolated",
)
_MEMBERS = ("collateral", "borrowable", "ltvzero")
_FEED = ("source", "aggregator", "decimals", "description")
_BOUND = ("max_step", "min_delay_s", "step_kind", "grid", "source")

_Key = tuple[str, str, str]  # kind, subject, parameter


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """One parameter; values are raw texts, None where the subject is not there.

    ``kind`` is ``market``, ``reserve``, ``emode``, ``emode_asset``, ``rule`` (how the protocol
    liquidates) or ``bound`` (what may be changed); ``name`` is a person's name of the subject.
    """

    kind: str
    subject: str
    name: str
    parameter: str
    old: str | None
    new: str | None


def parameter_changes(a: Snapshot, b: Snapshot) -> tuple[ParameterChange, ...]:
    """Return every parameter that differs, those of ``a`` in its order, then new ones in ``b``'s.

    Of a reserve or category that only one side has, ``listed`` comes first and every parameter
    after it.
    """
    before, after = _facts(a), _facts(b)
    names = {**_names(a), **_names(b)}
    return tuple(
        ParameterChange(*key[:2], names.get(key[:2], key[1]), key[2], before.get(key), after.get(key))
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    )


def _facts(taken: Snapshot) -> dict[_Key, str]:
    facts: dict[_Key, str] = {("market", "", "version"): taken.market.version}
    facts |= {("market", "", f"{n}_address"): a for n, a in sorted(taken.market.addresses.items())}
    facts |= {("rule", "", name): _text(value) for name, value in taken.rules.to_json().items()}
    for reserve in taken.reserves:
        facts |= {("reserve", reserve.asset, name): text for name, text in _of_reserve(reserve)}
    for emode in taken.emodes:
        facts |= dict(_of_category(emode, taken.reserves))
    for rule in taken.change_rules.rules:
        values = asdict(rule)
        for name in _BOUND:
            facts["bound", rule.subject, f"{rule.parameter} {name}"] = _text(values[name])
    return facts


def _of_reserve(reserve: Reserve) -> Iterator[tuple[str, str]]:
    yield "listed", "true"
    for name in PARAMETERS:
        yield name, _text(getattr(reserve, name))
    if reserve.rate_model is not None:
        for name in RateModel.__slots__:
            yield f"rate_model_{name}", _text(getattr(reserve.rate_model, name))
    if reserve.feed is not None:
        for name in _FEED:
            yield f"feed_{name}", _text(getattr(reserve.feed, name))


def _of_category(emode: EMode, reserves: tuple[Reserve, ...]) -> Iterator[tuple[_Key, str]]:
    subject = str(emode.id)
    yield ("emode", subject, "listed"), "true"
    for name in _CATEGORY:
        yield ("emode", subject, name), _text(getattr(emode, name))
    for name in _MEMBERS:
        for i in getattr(emode, name):
            yield ("emode_asset", f"{subject}:{reserves[i].asset}", name), "true"


def _names(taken: Snapshot) -> Mapping[tuple[str, str], str]:
    names = {("reserve", r.asset): n for r, n in zip(taken.reserves, taken.asset_names, strict=True)}
    by_asset = {asset: name for (_, asset), name in names.items()}
    bounds = {("bound", asset): name for asset, name in by_asset.items()} | {("bound", "*"): "all"}
    emodes = {(kind, str(e.id)): f"e-mode {e.id}" for e in taken.emodes for kind in ("emode", "bound")}
    members = {
        ("emode_asset", f"{e.id}:{asset}"): f"{name} in e-mode {e.id}"
        for e in taken.emodes
        for asset, name in by_asset.items()
    }
    named = {("market", ""): "market", ("rule", ""): "liquidation rules"}
    return {**names, **bounds, **emodes, **members, **named}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
