"""What a proposal changes: ``WETH.liquidation_threshold=82.5%`` as a record in the chain's own unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from abis.errors import InputError
from protocols.snapshot import EMode, Reserve, Snapshot

BPS_OF_ONE = 10_000
_NUMBER = re.compile(r"(?P<number>[+-]?\d[\d_,]*(?:\.\d+)?)\s*(?P<unit>%|bps|[kKmMbB]?)")
_SCALE = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}


class Unit(StrEnum):
    """What a field counts in."""

    BPS = "bps"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter a proposal may set.

    Parameters
    ----------
    name : str
        As written in a proposal.
    attribute : str
        Of `Reserve` or `EMode`.
    unit : Unit
    offset : int
        What the chain stores beyond what people write: 10000 for a bonus.
    on_reserve, on_emode : bool
        Where it may be set.
    """

    name: str
    attribute: str
    unit: Unit
    offset: int = 0
    on_reserve: bool = True
    on_emode: bool = False

    @property
    def rule_parameter(self) -> str:
        """Return its name in `ChangeRules`, without the prefix of categories."""
        return self.attribute


FIELDS = {
    f.name: f
    for f in (
        Field("ltv", "ltv_bps", Unit.BPS, on_emode=True),
        Field("liquidation_threshold", "liquidation_threshold_bps", Unit.BPS, on_emode=True),
        Field("liquidation_bonus", "liquidation_bonus_bps", Unit.BPS, BPS_OF_ONE, on_emode=True),
        Field("supply_cap", "supply_cap_tokens", Unit.TOKENS),
        Field("borrow_cap", "borrow_cap_tokens", Unit.TOKENS),
        Field("reserve_factor", "reserve_factor_bps", Unit.BPS),
        Field("liquidation_protocol_fee", "liquidation_protocol_fee_bps", Unit.BPS),
    )
}
COLLATERAL_FIELDS = ("ltv", "liquidation_threshold", "liquidation_bonus")  # the chain sets them together


@dataclass(frozen=True, slots=True)
class Change:
    """One parameter set to one value.

    Parameters
    ----------
    subject : str
        Name of the reserve, or the category's label (its id if it has none).  Untrusted text.
    place : int
        Index into the snapshot's reserves or e-modes.
    is_emode : bool
    field : Field
    before, after : int
        As the chain stores them: bps (a bonus includes 10000) or whole tokens.
    """

    subject: str
    place: int
    is_emode: bool
    field: Field
    before: int
    after: int

    @property
    def name(self) -> str:
        """Return ``WETH.ltv`` or ``emode:1.ltv``."""
        return f"{self.subject}.{self.field.name}"

    @property
    def shown(self) -> tuple[str, str]:
        """Return the values before and after as people write them."""
        return self._text(self.before), self._text(self.after)

    def _text(self, value: int) -> str:
        if self.field.unit is Unit.TOKENS:
            return f"{value:,}" if value else "none"
        return f"{Decimal(max(value - self.field.offset, 0)) / 100:.2f} %"


def read_changes(texts: Sequence[str], snapshot: Snapshot) -> tuple[Change, ...]:
    """Read changes such as ``WETH.ltv=80%``, ``emode:1.ltv=9200bps``, ``wstETH.supply_cap=1.2M``.

    Parameters
    ----------
    texts : sequence of str
        A subject is a symbol or address, or ``emode:`` with an id or label.  A bonus is the part
        above 100 %.
    snapshot : Snapshot

    Returns
    -------
    tuple of Change
        In the order given, without those that change nothing.

    Raises
    ------
    UnknownAsset
        If a reserve is not listed.
    InputError
        If a text, category, field or value is none, a value is given twice, or all change nothing.
    """
    changes: dict[tuple[bool, int, str], Change] = {}
    for text in texts:
        change = read_change(text, snapshot)
        key = (change.is_emode, change.place, change.field.name)
        if key in changes:
            raise InputError(f"{change.name} is set twice.", remedy="Give each parameter once.")
        changes[key] = change
    kept = tuple(c for c in changes.values() if c.before != c.after)
    if not kept:
        raise InputError("nothing would change.", remedy="Give --set SUBJECT.FIELD=VALUE with a new value.")
    return kept


def read_change(text: str, snapshot: Snapshot) -> Change:
    """Read one change, which may change nothing; as `read_changes`."""
    left, equals, value = text.partition("=")
    subject, dot, name = left.strip().rpartition(".")
    if not (equals and dot and subject):
        raise InputError(f"{text!r} is no change.", remedy="Write SUBJECT.FIELD=VALUE: WETH.ltv=80%.")
    field = FIELDS.get(name)
    if field is None:
        raise InputError(f"{name!r} in {text!r} is no parameter.", remedy=f"Known: {', '.join(FIELDS)}.")
    place, shown, holder = _subject(subject, snapshot)
    is_emode = isinstance(holder, EMode)
    if not (field.on_emode if is_emode else field.on_reserve):
        raise InputError(f"{name} is no parameter of a category.", remedy="Set it on a reserve.")
    after = _value(value.strip(), field, text)
    return Change(shown, place, is_emode, field, int(getattr(holder, field.attribute)), after)


def _subject(text: str, snapshot: Snapshot) -> tuple[int, str, Reserve | EMode]:
    kind, colon, wanted = text.partition(":")
    if not (colon and kind.strip().lower() == "emode"):
        place = snapshot.asset_index(text)
        return place, snapshot.asset_names[place], snapshot.reserves[place]
    for place, mode in enumerate(snapshot.emodes):
        if wanted.strip() in (str(mode.id), mode.label):
            return place, f"emode:{mode.id}", mode
    known = ", ".join(f"{m.id} ({m.label})" for m in snapshot.emodes) or "none"
    raise InputError(f"{wanted!r} is no e-mode category.", remedy=f"The market has: {known}.")


def _value(text: str, field: Field, whole: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text!r} in {whole!r} is no value.", remedy="Write 82.5%, 8250bps, 1200000 or 1.2M."
        )
    try:
        number = Decimal(match["number"].replace("_", "").replace(",", ""))
    except InvalidOperation as error:
        raise InputError(f"{text!r} in {whole!r} is no number.") from error
    unit = match["unit"].lower()
    if field.unit is Unit.BPS:
        if unit not in ("%", "bps"):
            raise InputError(f"{text!r} in {whole!r} has no unit.", remedy="Write 82.5% or 8250bps.")
        scaled = number * 100 if unit == "%" else number
        what, limit = "basis points", BPS_OF_ONE
    else:
        if unit in ("%", "bps"):
            raise InputError(
                f"{text!r} in {whole!r} is no amount.", remedy="Write whole tokens: 1200000 or 1.2M."
            )
        scaled = number * _SCALE[unit]
        what, limit = "whole tokens", 2**36 - 1
    if scaled != int(scaled) or not 0 <= scaled <= limit:
        raise InputError(
            f"{text!r} in {whole!r} cannot be stored.", remedy=f"Give {what} from 0 to {limit:,}, no parts."
        )
    # A bonus of 0 is stored as 0: the asset is no collateral then.
    return int(scaled) + (field.offset if scaled else 0)
