"""Reads the e-mode categories; what they do to an account is in `protocols.aave_v3.emode`."""

from __future__ import annotations

from collections.abc import Sequence

from eth_utils.address import to_checksum_address

from abis.calls import Call
from abis.chain import Chain, Header
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.addresses import ZERO
from protocols.aave_v3.versions import since
from protocols.snapshot import EMode, Reserve
from protocols.texts import bounded

_IDS = range(1, 256)  # uint8; 0 means no category


def read_emodes(
    chain: Chain,
    pool: str,
    version: str,
    reserves: Sequence[Reserve],
    block: Header,
    findings: list[Finding],
) -> tuple[EMode, ...]:
    """Return every configured category, by id; members are places in ``reserves``."""
    if since(version, "3.2"):
        return _read_bitmaps(chain, pool, version, reserves, block, findings)
    # The label is read as bytes: it is free text and need not be UTF-8.
    signature = "getEModeCategoryData(uint8)((uint16,uint16,uint16,address,bytes))"
    answers = chain.read([Call(pool, signature, (i,)) for i in _IDS], block)
    used = {r.emode_category for r in reserves}
    found = []
    for i, (ltv, threshold, bonus, source, label) in zip(_IDS, answers, strict=True):
        if threshold == 0 and i not in used:
            continue
        members = tuple(k for k, r in enumerate(reserves) if r.emode_category == i)
        found.append(
            EMode(
                id=i,
                label=_label(label, i, findings),
                ltv_bps=ltv,
                liquidation_threshold_bps=threshold,
                liquidation_bonus_bps=bonus,
                price_source="" if source == ZERO else str(to_checksum_address(source)),
                collateral=members,
                borrowable=members,
            )
        )
        if source != ZERO:
            findings.append(_own_price(i, found[-1].price_source))
    return tuple(found)


def _read_bitmaps(
    chain: Chain,
    pool: str,
    version: str,
    reserves: Sequence[Reserve],
    block: Header,
    findings: list[Finding],
) -> tuple[EMode, ...]:
    config = "getEModeCategoryCollateralConfig(uint8)((uint16,uint16,uint16))"
    configs = chain.read([Call(pool, config, (i,)) for i in _IDS], block)
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
    answers = iter(chain.read([Call(pool, g, (i,)) for i in used for g in getters], block))
    found = []
    for i, (ltv, threshold, bonus) in used.items():
        label, collateral, borrowable, *newer = (next(answers) for _ in getters)
        found.append(
            EMode(
                id=i,
                label=_label(label, i, findings),
                ltv_bps=ltv,
                liquidation_threshold_bps=threshold,
                liquidation_bonus_bps=bonus,
                collateral=_members(collateral, reserves),
                borrowable=_members(borrowable, reserves),
                ltvzero=_members(newer[0] if newer else 0, reserves),
                isolated=bool(newer[1]) if len(newer) > 1 else False,
            )
        )
    return tuple(found)


def _members(bitmap: int, reserves: Sequence[Reserve]) -> tuple[int, ...]:
    """Return the places of the reserves whose id is a set bit; places and ids may differ."""
    return tuple(k for k, r in enumerate(reserves) if bitmap >> r.id & 1)


def _label(data: bytes, category: int, findings: list[Finding]) -> str:
    return bounded(data.decode("utf-8", "replace"), "label", f"e-mode {category}", findings)


def _own_price(category: int, source: str) -> Finding:
    return Finding(
        FindingKind.UNSUPPORTED,
        Severity.HIGH,
        f"e-mode {category}",
        f"The category values its assets by its own price source {source}; "
        "here they are valued by each asset's own price.",
    )
