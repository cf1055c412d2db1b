"""What a proposal changes in a market's configuration: value before and value after, raw and as people read.

In the shape reviewers of Aave proposals know: reserves, categories, memberships and feeds apart, one table
a subject, and the raw values below.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from protocols.snapshot import EMode, Reserve, Snapshot
from risk.proposal.changes import Change
from risk.proposal.current import rate_bps
from risk.proposal.incoming import Other
from risk.proposal.pending import pending_ltv
from risk.report.markdown import cell

PENDING = "pending_ltv_bps"
_RESERVE = (
    *("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps", "liquidation_protocol_fee_bps"),
    *("reserve_factor_bps", "supply_cap_tokens", "borrow_cap_tokens", "debt_ceiling_usd_cents"),
    *("emode_category", "active", "frozen", "paused", "borrowing_enabled", "siloed_borrowing"),
    *("borrowable_in_isolation", "flash_loan_enabled"),
)
_EMODE = (
    "label",
    "ltv_bps",
    "liquidation_threshold_bps",
    "liquidation_bonus_bps",
    "price_source",
    "isolated",
)
_MEMBERS = ("collateral", "borrowable", "ltvzero")
_RATES = ("rate_optimal_bps", "rate_base_bps", "rate_slope1_bps", "rate_slope2_bps")
_TITLES = {
    "reserve": "Reserves altered",
    "emode": "E-modes altered",
    "emode_asset": "Members of e-modes altered",
    "feed": "Price feeds altered",
    "market": "Market altered",
}
# Section -> the parameters `differences` looks at.
COMPARED = {
    "reserve": frozenset((*_RESERVE, *_RATES)),
    "emode": frozenset(_EMODE),
    "emode_asset": frozenset(_MEMBERS),
    "feed": frozenset({"feed_source"}),
}
Value = int | bool | str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter of one subject.

    Parameters
    ----------
    section : str
        A key of `_TITLES`.
    subject : str
        Name of the reserve or category.  Untrusted text.
    identity : str
        Its address or id.
    parameter : str
        As the snapshot names it, or `PENDING`.
    before, after : int, bool, str or None
        As the chain stores them; None where it is not known.
    """

    section: str
    subject: str
    identity: str
    parameter: str
    before: Value
    after: Value

    @property
    def shown(self) -> tuple[str, str]:
        """Return the values as people read them, with the raw ones in brackets where they differ."""
        return human(self.parameter, self.before), human(self.parameter, self.after)


def human(parameter: str, value: Value) -> str:
    """Return a value as reviewers write it: ``82.5 % [8250]``, ``1,200,000``, ``none``."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value or "none"
    if parameter.endswith("_bps"):
        part = value - 10_000 if parameter == "liquidation_bonus_bps" and value else value
        return f"{part / 100:.2f}".rstrip("0").rstrip(".") + f" % [{value}]"
    if parameter.endswith("_tokens"):
        return f"{value:,}" if value else "none [0]"
    if parameter.endswith("_usd_cents"):
        return f"${value // 100:,} [{value}]" if value else "none [0]"
    return str(value)


def differences(before: Snapshot, after: Snapshot) -> tuple[Row, ...]:
    """Return every parameter that governance sets and that differs between two states of a market.

    Parameters
    ----------
    before, after : Snapshot
        Of one market.  A reserve or category of one only has None on the other side.
    """
    return (*_of_reserves(before, after), *_of_emodes(before, after), *_of_feeds(before, after))


def proposed(before: Snapshot, changes: Sequence[Change], others: Sequence[Other] = ()) -> tuple[Row, ...]:
    """Return what a proposal sets and what is there now.

    Parameters
    ----------
    before : Snapshot
    changes : sequence of Change
        What is compared.  A new LTV that waits until the reserve is unfrozen is shown as pending.
    others : sequence of Other
        What is only shown.
    """
    rows = [row for change in changes for row in _of_change(before, change)]
    for other in others:
        kind = other.setting.kind
        section = "feed" if other.setting.parameter == "feed_source" else kind.value
        identity = other.setting.subject
        rows.append(
            Row(section, other.subject, identity, other.setting.parameter, other.before, other.setting.value)
        )
    return in_order(rows)


def in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows by section; within one as they come."""
    order = list(_TITLES)
    return tuple(sorted(rows, key=lambda r: order.index(r.section)))


def _of_change(before: Snapshot, change: Change) -> Iterator[Row]:
    attribute = change.field.attribute
    if change.is_emode:
        mode = before.emodes[change.place]
        yield Row("emode", f"{mode.id}: {mode.label}", str(mode.id), attribute, change.before, change.after)
        return
    asset = before.reserves[change.place].asset
    if not pending_ltv(before, change):
        yield Row("reserve", change.subject, asset, attribute, change.before, change.after)
        return
    yield Row("reserve", change.subject, asset, attribute, change.before, change.before)
    yield Row("reserve", change.subject, asset, PENDING, None, change.after)


