"""Reads the e-mode categories; what they do to an account is in `protocols.aave_v3.emode`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from eth_utils.address import to_checksum_address

from abis.calls import Call
from abis.chain import Reading
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.addresses import ZERO
from protocols.aave_v3.prices import Quote
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
        What its own price is registered under in the oracle; the zero address where there is none.
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
    categories: Sequence[Category],
    reserves: Sequence[Reserve],
    findings: list[Finding],
    quotes: Mapping[str, Quote] = MappingProxyType({}),
) -> tuple[EMode, ...]:
    """Return the categories in use; members are places in ``reserves``.

    ``quotes`` holds what the oracle says under the price sources of `price_sources`.
    """
    used = in_use(categories, [r.emode_category for r in reserves])
    emodes = tuple(_emode(c, reserves, findings, quotes) for c in used)
    findings += [_own_feed(e) for e in emodes if e.price_raw and e.price_reserve < 0]
    return emodes


def in_use(categories: Sequence[Category], named: Iterable[int]) -> list[Category]:
    """Return the categories that were configured or are among the ``named``."""
    ids = set(named)
    return [c for c in categories if c.liquidation_threshold_bps or c.id in ids]


def price_sources(categories: Sequence[Category]) -> list[str]:
    """Return what the prices of categories are registered under in the oracle, checksummed and sorted."""
    return sorted({_checksummed(c.price_source) for c in categories if c.price_source != ZERO})


def _emode(
    category: Category, reserves: Sequence[Reserve], findings: list[Finding], quotes: Mapping[str, Quote]
) -> EMode:
    if category.bitmaps is None:
        members = tuple(k for k, r in enumerate(reserves) if r.emode_category == category.id)
        allowed = [members, members, ()]
    else:
        allowed = [_members(bitmap, reserves) for bitmap in category.bitmaps]
    collateral, borrowable, ltvzero = allowed
    source = "" if category.price_source == ZERO else _checksummed(category.price_source)
    quote = quotes.get(source)
    return EMode(
        id=category.id,
        label=_label(category, findings),
        ltv_bps=category.ltv_bps,
        liquidation_threshold_bps=category.liquidation_threshold_bps,
        liquidation_bonus_bps=category.liquidation_bonus_bps,
        price_source=source,
        collateral=collateral,
        borrowable=borrowable,
        ltvzero=ltvzero,
        isolated=category.isolated,
        price_raw=quote.price_raw if quote else 0,
        price_reserve=_priced_alike(source, quote, reserves) if quote else -1,
    )


def _priced_alike(source: str, quote: Quote, reserves: Sequence[Reserve]) -> int:
    """Return the first reserve that is the source itself or has its feed, -1 if none."""
    for k, reserve in enumerate(reserves):
        same_feed = quote.feed and reserve.feed and quote.feed.source == reserve.feed.source
        if (reserve.asset == source or same_feed) and reserve.price_raw == quote.price_raw:
            return k
    return -1


def _members(bitmap: int, reserves: Sequence[Reserve]) -> tuple[int, ...]:
    """Return the places of the reserves whose id is a set bit; places and ids may differ."""
    return tuple(k for k, r in enumerate(reserves) if bitmap >> r.id & 1)


def _label(category: Category, findings: list[Finding]) -> str:
    text = category.label.decode("utf-8", "replace")
    return bounded(text, "label", f"e-mode {category.id}", findings)


def _checksummed(address: str) -> str:
    return str(to_checksum_address(address))


def _own_feed(emode: EMode) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.LOW,
        f"e-mode {emode.id}",
        f"The category values its members at the price under {emode.price_source}, which is no listed "
        "asset's: exact at this block; scenarios move it by the median move of its members.",
    )
