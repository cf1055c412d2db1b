"""Totals of each reserve: as given, or the sum of the legs; and whether the legs explain them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from abis.findings import Finding, FindingKind, Severity
from abis.units import ray_div_half_up
from protocols.files.reserves import Listing
from protocols.snapshot import Book, CollateralBlock, Completeness, DebtBlock, Reserve

_SMALL_GAP_PERCENT = 1


@dataclass(frozen=True, slots=True)
class Totals:
    """Reserves with their totals filled in, completeness where a total was given, findings."""

    reserves: tuple[Reserve, ...]
    completeness: tuple[Completeness, ...]
    findings: tuple[Finding, ...]


def totals_from(listing: Listing, book: Book, usd_per_raw: float) -> Totals:
    """Return the totals of every reserve.

    A total that is not given is the sum of the legs, liquidity that is not given is supply
    less debt; a finding names the reserves.  ``usd_per_raw`` is the worth of one
    base-currency unit.
    """
    n = len(listing.reserves)
    found = {"total_supply": _sums(book.collateral, n), "total_debt": _sums(book.debt, n)}
    reserves: list[Reserve] = []
    completeness: list[Completeness] = []
    findings: list[Finding] = []
    for i, (listed, given) in enumerate(zip(listing.reserves, listing.given_totals, strict=True)):
        reserve = replace(
            listed,
            total_supply_raw=listed.total_supply_raw
            if "total_supply" in given
            else found["total_supply"][i][0],
            total_debt_raw=listed.total_debt_raw if "total_debt" in given else found["total_debt"][i][0],
        )
        if "available_liquidity" not in given:
            left = max(reserve.total_supply_raw - reserve.total_debt_raw, 0)
            reserve = replace(reserve, available_liquidity_raw=left)
        reserves.append(reserve)
        for name in sorted(given & set(found), reverse=True):
            row = _completeness(i, reserve, name, found[name][i], usd_per_raw)
            completeness.append(row)
            findings += _gap(reserve, row)
    return Totals(tuple(reserves), tuple(completeness), (*_assumed(listing), *findings))


def _sums(block: CollateralBlock | DebtBlock, n_reserves: int) -> list[tuple[int, int]]:
    """Return ``(amount_raw, scaled_raw)`` summed up for each reserve."""
    sums = [(0, 0)] * n_reserves
    for i, amount, scaled in zip(block.reserve.tolist(), block.amount_raw, block.scaled_raw, strict=True):
        sums[i] = (sums[i][0] + amount, sums[i][1] + scaled)
    return sums


def _completeness(
    index: int, reserve: Reserve, name: str, found: tuple[int, int], usd_per_raw: float
) -> Completeness:
    supply = name == "total_supply"
    total_raw: int = getattr(reserve, f"{name}_raw")
    index_ray = reserve.liquidity_index_ray if supply else reserve.variable_borrow_index_ray
    missing_raw = total_raw - found[0]
    value_raw = abs(missing_raw) * reserve.price_raw / 10**reserve.decimals
    return Completeness(
        reserve=index,
        side="supply" if supply else "debt",
        found_scaled_raw=found[1],
        # Equal amounts are complete, whatever the rounding of their scaled sums.
        total_scaled_raw=ray_div_half_up(total_raw, index_ray) if missing_raw else found[1],
        missing_usd=value_raw * usd_per_raw * (1 if missing_raw >= 0 else -1),
    )


def _gap(reserve: Reserve, row: Completeness) -> list[Finding]:
    missing, total = row.missing_scaled_raw, row.total_scaled_raw
    if not missing:
        return []
    small = abs(missing) * 100 <= total * _SMALL_GAP_PERCENT
    share = f"{abs(missing) / total:.2%}" if total else "all"
    return [
        Finding(
            FindingKind.MISSING if missing > 0 else FindingKind.INCONSISTENT,
            Severity.LOW if small else Severity.MEDIUM,
            reserve.symbol,
            f"the legs add up to {'less' if missing > 0 else 'more'} than the total {row.side}, by {share}.",
            value_usd=abs(row.missing_usd),
        )
    ]


def _assumed(listing: Listing) -> list[Finding]:
    def lacking(name: str) -> str:
        pairs: Sequence[tuple[Reserve, frozenset[str]]] = list(
            zip(listing.reserves, listing.given_totals, strict=True)
        )
        return ", ".join(reserve.symbol for reserve, given in pairs if name not in given)

    assumed = {
        "total_supply": "the sum of the legs",
        "total_debt": "the sum of the legs",
        "available_liquidity": "total supply less total debt",
    }
    return [
        Finding(
            FindingKind.MISSING,
            Severity.INFO,
            name,
            f"not given for {lacking(name)}: {assumption} is used.",
        )
        for name, assumption in assumed.items()
        if lacking(name)
    ]
