"""Reads the e-mode categories; what they do to an account is in `protocols.aave_v3.emode`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from abis.calls import Call
from abis.chain import Reading
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.addresses import ZERO
from protocols.aave_v3.versions import since
from protocols.snapshot import EMode, Reserve
from protocols.texts import bounded

_IDS = range(1, 256)  # uint8; 0 means no category


@dataclass(frozen=True, slots=True)
class Category:
    """A category as the pool stores it.

    Parameters
    ----------
    id : int
        1 to 255.
    ltv_bps, liquidation_threshold_bps, liquidation_bonus_bps : int
        Parameters; a threshold of 0 means that it was never configured.
    label : bytes
        Free text.
    price_source : str
        The zero address where there is none.
    bitmaps : tuple of int or None
        Reserve ids allowed as collateral, as debt, and with an LTV of 0; None until v3.1,
        where each reserve names its category.
    isolated : bool
        Whether accounts in it may hold nothing else.
    """

    id: int
    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    label: bytes
    price_source: str = ZERO
    bitmaps: tuple[int, int, int] | None = None
    isolated: bool = False


def read_categories(pool: str, version: str) -> Reading[list[Category]]:
    """Return every category the pool of that release stores, by id."""
    if since(version, "3.2"):
        return (yield from _read_bitmaps(pool, version))
    # The label is read as bytes: it is free text and need not be UTF-8.
    signature = "getEModeCategoryData(uint8)((uint16,uint16,uint16,address,bytes))"
    answers = yield [Call(pool, signature, (i,)) for i in _IDS]
    return [
        Category(i, ltv, threshold, bonus, label, source)
        for i, (ltv, threshold, bonus, source, label) in zip(_IDS, answers, strict=True)
    ]


def _read_bitmaps(pool: str, version: str) -> Reading[list[Category]]:
    config = "getEModeCategoryCollateralConfig(uint8)((uint16,uint16,uint16))"
    configs = yield [Call(pool, config, (i,)) for i in _IDS]
    used = {i: values for i, values in zip(_IDS, configs, strict=True) if values[1]}
    getters = [
        "getEModeCategoryLabel(uint8)(bytes)",
        "getEModeCategoryCollateralBitmap(uint8)(uint128)",
        "getEModeCategoryBorrowableBitmap(uint8)(uint128)",
    ]
    if since(version, "3.6"):
        getters.append("getEModeCategoryLtvzeroBitmap(uint8)(uint128)")
    if since(version, "3.7"):
        getters.append("getIsEModeCategoryIsolated(uint8)(bool)")
    answers = iter((yield [Call(pool, g, (i,)) for i in used for g in getters]))
    found = []
    for i, (ltv, threshold, bonus) in used.items():
        label, collateral, borrowable, *newer = (next(answers) for _ in getters)
        bitmaps = (collateral, borrowable, newer[0] if newer else 0)
        isolated = bool(newer[1]) if len(newer) > 1 else False
        found.append(Category(i, ltv, threshold, bonus, label, bitmaps=bitmaps, isolated=isolated))
    return found


def emodes_of(
    categories: Sequence[Category], reserves: Sequence[Reserve], findings: list[Finding]
) -> tuple[EMode, ...]:
    """Return the categories in use; members are places in ``reserves``."""
    named = {r.emode_category for r in reserves}
    used = [c for c in categories if c.liquidation_threshold_bps or c.id in named]
    findings += [_own_price(c) for c in used if c.price_source != ZERO]
    return tuple(_emode(c, reserves, findings) for c in used)


def _emode(category: Category, reserves: Sequence[Reserve], findings: list[Finding]) -> EMode:
    if category.bitmaps is None:
        members = tuple(k for k, r in enumerate(reserves) if r.emode_category == category.id)
        allowed = [members, members, ()]
    else:
        allowed = [_members(bitmap, reserves) for bitmap in category.bitmaps]
    collateral, borrowable, ltvzero = allowed
    return EMode(
        id=category.id,
        label=_label(category, findings),
        ltv_bps=category.ltv_bps,
        liquidation_threshold_bps=category.liquidation_threshold_bps,
        liquidation_bonus_bps=category.liquidation_bonus_bps,
        price_source="" if category.price_source == ZERO else _checksummed(category.price_source),
        collateral=collateral,
        borrowable=borrowable,
        ltvzero=ltvzero,
        isolated=category.isolated,
    )


def _members(bitmap: int, reserves: Sequence[Reserve]) -> tuple[int, ...]:
    """Return the places of the reserves whose id is a set bit; places and ids may differ."""
    return tuple(k for k, r in enumerate(reserves) if bitmap >> r.id & 1)


def _label(category: Category, findings: list[Finding]) -> str:
    text = category.label.decode("utf-8", "replace")
    return bounded(text, "label", f"e-mode {category.id}", findings)


def _checksummed(address: str) -> str:
    return str(to_checksum_address(address))


def _own_price(category: Category) -> Finding:
    return Finding(
        FindingKind.UNSUPPORTED,
        Severity.HIGH,
        f"e-mode {category.id}",
        f"The category values its assets by its own price source {_checksummed(category.price_source)}; "
        "here they are valued by each asset's own price.",
    )