def _of_reserves(before: Snapshot, after: Snapshot) -> Iterator[Row]:
    names = {r.asset: n for s in (after, before) for r, n in zip(s.reserves, s.asset_names, strict=True)}
    old, new = ({r.asset: r for r in s.reserves} for s in (before, after))
    for asset, name in names.items():
        for parameter in (*_RESERVE, *_RATES):
            values = (_parameter(old.get(asset), parameter), _parameter(new.get(asset), parameter))
            if values[0] != values[1]:
                yield Row("reserve", name, asset, parameter, *values)


def _parameter(reserve: Reserve | None, parameter: str) -> Value:
    if reserve is None:
        return None
    if parameter in _RATES:
        return rate_bps(reserve.rate_model, parameter) if reserve.rate_model is not None else None
    value: Value = getattr(reserve, parameter)
    return value


def _of_emodes(before: Snapshot, after: Snapshot) -> Iterator[Row]:
    old, new = ({m.id: m for m in s.emodes} for s in (before, after))
    for id_ in dict.fromkeys((*old, *new)):
        modes = (old.get(id_), new.get(id_))
        label = next(m.label for m in modes if m is not None)
        for parameter in _EMODE:
            was, now = (getattr(m, parameter) if m is not None else None for m in modes)
            if was != now:
                yield Row("emode", f"{id_}: {label}", str(id_), parameter, was, now)
    for id_ in dict.fromkeys((*old, *new)):
        for parameter in _MEMBERS:
            was, now = _assets(before, old.get(id_), parameter), _assets(after, new.get(id_), parameter)
            for asset in sorted(was ^ now):
                name = f"emode:{id_}:{_name(after, asset)}"
                yield Row("emode_asset", name, f"{id_}:{asset}", parameter, asset in was, asset in now)


def _assets(snapshot: Snapshot, mode: EMode | None, parameter: str) -> set[str]:
    return {snapshot.reserves[k].asset for k in getattr(mode, parameter)} if mode is not None else set()


def _name(snapshot: Snapshot, asset: str) -> str:
    pairs = zip(snapshot.reserves, snapshot.asset_names, strict=True)
    return next((name for r, name in pairs if r.asset == asset), asset)


def _of_feeds(before: Snapshot, after: Snapshot) -> Iterator[Row]:
    old, new = ({r.asset: r.feed for r in s.reserves} for s in (before, after))
    for asset in dict.fromkeys((*old, *new)):
        feeds = (old.get(asset), new.get(asset))
        was, now = (f.source if f is not None else None for f in feeds)
        if was != now:
            yield Row("feed", _name(after, asset), asset, "feed_source", was, now)


def to_markdown(rows: Sequence[Row], title: str) -> str:
    """Return the page; all text of strangers is escaped."""
    parts = [f"# {title}"]
    if not rows:
        parts.append("Nothing differs.")
    for section, heading in _TITLES.items():
        own = [r for r in rows if r.section == section]
        if own:
            parts.append(f"## {heading}")
        for subject, identity in dict.fromkeys((r.subject, r.identity) for r in own):
            named = f"### {cell(subject)}"
            parts.append(named if identity in subject else f"{named} ({cell(identity)})")
            parts.append(_table([r for r in own if (r.subject, r.identity) == (subject, identity)]))
    if any(r.parameter == PENDING for r in rows):
        parts.append(
            "A frozen reserve keeps an LTV of 0. The configurator stores the new one as pending, and it "
            "comes into force when the reserve is unfrozen. The pending value before is not in the snapshot."
        )
    raw = json.dumps(to_json(rows), indent=2, ensure_ascii=True).replace("`", "\\u0060")
    parts += ["## Raw difference", f"```json\n{raw}\n```"]
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Row]) -> str:
    lines = ["| description | value before | value after |", "|---|---|---|"]
    for row in rows:
        was, now = row.shown
        lines.append(f"| {cell(row.parameter)} | {_value(was)} | {_value(now)} |")
    return "\n".join(lines)


def _value(text: str) -> str:
    """Return a value for a table; figures with raw values in brackets are ours, other text is not."""
    plain = text.replace(" [", "\0").replace("]", "") if text.endswith("]") and " [" in text else text
    if plain != text and all(c in "0123456789.,%$ \0-none" for c in plain):
        return text
    return cell(text)


def to_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Return section -> subject -> parameter -> values, integers as text."""
    found: dict[str, Any] = {}
    for row in rows:
        subject = found.setdefault(row.section, {}).setdefault(
            row.identity or "market", {"name": row.subject}
        )
        was, now = row.shown
        subject[row.parameter] = {
            "before_raw": _raw(row.before),
            "after_raw": _raw(row.after),
            "before": was,
            "after": now,
        }
    return found


def _raw(value: Value) -> str | bool | None:
    return value if value is None or isinstance(value, (bool, str)) else str(value)
