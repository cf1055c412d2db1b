"""What a feed's slowness means for the market that reads it: buffers and horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abis.findings import FindingKind, Severity
from oracles.feed_audit import Check, Making, PriceRecord, Result
from protocols.snapshot import Snapshot

HORIZON_S = 3_600  # how long liquidations may take before a price should be confirmed; assumed
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Exposure:
    """What hangs on one asset's price.

    Parameters
    ----------
    collateral_usd, debt_usd : float
        Counted collateral in it, debt in it.
    buffer_share : float or None
        Smallest ``1 - threshold (1 + bonus)`` under which some counts: how far its price may have
        fallen below what is read before a liquidation leaves bad debt.  None if none counts.
    """

    collateral_usd: float
    debt_usd: float
    buffer_share: float | None

    @property
    def value_usd(self) -> float:
        """Return the larger side."""
        return max(self.collateral_usd, self.debt_usd)


def exposure_of(snapshot: Snapshot, place: int, reference_usd: float = 0.0) -> Exposure:
    """Return what hangs on a reserve's price.

    Parameters
    ----------
    snapshot : Snapshot
    place : int
    reference_usd : float
        What a token is worth by other accounts; the larger of it and the price read counts, as a
        price that lost a leg makes its own victims look small.
    """
    c, d = snapshot.book.collateral, snapshot.book.debt
    own = (c.reserve == place) & c.counted & (c.threshold_bps > 0) & (c.amount_raw > 0)
    weights = c.threshold_bps[own] * c.bonus_bps[own]
    buffer = 1.0 - float(np.max(weights)) / 1e8 if own.any() else None
    price = max(float(snapshot.price_usd[place]), reference_usd)
    supplied = float(c.amount_raw[own].astype(np.float64).sum() / snapshot.unit[place])
    owed = float(d.amount_raw[d.reserve == place].astype(np.float64).sum() / snapshot.unit[place])
    return Exposure(supplied * price, owed * price, buffer)


def deviation(record: PriceRecord, exposure: Exposure) -> Check:
    """Return whether a move the feed need not report eats the buffer a liquidation has."""
    name, asset, buffer = "deviation against buffer", record.asset, exposure.buffer_share
    if buffer is None:
        return Check(name, asset, Result.FINE, "no account's collateral")
    if record.making is Making.FIXED:
        return Check(name, asset, Result.FINE, "a constant has no deviation; see fixed price")
    bps = record.deviation_bps
    if bps is None:
        return Check(name, asset, Result.NOT_KNOWN, "the deviation of every leg")
    evidence = f"deviation {bps:g} bps over {len(record.legs)} leg(s), buffer {buffer * 1e4:.0f} bps."
    if bps < HALF * buffer * 1e4:
        return Check(name, asset, Result.FINE, evidence)
    severity = Severity.HIGH if bps >= buffer * 1e4 else Severity.MEDIUM
    remedy = "Lower threshold or bonus, or read a feed with a smaller deviation."
    return Check(name, asset, Result.FOUND, evidence, severity, FindingKind.BUFFER, remedy)


def heartbeat(record: PriceRecord, exposure: Exposure, horizon_s: int) -> Check:
    """Return whether a feed may be silent for longer than liquidations have."""
    name, asset, silent = "heartbeat against horizon", record.asset, record.heartbeat_s
    if record.making is Making.FIXED:
        return Check(name, asset, Result.FINE, "a constant has no heartbeat; see fixed price")
    if silent is None:
        return Check(name, asset, Result.NOT_KNOWN, "the heartbeat of every leg")
    evidence = f"heartbeat {silent:g} s, horizon {horizon_s} s."
    if silent <= horizon_s:
        return Check(name, asset, Result.FINE, evidence)
    bps, buffer = record.deviation_bps, exposure.buffer_share
    eats = bps is not None and buffer is not None and bps >= HALF * buffer * 1e4
    text = f"{evidence} A dead feed is noticed after {silent / 3_600:g} h at the earliest"
    text += f"; a move below {bps:g} bps is not reported before." if bps is not None else "."
    remedy = "Watch the feed by other means than its age, or read one with a shorter heartbeat."
    severity = Severity.HIGH if eats else Severity.LOW
    return Check(name, asset, Result.FOUND, text, severity, FindingKind.ORACLE, remedy)
