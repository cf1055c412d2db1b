"""Checks of caps and constants: capped, nearly capped, below market, hiding the upside, fixed."""

from __future__ import annotations

from abis.findings import Severity
from abis.units import BPS, YEAR_S
from oracles.caps import CapParameters, GrowthScale, seconds_to_cap
from oracles.feed_audit import NEAR_CAP_S, Check, Making, PriceRecord, RatioCap, Result
from oracles.update_safety_search import line_of

BELOW_MARKET_BPS = 25.0  # a capped price this far below the market liquidates wrongly
PEG_BPS = 50.0  # a constant this far from the market is no peg
_RECORD = "how the price is made"
_FAR_S = 10 * YEAR_S


def capped(record: PriceRecord) -> Check:
    """Return whether a ratio cap binds, or will soon if the ratio goes on growing."""
    name, asset, cap = "capped", record.asset, record.ratio_cap
    if record.making is None:
        return Check(name, asset, Result.NOT_KNOWN, _RECORD)
    if record.making is not Making.RATIO_CAP:
        return Check(name, asset, Result.FINE, "no ratio cap")
    if cap is None:
        return Check(name, asset, Result.NOT_KNOWN, "the cap's parameters and the ratio")
    largest = line_of(cap.adapter.stored, cap.adapter.scale).at(record.now_s)
    room = largest / cap.ratio_raw - 1
    evidence = f"ratio {cap.ratio_raw}, cap {largest}, headroom {room * 100:.3f} %"
    remedy = "Set a newer snapshot of ratio and time together (breakwater oracle check-update)."
    if cap.ratio_raw > largest:
        return Check(name, asset, Result.FOUND, f"capped: {evidence}.", Severity.HIGH, remedy=remedy)
    left = _seconds_left(cap, record.now_s)
    if left is None:
        return Check(name, asset, Result.NOT_KNOWN, f"how fast the ratio grows ({evidence})")
    if left > _FAR_S:
        return Check(name, asset, Result.FINE, f"{evidence}; does not bind within ten years")
    days = left / 86_400
    if left < NEAR_CAP_S:
        text = f"nearly capped: {evidence}; binds in {days:.1f} days."
        return Check(name, asset, Result.FOUND, text, Severity.MEDIUM, remedy=remedy)
    return Check(name, asset, Result.FINE, f"{evidence}; binds in {days:.0f} days")


def _seconds_left(cap: RatioCap, now_s: int) -> float | None:
    """Return when a growing ratio meets its cap; None if its growth is not known."""
    if cap.ratio_growth_bps is None:
        return None
    stored = cap.adapter.stored
    line = CapParameters(stored.ratio_raw, stored.at_s, stored.growth_bps)
    return seconds_to_cap(
        line, cap.ratio_raw, now_s, cap.ratio_growth_bps / BPS, GrowthScale(cap.adapter.scale)
    )


def cap_below_market(record: PriceRecord) -> Check:
    """Return whether a cap that binds holds the price below the market."""
    name, asset = "cap below market", record.asset
    if record.making is None:
        return Check(name, asset, Result.NOT_KNOWN, _RECORD)
    binds = binding(record)
    if binds is False:
        return Check(name, asset, Result.FINE, "no cap binds")
    if binds is None or record.market_usd is None:
        missing = "the cap's parameters" if binds is None else "a market price"
        return Check(name, asset, Result.NOT_KNOWN, missing)
    below = (1 - record.price_usd / record.market_usd) * BPS
    evidence = f"price {record.price_usd:.6g}, market {record.market_usd:.6g}: {-below:+.1f} bps."
    if below <= BELOW_MARKET_BPS:
        return Check(name, asset, Result.FINE, evidence)
    remedy = "Raise the cap now; accounts are liquidated at this price."
    return Check(name, asset, Result.FOUND, evidence, Severity.CRITICAL, remedy=remedy)


def hidden_upside(record: PriceRecord) -> Check:
    """Return whether a stable cap hides a market above it: debts in the asset are counted too low."""
    name, asset, cap = "hidden upside", record.asset, record.stable_cap
    if record.making is None:
        return Check(name, asset, Result.NOT_KNOWN, _RECORD)
    if record.making is not Making.STABLE_CAP:
        return Check(name, asset, Result.FINE, "no stable cap")
    if cap is None:
        return Check(name, asset, Result.NOT_KNOWN, "the cap and the feed's answer")
    above = (cap.feed_raw / cap.cap_raw - 1) * BPS
    evidence = f"feed {cap.feed_raw}, cap {cap.cap_raw}: {above:+.1f} bps."
    if above <= 0:
        return Check(name, asset, Result.FINE, evidence)
    severity = Severity.HIGH if above > 100 else Severity.MEDIUM
    remedy = "Raise the cap, or stop borrowing of the asset while it trades above."
    return Check(name, asset, Result.FOUND, evidence, severity, remedy=remedy)


def fixed_peg(record: PriceRecord) -> Check:
    """Return whether a constant prices something that floats."""
    name, asset = "fixed price", record.asset
    if record.making is None:
        return Check(name, asset, Result.NOT_KNOWN, _RECORD)
    if record.making is not Making.FIXED:
        return Check(name, asset, Result.FINE, "not a constant")
    remedy = "Read a market feed, or bound what can be borrowed against it by what its issuer redeems."
    if record.market_usd is None:
        text = f"a constant {record.price_usd:.6g} USD, whatever the market pays; no market price was given."
        return Check(name, asset, Result.FOUND, text, Severity.MEDIUM, remedy=remedy)
    off = abs(record.price_usd / record.market_usd - 1) * BPS
    text = (
        f"a constant {record.price_usd:.6g} USD against a market of {record.market_usd:.6g} ({off:.1f} bps)."
    )
    severity = Severity.CRITICAL if off > PEG_BPS else Severity.MEDIUM
    return Check(name, asset, Result.FOUND, text, severity, remedy=remedy)


def binding(record: PriceRecord) -> bool | None:
    """Return whether a cap makes the price now; None if that is not known."""
    if record.making is Making.RATIO_CAP:
        cap = record.ratio_cap
        if cap is None:
            return None
        return cap.ratio_raw > line_of(cap.adapter.stored, cap.adapter.scale).at(record.now_s)
    if record.making is Making.STABLE_CAP:
        return None if record.stable_cap is None else record.stable_cap.feed_raw > record.stable_cap.cap_raw
    return False
