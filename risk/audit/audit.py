"""Audits every price a market reads: all checks of all assets, and the findings among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from abis.errors import InputError
from abis.findings import Finding, Severity, ranked
from oracles.feed_audit import Check, PriceRecord, Result, bounds, sources, stale
from oracles.feed_audit_caps import cap_below_market, capped, fixed_peg, hidden_upside
from oracles.feed_audit_composition import base_asset, composition, sequencer
from protocols.snapshot import Snapshot
from risk.audit.buffers import HORIZON_S, Exposure, deviation, exposure_of, heartbeat
from risk.audit.feeds_file import FeedFile
from risk.audit.records import chain_of, family_price, record_of
from risk.audit.trace_file import merged

MATERIAL_USD = 10_000.0  # where less hangs on a price, a finding is of low severity
_ALONE: tuple[Callable[[PriceRecord], Check], ...] = (
    stale,
    capped,
    cap_below_market,
    hidden_upside,
    fixed_peg,
    sources,
    bounds,
)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All checks, asset by asset, and what hangs on each price.

    Parameters
    ----------
    checks : tuple of Check
    exposure : mapping of asset to Exposure
    findings : tuple of Finding
        Worst first, with the amount at stake.
    """

    checks: tuple[Check, ...]
    exposure: Mapping[str, Exposure]
    findings: tuple[Finding, ...]

    def not_known(self) -> tuple[Check, ...]:
        """Return the checks nobody could make."""
        return tuple(c for c in self.checks if c.result is Result.NOT_KNOWN)


def audit(
    snapshot: Snapshot,
    *,
    feeds: FeedFile | None = None,
    traced: Mapping[str, Mapping[str, Any]] | None = None,
    market_usd: Mapping[str, float] | None = None,
    horizon_s: int = HORIZON_S,
) -> AuditReport:
    """Return what is wrong with the prices a market reads.

    Parameters
    ----------
    snapshot : Snapshot
    feeds : FeedFile, optional
        Facts the snapshot does not hold.
    traced : mapping of asset to facts, optional
        Of `risk.audit.trace_file.trace_facts`; ``feeds`` wins over it.
    market_usd : mapping of asset to USD, optional
        Market prices to compare with.
    horizon_s : int
        How long liquidations have.

    Raises
    ------
    InputError
        If the horizon is not positive.
    """
    if horizon_s <= 0:
        raise InputError(f"horizon of {horizon_s} s.", remedy="Give a positive number of seconds.")
    market = dict(market_usd or {})
    stated, found = feeds.facts if feeds is not None else {}, traced or {}
    checks: list[Check] = []
    exposure: dict[str, Exposure] = {}
    for place, asset in enumerate(snapshot.asset_names):
        facts = merged(found.get(asset, {}), stated.get(asset, {}))
        record = record_of(snapshot, place, facts, market.get(asset))
        family = family_price(snapshot, place, market)
        reference = market.get(asset, family[1] if family is not None else 0.0)
        exposure[asset] = exposure_of(snapshot, place, reference)
        own = _checks(snapshot, place, record, exposure[asset], market, horizon_s)
        checks += [_weighed(check, exposure[asset]) for check in own]
    watched = feeds.sequencer_feed if feeds is not None else None
    checks.append(sequencer(snapshot.market.chain_id, watched))
    return AuditReport(tuple(checks), exposure, _findings(checks, exposure))


def _checks(
    snapshot: Snapshot,
    place: int,
    record: PriceRecord,
    exposure: Exposure,
    market: Mapping[str, float],
    horizon_s: int,
) -> list[Check]:
    read = zip(snapshot.asset_names, snapshot.price_usd.tolist(), strict=True)
    others = {n: p for n, p in {**dict(read), **market}.items() if n != record.asset and p > 0}
    return [
        *(check(record) for check in _ALONE),
        composition(record, others, family_price(snapshot, place, market)),
        base_asset(record, *chain_of(snapshot, place)),
        deviation(record, exposure),
        heartbeat(record, exposure, horizon_s),
    ]


def _weighed(check: Check, exposure: Exposure) -> Check:
    if exposure.value_usd >= MATERIAL_USD or check.result is not Result.FOUND:
        return check
    return replace(check, severity=min(check.severity, Severity.LOW))


def _findings(checks: list[Check], exposure: Mapping[str, Exposure]) -> tuple[Finding, ...]:
    return tuple(
        ranked(
            Finding(
                c.kind,
                c.severity,
                c.asset,
                f"{c.name}: {c.evidence}",
                exposure[c.asset].value_usd if c.asset in exposure else None,
                c.remedy,
            )
            for c in checks
            if c.result is Result.FOUND
        )
    )
